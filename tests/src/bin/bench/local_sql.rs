//! What local-sql adds to SQLite: processor time of its process per operation against that of the same statement run
//! directly, in this process, on a file with the same settings. Network, protocol and T-SQL are on one side only.
//!
//! The times on the clock stand beside it in the note; a time-sharing machine makes them say less.

use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Process, binary};
use futures_util::future::try_join_all;
use rusqlite::Connection;
use tiberius::{AuthMethod, Client, Config, EncryptionLevel};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt as _};

use crate::BACK_PROCESSOR;
use crate::report::{Measurement, median};

const PASSWORD: &str = "for-this-benchmark-only";
const ROUND: Duration = Duration::from_millis(1_000);
/// Rounds of each side, in turn.
const ROUNDS: usize = 7;
/// Rows of the table that is read.
const ROWS: i64 = 10_000;
const SET_ROWS: usize = 1_000;
const CLAIMED: usize = 50;
const MIXED_CONNECTIONS: usize = 16;

const SCHEMA: &str = "CREATE TABLE Item (Id bigint NOT NULL PRIMARY KEY, Name nvarchar(50) NOT NULL, Amount int NOT NULL); \
    CREATE TABLE Queue (Queue nvarchar(50) NOT NULL, Id bigint NOT NULL, JobId bigint NOT NULL, FetchedAt datetime2(7) NULL, PRIMARY KEY (Queue, Id)); \
    CREATE TABLE Job (Id bigint NOT NULL PRIMARY KEY, StateName nvarchar(20) NOT NULL)";
const SQLITE_SCHEMA: &str = "CREATE TABLE Item (Id INTEGER NOT NULL PRIMARY KEY, Name TEXT NOT NULL, Amount INTEGER NOT NULL) STRICT; \
    CREATE TABLE Queue (Queue TEXT NOT NULL, Id INTEGER NOT NULL, JobId INTEGER NOT NULL, FetchedAt INTEGER, PRIMARY KEY (Queue, Id)) STRICT; \
    CREATE TABLE Job (Id INTEGER NOT NULL PRIMARY KEY, StateName TEXT NOT NULL) STRICT; \
    CREATE TEMP TABLE claimed (Id INTEGER, JobId INTEGER)";

type Session = Client<Compat<TcpStream>>;

/// One operation on both sides.
#[derive(Clone, Copy)]
struct Operation {
    name: &'static str,
    kind: Kind,
    target: f64,
    connections: usize,
}

#[derive(Clone, Copy)]
enum Kind {
    Insert,
    Select,
    InsertSet,
    Claim,
    /// Three reads to a write.
    Mixed,
}

const OPERATIONS: [Operation; 5] = [
    Operation { name: "local_sql_insert", kind: Kind::Insert, target: 4.0, connections: 1 },
    Operation { name: "local_sql_select", kind: Kind::Select, target: 4.0, connections: 1 },
    Operation { name: "local_sql_openjson_1000", kind: Kind::InsertSet, target: 1.5, connections: 1 },
    Operation { name: "local_sql_claim_50", kind: Kind::Claim, target: 1.5, connections: 1 },
    Operation { name: "local_sql_mixed_16", kind: Kind::Mixed, target: 4.0, connections: MIXED_CONNECTIONS },
];

pub(crate) async fn run(only: Option<&str>) -> Result<Vec<Measurement>> {
    let wanted: Vec<_> =
        OPERATIONS.into_iter().filter(|operation| only.is_none_or(|only| only == operation.name)).collect();
    let mut measurements = Vec::new();
    if wanted.is_empty() {
        return Ok(measurements);
    }
    let directory = tempfile::tempdir()?;
    let mut command = Command::new("taskset");
    command.args(["--cpu-list", BACK_PROCESSOR]).arg(binary("local-sql")?);
    command
        .args(["--listen", "127.0.0.1:0", "--sa-password", PASSWORD, "--data"])
        .arg(directory.path().join("data"));
    let mut server = Process::start("local-sql", &mut command, &directory.path().join("log"))?;
    let address = server.listening().await?;
    prepare(&mut connect(&address).await?).await?;
    let sqlite = open_sqlite(&directory.path().join("direct.sqlite"))?;
    let mut next_id = ROWS;
    for operation in wanted {
        measurements.push(compare(operation, &address, server.id(), &sqlite, &mut next_id).await?);
    }
    Ok(measurements)
}

