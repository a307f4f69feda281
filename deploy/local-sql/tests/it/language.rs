//! The language through the engine's own interface: batches in, rows and error numbers out.
//!
//! Each case is a batch and what it yields, written short: rows as `a|b`, one result set after the other separated by
//! ` / `, `NULL` for NULL, `!n` for error n. Cases of one test share a database and run in order.

use local_sql::engine::{
    Column, Engine, EngineOptions, Message, Param, ResultSink, Session, SqlType, TransactionRequest, Value,
};

/// Writes down what a batch yields.
#[derive(Default)]
struct Record {
    parts: Vec<String>,
    rows: Vec<String>,
    open: bool,
    types: Vec<SqlType>,
    messages: Vec<String>,
    outputs: Vec<String>,
}

impl ResultSink for Record {
    fn columns(&mut self, columns: &[Column]) {
        self.open = true;
        self.types = columns.iter().map(|column| column.ty).collect();
    }
    fn row(&mut self, values: &[Value]) {
        self.rows.push(values.iter().map(shown).collect::<Vec<_>>().join("|"));
    }
    fn statement_done(&mut self, _: Option<u64>, _: bool) {
        if std::mem::take(&mut self.open) {
            self.parts.push(std::mem::take(&mut self.rows).join("; "));
        }
    }
    fn info(&mut self, message: Message) {
        self.messages.push(message.text);
    }
    fn error(&mut self, message: Message) {
        self.open = false;
        self.rows.clear();
        self.parts.push(format!("!{}", message.number));
        self.messages.push(message.text);
    }
    fn return_status(&mut self, status: i32) {
        self.outputs.push(status.to_string());
    }
    fn output(&mut self, name: &str, _: SqlType, value: &Value) {
        self.outputs.push(format!("{name}={}", shown(value)));
    }
    fn transaction_began(&mut self, _: u64) {}
    fn transaction_committed(&mut self, _: u64) {}
    fn transaction_rolled_back(&mut self, _: u64) {}
    fn database_changed(&mut self, _: &str, _: &str) {}
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(number) | Value::Ticks(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
        Value::Decimal(number, 0) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn session() -> Session {
    Engine::open(EngineOptions::default()).unwrap().open_session("Shop").unwrap()
}

fn run(session: &mut Session, text: &str) -> Record {
    let mut record = Record::default();
    session.run_batch(text, &mut record);
    record
}

fn check(session: &mut Session, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let record = run(session, text);
        assert_eq!(record.parts.join(" / "), *expected, "{text}\n{:?}", record.messages);
    }
}

#[test]
fn values_follow_sql_servers_types() {
    check(
        &mut session(),
        &[
            ("SELECT 7 / 2, -7 / 2, -7 % 3, 7 & 3, 5 ^ 1, ~5", "3|-3|-1|3|4|-6"),
            ("SELECT N'a' + NULL, CONCAT(N'a', NULL, 1), LEN(N'ab  '), DATALENGTH(N'ab')", "NULL|a1|2|4"),
            ("SELECT 2147483647 + 1", "!8115"),
            ("SELECT CAST(2147483647 AS bigint) + 1", "2147483648"),
            ("SELECT 1 / 0", "!8134"),
            ("SELECT CAST('x' AS int)", "!245"),
            (
                "SELECT TRY_CAST('x' AS int), CAST(N' 7 ' AS int) + N'1', ISNULL(NULL, N'y'), NULLIF(1, 1)",
                "NULL|8|y|NULL",
            ),
            ("SELECT CASE WHEN N'a' = N'A  ' THEN 1 ELSE 0 END", "1"),
            ("SELECT CASE WHEN N'a' = N'A' COLLATE Latin1_General_100_BIN2 THEN 1 ELSE 0 END", "0"),
            ("SELECT CASE WHEN NULL = NULL THEN 1 ELSE 0 END, COALESCE(NULL, 2)", "0|2"),
            (
                "SELECT SUBSTRING(N'abcdef', 2, 3), CHARINDEX(N'C', N'abc'), REPLACE(N'aXa', N'x', N'-'), RIGHT(N'abc', 2)",
                "bcd|3|a-a|bc",
            ),
            (
                "SELECT DATEDIFF(day, '2024-02-28', '2024-03-01'), DATEPART(year, CAST('2024-02-28' AS date))",
                "2|2024",
            ),
            (
                "SELECT CONVERT(nvarchar(19), CAST('2024-02-29T01:02:03' AS datetime), 120)",
                "2024-02-29 01:02:03",
            ),
            ("SELECT IIF(1 = 1, N'y', N'n'), CAST(0x0A AS int), CAST(1 AS bit)", "y|10|1"),
        ],
    );
}

#[test]
fn result_columns_have_sql_servers_types() {
    let mut session = session();
    let cases: &[(&str, &[SqlType])] = &[
        (
            "SELECT 1 + CAST(1 AS bigint), COUNT(*), COUNT_BIG(*)",
            &[SqlType::BigInt, SqlType::Int, SqlType::BigInt],
        ),
        (
            "SELECT N'ab' + 'c', 'c', NULL",
            &[SqlType::NVarChar(Some(3)), SqlType::VarChar(Some(1)), SqlType::Int],
        ),
        (
            "SELECT SYSUTCDATETIME(), GETUTCDATE(), NEWID()",
            &[SqlType::DateTime2(7), SqlType::DateTime, SqlType::UniqueIdentifier],
        ),
        (
            "SELECT CASE WHEN 1 = 1 THEN 1 ELSE CAST(2 AS bigint) END, 1e0 * 2",
            &[SqlType::BigInt, SqlType::Float],
        ),
    ];
    for (text, types) in cases {
        assert_eq!(run(&mut session, text).types, *types, "{text}");
    }
}

#[test]
fn tables_keep_their_constraints() {
    check(
        &mut session(),
        &[
            (
                "CREATE TABLE dbo.P (Id int IDENTITY(1, 1) NOT NULL CONSTRAINT PK_P PRIMARY KEY, Name nvarchar(5) NOT NULL,
                 Code nvarchar(5) COLLATE Latin1_General_100_BIN2 NULL CONSTRAINT UQ_P UNIQUE, N int NULL CONSTRAINT CK_P CHECK (N > 0),
                 At datetime2(7) NOT NULL CONSTRAINT DF_P DEFAULT SYSUTCDATETIME());
                 CREATE TABLE dbo.C (Id int NOT NULL, PId int NOT NULL CONSTRAINT FK_C REFERENCES dbo.P (Id) ON DELETE CASCADE,
                 CONSTRAINT PK_C PRIMARY KEY (PId, Id));",
                "",
            ),
            ("INSERT INTO P (Name, Code) OUTPUT inserted.Id VALUES (N'a', N'x'), (N'b', N'X')", "1; 2"),
            ("INSERT INTO P (Name, Code) VALUES (N'c', N'x')", "!2627"),
            ("INSERT INTO P (Name) VALUES (N'n'); INSERT INTO P (Name) VALUES (N'second NULL')", "!2628"),
            ("INSERT INTO P (Name) VALUES (N'm')", "!2627"),
            ("INSERT INTO P (Name, Code, N) VALUES (N'c', N'c', 0)", "!547"),
            ("INSERT INTO P (Name) VALUES (NULL)", "!515"),
            ("INSERT INTO P (Id, Name) VALUES (9, N'z')", "!544"),
            ("INSERT INTO C VALUES (1, 99)", "!547"),
            ("INSERT INTO C VALUES (1, 1), (2, 1); DELETE FROM P WHERE Id = 1; SELECT COUNT(*) FROM C", "0"),
            ("CREATE UNIQUE INDEX UX_N ON P (N) WHERE N IS NOT NULL; UPDATE P SET N = 5 WHERE Id = 2; INSERT INTO P (Name, Code, N) VALUES (N'd', N'd', 5)", "!2601"),
            ("DROP TABLE P", "!3726"),
            ("CREATE TABLE dbo.C (Id int)", "!2714"),
            ("CREATE TABLE nowhere.C (Id int)", "!2760"),
            ("ALTER TABLE P ADD Extra nvarchar(3) NOT NULL CONSTRAINT DF_E DEFAULT N'e'", ""),
            ("SELECT DISTINCT Extra FROM P; ALTER TABLE P ADD CONSTRAINT CK_E CHECK (Extra <> N'e')", "e / !547"),
            ("SELECT OBJECT_ID(N'nope'), COL_LENGTH(N'dbo.P', N'Name'), SCHEMA_ID(N'nope')", "NULL|10|NULL"),
            ("TRUNCATE TABLE P", "!4712"),
        ],
    );
}

