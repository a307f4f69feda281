//! One line a request, written without slowing the request down.
//!
//! A line through the general logger costs a system call and the formatting of a general event, together a good part
//! of a cached read. Here the thread that answered formats the line by hand and adds it to a buffer; one writer
//! thread empties the buffer [`FLUSH_AFTER`] after its first line, in whole lines, to the same standard output. The
//! fields and their names are those of the general logger. Above [`BUFFER_BYTES_MAX`] whoever adds a line writes the
//! buffer out itself: nothing is dropped, and memory is bounded. A killed process loses the lines of the last
//! [`FLUSH_AFTER`]; an orderly end writes them ([`stop`]).
//!
//! Before [`start`], and where logs are plain text for people, lines are events of the general logger.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use parking_lot::{Condvar, Mutex};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::request_id::hexadecimal;
use crate::traces::Ids;

/// How long a line may wait in memory.
pub(crate) const FLUSH_AFTER: Duration = Duration::from_millis(50);
/// Lines in memory.
const BUFFER_BYTES_MAX: usize = 1 << 20;
/// What the lines name as their origin.
const TARGET: &str = "host::http";

/// What is told of one request. The query of its address is left out: it may hold what people typed.
pub(crate) struct AccessLine<'a> {
    pub(crate) request_id: &'a str,
    /// Where it is in which trace.
    pub(crate) trace: Ids,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) status: u16,
    pub(crate) duration_us: u64,
    /// Statements sent to SQL Server for it.
    pub(crate) sql_statements: u64,
    /// How the cache answered, if it was asked: `hit`, `miss` or `stale`.
    pub(crate) cache: Option<&'static str>,
    /// The code of the problem that it was answered with.
    pub(crate) code: Option<&'static str>,
    /// Why, for those who read logs.
    pub(crate) cause: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Level {
    Information,
    Warning,
    Error,
}

