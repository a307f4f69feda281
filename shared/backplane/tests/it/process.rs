//! Processes of `tests/instance`, and what they print.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use backplane::testing::RedisServer;
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use sql::ConnectionString;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::observed::Record;
use crate::world::LONG;

/// A running (or stopped) process.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts it and waits until it is `ready`.
    pub async fn start(
        arguments: &[&str],
        database: &ConnectionString,
        redis: Option<&RedisServer>,
        max_staleness: Duration,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_instance"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        command.env("INSTANCE_SQL", database.to_secret_string());
        command.env("INSTANCE_MAX_STALENESS_MS", max_staleness.as_millis().to_string());
        if let Some(redis) = redis {
            let text =
                format!("{},keepAlive=1,asyncTimeout=500,connectTimeout=500", redis.connection_string());
            command.env("INSTANCE_REDIS", text);
        }
        let mut child = command.spawn().unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        let mut process = Self { child, input, lines: BufReader::new(output).lines() };
        assert_eq!(process.line().await.as_deref(), Some("ready"));
        process
    }

    /// What it prints next; none: it has ended.
    pub async fn line(&mut self) -> Option<String> {
        tokio::time::timeout(LONG, self.lines.next_line()).await.expect("a line in time").unwrap()
    }

    /// From here on whatever it prints goes into the record.
    pub fn collect(self, instance: usize, record: Arc<Mutex<Record>>) -> Collected {
        let Self { child, input, mut lines } = self;
        let collecting = tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.unwrap() {
                record.lock().line(instance, &line);
            }
        });
        Collected { child, input, collecting }
    }

    /// SIGSTOP, SIGCONT or SIGKILL.
    pub fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// SIGKILL, and gone.
    pub async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }

    /// The letter by which Linux calls its state: `T` for stopped.
    pub fn state(&self) -> char {
        let stat = self.child.id().map(|id| std::fs::read_to_string(format!("/proc/{id}/stat")));
        let stat = stat.and_then(Result::ok).unwrap_or_default();
        // Behind the name, which stands in parentheses and may contain anything.
        stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next()).unwrap_or('X')
    }
}

/// A process whose lines go into a record.
pub struct Collected {
    child: Child,
    input: Option<ChildStdin>,
    collecting: JoinHandle<()>,
}

impl Collected {
    /// As [`Process::signal`].
    pub fn signal(&self, signal: Signal) {
        send(&self.child, signal);
    }

    /// Asks it to end and waits until it has said the rest.
    pub async fn end(&mut self) {
        self.input = None;
        let status = tokio::time::timeout(LONG, self.child.wait()).await.expect("an end in time").unwrap();
        assert!(status.success(), "{status}");
        (&mut self.collecting).await.unwrap();
    }
}

fn send(child: &Child, signal: Signal) {
    let id = child.id().expect("a process that nobody has waited for");
    let id = Pid::from_raw(i32::try_from(id).unwrap()).unwrap();
    kill_process(id, signal).unwrap();
}
