//! Session settings and preconditions, in one round trip after each login.
//!
//! Settings: errors end and undo the whole transaction (`XACT_ABORT`), no wait for a lock is endless, and the
//! seven options that indexed views and filtered indexes need are on.
//! Preconditions are those of the change feed and of the statements: a database that can be written,
//! READ_COMMITTED_SNAPSHOT on, OPENJSON known. Each is refused with the statement that mends it.

use tiberius::Row;

use crate::connection::Tds;
use crate::connection_string::ConnectionString;
use crate::error::{Error, Result};
use crate::row::RowExt;

/// Longest wait for one lock, ms; then error 1222, which is retried. Below the command time-out on purpose:
/// a 1222 keeps the connection, a time-out closes it.
const LOCK_TIMEOUT_MS: u32 = 15_000;

/// OPENJSON needs a database at the level of SQL Server 2016.
const COMPATIBILITY_LEVEL_MIN: i32 = 130;

/// What kind of server this is. Only for messages and for `Migrate=Auto`: no statement depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    SqlServer,
    Babelfish,
    LocalSql,
}

/// Sets the session up and checks the database.
pub(super) async fn prepare(client: &mut Tds, target: &ConnectionString) -> Result<Engine> {
    let text = format!("SET LOCK_TIMEOUT {LOCK_TIMEOUT_MS};\n{}", include_str!("session.sql"));
    let answer = async { client.simple_query(text).await?.into_row().await }.await;
    let row = answer.map_err(|error| match error {
        // A login that ends here is a login that failed, not a statement.
        error @ tiberius::error::Error::Server(_) => Error::from_tiberius("session set-up".into(), error),
        error => super::failure(target, super::login_failure(error)),
    })?;
    let row = row.ok_or_else(|| Error::Protocol {
        statement: "session set-up".into(),
        message: "the server does not list the current database in sys.databases".to_owned(),
    })?;
    check(&Properties::read(&row)?, target)
}

struct Properties {
    engine: Engine,
    updateability: Option<String>,
    read_committed_snapshot: Option<bool>,
    compatibility_level: Option<i32>,
}

impl Properties {
    fn read(row: &Row) -> Result<Self> {
        let version: &str = row.read("Version")?;
        Ok(Self {
            engine: Engine::from_version(version),
            updateability: row.read_opt::<&str>("Updateability")?.map(str::to_owned),
            read_committed_snapshot: row.read_opt::<i32>("ReadCommittedSnapshot")?.map(|on| on != 0),
            compatibility_level: row.read_opt("CompatibilityLevel")?,
        })
    }
}

impl Engine {
    fn from_version(version: &str) -> Self {
        let version = version.to_ascii_lowercase();
        if version.contains("babelfish") {
            Self::Babelfish
        } else if version.contains("local-sql") {
            Self::LocalSql
        } else {
            Self::SqlServer
        }
    }
}

/// A stand-in may leave a property out; one that it states counts, whoever states it.
fn check(properties: &Properties, target: &ConnectionString) -> Result<Engine> {
    let database = target.database();
    let stand_in = properties.engine != Engine::SqlServer;
    let refuse =
        |problem, remedy: String| Err(Error::Precondition { database: database.to_owned(), problem, remedy });
    let quoted = format!("[{}]", database.replace(']', "]]"));
    match properties.updateability.as_deref() {
        Some("READ_WRITE") => {}
        None if stand_in => {}
        _ => {
            let problem =
                "it cannot be written (a readable secondary or READ_ONLY): the change feed needs the primary";
            return refuse(problem, format!("ALTER DATABASE {quoted} SET READ_WRITE"));
        }
    }
    match properties.read_committed_snapshot {
        Some(true) => {}
        None if stand_in => {}
        _ => {
            let remedy =
                format!("ALTER DATABASE {quoted} SET READ_COMMITTED_SNAPSHOT ON WITH ROLLBACK IMMEDIATE");
            return refuse("READ_COMMITTED_SNAPSHOT is off: readers would wait for writers", remedy);
        }
    }
    match properties.compatibility_level {
        Some(level) if level >= COMPATIBILITY_LEVEL_MIN => {}
        None if stand_in => {}
        // Babelfish 4 states 120 and has OPENJSON all the same.
        Some(_) if properties.engine == Engine::Babelfish => {}
        _ => {
            let remedy =
                format!("ALTER DATABASE {quoted} SET COMPATIBILITY_LEVEL = {COMPATIBILITY_LEVEL_MIN}");
            return refuse("its compatibility level is below 130: OPENJSON is not available", remedy);
        }
    }
    Ok(properties.engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(change: impl FnOnce(&mut Properties)) -> Result<Engine> {
        let mut properties = Properties {
            engine: Engine::SqlServer,
            updateability: Some("READ_WRITE".to_owned()),
            read_committed_snapshot: Some(true),
            compatibility_level: Some(150),
        };
        change(&mut properties);
        let text = "Server=x;Database=sh]op;User=u;Password=p";
        check(&properties, &ConnectionString::parse(text).unwrap())
    }

    #[test]
    fn each_precondition_is_refused_with_the_statement_that_mends_it() {
        assert_eq!(checked(|_| {}).unwrap(), Engine::SqlServer);
        let refusals = [
            (checked(|p| p.updateability = Some("READ_ONLY".to_owned())), "SET READ_WRITE"),
            (checked(|p| p.updateability = None), "SET READ_WRITE"),
            (checked(|p| p.read_committed_snapshot = Some(false)), "SET READ_COMMITTED_SNAPSHOT ON"),
            (checked(|p| p.compatibility_level = Some(120)), "SET COMPATIBILITY_LEVEL = 130"),
        ];
        for (result, statement) in refusals {
            let message = result.unwrap_err().to_string();
            assert!(message.contains(&format!("ALTER DATABASE [sh]]op] {statement}")), "{message}");
        }
    }

    #[test]
    fn a_stand_in_may_leave_a_property_out_but_not_deny_it() {
        let silent = |p: &mut Properties| {
            p.engine = Engine::LocalSql;
            p.updateability = None;
            p.read_committed_snapshot = None;
            p.compatibility_level = None;
        };
        assert_eq!(checked(silent).unwrap(), Engine::LocalSql);
        let denied = checked(|p| {
            silent(p);
            p.read_committed_snapshot = Some(false);
        });
        assert!(denied.is_err());
    }
}
