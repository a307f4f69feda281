//! A TCP proxy in front of a server that loses connections at the worst moment.
//!
//! Looks for `COMMIT TRANSACTION` in what the client sends, so it needs a connection that is not encrypted
//! after the login (`Encrypt=False`).

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::ConnectionString;

/// Longest piece passed on at once; a whole last batch with the most tags is shorter.
const BUFFER_LEN: usize = 64 * 1024;

/// Passes everything on until told otherwise. Stops when dropped.
pub struct Proxy {
    connection: ConnectionString,
    shared: Arc<Shared>,
}

struct Shared {
    server: (String, u16),
    /// What to do with the next COMMIT; then nothing again.
    plan: Mutex<Plan>,
    paused: watch::Sender<Paused>,
    refusing: watch::Sender<bool>,
    /// Cancelled by `cut`, then replaced.
    cut: Mutex<CancellationToken>,
    held: Mutex<Vec<Held>>,
    commits_cut: watch::Sender<u64>,
    accepted: AtomicU64,
    rewrites: Vec<Rewrite>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paused {
    Nothing,
    Answers,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    PassOn,
    CutBefore,
    CutAfter,
    CutAndHold,
}

/// A text in statements that is replaced on the way, and how often it was.
struct Rewrite {
    from: Vec<u8>,
    to: Vec<u8>,
    count: AtomicU64,
}

/// The server's side of a connection whose client is gone, with the COMMIT that it has not seen yet.
struct Held {
    to_server: OwnedWriteHalf,
    from_server: OwnedReadHalf,
    unsent: Vec<u8>,
}

impl Proxy {
    /// Listens on a free port of the loopback address and passes on to the server of `target`.
    pub async fn start(target: &ConnectionString) -> Self {
        Self::start_rewriting(target, &[]).await
    }

