//! Damaged messages and damaged statements: whatever comes, the server answers or closes that connection, and serves
//! the others. What panics, hangs or overflows fails here.

use std::time::Duration;

use local_sql::engine::{Column, Engine, EngineOptions, Message, ResultSink, SqlType, Value};
use local_sql::{Limits, Options, Server};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use tokio::time::timeout;

use crate::raw::{BATCH, LAST, RPC, RawClient, TRANSACTION, batch, call, parameter};
use crate::support::{connect, options, scalar};

/// An answer or the end of the connection comes within this time, or the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// One whole message of each kind that a client may send, with values of many types.
fn messages() -> Vec<(u8, Vec<u8>)> {
    let values: [&[u8]; 12] = [
        &[0x26, 4, 4, 1, 0, 0, 0],
        &[0x68, 1, 1, 1],
        &[0x6D, 8, 8, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F],
        &[0x24, 16, 0],
        &[0x28, 3, 1, 2, 3],
        &[0x2A, 7, 8, 1, 2, 3, 4, 5, 1, 2, 3],
        &[0x2B, 7, 10, 1, 2, 3, 4, 5, 1, 2, 3, 60, 0],
        &[0x6F, 8, 8, 0, 0, 0, 0, 0, 0, 0, 0],
        &[0x6A, 17, 38, 10, 5, 1, 1, 0, 0, 0],
        &[0xE7, 20, 0, 9, 4, 0xD0, 0, 0x34, 4, 0, 0x61, 0, 0x62, 0],
        &[0xA5, 0xFF, 0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 2, 0, 0, 0, 0],
        &[0xA7, 0xFF, 0xFF, 9, 4, 0xD0, 0, 0x34, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0],
    ];
    let calls = values
        .map(|value| (RPC, [call("SELECT @v AS v", "@v sql_variant"), parameter("@v", 1, value)].concat()));
    let transaction = |request: &[u8]| (TRANSACTION, [&batch(0, "")[..], request].concat());
    let others = [
        (BATCH, batch(0, "SELECT 1 AS a; SELECT N'b' AS b FROM sys.tables")),
        transaction(&[5, 0, 2, 0]),
        transaction(&[8, 0, 0, 0]),
        transaction(&[9, 0, 1, 0x61, 0]),
    ];
    calls.into_iter().chain(others).collect()
}

/// A few bytes changed, taken out, doubled, or the end cut off.
fn damage(message: &mut Vec<u8>, random: &mut StdRng) {
    for _ in 0..random.random_range(1..4) {
        let at = random.random_range(0..message.len());
        match random.random_range(0..5) {
            0 => message[at] = random.random(),
            1 => message[at] = *[0, 1, 0x7F, 0x80, 0xFE, 0xFF].choose(random).unwrap(),
            2 => drop(message.remove(at)),
            3 => message.insert(at, message[at]),
            _ => message.truncate(at),
        }
        if message.is_empty() {
            message.push(random.random());
        }
    }
}

#[tokio::test]
async fn damaged_messages_are_answered_or_end_their_own_connection() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    // Not for the judge of statements.
    let limits = Limits { message_timeout: Duration::from_millis(200), ..options().limits };
    let server = Server::start(Options { limits, statements: None, ..options() }).await.unwrap();
    let mut bystander = connect(&server).await;
    for (kind, whole) in messages().iter().cycle().take(400) {
        let mut message = whole.clone();
        damage(&mut message, &mut random);
        let mut client = RawClient::log_in(server.address()).await;
        client.packet(*kind, LAST, &message).await;
        let answered = timeout(PATIENCE, client.answer()).await;
        assert!(answered.is_ok(), "neither an answer nor the end: {kind} {message:?}");
    }
    assert_eq!(scalar::<i32>(&mut bystander, "SELECT 1").await, 1);
    server.stop().await;
}

/// Bytes of any kind from the first one on.
#[tokio::test]
async fn damaged_logins_end_their_own_connection() {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let limits = Limits { login_timeout: Duration::from_millis(300), ..options().limits };
    let server = Server::start(Options { limits, ..options() }).await.unwrap();
    let login = crate::raw::Login::default().message();
    let [high, low] = ((login.len() + 8) as u16).to_be_bytes();
    let whole = [&crate::raw::PRELOGIN[..], &[16, 1, high, low, 0, 0, 1, 0], &login].concat();
    for _ in 0..200 {
        let mut bytes = whole.clone();
        damage(&mut bytes, &mut random);
        let mut client = RawClient::over(tokio::net::TcpStream::connect(server.address()).await.unwrap());
        client.bytes(&bytes).await;
        // Some log in all the same; then the session has to be usable.
        while let Ok(Some(answer)) = timeout(PATIENCE, client.answer()).await {
            if crate::raw::mentions(&answer, "Microsoft SQL Server") {
                break;
            }
        }
    }
    assert_eq!(scalar::<i32>(&mut connect(&server).await, "SELECT 1").await, 1);
    server.stop().await;
}

/// Counts and forgets.
struct Nowhere;

