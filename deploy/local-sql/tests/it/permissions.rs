//! Logins, users, roles and permissions: who gets in, and what each may do, with SQL Server's error numbers.

use local_sql::{Options, Server, Storage};
use tiberius::AuthMethod;

use crate::support::{
    Connection, batch, config, connect, connect_with, error_number, options, scalar, server,
};

const TABLES: &str = "CREATE TABLE Shop.Product (Id int NOT NULL CONSTRAINT PK_Product PRIMARY KEY, Price int NOT NULL);
    CREATE TABLE Shop.Secret (Id int NOT NULL); INSERT INTO Shop.Product (Id, Price) VALUES (1, 10), (2, 20);";

async fn log_in(server: &Server, login: &str, password: &str) -> tiberius::Result<Connection> {
    let mut config = config(server.address());
    config.authentication(AuthMethod::sql_server(login, password));
    connect_with(config).await
}

/// Runs batches that must all succeed.
async fn run(client: &mut Connection, batches: &[&str]) {
    for text in batches {
        batch(client, text).await.unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

/// The number of the error of each batch, 0 where there is none.
async fn numbers(client: &mut Connection, cases: &[(&str, u32)]) {
    for (text, expected) in cases {
        let outcome = batch(client, text).await;
        let number = if outcome.is_ok() { 0 } else { error_number(outcome) };
        assert_eq!(number, *expected, "{text}");
    }
}

/// A server with two tables in a schema, a login `clerk` with a user, and sessions of both.
async fn with_clerk() -> (Server, Connection, Connection) {
    let server = server().await;
    let mut administrator = connect(&server).await;
    let set_up = [
        "CREATE SCHEMA Shop",
        TABLES,
        "CREATE LOGIN clerk WITH PASSWORD = N'Clerk-1!'",
        "CREATE USER clerk FOR LOGIN clerk",
    ];
    run(&mut administrator, &set_up).await;
    let clerk = log_in(&server, "clerk", "Clerk-1!").await.unwrap();
    (server, administrator, clerk)
}

#[tokio::test]
async fn a_login_gets_in_with_its_password_and_where_it_has_a_user() {
    let server = server().await;
    let mut administrator = connect(&server).await;
    run(&mut administrator, &["CREATE LOGIN clerk WITH PASSWORD = N'one'"]).await;
    // The database Shop is there, a user in it is not.
    assert_eq!(error_number(log_in(&server, "clerk", "one").await), 4060);
    run(&mut administrator, &["CREATE USER clerk FOR LOGIN clerk"]).await;
    let mut clerk = log_in(&server, "Clerk", "one").await.unwrap();
    let is_clerk = "SELECT CASE WHEN SUSER_SNAME() = N'clerk' THEN 1 ELSE 0 END";
    assert_eq!(scalar::<i32>(&mut clerk, is_clerk).await, 1);
    assert_eq!(error_number(log_in(&server, "clerk", "One").await), 18_456);
    assert_eq!(error_number(log_in(&server, "clerk", "").await), 18_456);
    run(&mut administrator, &["ALTER LOGIN clerk WITH PASSWORD = N'two'"]).await;
    assert_eq!(error_number(log_in(&server, "clerk", "one").await), 18_456);
    log_in(&server, "clerk", "two").await.unwrap();
    // Who is not the administrator makes no database by naming it, and enters none without a user.
    let mut elsewhere = config(server.address());
    elsewhere.authentication(AuthMethod::sql_server("clerk", "two"));
    elsewhere.database("Nowhere");
    assert_eq!(error_number(connect_with(elsewhere).await), 4060);
    run(&mut administrator, &["CREATE DATABASE Other"]).await;
    numbers(&mut clerk, &[("USE Other", 916), ("USE master", 0)]).await;
    server.stop().await;
}

#[tokio::test]
async fn each_right_to_rows_is_checked_for_each_statement() {
    let (server, mut administrator, mut clerk) = with_clerk().await;
    numbers(
        &mut clerk,
        &[
            ("SELECT Id FROM Shop.Product", 229),
            ("SELECT x.N FROM (SELECT COUNT(*) AS N FROM Shop.Product) AS x", 229),
            ("IF EXISTS (SELECT 1 FROM Shop.Product) SELECT 1", 229),
            ("DECLARE @n int = (SELECT MAX(Id) FROM Shop.Product)", 229),
            ("INSERT INTO Shop.Product (Id, Price) VALUES (3, 30)", 229),
            ("UPDATE Shop.Product SET Price = 1", 229),
            ("DELETE FROM Shop.Product", 229),
            ("DECLARE @t TABLE (Id int); INSERT INTO @t VALUES (1); SELECT Id FROM @t", 0),
            ("CREATE TABLE #t (Id int); INSERT INTO #t VALUES (1); DROP TABLE #t", 0),
        ],
    )
    .await;
    // A right to change is no right to read: a condition, a value from the row and OUTPUT read it.
    run(&mut administrator, &["GRANT INSERT, UPDATE, DELETE ON SCHEMA::Shop TO clerk"]).await;
    numbers(
        &mut clerk,
        &[
            ("UPDATE Shop.Product SET Price = 1", 0),
            ("UPDATE Shop.Product SET Price = Price + 1", 229),
            ("UPDATE Shop.Product SET Price = 1 WHERE Id = 1", 229),
            ("INSERT INTO Shop.Product (Id, Price) VALUES (3, 30)", 0),
            ("INSERT INTO Shop.Product (Id, Price) OUTPUT inserted.Id VALUES (4, 40)", 229),
            ("INSERT INTO Shop.Product (Id, Price) SELECT Id, 1 FROM Shop.Secret", 229),
            ("DELETE FROM Shop.Product WHERE Id = 3", 229),
            ("DELETE FROM Shop.Secret", 0),
        ],
    )
    .await;
    run(&mut administrator, &["GRANT SELECT ON Shop.Product TO clerk"]).await;
    numbers(
        &mut clerk,
        &[
            ("UPDATE Shop.Product SET Price = Price + 1 WHERE Id = 1", 0),
            ("DELETE FROM Shop.Product OUTPUT deleted.Id INTO Shop.Secret (Id) WHERE Id = 3", 0),
            ("SELECT p.Id FROM Shop.Product AS p INNER JOIN Shop.Secret AS s ON s.Id = p.Id", 229),
        ],
    )
    .await;
    // A compiled statement that runs again sees what has changed since.
    run(&mut administrator, &["DENY SELECT ON OBJECT::Shop.Product TO public"]).await;
    numbers(&mut clerk, &[("SELECT Id FROM Shop.Product", 229)]).await;
    run(&mut administrator, &["REVOKE SELECT ON OBJECT::Shop.Product FROM public"]).await;
    numbers(&mut clerk, &[("SELECT Id FROM Shop.Product", 0)]).await;
    server.stop().await;
}

#[tokio::test]
async fn an_error_names_the_right_the_object_and_the_schema() {
    let (server, _, mut clerk) = with_clerk().await;
    let Err(tiberius::error::Error::Server(error)) = batch(&mut clerk, "DELETE FROM Shop.Product").await
    else {
        panic!("it was allowed");
    };
    let text = "The DELETE permission was denied on the object 'Product', database 'Shop', schema 'Shop'.";
    assert_eq!((error.message(), error.class(), error.state()), (text, 14, 5));
    server.stop().await;
}

#[tokio::test]
async fn who_has_rights_to_rows_alone_changes_neither_the_schema_nor_rights() {
    let (server, mut administrator, mut clerk) = with_clerk().await;
    run(&mut administrator, &["CREATE ROLE sellers", "GRANT SELECT, INSERT, UPDATE, DELETE TO clerk"]).await;
    numbers(
        &mut clerk,
        &[
            ("CREATE TABLE Shop.T (Id int)", 262),
            ("CREATE SCHEMA Own", 262),
            ("EXEC (N'CREATE SCHEMA Own')", 262),
            ("CREATE DATABASE Own", 262),
            ("ALTER TABLE Shop.Product ADD More int NULL", 1088),
            ("CREATE INDEX IX ON Shop.Product (Price)", 1088),
            ("TRUNCATE TABLE Shop.Product", 1088),
            ("DROP TABLE Shop.Product", 3701),
            ("DROP TABLE IF EXISTS Shop.Product", 3701),
            ("DROP TABLE IF EXISTS Shop.Nothing", 0),
            ("DROP SCHEMA Shop", 15_151),
            ("ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON", 5011),
            ("CREATE LOGIN friend WITH PASSWORD = N'x'", 15_247),
            ("CREATE USER friend FOR LOGIN clerk", 15_247),
            ("CREATE ROLE friends", 15_247),
            ("ALTER ROLE db_owner ADD MEMBER clerk", 15_151),
            ("GRANT SELECT ON SCHEMA::Shop TO clerk", 15_151),
            ("GRANT SELECT TO clerk", 4613),
            ("DROP USER clerk", 15_151),
            ("DROP ROLE sellers", 15_151),
            ("DROP LOGIN clerk", 15_151),
        ],
    )
    .await;
    run(&mut administrator, &["ALTER ROLE db_ddladmin ADD MEMBER clerk"]).await;
    let made = [
        "CREATE SCHEMA Own",
        "CREATE TABLE Own.T (Id int)",
        "DROP TABLE Own.T",
        "DROP SCHEMA Own",
        "ALTER TABLE Shop.Product ADD More int NULL",
        "DROP TABLE Shop.Secret",
    ];
    run(&mut clerk, &made).await;
    numbers(&mut clerk, &[("GRANT SELECT ON SCHEMA::Shop TO clerk", 15_151)]).await;
    server.stop().await;
}

#[tokio::test]
async fn whoever_made_a_schema_owns_what_is_in_it() {
    let (server, mut administrator, mut clerk) = with_clerk().await;
    run(&mut administrator, &["ALTER ROLE db_ddladmin ADD MEMBER clerk"]).await;
    run(&mut clerk, &["CREATE SCHEMA Own", "CREATE TABLE Own.T (Id int)", "INSERT INTO Own.T VALUES (1)"])
        .await;
    let own = [
        ("SELECT Id FROM Shop.Product", 229),
        ("GRANT SELECT ON SCHEMA::Own TO public", 0),
        ("GRANT SELECT ON OBJECT::Own.T TO public", 0),
        ("GRANT SELECT ON SCHEMA::Shop TO public", 15_151),
    ];
    numbers(&mut clerk, &own).await;
    numbers(&mut administrator, &[("DROP USER clerk", 15_138)]).await;
    server.stop().await;
}

#[tokio::test]
async fn what_a_user_has_no_right_to_is_not_listed() {
    let (server, mut administrator, mut clerk) = with_clerk().await;
    let count = "SELECT COUNT(*) FROM sys.tables";
    let id = "SELECT CASE WHEN OBJECT_ID(N'Shop.Product', N'U') IS NULL THEN 0 ELSE 1 END";
    assert_eq!((scalar::<i32>(&mut clerk, count).await, scalar::<i32>(&mut clerk, id).await), (0, 0));
    run(&mut administrator, &["GRANT SELECT ON OBJECT::Shop.Product TO clerk"]).await;
    assert_eq!((scalar::<i32>(&mut clerk, count).await, scalar::<i32>(&mut clerk, id).await), (1, 1));
    assert_eq!(scalar::<i32>(&mut administrator, count).await, 2);
    let databases = "SELECT COUNT(*) FROM sys.databases AS d WHERE d.name = DB_NAME()";
    assert_eq!(scalar::<i32>(&mut clerk, databases).await, 1);
    server.stop().await;
}

#[tokio::test]
async fn names_are_checked_and_a_rolled_back_grant_never_was() {
    let (server, mut administrator, mut clerk) = with_clerk().await;
    numbers(
        &mut administrator,
        &[
            ("CREATE LOGIN clerk WITH PASSWORD = N'x'", 15_025),
            ("CREATE LOGIN sa WITH PASSWORD = N'x'", 15_025),
            ("CREATE USER clerk FOR LOGIN clerk", 15_063),
            ("CREATE USER other FOR LOGIN nobody", 15_007),
            ("DROP LOGIN clerk", 15_434),
            ("DROP LOGIN nobody", 15_151),
            ("DROP USER IF EXISTS nobody", 0),
            ("GRANT SELECT ON SCHEMA::Nowhere TO clerk", 15_151),
            ("GRANT SELECT ON OBJECT::Shop.Nothing TO clerk", 15_151),
            ("GRANT SELECT ON SCHEMA::Shop TO nobody", 15_151),
            ("BEGIN TRANSACTION; GRANT SELECT ON SCHEMA::Shop TO clerk; ROLLBACK", 0),
        ],
    )
    .await;
    numbers(&mut clerk, &[("SELECT Id FROM Shop.Product", 229)]).await;
    drop(clerk);
    // Its session ends a moment after its socket; a login of the same name is another one.
    crate::support::until("the login is free", async || {
        batch(&mut connect(&server).await, "DROP LOGIN clerk").await.is_ok()
    })
    .await;
    run(&mut administrator, &["CREATE LOGIN clerk WITH PASSWORD = N'Clerk-1!'"]).await;
    assert_eq!(error_number(log_in(&server, "clerk", "Clerk-1!").await), 4060);
    server.stop().await;
}

#[tokio::test]
async fn other_forms_are_refused_by_name() {
    let (server, mut administrator, _clerk) = with_clerk().await;
    for text in [
        "CREATE LOGIN x FROM WINDOWS",
        "CREATE LOGIN x WITH PASSWORD = N'x', CHECK_POLICY = OFF",
        "CREATE LOGIN x WITH PASSWORD = 0x01 HASHED",
        "ALTER LOGIN clerk DISABLE",
        "CREATE USER x WITHOUT LOGIN",
        "CREATE USER x FOR LOGIN clerk WITH DEFAULT_SCHEMA = Shop",
        "ALTER USER clerk WITH NAME = x",
        "CREATE ROLE x AUTHORIZATION clerk",
        "CREATE SCHEMA x AUTHORIZATION clerk",
        "CREATE APPLICATION ROLE x WITH PASSWORD = N'Secret-1'",
        "GRANT EXECUTE ON SCHEMA::Shop TO clerk",
        "GRANT CREATE TABLE TO clerk",
        "GRANT SELECT (Id) ON Shop.Product TO clerk",
        "GRANT SELECT ON TYPE::Shop.T TO clerk",
        "GRANT SELECT ON SCHEMA::Shop TO clerk WITH GRANT OPTION",
        "REVOKE SELECT ON SCHEMA::Shop FROM clerk CASCADE",
        "GRANT SELECT TO db_owner",
        "BEGIN TRANSACTION; CREATE LOGIN x WITH PASSWORD = N'x'",
    ] {
        assert_eq!(error_number(batch(&mut administrator, text).await), 40_000, "{text}");
    }
    server.stop().await;
}

#[tokio::test]
async fn logins_and_rights_survive_the_server_and_no_password_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let start = async || {
        let storage = Storage::Directory(directory.path().to_owned());
        Server::start(Options { storage, ..options() }).await.unwrap()
    };
    let server = start().await;
    let mut administrator = connect(&server).await;
    let set_up = [
        "CREATE SCHEMA Shop",
        TABLES,
        "CREATE LOGIN clerk WITH PASSWORD = N'Planted-Secret-7'",
        "CREATE USER clerk FOR LOGIN clerk",
        "CREATE ROLE sellers",
        "ALTER ROLE sellers ADD MEMBER clerk",
        "GRANT SELECT ON SCHEMA::Shop TO sellers",
    ];
    run(&mut administrator, &set_up).await;
    drop(administrator);
    server.stop().await;
    let server = start().await;
    let mut clerk = log_in(&server, "clerk", "Planted-Secret-7").await.unwrap();
    numbers(&mut clerk, &[("SELECT Id FROM Shop.Product", 0), ("DELETE FROM Shop.Product", 229)]).await;
    drop(clerk);
    server.stop().await;
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|part| part == b"Planted-Secret-7"), "a password lies in a file");
    }
}
