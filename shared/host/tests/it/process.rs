//! Whole processes: this test binary starts itself again as one of our processes, and is spoken to through its port,
//! its signals and its exit code.

use std::process::{ExitCode, Stdio};

use host::{Host, Service};
use reqwest::Client;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// The words of the command line that a started process reads, one a line.
const WORDS: &str = "HOST_TEST_WORDS";

/// Runs only in processes that [`Process::start`] starts.
#[test]
#[ignore = "started by the other tests of this module"]
fn one_of_our_processes() {
    let Ok(words) = std::env::var(WORDS) else { return };
    let words = words.lines().map(Into::into);
    let end =
        host::main_with(Service::JobWorker, words, &[], async |host: Host| host.serve(|_config| {}).await);
    let code = (0..=3u8).find(|code| format!("{:?}", ExitCode::from(*code)) == format!("{end:?}"));
    #[expect(clippy::disallowed_methods, reason = "the test harness has no other way to set its exit code")]
    std::process::exit(code.map_or(100, i32::from));
}

struct Process {
    child: Child,
    lines: tokio::io::Lines<BufReader<tokio::process::ChildStdout>>,
    _folder: TempDir,
}

impl Process {
    /// Starts a process with this `appsettings.json` and these further words.
    fn start(settings: &str, words: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("appsettings.json");
        std::fs::write(&file, settings).unwrap();
        let file = file.to_str().unwrap();
        let words: Vec<&str> = ["job-worker", "--config", file].iter().chain(words).copied().collect();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::one_of_our_processes", "--ignored", "--nocapture"])
            .env(WORDS, words.join("\n"))
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines, _folder: folder }
    }

    /// Reads log lines up to the first with this message.
    async fn line(&mut self, message: &str) -> String {
        while let Some(line) = self.lines.next_line().await.unwrap() {
            if line.contains(message) {
                return line;
            }
        }
        panic!("the process ended without saying {message:?}");
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Exit code and standard error.
    async fn end(mut self) -> (i32, String) {
        // Nobody reads on: a full pipe must not hold the process back.
        let drain = async { while let Ok(Some(_)) = self.lines.next_line().await {} };
        let (output, ()) = tokio::join!(self.child.wait_with_output(), drain);
        let output = output.unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A database that nobody answers for: connections are accepted and left alone.
async fn silent_database() -> (TcpListener, String) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = format!(
        r#"{{"ConnectionStrings": {{"VirtoCommerce":
            "Server=127.0.0.1,{port};Database=d;User ID=u;Password=p;Encrypt=False;Connection Timeout=1"}}}}"#
    );
    (silent, settings)
}

/// A free port; taken again a moment later by the process that is told of it.
async fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

#[tokio::test]
async fn a_mistake_in_the_configuration_ends_the_start_with_2_and_all_mistakes_on_standard_error() {
    let process = Process::start("{\n  \"Caching\": {\"CacheEnabled\": 7}\n}", &["--set", "Caching:Slots=3"]);
    let (code, errors) = process.end().await;
    assert_eq!(code, 2);
    assert!(errors.contains("job-worker: the configuration has 3 mistakes:"), "{errors}");
    assert!(
        errors.contains("appsettings.json:2:31: Caching:CacheEnabled = \"7\": expected true or false"),
        "{errors}"
    );
    assert!(errors.contains("flag --set: Caching:Slots = \"3\": expected"), "{errors}");
    assert!(errors.contains("ConnectionStrings:VirtoCommerce: is not set"), "{errors}");
}

#[tokio::test]
async fn printing_the_configuration_starts_nothing() {
    let (_silent, settings) = silent_database().await;
    let mut process = Process::start(&settings, &["--print-config"]);
    process.line("ConnectionStrings:VirtoCommerce = (hidden)").await;
    assert_eq!(process.end().await.0, 0);
}

#[tokio::test]
async fn a_taken_port_is_the_first_error() {
    let (silent, settings) = silent_database().await;
    let taken = silent.local_addr().unwrap().to_string();
    let mut process = Process::start(&settings, &["--listen", &taken]);
    let line = process.line("failed").await;
    assert!(line.contains("cannot listen on"), "{line}");
    assert_eq!(process.end().await.0, 1);
}

#[tokio::test]
async fn a_process_that_waits_for_its_database_is_live_and_obeys_signals() {
    let (silent, settings) = silent_database().await;
    drop(silent);
    let port = free_port().await;
    let mut process = Process::start(&settings, &["--listen", &format!("127.0.0.1:{port}")]);
    process.line("waiting for the database").await;
    let client = Client::new();
    let status = async |path: &str| {
        client.get(format!("http://127.0.0.1:{port}{path}")).send().await.unwrap().status().as_u16()
    };
    assert_eq!(status("/health/live").await, 200);
    assert_eq!(status("/health/ready").await, 503);
    assert_eq!(status("/v1/shop/products").await, 503);
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
}

#[tokio::test]
async fn a_database_that_never_comes_ends_the_process_with_1() {
    let (silent, settings) = silent_database().await;
    drop(silent);
    let mut process =
        Process::start(&settings, &["--listen", "127.0.0.1:0", "--set", "Sql:StartTimeout=00:00:01"]);
    let line = process.line("failed").await;
    assert!(line.contains("the database did not answer within 1000 ms"), "{line}");
    assert_eq!(process.end().await.0, 1);
}
