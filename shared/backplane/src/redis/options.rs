//! Connection strings in the form of StackExchange.Redis:
//! `host[:port],host[:port],keyword=value,…`, keywords case-insensitive.
//!
//! Every keyword works, is accepted with a note of what it does not do here, or is refused by name. A password
//! may contain and end in `=`; like there, it cannot contain a comma.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

const PORT: u16 = 6379;
const PORT_TLS: u16 = 6380;
const PORT_SENTINEL: u16 = 26379;
/// Stands in `Display` for the password.
const HIDDEN: &str = "***";
/// Channel names, client names and prefixes longer than this are a mistake.
const NAME_BYTES_MAX: usize = 200;

/// How to reach Redis. Build it with [`RedisOptions::parse`]; `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RedisOptions {
    /// Tried in order; one that is a replica is passed over where several are given. With a `service_name` they are the
    /// Sentinels, which know where the primary is; in a Redis Cluster any node serves.
    pub endpoints: Vec<Endpoint>,
    /// The name that Sentinel has for the primary and its replicas. `serviceName`.
    pub service_name: Option<String>,
    /// ACL user; the default user where absent.
    pub user: Option<String>,
    /// Password or access key.
    pub password: Option<String>,
    /// TLS.
    pub tls: bool,
    /// The name that the certificate must carry, where it is not the endpoint's host.
    pub tls_host: Option<String>,
    /// A PEM file of certificate authorities to trust beside the system's. Not part of the string.
    pub tls_authorities: Option<PathBuf>,
    /// Longest time for TCP, TLS and log-in together. `connectTimeout`, 5 s.
    pub connect_timeout: Duration,
    /// Longest time for the answer to one command. `asyncTimeout`, else `syncTimeout`, 5 s.
    pub command_timeout: Duration,
    /// A connection that is silent this long is asked for a sign of life. `keepAlive` in seconds, 10 s here:
    /// StackExchange.Redis waits 60.
    pub keep_alive: Duration,
    /// Database number, 0.
    pub database: u16,
    /// Shown by `CLIENT LIST`.
    pub client_name: Option<String>,
    /// Put before every channel name.
    pub channel_prefix: String,
    /// Keywords that were accepted and do less than elsewhere, each with a sentence; to be logged once.
    pub notes: Vec<String>,
}

/// A server's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A connection string that cannot be used. Never shows the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{keyword}: {value:?} is not usable, expected {expected}")]
pub struct RedisOptionsError {
    /// The keyword as written, or `endpoint`.
    pub keyword: String,
    /// The value as written; empty for a password and for unknown keywords, which may be one mistyped.
    pub value: String,
    /// What would have been accepted.
    pub expected: &'static str,
}

fn refuse(keyword: &str, value: &str, expected: &'static str) -> RedisOptionsError {
    RedisOptionsError { keyword: keyword.to_owned(), value: value.to_owned(), expected }
}

impl RedisOptions {
    /// Reads a StackExchange.Redis connection string.
    pub fn parse(text: &str) -> Result<Self, RedisOptionsError> {
        let mut read = Reading::default();
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((keyword, value)) => read.keyword(keyword.trim(), value.trim())?,
                None => read.endpoints.push(part),
            }
        }
        read.finish()
    }

    /// The same, trusting the certificate authorities in this PEM file as well.
    pub fn with_tls_authorities(mut self, file: impl Into<PathBuf>) -> Self {
        self.tls_authorities = Some(file.into());
        self
    }
}