#[test]
fn a_foreign_key_is_checked_when_the_statement_is_done() {
    check(
        &mut session(),
        &[
            (
                "CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY, Boss int NULL CONSTRAINT FK_Boss REFERENCES dbo.T (Id))",
                "",
            ),
            ("INSERT INTO T VALUES (1, 2), (2, 1), (3, NULL)", ""),
            ("DELETE FROM T WHERE Id = 1", "!547"),
            ("DELETE FROM T WHERE Id IN (1, 2); SELECT Id FROM T", "3"),
        ],
    );
    let mut session = session();
    run(
        &mut session,
        "CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY, Boss int NULL CONSTRAINT FK_Boss REFERENCES dbo.T (Id))",
    );
    let record = run(&mut session, "INSERT INTO T VALUES (1, 7)");
    assert_eq!(
        record.messages[0],
        "The INSERT statement conflicted with the FOREIGN KEY constraint \"FK_Boss\". The conflict occurred in database \
         \"Shop\", table \"dbo.T\", column 'Id'."
    );
}

#[test]
fn unique_keys_may_move_from_row_to_row_within_a_statement() {
    check(
        &mut session(),
        &[
            (
                "CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY, N nvarchar(5) NULL UNIQUE); INSERT INTO T VALUES (1, N'a'), (2, N'b')",
                "",
            ),
            ("UPDATE T SET Id = Id + 1; SELECT Id FROM T ORDER BY Id", "2; 3"),
            (
                "UPDATE T SET N = CASE N WHEN N'a' THEN N'b' ELSE N'a' END; SELECT N FROM T ORDER BY Id",
                "b; a",
            ),
            ("UPDATE T SET N = N'same'", "!2627"),
        ],
    );
}

