//! `main` of each process: command line, configuration, logs, runtime, signals, exit code.

use std::ffi::OsString;
use std::future::Future;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use sql::Migration;

use crate::arguments::{Arguments, Task};
use crate::configuration::{Configuration, keys_table};
use crate::lifecycle::{End, Lifecycle, StopSignals, run_until_stopped};
use crate::operation::Operations;
use crate::wiring::Host;
use crate::{Service, database, probe, telemetry};

/// After the end, tasks that do not watch the lifecycle get this long before their threads are left behind.
const RUNTIME_SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Runs one of our processes from its command line to its exit code (see [`End`]).
///
/// `migrations` are applied or checked in this order before `build` is called; `build` makes the service on the
/// [`Host`] and ends with [`Host::serve`]. Nothing listens before the configuration is without mistakes. `operations` are
/// what commands of the service ask for instead.
pub fn main<F, Fut>(
    service: Service,
    migrations: &'static [&'static [Migration]],
    operations: Operations,
    build: F,
) -> ExitCode
where
    F: FnOnce(Host) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    main_with(service, std::env::args_os(), migrations, operations, build)
}

/// [`main`] with a command line of its own, whose first word is the program's name.
pub fn main_with<F, Fut>(
    service: Service,
    words: impl IntoIterator<Item = OsString>,
    migrations: &'static [&'static [Migration]],
    operations: Operations,
    build: F,
) -> ExitCode
where
    F: FnOnce(Host) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let (configuration, task) = match configure(service, words) {
        Ok(configured) => configured,
        Err(end) => return end.into(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start the runtime");
            return End::Failed.into();
        }
    };
    let end = runtime.block_on(run(configuration, task, migrations, operations, build));
    runtime.shutdown_timeout(RUNTIME_SHUTDOWN_TIMEOUT);
    telemetry::stop();
    end.into()
}

/// Everything before the runtime. What the user must mend goes to standard error as plain text.
fn configure(
    service: Service,
    words: impl IntoIterator<Item = OsString>,
) -> Result<(Configuration, Task), End> {
    let arguments = Arguments::read(service, words).map_err(|error| {
        let is_help = !error.use_stderr();
        // A closed pipe is nobody's mistake.
        let _ = error.print();
        if is_help { End::Stopped } else { End::Refused }
    })?;
    if arguments.print_config_keys {
        return Err(print(&keys_table()));
    }
    let sources = arguments.sources(std::env::vars_os().collect());
    let task = arguments.task();
    let refuse = |message: String| {
        eprintln!("{service}: {message}");
        // A health check knows two answers.
        if matches!(task, Task::Health(_)) { End::Failed } else { End::Refused }
    };
    let configuration = Configuration::load(&sources, service).map_err(|error| refuse(error.to_string()))?;
    if arguments.print_config {
        return Err(print(&configuration.print()));
    }
    if let Task::Health(question) = task {
        return Err(probe::ask(configuration.settings.http.listen, question));
    }
    telemetry::start(service, configuration.settings.log_level).map_err(refuse)?;
    Ok((configuration, task))
}

fn print(text: &str) -> End {
    use std::io::Write as _;
    // A reader that has gone away, as `head` does, is nobody's mistake.
    let _ = std::io::stdout().write_all(text.as_bytes());
    End::Stopped
}

async fn run<F, Fut>(
    configuration: Configuration,
    task: Task,
    migrations: &'static [&'static [Migration]],
    operations: Operations,
    build: F,
) -> End
where
    F: FnOnce(Host) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let lifecycle = Lifecycle::new();
    let signals = match StopSignals::install() {
        Ok(signals) => signals,
        Err(error) => {
            tracing::error!(%error, "cannot listen to signals");
            return End::Failed;
        }
    };
    let work = async {
        let sql = &configuration.settings.sql;
        match task {
            Task::Migrate => return database::migrate(sql, migrations, &lifecycle).await,
            Task::ListMigrations => return database::list(sql, migrations, &lifecycle).await,
            Task::NewLog => return database::new_log(sql, migrations, &lifecycle).await,
            Task::RotateSigningKey => {
                let rotate = operations.rotate_signing_key.context("this service rotates no signing key")?;
                return database::run(configuration.settings, migrations, rotate, &lifecycle).await;
            }
            // A health check has ended before.
            Task::Serve | Task::Health(_) => {}
        }
        if let Some(host) = Host::start(configuration, migrations, lifecycle.clone()).await? {
            build(host).await?;
        }
        Ok(End::Stopped)
    };
    run_until_stopped(&lifecycle, signals, work).await
}