/// As a connection string that shows what holds, the password hidden.
impl fmt::Display for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints: Vec<String> = self.endpoints.iter().map(Endpoint::to_string).collect();
        f.write_str(&endpoints.join(","))?;
        let mut option = |keyword: &str, value: Option<&str>| {
            value.map_or(Ok(()), |value| write!(f, ",{keyword}={value}"))
        };
        option("serviceName", self.service_name.as_deref())?;
        option("user", self.user.as_deref())?;
        option("password", self.password.as_ref().map(|_| HIDDEN))?;
        option("ssl", Some(if self.tls { "True" } else { "False" }))?;
        option("sslHost", self.tls_host.as_deref())?;
        option("name", self.client_name.as_deref())?;
        option("channelPrefix", Some(self.channel_prefix.as_str()).filter(|prefix| !prefix.is_empty()))?;
        let (connect_ms, command_ms) = (self.connect_timeout.as_millis(), self.command_timeout.as_millis());
        let (keep_alive_s, database) = (self.keep_alive.as_secs(), self.database);
        write!(
            f,
            ",connectTimeout={connect_ms},asyncTimeout={command_ms},keepAlive={keep_alive_s},defaultDatabase={database}"
        )
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisOptions")
            .field("endpoints", &self.endpoints)
            .field("service_name", &self.service_name)
            .field("user", &self.user)
            .field("password", &self.password.as_ref().map(|_| "hidden"))
            .field("tls", &self.tls)
            .field("tls_host", &self.tls_host)
            .field("database", &self.database)
            .field("client_name", &self.client_name)
            .field("channel_prefix", &self.channel_prefix)
            .field("connect_timeout", &self.connect_timeout)
            .field("command_timeout", &self.command_timeout)
            .field("keep_alive", &self.keep_alive)
            .finish_non_exhaustive()
    }
}

/// The parts seen so far.
#[derive(Default)]
struct Reading<'a> {
    endpoints: Vec<&'a str>,
    service_name: Option<String>,
    user: Option<String>,
    password: Option<String>,
    tls: bool,
    tls_host: Option<String>,
    connect_timeout: Option<Duration>,
    async_timeout: Option<Duration>,
    sync_timeout: Option<Duration>,
    keep_alive: Option<Duration>,
    database: u16,
    client_name: Option<String>,
    channel_prefix: String,
    notes: Vec<String>,
}

impl Reading<'_> {
    fn keyword(&mut self, keyword: &str, value: &str) -> Result<(), RedisOptionsError> {
        match keyword.to_ascii_lowercase().as_str() {
            "password" => self.password = (!value.is_empty()).then(|| value.to_owned()),
            "user" => self.user = optional(value),
            "ssl" => self.tls = boolean(keyword, value)?,
            "sslhost" => self.tls_host = optional(value),
            "connecttimeout" => self.connect_timeout = Some(milliseconds(keyword, value)?),
            "asynctimeout" => self.async_timeout = Some(milliseconds(keyword, value)?),
            "synctimeout" => self.sync_timeout = Some(milliseconds(keyword, value)?),
            "keepalive" => self.keep_alive = seconds(keyword, value)?,
            "defaultdatabase" => self.database = number(keyword, value, "a database number, 0 to 65535")?,
            "servicename" => self.service_name = optional(&name(keyword, value)?),
            "name" => self.client_name = Some(client_name(keyword, value)?),
            "channelprefix" => self.channel_prefix = name(keyword, value)?,
            "proxy" if value.eq_ignore_ascii_case("none") || value.is_empty() => {}
            "protocol" if matches!(value, "3" | "3.0") || value.eq_ignore_ascii_case("resp3") => {}
            _ => self.other(keyword, value)?,
        }
        Ok(())
    }

    /// Keywords that do less here than elsewhere, and those that are refused.
    fn other(&mut self, keyword: &str, value: &str) -> Result<(), RedisOptionsError> {
        let note = match keyword.to_ascii_lowercase().as_str() {
            "abortconnect" if !boolean(keyword, value)? => return Ok(()),
            "abortconnect" => "the start never waits for Redis; connecting is retried in the background",
            "connectretry" => "connecting is retried for ever, with growing pauses",
            "allowadmin" => "no admin command is ever sent",
            "tiebreaker" => "of several endpoints the first that is not a replica is used",
            "configchannel" | "configcheckseconds" => {
                "a changed topology is noticed when the connection ends"
            }
            "resolvedns" => "names are resolved at every connect",
            "responsetimeout" | "writebuffer" | "highprioritythreads" | "preserveasyncorder" => {
                "obsolete, without effect"
            }
            "checkcertificaterevocation" => "certificates are checked without revocation lists",
            "sslprotocols" => {
                ssl_protocols(keyword, value)?;
                "TLS 1.2 and 1.3 are offered, whichever of them is named"
            }
            "setlib" => "the library's name is not sent",
            "highintegrity" => "a reader that is out of step with the server replaces its connection",
            "tcpkeepalive" => "keepAlive finds a dead connection, by asking the server",
            "version" => "Redis 6 or later is expected whatever is written",
            "tunnel" => return Err(refuse(keyword, value, "a direct connection")),
            "proxy" => return Err(refuse(keyword, value, "None: proxies do not pass subscriptions on")),
            "protocol" => return Err(refuse(keyword, value, "resp3, which Redis 6 and later speak")),
            _ if keyword.starts_with('$') => {
                return Err(refuse(keyword, value, "no renamed commands"));
            }
            // The value is not shown: the keyword may be a mistyped `password`.
            _ => return Err(refuse(keyword, "", "a keyword of StackExchange.Redis")),
        };
        self.notes.push(format!("{keyword}: {note}"));
        Ok(())
    }

    fn finish(self) -> Result<RedisOptions, RedisOptionsError> {
        let default_port = match (&self.service_name, self.tls) {
            (Some(_), _) => PORT_SENTINEL,
            (None, true) => PORT_TLS,
            (None, false) => PORT,
        };
        let endpoints: Vec<Endpoint> =
            self.endpoints.iter().map(|text| endpoint(text, default_port)).collect::<Result<_, _>>()?;
        if endpoints.is_empty() {
            return Err(refuse("endpoint", "", "at least one host or host:port"));
        }
        if self.user.is_some() && self.password.is_none() {
            return Err(refuse("password", "", "a password, because a user is given"));
        }
        const TIMEOUT: Duration = Duration::from_secs(5);
        const KEEP_ALIVE: Duration = Duration::from_secs(10);
        Ok(RedisOptions {
            endpoints,
            service_name: self.service_name,
            user: self.user,
            password: self.password,
            tls: self.tls,
            tls_host: self.tls_host,
            tls_authorities: None,
            connect_timeout: self.connect_timeout.unwrap_or(TIMEOUT),
            command_timeout: self.async_timeout.or(self.sync_timeout).unwrap_or(TIMEOUT),
            keep_alive: self.keep_alive.unwrap_or(KEEP_ALIVE),
            database: self.database,
            client_name: self.client_name,
            channel_prefix: self.channel_prefix,
            notes: self.notes,
        })
    }
}