    /// A proxy that replaces texts in the statements that pass, to show what a test does to a client that is broken
    /// in this way. `from` and `to` must be of one length; ask [`rewritten`](Self::rewritten) whether it took place.
    pub async fn start_rewriting(target: &ConnectionString, rewrites: &[(&str, &str)]) -> Self {
        let utf_16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let rewrite = |&(from, to): &(&str, &str)| {
            let (from, to) = (utf_16(from), utf_16(to));
            assert_eq!(from.len(), to.len(), "texts of one length only");
            Rewrite { from, to, count: AtomicU64::new(0) }
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("the address of a listener");
        let shared = Arc::new(Shared {
            server: (target.server().to_owned(), target.port()),
            plan: Mutex::new(Plan::PassOn),
            paused: watch::Sender::new(Paused::Nothing),
            refusing: watch::Sender::new(false),
            cut: Mutex::new(CancellationToken::new()),
            held: Mutex::default(),
            commits_cut: watch::Sender::new(0),
            accepted: AtomicU64::new(0),
            rewrites: rewrites.iter().map(rewrite).collect(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        shared.tasks.spawn(accept(listener, Arc::clone(&shared)));
        Self { connection: target.with_address(&address.ip().to_string(), address.port()), shared }
    }

    /// The target's connection string, through this proxy.
    pub fn connection(&self) -> &ConnectionString {
        &self.connection
    }

    /// Cuts every connection that is open or being made now, on both sides.
    pub fn cut(&self) {
        std::mem::take(&mut *self.shared.cut.lock()).cancel();
    }

    /// The next COMMIT never reaches the server; its connection is cut on both sides.
    pub fn cut_before_commit(&self) {
        *self.shared.plan.lock() = Plan::CutBefore;
    }

    /// The next COMMIT is executed, but its answer is swallowed and the connection cut.
    pub fn cut_after_commit(&self) {
        *self.shared.plan.lock() = Plan::CutAfter;
    }

    /// The next COMMIT is held back and the client's side cut, while the server believes its client alive.
    /// [`release_held`](Self::release_held) lets it go through late.
    pub fn cut_and_hold_commit(&self) {
        *self.shared.plan.lock() = Plan::CutAndHold;
    }

    /// Sends the held COMMIT to the server and returns when the server has answered or hung up.
    pub async fn release_held(&self) {
        let held = std::mem::take(&mut *self.shared.held.lock());
        for mut held in held {
            // The server may have ended the session meanwhile; then there is nothing to release.
            if held.to_server.write_all(&held.unsent).await.is_ok() {
                let _ = Message::read(&mut held.from_server).await;
            }
        }
    }

    /// Returns when `count` commits have been cut since the start.
    pub async fn commits_cut(&self, count: u64) {
        let _ = self.shared.commits_cut.subscribe().wait_for(|cut| *cut >= count).await;
    }

    /// Stops passing bytes on, in both directions; nothing is lost.
    pub fn pause(&self) {
        self.shared.paused.send_replace(Paused::All);
    }

    /// Holds back what the server sends, while it still hears everything.
    pub fn pause_answers(&self) {
        self.shared.paused.send_replace(Paused::Answers);
    }

    /// Goes on after [`pause`](Self::pause) or [`pause_answers`](Self::pause_answers).
    pub fn resume(&self) {
        self.shared.paused.send_replace(Paused::Nothing);
    }

    /// Hangs up on new connections; [`accept`](Self::accept) ends it.
    pub fn refuse(&self) {
        self.shared.refusing.send_replace(true);
    }

    /// Takes new connections again.
    pub fn accept(&self) {
        self.shared.refusing.send_replace(false);
    }

    /// How often the text that was replaced least often has been replaced.
    pub fn rewritten(&self) -> u64 {
        let counts = self.shared.rewrites.iter().map(|rewrite| rewrite.count.load(Ordering::Relaxed));
        counts.min().unwrap_or_default()
    }

    /// Connections taken so far, those refused included.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        self.shared.tasks.close();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let client = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        // Taken before the look at `refusing`: `refuse` and then `cut` leave no connection, not even one that is
        // just being made.
        let cut = shared.cut.lock().clone();
        if let (Ok((client, _)), false) = (client, *shared.refusing.borrow()) {
            shared.tasks.spawn(pass_on(client, cut, Arc::clone(&shared)));
        }
    }
}

async fn pass_on(client: TcpStream, cut: CancellationToken, shared: Arc<Shared>) {
    let (host, port) = &shared.server;
    let Ok(server) = TcpStream::connect((host.as_str(), *port)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut line = Line { from_client, to_client, from_server, to_server };
    let end = tokio::select! {
        () = shared.stop.cancelled() => None,
        () = cut.cancelled() => None,
        end = line.run(&shared) => end,
    };
    let Some((plan, unsent)) = end else { return };
    match plan {
        Plan::PassOn | Plan::CutBefore => {}
        Plan::CutAfter => {
            if line.to_server.write_all(&unsent).await.is_ok() {
                let _ = Message::read(&mut line.from_server).await;
            }
        }
        Plan::CutAndHold => {
            let Line { from_server, to_server, .. } = line;
            shared.held.lock().push(Held { to_server, from_server, unsent });
        }
    }
    shared.commits_cut.send_modify(|count| *count += 1);
}

struct Line {
    from_client: OwnedReadHalf,
    to_client: OwnedWriteHalf,
    from_server: OwnedReadHalf,
    to_server: OwnedWriteHalf,
}

impl Line {
    /// Passes on until one side hangs up (`None`) or a planned COMMIT comes by: what to do, and its bytes.
    async fn run(&mut self, shared: &Shared) -> Option<(Plan, Vec<u8>)> {
        let requests = async {
            match shared.rewrites.is_empty() {
                true => pass_requests(&mut self.from_client, &mut self.to_server, shared).await,
                false => pass_rewritten(&mut self.from_client, &mut self.to_server, shared).await,
            }
        };
        tokio::select! {
            end = requests => end,
            _ = pass_answers(&mut self.from_server, &mut self.to_client, shared) => None,
        }
    }
}

async fn pass_requests(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    shared: &Shared,
) -> Option<(Plan, Vec<u8>)> {
    let mut scanner = Scanner::default();
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let read = from.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        let chunk = &buffer[..read];
        if scanner.finds_commit(chunk) {
            let plan = std::mem::replace(&mut *shared.plan.lock(), Plan::PassOn);
            if plan != Plan::PassOn {
                return Some((plan, chunk.to_vec()));
            }
        }
        shared.passing(|paused| paused != Paused::All).await;
        to.write_all(chunk).await.ok()?;
    }
}

/// Passes on whole messages, with texts replaced; knows no plans.
async fn pass_rewritten(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    shared: &Shared,
) -> Option<(Plan, Vec<u8>)> {
    loop {
        let mut message = Message::read(from).await.ok()?;
        for rewrite in &shared.rewrites {
            let replaced = replace(&mut message.body, &rewrite.from, &rewrite.to);
            rewrite.count.fetch_add(replaced, Ordering::Relaxed);
        }
        shared.passing(|paused| paused != Paused::All).await;
        to.write_all(&message.to_bytes()).await.ok()?;
    }
}

fn replace(body: &mut [u8], from: &[u8], to: &[u8]) -> u64 {
    let mut replaced = 0;
    let mut at = 0;
    while let Some(found) = body[at..].windows(from.len()).position(|window| window == from) {
        at += found;
        body[at..at + to.len()].copy_from_slice(to);
        at += to.len();
        replaced += 1;
    }
    replaced
}

async fn pass_answers(
    from: &mut OwnedReadHalf,
    to: &mut OwnedWriteHalf,
    shared: &Shared,
) -> Option<Infallible> {
    let mut buffer = vec![0; BUFFER_LEN];
    loop {
        let read = from.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
        shared.passing(|paused| paused == Paused::Nothing).await;
        to.write_all(&buffer[..read]).await.ok()?;
    }
}

impl Shared {
    async fn passing(&self, allowed: impl Fn(Paused) -> bool) {
        let _ = self.paused.subscribe().wait_for(|paused| allowed(*paused)).await;
    }
}

/// Finds the word in a stream of chunks, also across the border of two.
#[derive(Default)]
struct Scanner {
    last: Vec<u8>,
}

impl Scanner {
    fn finds_commit(&mut self, chunk: &[u8]) -> bool {
        let word: Vec<u8> = "COMMIT TRANSACTION".encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.last.extend_from_slice(chunk);
        let found = self.last.windows(word.len()).any(|window| window == word);
        let keep = if found { 0 } else { self.last.len().min(word.len() - 1) };
        self.last.drain(..self.last.len() - keep);
        found
    }
}

/// Length of a TDS packet's header.
const HEADER_LEN: usize = 8;
/// A TLS record: with `Encrypt=False` some clients still encrypt the login, outside of TDS packets.
const TLS_RECORD: u8 = 0x17;
const TLS_HEADER_LEN: usize = 5;

/// One whole TDS message: the headers of its packets, and what they carried together.
struct Message {
    headers: Vec<[u8; HEADER_LEN]>,
    body: Vec<u8>,
}

impl Message {
    /// Reads packets up to the one marked as the last; a TLS record is a message without headers.
    async fn read(from: &mut OwnedReadHalf) -> std::io::Result<Self> {
        let mut message = Self { headers: Vec::new(), body: Vec::new() };
        loop {
            let mut header = [0; HEADER_LEN];
            from.read_exact(&mut header).await?;
            if header[0] == TLS_RECORD {
                let length = usize::from(u16::from_be_bytes([header[3], header[4]])) + TLS_HEADER_LEN;
                message.body = header.to_vec();
                message.body.resize(length.max(HEADER_LEN), 0);
                from.read_exact(&mut message.body[HEADER_LEN..]).await?;
                return Ok(message);
            }
            let start = message.body.len();
            message.body.resize(start + body_len(&header), 0);
            from.read_exact(&mut message.body[start..]).await?;
            message.headers.push(header);
            if header[1] & 1 == 1 {
                return Ok(message);
            }
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        if self.headers.is_empty() {
            return self.body.clone();
        }
        let mut bytes = Vec::with_capacity(self.body.len() + self.headers.len() * HEADER_LEN);
        let mut rest = &self.body[..];
        for header in &self.headers {
            let (body, after) = rest.split_at(body_len(header));
            bytes.extend_from_slice(header);
            bytes.extend_from_slice(body);
            rest = after;
        }
        bytes
    }
}

fn body_len(header: &[u8; HEADER_LEN]) -> usize {
    usize::from(u16::from_be_bytes([header[2], header[3]])).saturating_sub(HEADER_LEN)
}

#[cfg(test)]
mod tests {
    use super::{Scanner, replace};

    #[test]
    fn every_occurrence_is_replaced() {
        let mut body = *b"a=b and a=b, a=";
        assert_eq!(replace(&mut body, b"a=b", b"a=a"), 2);
        assert_eq!(&body, b"a=a and a=a, a=");
    }

    #[test]
    fn the_word_is_found_across_chunks_and_only_once() {
        let text: Vec<u8> = "; COMMIT TRANSACTION; x".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for split in 0..text.len() {
            let mut scanner = Scanner::default();
            let found = [scanner.finds_commit(&text[..split]), scanner.finds_commit(&text[split..])];
            assert_eq!(found.iter().filter(|found| **found).count(), 1, "{split}");
        }
    }
}
