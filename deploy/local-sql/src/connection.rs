//! One client from accept to close: handshake, login, then requests and answers in turn.
//!
//! The task owns the socket; the engine's session lives on its own thread (see `session`). While a request runs the
//! task listens for an Attention and for the client going away.

use std::sync::Arc;
use std::time::Duration;

use subtle::ConstantTimeEq as _;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::Limits;
use crate::engine::{ADMINISTRATOR, Client, Engine, Login, Message, SqlError};
use crate::faults::{self, Faults, LoginFault};
use crate::session::{Job, SessionSettings, SessionThread};
use crate::sink::Reply;
use crate::statements::Statements;
use crate::tds::ProtocolError;
use crate::tds::login7::Login7;
use crate::tds::packet::{HEADER_BYTES, PacketKind};
use crate::tds::prelogin::{Encryption, Prelogin};
use crate::tds::request::Request;
use crate::tds::tls::Stream;
use crate::tds::tokens::{self, Done};
use crate::tds::transport::Transport;

/// The longest PRELOGIN or LOGIN7 message that is read from a client that has not logged in.
const MAX_HANDSHAKE_BYTES: usize = 128 * 1024;

/// What all connections of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    pub(crate) acceptor: AcceptorCell,
    pub(crate) sa_password: String,
    pub(crate) limits: Limits,
    pub(crate) sessions: Arc<Semaphore>,
    pub(crate) faults: Arc<Faults>,
    pub(crate) statements: Option<Arc<Statements>>,
    pub(crate) stop: CancellationToken,
}

/// `TlsAcceptor` has no `Debug`.
#[derive(Clone)]
pub(crate) struct AcceptorCell(pub(crate) TlsAcceptor);

impl std::fmt::Debug for AcceptorCell {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TlsAcceptor")
    }
}

/// Why a connection ended early.
#[derive(Debug, thiserror::Error)]
enum ConnectionError {
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("login refused: {0}")]
    LoginRefused(SqlError),
    #[error("login sent to another server")]
    Routed,
    #[error("cut by a fault on demand")]
    Cut,
    #[error("the session's thread ended in the middle of a request")]
    SessionLost,
}

/// Serves one client. Its errors end here: they concern nobody else.
pub(crate) async fn serve(socket: TcpStream, shared: Arc<Shared>, spid: u16) {
    match log_in_and_run(socket, &shared, spid).await {
        Ok(()) | Err(ConnectionError::Protocol(ProtocolError::Closed)) => {
            tracing::debug!(spid, "connection closed");
        }
        Err(error) => tracing::info!(spid, %error, "connection ended"),
    }
}

async fn log_in_and_run(socket: TcpStream, shared: &Arc<Shared>, spid: u16) -> Result<(), ConnectionError> {
    let time = shared.limits.login_timeout;
    let (mut transport, login) = tokio::select! {
        outcome = timeout(time, handshake(socket, shared, spid)) => {
            outcome.map_err(|_| ProtocolError::TooSlow { what: "the login", seconds: time.as_secs() })??
        }
        () = shared.stop.cancelled() => return Ok(()),
    };
    let (_permit, mut session) = match admit(&login, shared, spid).await {
        Ok(admitted) => admitted,
        Err(Refusal::Error(error)) => {
            return refuse_login(transport, error, shared.limits.login_failure_delay).await;
        }
        Err(Refusal::Route { host, port }) => return route(transport, &login, &host, port).await,
    };
    tracing::debug!(spid, ?login, "logged in");
    let cut = session.cut.clone();
    let outcome = tokio::select! {
        outcome = run(&mut transport, &mut session, &login, &shared.limits) => outcome,
        () = cut.cancelled() => {
            tracing::warn!(spid, "cut: sat idle on the write lock while others waited for it");
            Ok(())
        }
        () = shared.stop.cancelled() => Ok(()),
    };
    // The socket first, the session second: a client that has seen the end may find its locks still being released,
    // but one that waits for them is not kept waiting by a client that does not read.
    drop(transport);
    session.end().await;
    outcome
}