async fn connect(address: &str) -> Result<Session> {
    let mut config = Config::new();
    config.database("Bench");
    config.authentication(AuthMethod::sql_server("sa", PASSWORD));
    config.encryption(EncryptionLevel::NotSupported);
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    Ok(Box::pin(Client::connect(config, socket.compat_write())).await?)
}

async fn prepare(session: &mut Session) -> Result<()> {
    session.simple_query(SCHEMA).await?.into_results().await?;
    let rows = set(0, ROWS as usize);
    session.execute(INSERT_SET, &[&rows]).await?;
    let queue = "INSERT INTO Queue (Queue, Id, JobId) SELECT N'default', x.Id, x.Id FROM OPENJSON(@P1) WITH (Id bigint '$.i') AS x; \
        INSERT INTO Job (Id, StateName) SELECT x.Id, N'Enqueued' FROM OPENJSON(@P1) WITH (Id bigint '$.i') AS x";
    session.execute(queue, &[&rows]).await?;
    Ok(())
}

/// As local-sql opens its files.
fn open_sqlite(file: &std::path::Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY",
    )?;
    connection.execute_batch(SQLITE_SCHEMA)?;
    let rows = set(0, ROWS as usize);
    connection.execute(SQLITE_INSERT_SET, [&rows])?;
    connection.execute_batch(
        "INSERT INTO Queue (Queue, Id, JobId) SELECT 'default', Id, Id FROM Item; INSERT INTO Job SELECT Id, 'Enqueued' FROM Item",
    )?;
    Ok(connection)
}

/// Processor time and time on the clock of one operation.
#[derive(Clone, Copy)]
struct Cost {
    processor_us: f64,
    clock_us: f64,
}

async fn compare(
    operation: Operation,
    address: &str,
    server: u32,
    sqlite: &Connection,
    next_id: &mut i64,
) -> Result<Measurement> {
    let mut sessions = try_join_all((0..operation.connections).map(|_| connect(address))).await?;
    let mut ours = Vec::new();
    let mut reference = Vec::new();
    // The first round of each side warms it up.
    for _ in 0..=ROUNDS {
        ours.push(served(operation.kind, &mut sessions, server, next_id).await?);
        reference.push(direct(operation.kind, sqlite, next_id)?);
    }
    let (ours, reference) = (&ours[1..], &reference[1..]);
    let middle = |costs: &[Cost], of: fn(&Cost) -> f64| median(costs.iter().map(of).collect());
    let ratio = median(
        ours.iter()
            .zip(reference)
            .map(|(ours, reference)| ours.processor_us / reference.processor_us)
            .collect(),
    );
    Ok(Measurement {
        name: operation.name,
        ours: middle(ours, |cost| cost.processor_us),
        reference: middle(reference, |cost| cost.processor_us),
        ratio,
        target: format!("<= {}", operation.target),
        ok: ratio <= operation.target,
        unit: "us of processor each",
        note: format!(
            "{:.0} us on the clock, directly {:.0}; {} connections",
            middle(ours, |cost| cost.clock_us),
            middle(reference, |cost| cost.clock_us),
            operation.connections
        ),
    })
}

