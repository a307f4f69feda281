//! Whole processes: this test binary starts itself again as one of our processes, and is spoken to through its port,
//! its signals and its exit code.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use host::openapi::Document;
use host::{Host, Service};
use reqwest::Client;
use sql::testing::TestDatabase;
use sql::{ConnectionString, RowExt as _};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use utoipa::OpenApi;

/// The environment in which a process is of the next version.
pub const NEXT: &str = "Next";

/// The words of the command line that a started process reads, one a line.
const WORDS: &str = "HOST_TEST_WORDS";

pub const MIGRATIONS: &[&[sql::Migration]] = &[sql::MIGRATIONS, jobs::MIGRATIONS];

/// What the next version of the program brings: a step that this version can live with.
pub const NEXT_MIGRATIONS: &[&[sql::Migration]] = &[
    sql::MIGRATIONS,
    jobs::MIGRATIONS,
    &[sql::Migration {
        component: "Next",
        version: 1,
        name: "a column more",
        min_binary: 1,
        text: "ALTER TABLE Platform.ChangeFeed ADD AddedByNext int NULL;",
    }],
];

/// A job that nobody enqueues: a job server needs a handler. And a document of no operation.
#[derive(serde::Serialize, serde::Deserialize, OpenApi)]
struct Nothing {}

impl jobs::Payload for Nothing {
    const TYPE: &'static str = "Host.Tests.Nothing, Host";
}

/// Runs only in processes that [`Process::start`] starts.
#[test]
#[ignore = "started by the other tests of this module"]
fn one_of_our_processes() {
    let Ok(words) = std::env::var(WORDS) else { return };
    let is_authoring = words.starts_with(Service::AuthoringApi.name());
    let service = if is_authoring { Service::AuthoringApi } else { Service::JobWorker };
    let is_next = std::env::var("STOA_ENVIRONMENT").is_ok_and(|name| name == NEXT);
    let migrations = if is_next { NEXT_MIGRATIONS } else { MIGRATIONS };
    let words = words.lines().map(Into::into);
    let end = host::main_with(service, words, migrations, host::Operations::default(), async |host: Host| {
        let mut registry = jobs::Registry::new();
        if host.settings.environment != "NoHandlers" {
            registry.register::<Nothing, _, _, _>(async |_context, _payload| Ok::<(), jobs::Failure>(()));
        }
        host.start_job_server(registry)?;
        if host.settings.environment == "Hangs" {
            host.lifecycle.spawn(std::future::pending());
        }
        let document = Document::of(Nothing::openapi(), &[])?;
        host.serve(Some(document), |_config| {}).await
    });
    let code = (0..=4u8).find(|code| format!("{:?}", ExitCode::from(*code)) == format!("{end:?}"));
    #[expect(clippy::disallowed_methods, reason = "the test harness has no other way to set its exit code")]
    std::process::exit(code.map_or(100, i32::from));
}

pub struct Process {
    child: Child,
    /// What it logs, read all the time: a full pipe would hold it back.
    lines: mpsc::UnboundedReceiver<String>,
    _folder: TempDir,
}

impl Process {
    /// Starts a process with this `appsettings.json` and these further words.
    pub fn start(settings: &str, words: &[&str]) -> Self {
        Self::start_in("Production", settings, words)
    }

    /// The same in an environment of this name.
    pub fn start_in(environment: &str, settings: &str, words: &[&str]) -> Self {
        Self::start_as(Service::JobWorker, environment, settings, words)
    }

    /// The same as this service.
    pub fn start_as(service: Service, environment: &str, settings: &str, words: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("appsettings.json");
        std::fs::write(&file, settings).unwrap();
        let file = file.to_str().unwrap();
        let words: Vec<&str> = [service.name(), "--config", file].iter().chain(words).copied().collect();
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::one_of_our_processes", "--ignored", "--nocapture"])
            .env(WORDS, words.join("\n"))
            .env("STOA_ENVIRONMENT", environment)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut read = BufReader::new(child.stdout.take().unwrap()).lines();
        let (say, lines) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Ok(Some(line)) = read.next_line().await {
                let _ = say.send(line);
            }
        });
        Self { child, lines, _folder: folder }
    }

    /// Reads log lines up to the first with this message.
    pub async fn line(&mut self, message: &str) -> String {
        while let Some(line) = self.lines.recv().await {
            println!("{line}");
            if line.contains(message) {
                return line;
            }
        }
        panic!("the process ended without saying {message:?}");
    }

    pub fn signal(&self, name: &str) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }

    /// Exit code and every log line that was not read yet.
    pub async fn end_with_lines(mut self) -> (i32, String) {
        let mut lines = String::new();
        while let Some(line) = self.lines.recv().await {
            lines.push_str(&line);
            lines.push('\n');
        }
        (self.end().await.0, lines)
    }

    /// Exit code and standard error.
    pub async fn end(self) -> (i32, String) {
        let output = self.child.wait_with_output().await.unwrap();
        (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

/// A database that nobody answers for: connections are accepted and left alone.
pub async fn silent_database() -> (TcpListener, String) {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let settings = format!(
        r#"{{"ConnectionStrings": {{"VirtoCommerce":
            "Server=127.0.0.1,{port};Database=d;User ID=u;Password=p;Encrypt=False;Connection Timeout=1"}}}}"#
    );
    (silent, settings)
}