/// PRELOGIN, TLS as agreed, LOGIN7.
async fn handshake(
    socket: TcpStream,
    shared: &Shared,
    spid: u16,
) -> Result<(Transport, Login7), ConnectionError> {
    let acceptor = &shared.acceptor.0;
    let strict = begins_with_tls(&socket).await?;
    let mut stream = Stream::Plain(socket);
    if strict {
        stream = stream.encrypt_first(acceptor).await.map_err(ProtocolError::from)?;
    }
    let mut transport = Transport::new(stream, spid, MAX_HANDSHAKE_BYTES, shared.limits.message_timeout);
    let prelogin = Prelogin::decode(&expect(&mut transport, PacketKind::Prelogin).await?)?;
    let encryption = if strict { Encryption::NotSupported } else { prelogin.encryption.answer() };
    transport.send(&Prelogin::reply(encryption), true).await?;
    if encryption != Encryption::NotSupported {
        transport = transport.replace_stream(|stream| stream.encrypt(acceptor)).await?;
    }
    let mut login = Login7::decode(&expect(&mut transport, PacketKind::Login7).await?)?;
    if strict {
        login.refused = Some("Encrypt=Strict (TDS 8.0); Encrypt=True encrypts everything, too");
    } else if prelogin.mars {
        login.refused = Some("MARS (MultipleActiveResultSets=True)");
    }
    if encryption == Encryption::Off {
        transport = transport.replace_stream(|stream| std::future::ready(Ok(stream.decrypt()))).await?;
    }
    Ok((transport, login))
}

/// Whether the client opens with TLS instead of a packet.
async fn begins_with_tls(socket: &TcpStream) -> Result<bool, ProtocolError> {
    const TLS_HANDSHAKE: u8 = 22;
    let mut first = [0];
    match socket.peek(&mut first).await? {
        0 => Err(ProtocolError::Closed),
        _ => Ok(first == [TLS_HANDSHAKE]),
    }
}

async fn expect(transport: &mut Transport, kind: PacketKind) -> Result<bytes::BytesMut, ProtocolError> {
    let message = transport.next_message().await?;
    if message.kind != kind {
        return Err(ProtocolError::invalid("packet type during the login", message.kind as u8));
    }
    Ok(message.payload)
}

/// Why a client that speaks TDS does not get in.
enum Refusal {
    Error(SqlError),
    Route { host: String, port: u16 },
}

impl From<SqlError> for Refusal {
    fn from(error: SqlError) -> Self {
        Self::Error(error)
    }
}

async fn admit(
    login: &Login7,
    shared: &Arc<Shared>,
    spid: u16,
) -> Result<(OwnedSemaphorePermit, SessionThread), Refusal> {
    if let Some(what) = login.refused {
        return Err(SqlError::unsupported(what).into());
    }
    match shared.faults.for_login(&login.database, &login.user) {
        Some(LoginFault::Error(error)) => return Err(error.into()),
        Some(LoginFault::Route { host, port }) => return Err(Refusal::Route { host, port }),
        None => {}
    }
    let Some(who) = authenticated(login, shared) else {
        return Err(faults::login_failed(&login.user).into());
    };
    let permit =
        shared.sessions.clone().try_acquire_owned().map_err(|_| too_many(shared.limits.max_sessions))?;
    let settings = SessionSettings {
        spid,
        login: who,
        database: login.database.clone(),
        client: Client { host: login.client_host.clone(), application: login.application.clone() },
        payload_bytes: login.packet_bytes - HEADER_BYTES,
        faults: shared.faults.clone(),
        statements: shared.statements.clone(),
    };
    Ok((permit, SessionThread::start(shared.engine.clone(), settings).await?))
}

fn authenticated(login: &Login7, shared: &Shared) -> Option<Arc<Login>> {
    if login.user.eq_ignore_ascii_case(ADMINISTRATOR) {
        let is_right = login.password.as_bytes().ct_eq(shared.sa_password.as_bytes());
        return bool::from(is_right).then(Login::administrator);
    }
    shared.engine.authenticate(&login.user, &login.password)
}