fn endpoint(text: &str, default_port: u16) -> Result<Endpoint, RedisOptionsError> {
    const EXPECTED: &str = "host, host:port or [address]:port";
    let refused = || refuse("endpoint", text, EXPECTED);
    if text.contains("://") || text.contains('/') {
        return Err(refused());
    }
    let (host, port) = if let Some(rest) = text.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(refused)?;
        (host, rest.strip_prefix(':').or(rest.is_empty().then_some("")).ok_or_else(refused)?)
    } else {
        match text.split_once(':') {
            // More than one colon without brackets: an IPv6 address.
            Some((_, rest)) if rest.contains(':') => (text, ""),
            Some((_, "")) => return Err(refused()),
            Some((host, port)) => (host, port),
            None => (text, ""),
        }
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        return Err(refused());
    }
    let port = if port.is_empty() { default_port } else { port.parse().map_err(|_| refused())? };
    if port == 0 {
        return Err(refused());
    }
    Ok(Endpoint { host: host.to_owned(), port })
}

/// Several are joined by `|`; one that we speak must be among them.
fn ssl_protocols(keyword: &str, value: &str) -> Result<(), RedisOptionsError> {
    let mut names = value.split('|').map(|name| name.trim().to_ascii_lowercase());
    let is_spoken = names.any(|name| matches!(name.as_str(), "" | "none" | "default" | "tls12" | "tls13"));
    is_spoken
        .then_some(())
        .ok_or_else(|| refuse(keyword, value, "Tls12, Tls13 or Tls12|Tls13: no older version is spoken"))
}

fn optional(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

fn boolean(keyword: &str, value: &str) -> Result<bool, RedisOptionsError> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(refuse(keyword, value, "True or False")),
    }
}

fn number<N: std::str::FromStr>(
    keyword: &str,
    value: &str,
    expected: &'static str,
) -> Result<N, RedisOptionsError> {
    value.parse().map_err(|_| refuse(keyword, value, expected))
}

fn milliseconds(keyword: &str, value: &str) -> Result<Duration, RedisOptionsError> {
    const EXPECTED: &str = "milliseconds, 1 to 600000";
    match number(keyword, value, EXPECTED)? {
        ms @ 1..=600_000 => Ok(Duration::from_millis(ms)),
        _ => Err(refuse(keyword, value, EXPECTED)),
    }
}