/// A free port; taken again a moment later by the process that is told of it.
pub async fn free_port() -> u16 {
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
    process.line(";User ID=u;Password=***;").await;
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

#[tokio::test]
async fn a_login_that_is_refused_ends_a_start_at_once_and_one_without_database_waits() {
    let test = TestDatabase::create_empty().await;
    let string = test.connection.to_secret_string();
    let settings = |pairs: &str| {
        serde_json::json!({ "ConnectionStrings": { "VirtoCommerce": format!("{string};{pairs}") } })
            .to_string()
    };
    let listen = ["--listen", "127.0.0.1:0"];
    let process = Process::start(&settings("Password=Planted-Wrong-1"), &listen);
    let (code, lines) = process.end_with_lines().await;
    assert_eq!(code, 1, "{lines}");
    let login = test.connection.user();
    assert!(lines.contains(&format!("the server does not accept the login {login}")), "{lines}");
    assert!(lines.contains("error 18456"), "{lines}");
    assert!(!lines.contains("waiting for the database") && !lines.contains("Planted-Wrong-1"), "{lines}");
    // A database that is not there may still come: Azure SQL says the same of one that moves.
    test.database.run_script("CREATE LOGIN early WITH PASSWORD = N'Early-Bird-1!'").await.unwrap();
    let mut process = Process::start(&settings("User ID=early;Password=Early-Bird-1!"), &listen);
    let line = process.line("waiting for the database").await;
    assert!(line.contains("error 4060"), "{line}");
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
    test.database.run_script("DROP LOGIN early").await.unwrap();
    test.close().await;
}

/// The least configuration for a real database.
pub fn settings(connection: &ConnectionString) -> String {
    let connection = connection.to_secret_string();
    serde_json::json!({
        "ConnectionStrings": {"VirtoCommerce": connection},
        "Sql": {"Migrate": "Auto"},
        "Caching": {"MaxStaleness": "00:00:03"},
    })
    .to_string()
}

impl Process {
    /// Waits until it serves and gives its URL.
    pub async fn url(&mut self) -> String {
        let line: serde_json::Value = serde_json::from_str(&self.line("\"listening\"").await).unwrap();
        assert_eq!(line["service"], "job-worker");
        format!("http://{}", line["address"].as_str().unwrap())
    }
}

/// Asks again until the status is this one; the test's own time limit ends a wait in vain.
pub async fn until_status(url: &str, status: u16) {
    const PAUSE: Duration = Duration::from_millis(20);
    while reqwest::get(url).await.unwrap().status().as_u16() != status {
        tokio::time::sleep(PAUSE).await;
    }
}

#[tokio::test]
async fn a_process_prepares_its_database_serves_runs_jobs_and_stops_in_order() {
    let test = TestDatabase::create_empty().await;
    let mut process = Process::start(&settings(&test.connection), &["--listen", "127.0.0.1:0"]);
    let url = process.url().await;
    until_status(&format!("{url}/health/ready"), 200).await;
    let health: serde_json::Value =
        reqwest::get(format!("{url}/health")).await.unwrap().json().await.unwrap();
    assert_eq!(health["status"], "ready");
    assert_eq!(health["redis"], "not configured");
    assert!(health["jobServer"]["workerCount"].as_u64().is_some_and(|count| count > 0), "{health}");
    process.signal("INT");
    process.line("job server stopped").await;
    process.line("\"stopped\"").await;
    assert_eq!(process.end().await.0, 0);
    assert!(sql::pending_migrations(&test.database, MIGRATIONS).await.unwrap().is_empty());
    test.close().await;
}

#[tokio::test]
async fn an_outdated_schema_that_may_not_be_changed_refuses_the_start() {
    let test = TestDatabase::create_empty().await;
    let words = ["--listen", "127.0.0.1:0", "--set", "Sql:Migrate=Never"];
    let mut process = Process::start(&settings(&test.connection), &words);
    let line = process.line("\"failed\"").await;
    assert!(
        line.contains("and Sql:Migrate is Never: run `authoring-api migrate` once with a login that may"),
        "{line}"
    );
    assert_eq!(process.end().await.0, 1);
    test.close().await;
}

#[tokio::test]
async fn a_job_server_without_handlers_refuses_to_start() {
    let test = TestDatabase::create_empty().await;
    let words = ["--listen", "127.0.0.1:0"];
    let mut process = Process::start_in("NoHandlers", &settings(&test.connection), &words);
    let line = process.line("\"failed\"").await;
    assert!(line.contains("UseHangfireServer is true and this service has no job handlers"), "{line}");
    assert_eq!(process.end().await.0, 1);
    test.close().await;
}

#[tokio::test]
async fn a_worker_whose_database_goes_away_stays_live_and_comes_back() {
    let test = TestDatabase::create_empty().await;
    let proxy = test.proxy().await;
    let mut process = Process::start(&settings(proxy.connection()), &["--listen", "127.0.0.1:0"]);
    let url = process.url().await;
    until_status(&format!("{url}/health/ready"), 200).await;
    proxy.refuse();
    proxy.cut();
    until_status(&format!("{url}/health/ready"), 503).await;
    assert_eq!(reqwest::get(format!("{url}/health/live")).await.unwrap().status().as_u16(), 200);
    proxy.accept();
    until_status(&format!("{url}/health/ready"), 200).await;
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
    test.close().await;
}

#[tokio::test]
async fn sigterm_leaves_load_balancers_time_and_sigint_does_not() {
    let test = TestDatabase::create_empty().await;
    const WAITS: &str = "accepting until load balancers notice";
    let words = ["--listen", "127.0.0.1:0", "--set", "Http:StopDelay=00:00:10"];
    let mut process = Process::start(&settings(&test.connection), &words);
    let url = process.url().await;
    process.signal("TERM");
    process.line(WAITS).await;
    let ready = reqwest::get(format!("{url}/health/ready")).await.unwrap();
    assert_eq!(ready.status().as_u16(), 503, "it still answers");
    drop(process);

    let mut process = Process::start(&settings(&test.connection), &words);
    process.url().await;
    process.signal("INT");
    while let Some(line) = process.lines.recv().await {
        assert!(!line.contains(WAITS), "nobody balances requests over a process that is stopped by hand");
    }
    assert_eq!(process.end().await.0, 0);
    test.close().await;
}

#[tokio::test]
async fn a_second_signal_ends_a_process_that_does_not_stop() {
    let test = TestDatabase::create_empty().await;
    let mut process = Process::start_in("Hangs", &settings(&test.connection), &["--listen", "127.0.0.1:0"]);
    process.url().await;
    process.signal("TERM");
    process.line("job server stopped").await;
    process.signal("TERM");
    process.line("second signal").await;
    assert_eq!(process.end().await.0, 3);
    test.close().await;
}

#[tokio::test]
async fn the_api_document_and_its_viewer_can_be_turned_off() {
    let test = TestDatabase::create_empty().await;
    for (enable, status) in [("true", 200), ("false", 404)] {
        let words = ["--listen", "127.0.0.1:0", "--set", &format!("OpenApi:Enable={enable}")];
        let mut process = Process::start(&settings(&test.connection), &words);
        let url = process.url().await;
        for path in ["/openapi.json", "/docs", "/docs/", "/docs/swagger-ui.css"] {
            let answer = reqwest::get(format!("{url}{path}")).await.unwrap();
            assert_eq!(answer.status().as_u16(), status, "{path} with OpenApi:Enable={enable}");
        }
        process.signal("INT");
        assert_eq!(process.end().await.0, 0);
    }
    test.close().await;
}

#[tokio::test]
async fn a_process_that_runs_jobs_deletes_old_rows_of_the_feed_and_of_commits() {
    let test = TestDatabase::create(MIGRATIONS).await;
    let old = "INSERT INTO Platform.ChangeFeed (Seq, Tag, Mark, At) VALUES
                   (1, 7, 1, DATEADD(hour, -3, SYSUTCDATETIME())), (2, 7, 2, DATEADD(hour, -2, SYSUTCDATETIME())),
                   (3, 7, 3, SYSUTCDATETIME());
               UPDATE Platform.FeedHead SET Head = 3, Mark = 3;
               INSERT INTO Platform.[Commit] (TxId, Fenced, At) VALUES
                   (1, 0, DATEADD(hour, -2, SYSUTCDATETIME())), (2, 0, SYSUTCDATETIME());";
    test.database.run_script(old).await.unwrap();
    let mut process = Process::start(&settings(&test.connection), &["--listen", "127.0.0.1:0"]);
    let line = process.line("deleted old rows of the change feed").await;
    assert!(line.contains(r#""changes":2,"commits":1"#), "{line}");
    let left = "SELECT (SELECT MIN(c.Seq) FROM Platform.ChangeFeed AS c) AS Seq,
                       (SELECT h.PrunedTo FROM Platform.FeedHead AS h) AS PrunedTo,
                       (SELECT COUNT_BIG(*) FROM Platform.[Commit] AS c WHERE c.TxId = 1) AS OldCommits;";
    let rows = test.database.query(left, &[]).await.unwrap();
    let read = |column| rows[0].read::<i64>(column).unwrap();
    assert_eq!((read("Seq"), read("PrunedTo"), read("OldCommits")), (3, 2, 0));
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
    test.close().await;
}
