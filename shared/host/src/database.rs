//! Waits for the database at start, and brings its schema up to date or refuses an outdated one. Also the commands that
//! do one thing to the database and end: [`migrate`], [`list`], [`new_log`], [`run`].

use std::time::Duration;

use anyhow::Context as _;
use backplane::feed::NewLog;
use sql::{Database, Migration};
use tokio::time::Instant;

use crate::configuration::{Migrate, Settings, Sql, milliseconds};
use crate::lifecycle::{End, Lifecycle};
use crate::operation::Operation;

/// The pause after the first failed attempt; it doubles up to [`PAUSE_MAX`].
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// The longest pause between attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Connects, and waits for a server that is not there yet: it may be starting beside us. `None`: a stop was asked for.
/// `on_wait` is called once, after the first failure.
///
/// # Errors
/// The database is not usable as it is set up, the login is refused, or there was no answer within
/// `Sql:StartTimeout`.
pub async fn connect(
    settings: &Sql,
    lifecycle: &Lifecycle,
    on_wait: impl FnOnce(),
) -> anyhow::Result<Option<Database>> {
    let give_up_at = Instant::now() + settings.start_timeout;
    let mut on_wait = Some(on_wait);
    let mut pause = PAUSE_FIRST;
    loop {
        let attempt = Database::connect(&settings.connection, settings.options.clone());
        let error = tokio::select! {
            connected = attempt => match connected {
                Ok(database) => return Ok(Some(database)),
                Err(error) => error,
            },
            () = lifecycle.stopping().cancelled() => return Ok(None),
        };
        if error.is_login_refused() {
            // Neither waited for nor tried again: a new secret is read by a new start, and a login that is tried with
            // a wrong password again and again may be locked out.
            let login = settings.connection.user();
            return Err(error).with_context(|| {
                format!("the server does not accept the login {login}: mend its password or the login, then start again")
            });
        }
        if error.needs_mending() {
            return Err(error.into());
        }
        let jittered = pause.mul_f64(rand::random_range(0.8..1.2));
        if Instant::now() + jittered >= give_up_at {
            let limit_ms = milliseconds(settings.start_timeout);
            return Err(error).with_context(|| format!("the database did not answer within {limit_ms} ms"));
        }
        let (server, pause_ms) = (settings.connection.server(), milliseconds(jittered));
        tracing::warn!(server, %error, pause_ms, "waiting for the database");
        if let Some(on_wait) = on_wait.take() {
            on_wait();
        }
        tokio::select! {
            () = tokio::time::sleep(jittered) => {}
            () = lifecycle.stopping().cancelled() => return Ok(None),
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Applies what is missing where that is allowed; elsewhere an outdated schema refuses the start.
///
/// # Errors
/// The schema is outdated and may not be changed, or a migration failed.
pub async fn prepare(database: &Database, settings: &Sql, migrations: &[&[Migration]]) -> anyhow::Result<()> {
    let login = settings.connection.user();
    let by_kind = if database.is_local_sql() { Migrate::Auto } else { Migrate::Never };
    match settings.migrate.unwrap_or(by_kind) {
        Migrate::Auto => bring_up_to_date(database, login, migrations).await,
        Migrate::Never => {
            let missing = missing(database, migrations).await?;
            let Some(first) = missing.first() else { return Ok(()) };
            anyhow::bail!(
                "the database lacks {} migrations, first \"{first}\", and Sql:Migrate is Never: run `authoring-api \
                 migrate` once with a login that may change the schema, or start one instance with --set \
                 Sql:Migrate=Auto (if that was done: the login {login} may not see Platform.Migration, run \
                 deploy/sql/grants.sql)",
                missing.len()
            )
        }
    }
}

/// Brings the schema up to date and nothing else: a step of a deployment, with a login that may change the schema.
/// Several at once, and services that start meanwhile, apply each step exactly once.
///
/// # Errors
/// As [`connect`]; a migration failed, the database is too new, or a stop was asked for while it was awaited.
pub async fn migrate(
    settings: &Sql,
    migrations: &[&[Migration]],
    lifecycle: &Lifecycle,
) -> anyhow::Result<End> {
    let database = reach(settings, lifecycle).await?;
    let done = bring_up_to_date(&database, settings.connection.user(), migrations).await;
    database.close().await;
    done.map(|()| End::Stopped)
}

/// Names the migrations that are missing, one log line each, and changes nothing.
///
/// # Errors
/// As [`migrate`].
pub async fn list(settings: &Sql, migrations: &[&[Migration]], lifecycle: &Lifecycle) -> anyhow::Result<End> {
    let database = reach(settings, lifecycle).await?;
    let found = missing(&database, migrations).await;
    database.close().await;
    let missing = found?;
    for step in &missing {
        tracing::info!(step, "migration is missing");
    }
    if missing.is_empty() {
        tracing::info!("schema is up to date");
        return Ok(End::Stopped);
    }
    Ok(End::MigrationsMissing)
}

/// Gives the change feed a new identity, after the database was restored from a backup.
///
/// # Errors
/// As [`migrate`]; the database lacks migrations.
pub async fn new_log(
    settings: &Sql,
    migrations: &[&[Migration]],
    lifecycle: &Lifecycle,
) -> anyhow::Result<End> {
    let database = reach(settings, lifecycle).await?;
    let renewed = renew_log(&database, migrations).await;
    database.close().await;
    let NewLog { old: old_log_id, new: new_log_id } = renewed?;
    tracing::info!(old_log_id, new_log_id, "the change feed has a new identity");
    Ok(End::Stopped)
}

async fn renew_log(database: &Database, migrations: &[&[Migration]]) -> anyhow::Result<NewLog> {
    demand_migrations(database, migrations).await?;
    backplane::feed::new_log(database).await.context("cannot give the change feed a new identity")
}

/// Does what a service itself does for a command.
///
/// # Errors
/// As [`migrate`]; the database lacks migrations, or the operation failed.
pub async fn run(
    settings: Settings,
    migrations: &[&[Migration]],
    operation: Operation,
    lifecycle: &Lifecycle,
) -> anyhow::Result<End> {
    let database = reach(&settings.sql, lifecycle).await?;
    let done = match demand_migrations(&database, migrations).await {
        Ok(()) => operation(settings, database.clone()).await,
        Err(error) => Err(error),
    };
    database.close().await;
    done.map(|()| End::Stopped)
}

/// What changes no schema needs one that is up to date.
async fn demand_migrations(database: &Database, migrations: &[&[Migration]]) -> anyhow::Result<()> {
    let missing = missing(database, migrations).await?;
    if let Some(first) = missing.first() {
        let count = missing.len();
        anyhow::bail!(
            "the database lacks {count} migrations, first \"{first}\": run `authoring-api migrate` first"
        );
    }
    Ok(())
}

async fn reach(settings: &Sql, lifecycle: &Lifecycle) -> anyhow::Result<Database> {
    let target = &settings.connection;
    tracing::info!(
        server = target.server(),
        database = target.database(),
        login = target.user(),
        "connecting"
    );
    let connected = connect(settings, lifecycle, || ()).await?;
    connected.context("a stop was asked for before the database answered")
}

async fn bring_up_to_date(
    database: &Database,
    login: &str,
    migrations: &[&[Migration]],
) -> anyhow::Result<()> {
    let report = sql::migrate(database, migrations).await.map_err(|error| {
        let is_denied = error.is_permission_denied();
        let error = anyhow::Error::from(error);
        if !is_denied {
            return error.context("cannot bring the schema up to date");
        }
        error.context(format!(
            "cannot bring the schema up to date: the login {login} may not change it; run `authoring-api migrate` once \
             with a login that may (deploy/sql) and leave Sql:Migrate at Never"
        ))
    })?;
    tracing::info!(applied = report.applied.len(), "schema is up to date");
    Ok(())
}

async fn missing(database: &Database, migrations: &[&[Migration]]) -> anyhow::Result<Vec<String>> {
    sql::pending_migrations(database, migrations).await.context("cannot read the recorded migrations")
}