/// A round on local-sql.
async fn served(kind: Kind, sessions: &mut [Session], server: u32, next_id: &mut i64) -> Result<Cost> {
    let (began, before) = (Instant::now(), processor_time(server)?);
    let end = began + ROUND;
    // Ids of a connection do not meet those of another.
    const IDS_EACH: i64 = 1_000_000;
    let first = *next_id;
    *next_id += IDS_EACH * sessions.len() as i64;
    let loops = sessions.iter_mut().enumerate().map(|(index, session)| async move {
        let mut done = 0;
        let mut id = first + index as i64 * IDS_EACH;
        while Instant::now() < end {
            serve(kind, session, done, &mut id).await?;
            done += 1;
        }
        anyhow::Ok(done)
    });
    let done: u64 = try_join_all(loops).await?.iter().sum();
    let clock = began.elapsed();
    Ok(each(processor_time(server)? - before, clock, done))
}

const INSERT: &str = "INSERT INTO Item (Id, Name, Amount) VALUES (@P1, @P2, @P3)";
const SELECT: &str = "SELECT Name, Amount FROM Item WHERE Id = @P1";
const INSERT_SET: &str = "INSERT INTO Item (Id, Name, Amount) SELECT x.Id, x.Name, x.Amount FROM OPENJSON(@P1) \
    WITH (Id bigint '$.i', Name nvarchar(50) '$.n', Amount int '$.a') AS x";
/// The shape of the job engine's exchange: claim, mark, commit, answer. What was claimed is given back, so that the next
/// batch finds the same.
const CLAIM: &str = "SET NOCOUNT ON; SET XACT_ABORT ON; DECLARE @new TABLE (Id bigint NOT NULL PRIMARY KEY, JobId bigint NOT NULL); \
    BEGIN TRANSACTION; \
    UPDATE TOP (50) q SET q.FetchedAt = SYSUTCDATETIME() OUTPUT inserted.Id, inserted.JobId INTO @new (Id, JobId) \
    FROM Queue AS q WITH (READPAST, UPDLOCK, ROWLOCK) WHERE q.Queue = N'default' AND q.FetchedAt IS NULL; \
    UPDATE j SET j.StateName = N'Processing' FROM Job AS j WHERE j.Id IN (SELECT n.JobId FROM @new AS n); \
    UPDATE q SET q.FetchedAt = NULL FROM Queue AS q WHERE q.Queue = N'default' AND q.Id IN (SELECT n.Id FROM @new AS n); \
    COMMIT TRANSACTION; SELECT Id, JobId FROM @new";

async fn serve(kind: Kind, session: &mut Session, done: u64, id: &mut i64) -> Result<()> {
    match kind {
        Kind::Insert => insert(session, id).await,
        Kind::Select => select(session, done).await,
        Kind::Mixed if done.is_multiple_of(4) => insert(session, id).await,
        Kind::Mixed => select(session, done).await,
        Kind::InsertSet => {
            let rows = set(*id, SET_ROWS);
            *id += SET_ROWS as i64;
            let inserted = session.execute(INSERT_SET, &[&rows]).await?.total();
            ensure!(inserted == SET_ROWS as u64, "{inserted} rows");
            Ok(())
        }
        Kind::Claim => {
            let claimed = session.simple_query(CLAIM).await?.into_first_result().await?.len();
            ensure!(claimed == CLAIMED, "{claimed} rows");
            Ok(())
        }
    }
}

async fn insert(session: &mut Session, id: &mut i64) -> Result<()> {
    *id += 1;
    let inserted = session.execute(INSERT, &[&*id, &"a name of some length", &7i32]).await?.total();
    ensure!(inserted == 1, "{inserted} rows");
    Ok(())
}

async fn select(session: &mut Session, done: u64) -> Result<()> {
    let id = done as i64 * 7 % ROWS;
    let row = session.query(SELECT, &[&id]).await?.into_row().await?;
    row.context("no row").map(drop)
}

/// A round on SQLite itself, with statements that stay compiled.
fn direct(kind: Kind, sqlite: &Connection, next_id: &mut i64) -> Result<Cost> {
    let (began, before) = (Instant::now(), own_time());
    let mut done = 0;
    while began.elapsed() < ROUND {
        directly(kind, sqlite, done, next_id)?;
        done += 1;
    }
    Ok(each(own_time() - before, began.elapsed(), done))
}