#[test]
fn changes_report_the_rows_before_and_after() {
    check(
        &mut session(),
        &[
            (
                "CREATE TABLE dbo.T (Id int IDENTITY(1, 1) PRIMARY KEY, Q nvarchar(5) NOT NULL, F int NULL); INSERT INTO T (Q) VALUES (N'a'), (N'a'), (N'b')",
                "",
            ),
            (
                "UPDATE TOP (1) t SET t.F = 7 OUTPUT inserted.Id, deleted.F, inserted.F FROM T AS t WITH (READPAST, UPDLOCK, ROWLOCK) WHERE t.Q = N'a' AND t.F IS NULL",
                "1|NULL|7",
            ),
            (
                "DECLARE @d TABLE (Id int PRIMARY KEY, Q nvarchar(5)); DELETE t OUTPUT deleted.Id, deleted.Q INTO @d (Id, Q) FROM T AS t INNER JOIN OPENJSON(N'[3]') AS x ON CAST(x.value AS int) = t.Id; SELECT Id, Q FROM @d",
                "3|b",
            ),
            (
                "INSERT INTO T (Q) OUTPUT inserted.Id, inserted.Q SELECT x.Q FROM OPENJSON(N'[{\"o\":2,\"q\":\"y\"},{\"o\":1,\"q\":\"x\"}]') WITH (O int '$.o', Q nvarchar(5) '$.q') AS x ORDER BY x.O",
                "4|x; 5|y",
            ),
            ("SELECT SCOPE_IDENTITY(), @@ROWCOUNT", "5|2"),
            ("DECLARE @n int = 0; UPDATE T SET @n = F, F = 1 WHERE Id = 1; SELECT @n, @@ROWCOUNT", "7|1"),
            ("DELETE TOP (2) FROM T; SELECT COUNT(*) FROM T", "2"),
        ],
    );
}

