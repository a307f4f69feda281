//! A database that lives as long as its test.

use std::time::Duration;

use super::Proxy;
use crate::connection::Tds;
use crate::connection_string::ConnectionString;
use crate::login;
use crate::{Database, Migration, Options, migrate};

/// Names a server whose databases tests may create and drop, as an ADO.NET string.
const SERVER_VARIABLE: &str = "STOA_TEST_SQLSERVER";
/// Longest time for CREATE or DROP DATABASE.
const ADMIN_LIMIT: Duration = Duration::from_secs(60);
/// Attempts of them: engines lock their list of databases, and tests run side by side.
const ADMIN_ATTEMPTS: u32 = 10;

/// A migrated database of its own and a pool on it.
///
/// Without `STOA_TEST_SQLSERVER` it is a local-sql in this process, in memory, gone with the value. With it,
/// a database `stoa_test_…` on that server; it is dropped at the end, also when the test panics.
pub struct TestDatabase {
    /// Ready to use, with [`sql::MIGRATIONS`](crate::MIGRATIONS) and the given sets applied.
    pub database: Database,
    /// For further pools, proxies and processes.
    pub connection: ConnectionString,
    // After `database`: fields are dropped in this order, and a database in use cannot be dropped.
    server: Server,
}

enum Server {
    Local(Option<local_sql::Server>),
    Remote(Box<Remote>),
}

impl TestDatabase {
    /// A new database with this crate's migrations and then `sets`. Panics with the reason if there is none.
    pub async fn create(sets: &[&[Migration]]) -> Self {
        let test = Self::create_empty().await;
        let mut all = vec![crate::MIGRATIONS];
        all.extend(sets.iter().filter(|set| **set != crate::MIGRATIONS));
        migrate(&test.database, &all).await.expect("the migrations of a test database");
        test
    }

    /// A new database without any table.
    pub async fn create_empty() -> Self {
        let (connection, server) = match std::env::var(SERVER_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => Remote::create(&text).await,
            _ => local().await,
        };
        let database = Database::connect(&connection, Options::default()).await;
        Self { database: database.expect("a pool on the test database"), connection, server }
    }

    /// Another pool on the same database, as another process would have it.
    pub async fn pool(&self, options: Options) -> Database {
        Database::connect(&self.connection, options).await.expect("another pool on the test database")
    }

    /// A proxy in front of the server; `proxy.connection()` leads to this database through it.
    pub async fn proxy(&self) -> Proxy {
        Proxy::start(&self.connection).await
    }

    /// Closes the pool and drops the database. Dropping the value does the same, but blocks the thread.
    pub async fn close(self) {
        self.database.close().await;
        match self.server {
            Server::Local(mut server) => {
                if let Some(server) = server.take() {
                    server.stop().await;
                }
            }
            Server::Remote(remote) => remote.drop_database().await,
        }
    }
}

async fn local() -> (ConnectionString, Server) {
    const PASSWORD: &str = "Local-sql-1";
    let options = local_sql::Options {
        listen: ([127, 0, 0, 1], 0).into(),
        storage: local_sql::Storage::Memory,
        sa_password: PASSWORD.to_owned(),
        // For the judge of T-SQL, see `make judges`.
        statements: std::env::var_os("LOCAL_SQL_STATEMENTS").map(Into::into),
        ..local_sql::Options::default()
    };
    let server = local_sql::Server::start(options).await.expect("local-sql in this process");
    let address = server.address();
    let text = format!(
        "Data Source=tcp:{},{};Initial Catalog=test;User ID=sa;Password={PASSWORD};Encrypt=False",
        address.ip(),
        address.port(),
    );
    (parse(&text), Server::Local(Some(server)))
}

fn parse(text: &str) -> ConnectionString {
    ConnectionString::parse(text).unwrap_or_else(|error| panic!("{error}"))
}

/// A database on a server that is not ours. Dropped with the value.
struct Remote {
    admin: ConnectionString,
    database: String,
    dropped: bool,
}

impl Remote {
    async fn create(text: &str) -> (ConnectionString, Server) {
        // A string for a whole server names no database.
        let with_database = format!("Initial Catalog=master;{text}");
        let admin = parse(&with_database).with_database("master");
        let database = format!("stoa_test_{:016x}", rand::random::<u64>());
        run(&admin, &format!("CREATE DATABASE [{database}]")).await.expect("CREATE DATABASE");
        let option = format!("ALTER DATABASE [{database}] SET READ_COMMITTED_SNAPSHOT ON");
        if let Err(error) = run(&admin, &option).await {
            // An engine that knows no such option works on row versions anyway, or is refused by the pool.
            eprintln!("READ_COMMITTED_SNAPSHOT: {error}");
        }
        let connection = admin.with_database(&database);
        (connection, Server::Remote(Box::new(Self { admin, database, dropped: false })))
    }

    async fn drop_database(mut self) {
        self.dropped = true;
        drop_database(&self.admin, &self.database).await;
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        if self.dropped {
            return;
        }
        let (admin, database) = (self.admin.clone(), self.database.clone());
        // A thread and a runtime of its own: this one may be the only thread of the test's runtime.
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            if let Ok(runtime) = runtime {
                runtime.block_on(drop_database(&admin, &database));
            }
        });
        let _ = thread.join();
    }
}

async fn drop_database(admin: &ConnectionString, database: &str) {
    if let Err(error) = run(admin, &format!("{}DROP DATABASE [{database}]", end_sessions(database))).await {
        eprintln!("database {database} is left behind: {error}");
    }
}

/// Ends the sessions that a test left behind: a database in use cannot be dropped. Not every engine knows
/// SINGLE_USER, but all know KILL.
fn end_sessions(database: &str) -> String {
    format!(
        "DECLARE @spid int = 0, @kill nvarchar(50);
         WHILE @spid IS NOT NULL
         BEGIN
             SELECT @spid = MIN(p.spid) FROM sys.sysprocesses AS p
             WHERE p.dbid = DB_ID(N'{database}') AND p.spid > @spid AND p.spid <> @@SPID;
             IF @spid IS NOT NULL
             BEGIN
                 SET @kill = CONCAT(N'KILL ', @spid);
                 EXEC (@kill);
             END
         END;
         "
    )
}

async fn run(admin: &ConnectionString, text: &str) -> Result<(), String> {
    let mut last = String::new();
    for attempt in 1..=ADMIN_ATTEMPTS {
        match run_once(admin, text).await {
            Ok(()) => return Ok(()),
            Err(error) => last = error,
        }
        tokio::time::sleep(Duration::from_millis(50) * attempt).await;
    }
    Err(last)
}

async fn run_once(admin: &ConnectionString, text: &str) -> Result<(), String> {
    let work = async {
        let mut client: Tds = login::open_unchecked(admin).await.map_err(|e| e.to_string())?;
        client
            .simple_query(text)
            .await
            .map_err(|e| e.to_string())?
            .into_results()
            .await
            .map_err(|e| e.to_string())
    };
    let done = tokio::time::timeout(ADMIN_LIMIT, work).await;
    done.unwrap_or_else(|_| Err(format!("no answer within {ADMIN_LIMIT:?}"))).map(drop)
}
