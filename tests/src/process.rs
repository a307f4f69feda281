//! One child process: its log file, its signals, and the promise that it ends with its owner.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::eventually;

/// How long a process may take from its start to its `listening` line. Generous: the machine may be busy.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How long a process may take to end after SIGTERM; the services promise less than 30 s.
const STOP_LIMIT: Duration = Duration::from_secs(40);
/// How much of a log is shown when a process fails.
const LOG_TAIL_LINES: usize = 15;

/// A running child. Dropped, it is killed and reaped: no test leaves a process behind.
pub struct Process {
    name: String,
    log: PathBuf,
    /// Where its lines begin: a process that is started again appends to the log of the one before.
    log_start: u64,
    child: Child,
}

impl Process {
    /// Starts `command` with its output appended to `log`.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let output = File::options().create(true).append(true).open(log)?;
        let log_start = output.metadata()?.len();
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("starting {name}: {command:?}"))?;
        Ok(Self { name: name.to_owned(), log: log.to_owned(), log_start, child })
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything the process has printed.
    pub fn log(&self) -> Result<String> {
        let mut file = File::open(&self.log)?;
        file.seek(SeekFrom::Start(self.log_start))?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        Ok(text)
    }

    /// Waits for the log line `listening` and returns the address that it names.
    pub async fn listening(&mut self) -> Result<String> {
        let name = self.name.clone();
        let (address, _) = eventually(&format!("{name} listens"), START_LIMIT, async || {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at its start with {status}:\n{}", self.name, self.log_tail());
            }
            Ok(self.log()?.lines().rev().find_map(address_in))
        })
        .await
        .with_context(|| self.log_tail())?;
        Ok(address)
    }

    /// Waits until the process has ended by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        let name = self.name.clone();
        let (status, _) =
            eventually(&format!("{name} ends"), STOP_LIMIT, async || Ok(self.child.try_wait()?)).await?;
        Ok(status)
    }

    /// SIGTERM, then waits for the end.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        self.signal("TERM")?;
        self.ended().await
    }

    /// [`stop`](Self::stop) that must be a success; otherwise the error shows the log.
    pub async fn stop_well(self) -> Result<()> {
        self.signal("TERM")?;
        self.ended_well().await
    }

    /// [`ended`](Self::ended) that must be a success; otherwise the error shows the log.
    pub async fn ended_well(mut self) -> Result<()> {
        let status = self.ended().await?;
        if !status.success() {
            bail!(
                "{} ended with {status} after SIGTERM:\n{}",
                self.name,
                std::fs::read_to_string(&self.log)?
            );
        }
        Ok(())
    }

    /// SIGKILL, and reaps it.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Sends a signal by its name without `SIG`.
    pub fn signal(&self, signal: &str) -> Result<()> {
        let sent = Command::new("kill").arg(format!("-{signal}")).arg(self.id().to_string()).status()?;
        if !sent.success() {
            bail!("could not send SIG{signal} to {}", self.name);
        }
        Ok(())
    }

    fn log_tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Already ended and reaped is the good case; both calls are then harmless.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The `host:port` that a line with the word `listening` names, in JSON or in plain text.
fn address_in(line: &str) -> Option<String> {
    if !line.contains("listening") {
        return None;
    }
    let start = line.find("127.0.0.1:")?;
    let address: String =
        line[start..].chars().take_while(|c| c.is_ascii_digit() || matches!(c, '.' | ':')).collect();
    Some(address)
}

#[cfg(test)]
mod tests {
    use super::address_in;

    #[test]
    fn the_address_is_found_in_json_and_in_plain_text() {
        let json = r#"{"fields":{"message":"listening","address":"127.0.0.1:4711"}}"#;
        assert_eq!(address_in(json).as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(address_in("local-sql listening on 127.0.0.1:1433").as_deref(), Some("127.0.0.1:1433"));
        assert_eq!(address_in("connecting to 127.0.0.1:1433"), None);
    }
}
