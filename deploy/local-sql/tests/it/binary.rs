//! The real binary as a process of its own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::PASSWORD;

/// The binary with its address; killed when dropped.
pub struct Binary {
    pub process: Child,
    pub address: SocketAddr,
}

impl Binary {
    /// On a free port, with its databases in a directory.
    pub fn start(data: &Path) -> Self {
        Self::start_with(["--data".as_ref(), data.as_os_str()])
    }

    /// On a free port.
    pub fn start_with<'a>(flags: impl IntoIterator<Item = &'a OsStr>) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_local-sql"))
            .args(["--listen", "127.0.0.1:0"])
            .args(flags)
            .env("LOCAL_SQL_SA_PASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let address = stdout
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("listening on ")?.parse().ok())
            .expect("the address on standard output");
        Self { process, address }
    }

    pub fn signal(&mut self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

impl Drop for Binary {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