fn too_many(limit: usize) -> SqlError {
    let text = format!(
        "Could not connect because the maximum number of '{limit}' user connections has already been reached."
    );
    SqlError { class: 20, ..SqlError::new(17_809, text) }
}

/// The delay is for those who guess passwords; the connection slot is theirs for that long.
async fn refuse_login(
    mut transport: Transport,
    error: SqlError,
    delay: Duration,
) -> Result<(), ConnectionError> {
    sleep(delay).await;
    let mut answer = Vec::new();
    tokens::message(&message_of(&error), &mut answer);
    Done { error: true, ..Done::last() }.append(&mut answer);
    transport.send(&answer, true).await?;
    transport.close().await;
    Err(ConnectionError::LoginRefused(error))
}

async fn route(
    mut transport: Transport,
    login: &Login7,
    host: &str,
    port: u16,
) -> Result<(), ConnectionError> {
    let mut answer = Vec::new();
    tokens::login_acknowledged(login.tds_version, &mut answer);
    tokens::routing(host, port, &mut answer);
    Done::last().append(&mut answer);
    transport.send(&answer, true).await?;
    transport.close().await;
    Err(ConnectionError::Routed)
}

fn message_of(error: &SqlError) -> Message {
    Message {
        number: error.number,
        state: error.state,
        class: error.class,
        text: error.text.clone(),
        line: error.line.max(1),
        procedure: String::new(),
    }
}

/// Answers requests until the client leaves.
async fn run(
    transport: &mut Transport,
    session: &mut SessionThread,
    login: &Login7,
    limits: &Limits,
) -> Result<(), ConnectionError> {
    let mut answer = Vec::new();
    tokens::login_accepted(login, &session.database, &mut answer);
    Done::last().append(&mut answer);
    transport.send(&answer, true).await?;
    transport.set_packet_bytes(login.packet_bytes);
    transport.set_max_message_bytes(limits.max_message_bytes);
    loop {
        let message = transport.next_message().await?;
        if message.kind == PacketKind::Attention {
            answer_nothing(transport, Done::attention()).await?;
        } else if message.ignored {
            answer_nothing(transport, Done { error: true, ..Done::last() }).await?;
        } else {
            let request = Request::decode(message.kind, &message.payload)?;
            let job = Job { request, resets: message.resets };
            drop(message);
            if !session.submit(job).await {
                return Err(ConnectionError::SessionLost);
            }
            relay(transport, session).await?;
        }
    }
}

async fn answer_nothing(transport: &mut Transport, done: Done) -> Result<(), ProtocolError> {
    let mut answer = Vec::new();
    done.append(&mut answer);
    transport.send(&answer, true).await
}

/// Passes an answer on to the client. An Attention that comes meanwhile cancels the request, and is acknowledged
/// at the end of the answer even if the request was complete by then.
async fn relay(transport: &mut Transport, session: &mut SessionThread) -> Result<(), ConnectionError> {
    let mut attention = false;
    loop {
        tokio::select! {
            reply = session.replies.recv() => match reply {
                Some(Reply::Part(tokens)) => transport.send(&tokens, false).await?,
                Some(Reply::Last { mut tokens, close }) => {
                    if attention {
                        Done::attention().append(&mut tokens);
                    }
                    transport.send(&tokens, true).await?;
                    return if close { Err(ProtocolError::Closed.into()) } else { Ok(()) };
                }
                Some(Reply::Cut(tokens)) => {
                    transport.send(&tokens, false).await?;
                    transport.flush().await?;
                    return Err(ConnectionError::Cut);
                }
                None => return Err(ConnectionError::SessionLost),
            },
            packet = transport.next_packet(), if !transport.has_unread() => {
                let packet = packet?;
                if packet.kind == PacketKind::Attention {
                    attention = true;
                    session.cancel.cancel();
                } else {
                    transport.put_back(packet);
                }
            }
        }
    }
}