impl ResultSink for Nowhere {
    fn columns(&mut self, _: &[Column]) {}
    fn row(&mut self, _: &[Value]) {}
    fn statement_done(&mut self, _: Option<u64>, _: bool) {}
    fn info(&mut self, _: Message) {}
    fn error(&mut self, _: Message) {}
    fn return_status(&mut self, _: i32) {}
    fn output(&mut self, _: &str, _: SqlType, _: &Value) {}
    fn transaction_began(&mut self, _: u64) {}
    fn transaction_committed(&mut self, _: u64) {}
    fn transaction_rolled_back(&mut self, _: u64) {}
    fn database_changed(&mut self, _: &str, _: &str) {}
}

/// Statements of the shapes that services send; damaged word by word they stay near the grammar.
const STATEMENTS: [&str; 9] = [
    "SELECT TOP (2) t.Id, t.Name, COUNT(*) OVER (PARTITION BY t.Name ORDER BY t.Id) AS n FROM dbo.T AS t WITH (UPDLOCK) LEFT JOIN dbo.T AS u ON u.Id = t.Id WHERE t.Name LIKE N'a%' AND t.Id IN (1, 2) ORDER BY t.Id DESC OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY",
    "SET NOCOUNT ON; DECLARE @h TABLE (Id int); UPDATE TOP (1) t SET t.Name = N'x' OUTPUT inserted.Id INTO @h FROM dbo.T AS t WHERE t.Id = 1; SELECT Id FROM @h",
    "INSERT INTO dbo.T (Id, Name) SELECT x.Id, x.Name FROM OPENJSON(N'[{\"i\":7,\"n\":\"y\"}]') WITH (Id int '$.i', Name nvarchar(20) '$.n') AS x WHERE NOT EXISTS (SELECT 1 FROM dbo.T AS t WHERE t.Id = x.Id)",
    "BEGIN TRY BEGIN TRANSACTION; DELETE t OUTPUT deleted.Id FROM dbo.T AS t INNER JOIN dbo.T AS u ON u.Id = t.Id; COMMIT; END TRY BEGIN CATCH IF @@TRANCOUNT > 0 ROLLBACK; THROW; END CATCH",
    "DECLARE @i int = 0; WHILE @i < 3 BEGIN SET @i = @i + 1; IF @i = 2 CONTINUE; PRINT CAST(@i AS nvarchar(10)); END",
    "WITH c AS (SELECT Id, ROW_NUMBER() OVER (ORDER BY Id) AS r FROM dbo.T) SELECT CASE WHEN c.r > 1 THEN N'a' ELSE NULL END, ISNULL(c.Id, 0) FROM c GROUP BY c.Id, c.r HAVING COUNT(*) > 0",
    "CREATE TABLE dbo.U (Id int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_U PRIMARY KEY, At datetime2(7) NOT NULL DEFAULT SYSUTCDATETIME(), CONSTRAINT FK FOREIGN KEY (Id) REFERENCES dbo.T (Id)); DROP TABLE dbo.U",
    "EXEC sp_executesql N'SELECT @a + 1', N'@a int', @a = 1; DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'a', @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; SELECT @r",
    "SELECT STRING_AGG(s.value, N',') FROM STRING_SPLIT(N'a,b', N',') AS s; SELECT SUBSTRING(N'abc', 2, 1), DATEADD(day, 1, '2024-02-29'), CONVERT(varbinary(8), 1), TRY_CAST(N'x' AS int), 1 / 3 * 1e0",
];

fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '@');
        let end = if is_word(first) { rest.find(|c| !is_word(c)) } else { Some(first.len_utf8()) };
        let (word, tail) = rest.split_at(end.unwrap_or(rest.len()));
        words.push(word.to_owned());
        rest = tail;
    }
    words
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    /// From the lexer to SQLite: a session that survives a thousand damaged batches still counts.
    #[test]
    fn damaged_statements_are_run_or_refused(seed in any::<u64>()) {
        let mut random = StdRng::seed_from_u64(seed);
        let vocabulary: Vec<String> = STATEMENTS.iter().flat_map(|text| words(text)).collect();
        let engine = Engine::open(EngineOptions::default()).unwrap();
        let mut session = engine.open_session("Shop").unwrap();
        session.run_batch("CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY, Name nvarchar(20) NULL)", &mut Nowhere);
        for _ in 0..15 {
            let mut words = words(STATEMENTS.choose(&mut random).unwrap());
            for _ in 0..random.random_range(1..4) {
                let at = random.random_range(0..words.len());
                match random.random_range(0..4) {
                    0 => words[at].clone_from(vocabulary.choose(&mut random).unwrap()),
                    1 => drop(words.remove(at)),
                    2 => words.insert(at, vocabulary.choose(&mut random).unwrap().clone()),
                    _ => words.truncate(at.max(1)),
                }
                if words.is_empty() {
                    words.push("SELECT".to_owned());
                }
            }
            let text = words.concat();
            // A loop whose end was damaged, or a wait, ends as a client would end it.
            let cancel = session.cancel_flag();
            let watch = std::thread::spawn({
                let cancel = cancel.clone();
                move || {
                    std::thread::park_timeout(Duration::from_secs(2));
                    cancel.cancel();
                }
            });
            session.run_batch(&text, &mut Nowhere);
            watch.thread().unpark();
            watch.join().unwrap();
            cancel.clear();
        }
        session.run_batch("IF @@TRANCOUNT > 0 ROLLBACK", &mut Nowhere);
    }
}