#[test]
fn queries_join_group_and_page() {
    check(
        &mut session(),
        &[
            (
                "CREATE TABLE dbo.S (Id int PRIMARY KEY, G nvarchar(5) NULL, N bigint NULL); INSERT INTO S VALUES (1, N'a', 10), (2, N'A', 20), (3, N'b', NULL), (4, NULL, 5)",
                "",
            ),
            ("SELECT COUNT(*), SUM(N), AVG(N), MAX(G) FROM S WHERE G = N'a'", "2|30|15|a"),
            ("SELECT G, COUNT(N) FROM S GROUP BY G HAVING COUNT(*) > 0 ORDER BY G", "NULL|1; a|2; b|0"),
            ("SELECT Id FROM S GROUP BY G", "!8120"),
            ("SELECT Id FROM S ORDER BY Id DESC OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY", "3; 2"),
            ("SELECT TOP (2) Id FROM S ORDER BY N DESC", "2; 1"),
            (
                "SELECT a.Id, b.Id FROM S AS a LEFT JOIN S AS b ON b.G = a.G AND b.Id <> a.Id ORDER BY a.Id",
                "1|2; 2|1; 3|NULL; 4|NULL",
            ),
            (
                "WITH c AS (SELECT Id, ROW_NUMBER() OVER (PARTITION BY G ORDER BY Id DESC) AS r FROM S) SELECT Id FROM c WHERE r = 1 ORDER BY Id",
                "2; 3; 4",
            ),
            ("SELECT DISTINCT UPPER(G) FROM S WHERE G IS NOT NULL ORDER BY 1", "A; B"),
            ("SELECT COUNT(*) FROM (SELECT N'a' AS x UNION SELECT N'A' UNION ALL SELECT N'b') AS u", "2"),
            ("SELECT (SELECT Id FROM S)", "!512"),
            (
                "SELECT Id FROM S AS o WHERE EXISTS (SELECT 1 FROM S AS i WHERE i.Id > o.Id AND i.G = o.G)",
                "1",
            ),
            (
                "SELECT STRING_AGG(CAST(Id AS nvarchar(5)), N',') WITHIN GROUP (ORDER BY Id DESC) FROM S",
                "4,3,2,1",
            ),
            (
                "SELECT s.Id, x.value FROM S AS s CROSS APPLY STRING_SPLIT(s.G, N',') AS x ORDER BY s.Id",
                "1|a; 2|A; 3|b",
            ),
            (
                "SELECT [key], value, type FROM OPENJSON(N'{\"a\":1.50,\"b\":null,\"c\":[1, 2]}')",
                "a|1.50|2; b|NULL|0; c|[1, 2]|4",
            ),
            ("SELECT JSON_VALUE(N'{\"a\":{\"b\":\"c\"}}', '$.a.b'), ISJSON(N'{'), ISJSON(N'[]')", "c|0|1"),
            ("SELECT * FROM OPENJSON(N'{\"a\":')", "!13609"),
        ],
    );
}