const SQLITE_INSERT_SET: &str = "INSERT INTO Item (Id, Name, Amount) SELECT json_extract(x.value, '$.i'), \
    json_extract(x.value, '$.n'), json_extract(x.value, '$.a') FROM json_each(?1) AS x";
const SQLITE_CLAIM: [&str; 5] = [
    "DELETE FROM claimed",
    "UPDATE Queue SET FetchedAt = 1 WHERE (Queue, Id) IN (SELECT Queue, Id FROM Queue WHERE Queue = 'default' AND FetchedAt IS NULL LIMIT 50) RETURNING Id, JobId",
    "INSERT INTO claimed (Id, JobId) VALUES (?1, ?2)",
    "UPDATE Job SET StateName = 'Processing' WHERE Id IN (SELECT JobId FROM claimed)",
    "UPDATE Queue SET FetchedAt = NULL WHERE Queue = 'default' AND Id IN (SELECT Id FROM claimed)",
];

fn directly(kind: Kind, sqlite: &Connection, done: u64, next_id: &mut i64) -> Result<()> {
    match kind {
        Kind::Mixed if !done.is_multiple_of(4) => directly(Kind::Select, sqlite, done, next_id),
        Kind::Insert | Kind::Mixed => {
            *next_id += 1;
            let mut insert =
                sqlite.prepare_cached("INSERT INTO Item (Id, Name, Amount) VALUES (?1, ?2, ?3)")?;
            insert.execute((*next_id, "a name of some length", 7))?;
            Ok(())
        }
        Kind::Select => {
            let mut select = sqlite.prepare_cached("SELECT Name, Amount FROM Item WHERE Id = ?1")?;
            let id = done as i64 * 7 % ROWS;
            select.query_row([id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
            Ok(())
        }
        Kind::InsertSet => {
            let rows = set(*next_id, SET_ROWS);
            *next_id += SET_ROWS as i64;
            sqlite.prepare_cached(SQLITE_INSERT_SET)?.execute([&rows])?;
            Ok(())
        }
        Kind::Claim => claim_directly(sqlite),
    }
}

fn claim_directly(sqlite: &Connection) -> Result<()> {
    let [empty, claim, keep, mark, give_back] = SQLITE_CLAIM;
    let run = |text: &str| sqlite.prepare_cached(text)?.execute([]);
    run("BEGIN IMMEDIATE")?;
    run(empty)?;
    {
        let (mut claim, mut keep) = (sqlite.prepare_cached(claim)?, sqlite.prepare_cached(keep)?);
        let mut rows = claim.query([])?;
        while let Some(row) = rows.next()? {
            keep.execute((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))?;
        }
    }
    run(mark)?;
    run(give_back)?;
    run("COMMIT")?;
    let mut answer = sqlite.prepare_cached("SELECT Id, JobId FROM claimed")?;
    let rows = answer.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?.count();
    ensure!(rows == CLAIMED, "{rows} rows");
    Ok(())
}

/// Rows as the one parameter that carries them.
fn set(first: i64, rows: usize) -> String {
    let rows = (first..).take(rows).map(|id| format!(r#"{{"i":{id},"n":"a name of some length","a":7}}"#));
    format!("[{}]", rows.collect::<Vec<_>>().join(","))
}

fn each(processor: Duration, clock: Duration, done: u64) -> Cost {
    let each = |time: Duration| time.as_secs_f64() * 1e6 / done as f64;
    Cost { processor_us: each(processor), clock_us: each(clock) }
}

/// User and system time of all threads of a process that lives.
fn processor_time(process: u32) -> Result<Duration> {
    let mut nanoseconds = 0;
    for thread in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let schedule = std::fs::read_to_string(thread?.path().join("schedstat")).context("schedstat")?;
        let on_processor = schedule.split(' ').next().context("an empty schedstat")?;
        nanoseconds += on_processor.parse::<u64>()?;
    }
    Ok(Duration::from_nanos(nanoseconds))
}

fn own_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}