/// -1 means the default, as in StackExchange.Redis.
fn seconds(keyword: &str, value: &str) -> Result<Option<Duration>, RedisOptionsError> {
    const EXPECTED: &str = "seconds, 1 to 3600 (or -1 for the default)";
    match number::<i32>(keyword, value, EXPECTED)? {
        -1 => Ok(None),
        secs @ 1..=3600 => Ok(Some(Duration::from_secs(secs.unsigned_abs().into()))),
        _ => Err(refuse(keyword, value, EXPECTED)),
    }
}

fn name(keyword: &str, value: &str) -> Result<String, RedisOptionsError> {
    if value.len() > NAME_BYTES_MAX {
        return Err(refuse(keyword, value, "at most 200 bytes"));
    }
    Ok(value.to_owned())
}

/// `CLIENT SETNAME` takes printable ASCII without blanks.
fn client_name(keyword: &str, value: &str) -> Result<String, RedisOptionsError> {
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse(keyword, value, "printable ASCII without blanks"));
    }
    name(keyword, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> RedisOptions {
        RedisOptions::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn the_azure_form_is_understood() {
        let options = parse("vc.redis.cache.windows.net:6380,password=abc=,ssl=True,abortConnect=False");
        assert_eq!(options.endpoints, [Endpoint { host: "vc.redis.cache.windows.net".into(), port: 6380 }]);
        assert_eq!(options.password.as_deref(), Some("abc="));
        assert!(options.tls);
        assert!(options.notes.is_empty());
    }

    #[test]
    fn every_working_keyword_works() {
        let options = parse(
            "one, two:7000,[::1]:7001,::2,User=app,password=a=b==,SSL=true,sslHost=cert.example,name=shop-1,\
             connectTimeout=100,syncTimeout=200,asyncTimeout=300,keepAlive=7,defaultDatabase=3,\
             channelPrefix=shop.,proxy=None,protocol=resp3",
        );
        let shown: Vec<String> = options.endpoints.iter().map(Endpoint::to_string).collect();
        assert_eq!(shown, ["one:6380", "two:7000", "[::1]:7001", "[::2]:6380"]);
        assert_eq!((options.user.as_deref(), options.password.as_deref()), (Some("app"), Some("a=b==")));
        assert_eq!(options.tls_host.as_deref(), Some("cert.example"));
        assert_eq!(options.connect_timeout, Duration::from_millis(100));
        assert_eq!(options.command_timeout, Duration::from_millis(300));
        assert_eq!(options.keep_alive, Duration::from_secs(7));
        assert_eq!((options.database, options.client_name.as_deref()), (3, Some("shop-1")));
        assert_eq!(options.channel_prefix, "shop.");
        assert_eq!(parse("localhost,syncTimeout=200").command_timeout, Duration::from_millis(200));
        assert_eq!(parse("localhost,keepAlive=-1,password=").password, None);
        assert_eq!(parse("localhost").endpoints[0].port, 6379);
        let sentinels = parse("one,two:7000,serviceName=shop,ssl=True");
        assert_eq!(sentinels.service_name.as_deref(), Some("shop"));
        assert_eq!(
            sentinels.endpoints.iter().map(|endpoint| endpoint.port).collect::<Vec<_>>(),
            [26379, 7000]
        );
    }

    /// What becomes of a keyword.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Keyword {
        /// It changes the options.
        Works,
        /// What it asks for is so anyway.
        Holds,
        /// It is accepted and does less; a note says so.
        Noted,
        /// It is refused by name, with a reason that has these words.
        Refused(&'static str),
    }
    use Keyword::{Holds, Noted, Refused, Works};

    /// Every keyword of StackExchange.Redis 2.x (its class `ConfigurationOptions.OptionKeys`), with a value and what
    /// becomes of it.
    const KEYWORDS: &[(&str, &str, Keyword)] = &[
        ("abortConnect", "False", Holds),
        ("abortConnect", "True", Noted),
        ("allowAdmin", "True", Noted),
        ("asyncTimeout", "77", Works),
        ("channelPrefix", "shop.", Works),
        ("checkCertificateRevocation", "True", Noted),
        ("configChannel", "c", Noted),
        ("configCheckSeconds", "60", Noted),
        ("connectRetry", "5", Noted),
        ("connectTimeout", "77", Works),
        ("defaultDatabase", "3", Works),
        ("highIntegrity", "True", Noted),
        ("highPriorityThreads", "True", Noted),
        ("keepAlive", "77", Works),
        ("name", "shop", Works),
        ("password", "p", Works),
        ("preserveAsyncOrder", "True", Noted),
        ("protocol", "resp3", Holds),
        ("protocol", "resp2", Refused("resp3")),
        ("proxy", "None", Holds),
        ("proxy", "Twemproxy", Refused("subscriptions")),
        ("proxy", "Envoyproxy", Refused("subscriptions")),
        ("resolveDns", "True", Noted),
        ("responseTimeout", "77", Noted),
        ("serviceName", "mymaster", Works),
        ("setlib", "False", Noted),
        ("ssl", "True", Works),
        ("sslHost", "cert.example", Works),
        ("sslProtocols", "Tls12|Tls13", Noted),
        ("sslProtocols", "Tls|Tls11", Refused("no older version")),
        ("syncTimeout", "77", Works),
        ("tcpKeepAlive", "True", Noted),
        ("tiebreaker", "t", Noted),
        ("tunnel", "http:proxy:80", Refused("direct connection")),
        ("user", "app,password=p", Works),
        ("version", "6.0", Noted),
        ("writeBuffer", "4096", Noted),
        ("$CONFIG", "cfg", Refused("renamed commands")),
    ];

    #[test]
    fn every_keyword_of_stackexchange_redis_works_or_is_refused_by_name() {
        let least = parse("r");
        for (keyword, value, expected) in KEYWORDS {
            for name in [(*keyword).to_owned(), keyword.to_uppercase()] {
                let found = match RedisOptions::parse(&format!("r,{name}={value}")) {
                    Err(error) => {
                        let Refused(reason) = expected else { panic!("{name}={value}: {error}") };
                        assert_eq!(error.keyword, name);
                        assert!(error.expected.contains(reason), "{error}");
                        *expected
                    }
                    Ok(options) if options.notes.is_empty() && options == least => Holds,
                    Ok(options) if options.notes.is_empty() => Works,
                    Ok(options) => {
                        let told = options.notes[0].starts_with(&format!("{name}: "));
                        assert!(told && RedisOptions { notes: Vec::new(), ..options } == least, "{name}");
                        Noted
                    }
                };
                assert_eq!(found, *expected, "{name}={value}");
            }
        }
    }

    #[test]
    fn mistakes_are_refused_by_name() {
        for (text, keyword) in [
            ("", "endpoint"),
            ("ssl=true", "endpoint"),
            ("redis://localhost", "endpoint"),
            ("host:port", "endpoint"),
            ("host:", "endpoint"),
            ("host:0", "endpoint"),
            ("[::1", "endpoint"),
            ("h,ssl=maybe", "ssl"),
            ("h,connectTimeout=0", "connectTimeout"),
            ("h,connectTimeout=5s", "connectTimeout"),
            ("h,keepAlive=0", "keepAlive"),
            ("h,defaultDatabase=-1", "defaultDatabase"),
            ("h,name=two words", "name"),
            ("h,user=app", "password"),
            ("h,pasword=secret", "pasword"),
        ] {
            let error = RedisOptions::parse(text).expect_err(text);
            assert!(!error.to_string().contains("secret"));
            assert_eq!(error.keyword, keyword, "{text}");
            assert!(error.to_string().contains(error.expected));
        }
    }

    #[test]
    fn what_is_shown_can_be_read_again_and_never_shows_the_password() {
        let text = "one:7000,[::1]:7001,serviceName=s,user=app,password=hunter2=,ssl=True,sslHost=h,name=n,channelPrefix=p.,\
                    connectTimeout=1,asyncTimeout=2,keepAlive=3,defaultDatabase=4";
        let options = parse(text);
        assert!(!format!("{options:?}").contains("hunter2"));
        let shown = options.to_string();
        assert_eq!(shown, text.replace("hunter2=", "***"));
        assert_eq!(RedisOptions { password: options.password.clone(), ..parse(&shown) }, options);
    }
}