#[test]
fn control_flow_runs_as_written() {
    check(
        &mut session(),
        &[
            (
                "DECLARE @i int = 0, @s int = 0; WHILE @i < 10 BEGIN SET @i += 1; IF @i = 3 CONTINUE; IF @i > 5 BREAK; SET @s += @i END; SELECT @i, @s",
                "6|12",
            ),
            ("IF 1 = 2 SELECT 1; ELSE SELECT 2; RETURN; SELECT 3", "2"),
            (
                "DECLARE @a int = 5, @b nvarchar(3); SELECT @a = @a + 1, @b = N'abcdef'; SELECT @a, @b",
                "6|abc",
            ),
            (
                "BEGIN TRY SELECT 1 / 0; SELECT 9 END TRY BEGIN CATCH SELECT ERROR_NUMBER(), ERROR_SEVERITY(), XACT_STATE() END CATCH; SELECT ERROR_NUMBER()",
                "8134|16|0 / NULL",
            ),
            (
                "BEGIN TRY THROW 50001, N'boom', 3 END TRY BEGIN CATCH SELECT ERROR_STATE(), ERROR_MESSAGE(); THROW; END CATCH; SELECT 1",
                "3|boom / !50001",
            ),
            ("RAISERROR (N'%s is %d', 16, 1, N'x', 5); SELECT 1", "!50000 / 1"),
            (
                "BEGIN TRY EXEC (N'SELECT nope FROM nowhere') END TRY BEGIN CATCH SELECT ERROR_NUMBER() END CATCH",
                "208",
            ),
            ("EXEC (N'SELECT 1; RETURN; SELECT 2'); SELECT 3", "1 / 3"),
            ("SELECT @nope", "!137"),
            ("DECLARE @a int; DECLARE @a int", "!134"),
            ("EXEC nowhere", "!2812"),
            (
                "DECLARE @r int, @x int; EXEC @r = sp_executesql N'SET @o = @i * 2', N'@i int, @o int OUTPUT', @i = 21, @o = @x OUTPUT; SELECT @r, @x",
                "0|42",
            ),
        ],
    );
}

#[test]
fn a_batch_with_a_mistake_runs_nothing() {
    let mut session = session();
    check(
        &mut session,
        &[
            ("CREATE TABLE dbo.T (Id int)", ""),
            ("INSERT INTO T VALUES (1); SELEC 1", "!102"),
            ("INSERT INTO T VALUES (1); SELECT FROM T", "!156"),
            ("INSERT INTO T VALUES (1); SELECT Nope FROM T", "!207"),
            ("INSERT INTO T VALUES (1); MERGE T USING T AS s ON 1 = 1 WHEN MATCHED THEN DELETE;", "!40000"),
            ("SELECT COUNT(*) FROM T", "0"),
            ("INSERT INTO T VALUES (1); SELECT * FROM Missing; SELECT 1", "!208"),
            ("SELECT COUNT(*) FROM T", "1"),
        ],
    );
    let record = run(&mut session, "SELECT 1;\n  CREATE VIEW v AS SELECT 1");
    assert_eq!(record.messages, ["local-sql does not support CREATE VIEW (line 2, column 10)."]);
}

