//! Every limit and interval of a hub, each with a name. Defaults are those of ASP.NET Core where it has one.

use std::time::Duration;

/// Limits, intervals and switches of a hub. Start from [`HubOptions::default`].
#[derive(Clone, Debug)]
pub struct HubOptions {
    /// The longest hub message that a client may send, its terminator or prefix included; `None` is no limit.
    pub max_message_bytes: Option<usize>,
    /// The longest body of a POST (Server-Sent Events, long polling); it may hold several messages.
    pub max_post_bytes: usize,
    /// How long the body of a POST may take to arrive.
    pub post_timeout: Duration,
    /// How long a client may take from its transport to a complete handshake.
    pub handshake_timeout: Duration,
    /// The server pings when it has sent nothing for so long.
    pub keep_alive_interval: Duration,
    /// A client that once pinged and then sends nothing for so long is cut.
    pub client_timeout: Duration,
    /// How long a poll waits for data before it returns empty.
    pub long_poll_timeout: Duration,
    /// How long a connection may be without a transport: between negotiate and connect, between two polls, while a
    /// stateful reconnect is awaited.
    pub disconnect_timeout: Duration,
    /// A client that takes nothing of what waits for it for so long is cut.
    pub send_timeout: Duration,
    /// How long closing may take: the WebSocket close handshake, and [`Hub::close`](crate::Hub::close) as a whole.
    pub close_timeout: Duration,
    /// How long a call of a client (client results) waits for the answer.
    pub client_result_timeout: Duration,
    /// Calls of one client that run at the same time; streams are not counted.
    pub parallel_invocations: usize,
    /// Calls of one client that wait for their turn; beyond that its socket is not read.
    pub waiting_invocations: usize,
    /// Streams of one client, in both directions together.
    pub max_streams: usize,
    /// Items of an upload that wait for the hub; beyond that the client's socket is not read.
    pub stream_buffer_items: usize,
    /// Messages that wait for one client, in bytes. One more cuts it: a slow client delays nobody.
    pub send_buffer_bytes: usize,
    /// What waits for all clients together, in bytes. Above it a connection is cut as soon as it holds more than an
    /// equal share.
    pub total_buffer_bytes: usize,
    /// What stateful reconnect keeps per client until it is acknowledged, in bytes.
    pub reconnect_buffer_bytes: usize,
    /// Connections of the hub in this process; one more is refused with 503.
    pub max_connections: usize,
    /// Groups that one connection may be in.
    pub max_groups_per_connection: usize,
    /// How often time-outs are looked at.
    pub heartbeat_interval: Duration,
    /// Whether the text of internal errors goes out to clients. For development.
    pub detailed_errors: bool,
    /// Whether clients may ask for stateful reconnect.
    pub stateful_reconnect: bool,
    /// Whether a connection ends when its token expires.
    pub close_on_expiry: bool,
    /// Which transports are offered.
    pub transports: Transports,
    /// Which web pages may connect.
    pub origins: Origins,
    /// Names of request headers whose values stay readable through [`Caller::header`](crate::Caller::header).
    pub kept_headers: Vec<String>,
}

impl Default for HubOptions {
    fn default() -> Self {
        Self {
            max_message_bytes: Some(32 * 1024),
            max_post_bytes: 1024 * 1024,
            post_timeout: Duration::from_secs(15),
            handshake_timeout: Duration::from_secs(15),
            keep_alive_interval: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            long_poll_timeout: Duration::from_secs(90),
            disconnect_timeout: Duration::from_secs(15),
            send_timeout: Duration::from_secs(10),
            close_timeout: Duration::from_secs(5),
            client_result_timeout: Duration::from_secs(30),
            parallel_invocations: 1,
            waiting_invocations: 64,
            max_streams: 100,
            stream_buffer_items: 10,
            send_buffer_bytes: 1024 * 1024,
            total_buffer_bytes: 256 * 1024 * 1024,
            reconnect_buffer_bytes: 100_000,
            max_connections: 100_000,
            max_groups_per_connection: 1_000,
            heartbeat_interval: Duration::from_secs(1),
            detailed_errors: false,
            stateful_reconnect: true,
            close_on_expiry: true,
            transports: Transports::default(),
            origins: Origins::SameHost,
            kept_headers: Vec::new(),
        }
    }
}

/// Which transports a hub offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transports {
    /// WebSockets.
    pub web_sockets: bool,
    /// Server-Sent Events with POST.
    pub server_sent_events: bool,
    /// Long polling with POST.
    pub long_polling: bool,
}

impl Default for Transports {
    fn default() -> Self {
        Self { web_sockets: true, server_sent_events: true, long_polling: true }
    }
}

/// Which `Origin` a request may carry. A request without one is no web page's and is not concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origins {
    /// The page came from the host that the request goes to.
    SameHost,
    /// The page came from the same host or one of these (`https://admin.example.com`).
    Listed(Vec<String>),
    /// Any page. Only where the token alone decides.
    Any,
}

impl Origins {
    /// Whether a page of `origin` may talk to `host` (the request's `Host`).
    pub(crate) fn allow(&self, origin: &str, host: &str) -> bool {
        let authority = origin.split_once("://").map_or(origin, |(_, authority)| authority);
        let same_host = authority.eq_ignore_ascii_case(host);
        match self {
            Self::SameHost => same_host,
            Self::Listed(origins) => {
                same_host
                    || origins.iter().any(|listed| listed.trim_end_matches('/').eq_ignore_ascii_case(origin))
            }
            Self::Any => true,
        }
    }
}