impl AccessLine<'_> {
    /// 503 is expected while something is away or the process is starting; told by whoever noticed it.
    fn level(&self) -> Level {
        match self.status {
            503 => Level::Warning,
            500.. => Level::Error,
            _ => Level::Information,
        }
    }

    /// Writes or buffers the line, if the log's level lets it pass.
    pub(crate) fn write(&self) {
        let level = self.level();
        match WRITER.get() {
            Some(writer) if !writer.wanted.has(level) => {}
            Some(writer) => LINE.with_borrow_mut(|line| {
                line.clear();
                self.format(level, SystemTime::now(), line);
                writer.add(line);
            }),
            None => self.tell(level),
        }
    }

    /// As an event of the general logger.
    fn tell(&self, level: Level) {
        let (trace_id, span_id) = (self.trace.trace, self.trace.span);
        let Self { request_id, method, path, status, duration_us, sql_statements, cache, code, .. } = *self;
        let cause = self.cause.as_deref();
        macro_rules! tell {
            ($level:ident) => {
                tracing::$level!(
                    target: TARGET,
                    %trace_id, %span_id, request_id, method, path, status, duration_us, sql_statements, cache, code, cause,
                    "request"
                )
            };
        }
        match level {
            Level::Information => tell!(info),
            Level::Warning => tell!(warn),
            Level::Error => tell!(error),
        }
    }

    fn format(&self, level: Level, now: SystemTime, line: &mut Vec<u8>) {
        let trace = self.trace.trace.to_bytes();
        let (high, low) = trace.split_at(size_of::<u64>());
        line.extend_from_slice(br#"{"trace_id":""#);
        line.extend_from_slice(&hexadecimal(big_endian(high)));
        line.extend_from_slice(&hexadecimal(big_endian(low)));
        line.extend_from_slice(br#"","span_id":""#);
        line.extend_from_slice(&hexadecimal(big_endian(&self.trace.span.to_bytes())));
        line.extend_from_slice(br#"","timestamp":""#);
        timestamp(now, line);
        line.extend_from_slice(match level {
            Level::Information => br#"","level":"INFO","message":"request","request_id":"#.as_slice(),
            Level::Warning => br#"","level":"WARN","message":"request","request_id":"#,
            Level::Error => br#"","level":"ERROR","message":"request","request_id":"#,
        });
        text(line, self.request_id);
        line.extend_from_slice(br#","method":"#);
        text(line, self.method);
        line.extend_from_slice(br#","path":"#);
        text(line, self.path);
        line.extend_from_slice(br#","status":"#);
        number(line, self.status.into());
        line.extend_from_slice(br#","duration_us":"#);
        number(line, self.duration_us);
        line.extend_from_slice(br#","sql_statements":"#);
        number(line, self.sql_statements);
        let optional: [(&[u8], _); 3] = [
            (br#","cache":"#, self.cache),
            (br#","code":"#, self.code),
            (br#","cause":"#, self.cause.as_deref()),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                line.extend_from_slice(name);
                text(line, value);
            }
        }
        line.extend_from_slice(br#","target":""#);
        line.extend_from_slice(TARGET.as_bytes());
        line.extend_from_slice(b"\"}\n");
    }
}

/// Of eight bytes at most.
fn big_endian(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn text(line: &mut Vec<u8>, value: &str) {
    // Without an early end: most values are plain, and so the compiler looks at many bytes at once.
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') & (*byte != b'"') & (*byte != b'\\');
    if value.as_bytes().iter().fold(true, |all, byte| all & is_plain(byte)) {
        line.push(b'"');
        line.extend_from_slice(value.as_bytes());
        line.push(b'"');
    } else {
        // Text can always be written as JSON, and a vector takes everything.
        let _ = serde_json::to_writer(line, value);
    }
}

fn number(line: &mut Vec<u8>, value: u64) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// `2026-03-01T09:05:07.250000Z`. All of it but the fraction is formatted once a second.
fn timestamp(now: SystemTime, line: &mut Vec<u8>) {
    const TO_THE_SECOND: &[BorrowedFormatItem<'_>] =
        format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]");
    thread_local!(static SECOND: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) });
    // Before 1970 there were no access logs.
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SECOND.with_borrow_mut(|(second, formatted)| {
        if *second != since_epoch.as_secs() {
            *second = since_epoch.as_secs();
            *formatted = OffsetDateTime::from(now).format(TO_THE_SECOND).unwrap_or_default();
        }
        line.extend_from_slice(formatted.as_bytes());
    });
    // Six digits: those behind the 1 of a number between one and two million.
    let fraction = 1_000_000 + since_epoch.subsec_micros();
    line.push(b'.');
    line.extend_from_slice(&itoa::Buffer::new().format(fraction).as_bytes()[1..]);
    line.push(b'Z');
}

thread_local!(static LINE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) });

static WRITER: OnceLock<Writer> = OnceLock::new();

/// From here on lines are JSON on standard output. A second call changes nothing.
pub(crate) fn start() {
    let writer = Writer { wanted: Wanted::now(), ..Writer::default() };
    if WRITER.set(writer).is_ok()
        && let Some(writer) = WRITER.get()
    {
        let spawned = std::thread::Builder::new().name("access-log".to_owned()).spawn(|| writer.run());
        match spawned {
            Ok(thread) => *writer.thread.lock() = Some(thread),
            Err(error) => {
                writer.buffer.lock().is_direct = true;
                tracing::warn!(%error, "no thread for the access log: each line is written by itself");
            }
        }
    }
}

/// Writes what is buffered and ends the writer thread; later lines are written at once.
pub(crate) fn stop() {
    let Some(writer) = WRITER.get() else { return };
    writer.buffer.lock().is_direct = true;
    writer.first_line.notify_one();
    let thread = writer.thread.lock().take();
    // A writer thread that panicked has nothing more to write.
    let _ = thread.map(JoinHandle::join);
}

/// Which levels the log lets pass.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    information: bool,
    warning: bool,
    error: bool,
}

impl Wanted {
    /// Asked once: a question without an event leaves marks on its thread that would hide the next span from the
    /// layers that said no. That thread ends here.
    fn now() -> Self {
        let ask = || Self {
            information: tracing::enabled!(target: TARGET, tracing::Level::INFO),
            warning: tracing::enabled!(target: TARGET, tracing::Level::WARN),
            error: tracing::enabled!(target: TARGET, tracing::Level::ERROR),
        };
        let everything = Self { information: true, warning: true, error: true };
        std::thread::scope(|scope| scope.spawn(ask).join()).unwrap_or(everything)
    }

    fn has(self, level: Level) -> bool {
        match level {
            Level::Information => self.information,
            Level::Warning => self.warning,
            Level::Error => self.error,
        }
    }
}

#[derive(Default)]
struct Writer {
    wanted: Wanted,
    buffer: Mutex<Buffer>,
    /// Told when the buffer is no longer empty, and at the end.
    first_line: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Buffer {
    lines: Vec<u8>,
    /// There is no thread that empties the buffer.
    is_direct: bool,
}

impl Writer {
    fn add(&self, line: &[u8]) {
        let mut buffer = self.buffer.lock();
        let was_empty = buffer.lines.is_empty();
        buffer.lines.extend_from_slice(line);
        if buffer.is_direct || buffer.lines.len() >= BUFFER_BYTES_MAX {
            // Under the lock: others must not add without bound while this thread writes.
            print(&buffer.lines);
            buffer.lines.clear();
        } else if was_empty {
            drop(buffer);
            self.first_line.notify_one();
        }
    }

    fn run(&self) {
        let mut full = Vec::new();
        loop {
            let mut buffer = self.buffer.lock();
            while buffer.lines.is_empty() && !buffer.is_direct {
                self.first_line.wait(&mut buffer);
            }
            if !buffer.is_direct {
                // Lets more lines gather; woken early by the end only.
                self.first_line.wait_for(&mut buffer, FLUSH_AFTER);
            }
            std::mem::swap(&mut full, &mut buffer.lines);
            let is_over = buffer.is_direct;
            drop(buffer);
            print(&full);
            full.clear();
            if is_over {
                return;
            }
        }
    }
}

fn print(lines: &[u8]) {
    // A closed standard output is nobody's mistake; whoever reads logs has gone.
    let mut output = std::io::stdout().lock();
    let _ = output.write_all(lines).and_then(|()| output.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> AccessLine<'static> {
        AccessLine {
            request_id: "4bf9-1",
            trace: Ids::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap(),
            method: "GET",
            path: "/v1/outdoor/products/7",
            status: 200,
            duration_us: 12,
            sql_statements: 0,
            cache: Some("hit"),
            code: None,
            cause: None,
        }
    }

    fn formatted(line: &AccessLine<'_>) -> String {
        let moment = SystemTime::UNIX_EPOCH + Duration::from_micros(1_772_355_907_000_250);
        let mut bytes = Vec::new();
        line.format(line.level(), moment, &mut bytes);
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_line_has_the_form_of_the_general_logger() {
        assert_eq!(
            formatted(&line()),
            "{\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span_id\":\"00f067aa0ba902b7\",\
             \"timestamp\":\"2026-03-01T09:05:07.000250Z\",\"level\":\"INFO\",\"message\":\"request\",\
             \"request_id\":\"4bf9-1\",\"method\":\"GET\",\"path\":\"/v1/outdoor/products/7\",\"status\":200,\
             \"duration_us\":12,\"sql_statements\":0,\"cache\":\"hit\",\"target\":\"host::http\"}\n"
        );
    }

    #[test]
    fn what_would_break_a_line_is_escaped() {
        let cause = Some("said \"no\"\nand left".to_owned());
        let line =
            AccessLine { path: "/a\"\\ü", status: 500, code: Some("internal_error"), cause, ..line() };
        let text = formatted(&line);
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        let parsed: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(parsed["path"], "/a\"\\ü");
        assert_eq!(parsed["cause"], "said \"no\"\nand left");
        assert_eq!(parsed["level"], "ERROR");
    }

    #[test]
    fn only_failures_of_ours_are_above_information() {
        let level = |status| AccessLine { status, ..line() }.level();
        assert_eq!([200, 304, 404, 429].map(level), [Level::Information; 4]);
        assert_eq!([500, 502, 503].map(level), [Level::Error, Level::Error, Level::Warning]);
    }
}