#[test]
fn transactions_end_as_xact_abort_says() {
    check(
        &mut session(),
        &[
            ("CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY)", ""),
            (
                "BEGIN TRAN; INSERT INTO T VALUES (1); INSERT INTO T VALUES (1); INSERT INTO T VALUES (2); COMMIT; SELECT COUNT(*) FROM T",
                "!2627 / 2",
            ),
            (
                "SET XACT_ABORT ON; BEGIN TRAN; INSERT INTO T VALUES (3); INSERT INTO T VALUES (3); COMMIT",
                "!2627",
            ),
            ("SELECT @@TRANCOUNT, COUNT(*) FROM T", "0|2"),
            (
                "BEGIN TRY BEGIN TRAN; INSERT INTO T VALUES (3); INSERT INTO T VALUES (3) END TRY BEGIN CATCH SELECT XACT_STATE(), @@TRANCOUNT; INSERT INTO T VALUES (4) END CATCH",
                "-1|1 / !3930",
            ),
            ("SELECT @@TRANCOUNT, COUNT(*) FROM T", "0|2"),
            (
                "SET XACT_ABORT OFF; BEGIN TRY BEGIN TRAN; INSERT INTO T VALUES (2) END TRY BEGIN CATCH SELECT XACT_STATE() END CATCH; ROLLBACK",
                "1",
            ),
            ("BEGIN TRAN; SELECT CAST(N'x' AS int); SELECT 1", "!245"),
            ("SELECT @@TRANCOUNT", "0"),
            ("COMMIT", "!3902"),
            ("ROLLBACK", "!3903"),
            ("BEGIN TRAN; BEGIN TRAN; COMMIT; SELECT @@TRANCOUNT; ROLLBACK; SELECT @@TRANCOUNT", "1 / 0"),
            (
                "BEGIN TRAN; INSERT INTO T VALUES (10); SAVE TRAN s; INSERT INTO T VALUES (11); ROLLBACK TRAN s; COMMIT; SELECT Id FROM T WHERE Id >= 10",
                "10",
            ),
            (
                "DECLARE @t TABLE (Id int); BEGIN TRAN; INSERT INTO T VALUES (20); INSERT INTO @t VALUES (1); ROLLBACK; SELECT Id FROM @t; SELECT COUNT(*) FROM T WHERE Id = 20",
                "1 / 0",
            ),
            ("EXEC sp_executesql N'BEGIN TRAN'; SELECT @@TRANCOUNT; ROLLBACK", "!266 / 1"),
            ("BEGIN TRAN; CREATE TABLE dbo.U (Id int); ROLLBACK; SELECT OBJECT_ID(N'dbo.U')", "NULL"),
        ],
    );
}

#[test]
fn a_transaction_hides_its_changes_and_a_reader_does_not_wait() {
    let engine = Engine::open(EngineOptions::default()).unwrap();
    let (mut writer, mut reader) =
        (engine.open_session("Shop").unwrap(), engine.open_session("Shop").unwrap());
    run(
        &mut writer,
        "CREATE TABLE dbo.T (Id int NOT NULL PRIMARY KEY); BEGIN TRAN; INSERT INTO T VALUES (1)",
    );
    check(
        &mut reader,
        &[("SELECT COUNT(*) FROM T", "0"), ("SET LOCK_TIMEOUT 0; INSERT INTO T VALUES (2)", "!1222")],
    );
    run(&mut writer, "COMMIT");
    check(
        &mut reader,
        &[("SELECT COUNT(*) FROM T", "1"), ("INSERT INTO T VALUES (2); SELECT COUNT(*) FROM T", "2")],
    );
    run(&mut reader, "BEGIN TRAN; SELECT COUNT(*) FROM T");
    run(&mut writer, "INSERT INTO T VALUES (3)");
    check(&mut reader, &[("SELECT COUNT(*) FROM T", "3"), ("COMMIT", "")]);
}

#[test]
fn application_locks_belong_to_their_owner() {
    const TAKE: &str = "DECLARE @r int; EXEC @r = sp_getapplock @Resource = N'a', @LockMode = N'Exclusive', @LockOwner = N'Session', @LockTimeout = 0; SELECT @r";
    let engine = Engine::open(EngineOptions::default()).unwrap();
    let (mut first, mut second) =
        (engine.open_session("Shop").unwrap(), engine.open_session("Shop").unwrap());
    check(&mut first, &[(TAKE, "0")]);
    check(
        &mut second,
        &[(TAKE, "-1"), ("EXEC sp_releaseapplock @Resource = N'a', @LockOwner = N'Session'", "!1223")],
    );
    drop(first);
    check(
        &mut second,
        &[
            (TAKE, "0"),
            (
                "BEGIN TRAN; EXEC sp_getapplock @Resource = N'b', @LockMode = N'Shared'; COMMIT; EXEC sp_releaseapplock @Resource = N'b'",
                "!1223",
            ),
        ],
    );
}

#[test]
fn identities_rise_whatever_is_rolled_back() {
    check(
        &mut session(),
        &[
            ("CREATE TABLE dbo.T (Id bigint IDENTITY(5, 5) NOT NULL, V int NULL)", ""),
            (
                "BEGIN TRAN; INSERT INTO T (V) VALUES (1); ROLLBACK; INSERT INTO T (V) OUTPUT inserted.Id VALUES (2)",
                "10",
            ),
            ("DELETE FROM T; INSERT INTO T (V) OUTPUT inserted.Id VALUES (3)", "15"),
            ("TRUNCATE TABLE T; INSERT INTO T (V) OUTPUT inserted.Id VALUES (3)", "5"),
            (
                "BEGIN TRAN; TRUNCATE TABLE T; INSERT INTO T (V) VALUES (1); ROLLBACK; INSERT INTO T (V) OUTPUT inserted.Id VALUES (3)",
                "10",
            ),
            ("INSERT INTO T DEFAULT VALUES; SELECT SCOPE_IDENTITY(), @@IDENTITY", "15|15"),
        ],
    );
}

#[test]
fn calls_take_parameters_and_give_back_outputs() {
    let mut session = session();
    let text = |value: &str| Param {
        name: String::new(),
        ty: SqlType::NVarChar(None),
        value: Value::Text(value.to_owned()),
        output: false,
    };
    let number = |name: &str, value: Value, output: bool| Param {
        name: name.to_owned(),
        ty: SqlType::Int,
        value,
        output,
    };
    let mut record = Record::default();
    let params = vec![
        text("SET @o = @i + 1; SELECT @i, @s"),
        text("@i bigint, @o int OUTPUT, @s nvarchar(5)"),
        number("@i", Value::Int(41), false),
        number("@o", Value::Null, true),
        number("@s", Value::Null, false),
    ];
    session.call_procedure("sp_executesql", params, &mut record);
    assert_eq!(
        (record.parts, record.outputs),
        (vec!["41|NULL".to_owned()], vec!["0".to_owned(), "@o=42".to_owned()])
    );
    let mut record = Record::default();
    session.call_procedure("sp_executesql", vec![text("SELECT @i"), text("@i int")], &mut record);
    assert_eq!(record.parts, ["!8178"]);
    let mut record = Record::default();
    session.transaction_request(TransactionRequest::Begin { isolation: 0 }, &mut record);
    session.call_procedure("sp_executesql", vec![text("COMMIT")], &mut record);
    assert_eq!(record.parts, ["!266"]);
}

#[test]
fn the_feed_batch_of_the_platform_gives_numbers_in_commit_order() {
    check(
        &mut session(),
        &[
            ("EXEC (N'CREATE SCHEMA Platform')", ""),
            (
                "CREATE TABLE Platform.FeedHead (Id int NOT NULL PRIMARY KEY, Head bigint NOT NULL, Mark bigint NOT NULL);
                 CREATE TABLE Platform.ChangeFeed (Seq bigint NOT NULL PRIMARY KEY, Tag bigint NOT NULL, Mark bigint NOT NULL);
                 INSERT INTO Platform.FeedHead VALUES (1, 10, 0)",
                "",
            ),
            (
                "SET NOCOUNT ON; BEGIN TRAN; DECLARE @h TABLE (Head bigint); UPDATE h SET h.Head = h.Head + 3, h.Mark = 777 OUTPUT inserted.Head INTO @h FROM Platform.FeedHead AS h WHERE h.Id = 1;
                 INSERT INTO Platform.ChangeFeed (Seq, Tag, Mark) SELECT (SELECT Head FROM @h) - 3 + x.[key] + 1, CAST(x.value AS bigint), 777 FROM OPENJSON(N'[11,-22,33]') AS x; COMMIT TRANSACTION; SELECT Head FROM @h;",
                "13",
            ),
            ("SELECT Seq, Tag FROM Platform.ChangeFeed ORDER BY Seq", "11|11; 12|-22; 13|33"),
        ],
    );
}
