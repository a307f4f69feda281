//! What a real server does only in production: deadlocks on demand, redirects, a moving database.
//!
//! Always against local-sql, which makes them happen; see its README.

use local_sql::{Action, Fault};
use sql::{ConnectFailure, ConnectionString, Database, Error, MIGRATIONS, Options, RowExt, migrate};

use crate::world::{Diary, TABLES, count, insert};

const PASSWORD: &str = "Local-sql-1";

struct World {
    server: local_sql::Server,
    database: Database,
}

async fn start(faults: Vec<Fault>) -> local_sql::Server {
    let options =
        local_sql::Options { sa_password: PASSWORD.to_owned(), faults, ..local_sql::Options::default() };
    local_sql::Server::start(options).await.unwrap()
}

fn string(port: u16, database: &str) -> ConnectionString {
    let text = format!("Server=127.0.0.1,{port};Database={database};UID=sa;PWD={PASSWORD};Encrypt=False");
    ConnectionString::parse(&text).unwrap()
}

impl World {
    async fn new() -> Self {
        let server = start(Vec::new()).await;
        let database =
            Database::connect(&string(server.address().port(), "test"), Options::default()).await.unwrap();
        migrate(&database, &[MIGRATIONS, TABLES]).await.unwrap();
        Self { server, database }
    }

    /// Arms one fault, from now on.
    async fn arm(&self, arguments: &str) {
        self.database.run_script(&format!("EXEC local_sql.fault {arguments}")).await.unwrap();
    }

    async fn end(self) {
        self.database.close().await;
        self.server.stop().await;
    }
}

#[tokio::test]
async fn a_deadlock_in_the_body_or_at_commit_is_repeated_and_is_never_an_unknown_outcome() {
    let world = World::new().await;
    let diary = Diary::of(&world.database);
    for (round, pattern) in
        ["INSERT INTO dbo.Entry", "COMMIT TRANSACTION", "BEGIN TRANSACTION"].iter().enumerate()
    {
        world.arm(&format!("@action = N'deadlock', @pattern = N'{pattern}', @times = 2")).await;
        insert(&world.database, pattern, 1).await.unwrap();
        assert_eq!(world.database.metrics().retries, 2 * (round as u64 + 1), "{pattern}");
    }
    assert_eq!(count(&world.database).await, 3);
    assert_eq!(diary.read(), ["committed"; 3]);
    assert_eq!(world.database.metrics().discarded, 0);
    world.end().await;
}

#[tokio::test]
async fn a_database_that_moves_at_commit_leaves_one_effect_and_empties_the_pool() {
    let world = World::new().await;
    let diary = Diary::of(&world.database);
    world.arm("@action = N'unavailable', @pattern = N'COMMIT TRANSACTION', @times = 1").await;
    insert(&world.database, "a", 1).await.unwrap();
    assert_eq!(count(&world.database).await, 1);
    assert_eq!(diary.read(), ["unknown", "known", "committed"]);
    world.end().await;
}

#[tokio::test]
async fn a_connection_lost_in_the_middle_of_a_look_up_is_looked_up_again() {
    let world = World::new().await;
    let diary = Diary::of(&world.database);
    world.arm("@action = N'cut_after', @pattern = N'COMMIT TRANSACTION', @times = 1").await;
    // The fence of an uncommitted transaction goes up, but its answer is lost: the next look-up meets it.
    world.arm("@action = N'cut_after', @pattern = N'VALUES (@P1, 1)', @times = 1").await;
    insert(&world.database, "a", 1).await.unwrap();
    assert_eq!(diary.read(), ["unknown", "committed", "known"]);
    world.arm("@action = N'cut_before', @pattern = N'COMMIT TRANSACTION', @times = 1").await;
    world.arm("@action = N'cut_after', @pattern = N'VALUES (@P1, 1)', @times = 1").await;
    insert(&world.database, "b", 1).await.unwrap();
    assert_eq!(diary.read()[3..], ["unknown", "known", "committed"]);
    assert_eq!(count(&world.database).await, 2);
    world.end().await;
}

#[tokio::test]
async fn a_result_that_breaks_off_is_an_error_and_costs_its_connection() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        insert(&world.database, name, 1).await.unwrap();
    }
    world.arm("@action = N'cut_result', @pattern = N'SELECT Name', @rows = 1, @times = 1").await;
    let read = async || world.database.query("SELECT Name FROM dbo.Entry", &[]).await;
    assert!(matches!(read().await.unwrap_err(), Error::ConnectionLost { .. }));
    assert_eq!(world.database.metrics().discarded, 1);
    assert_eq!(read().await.unwrap().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn a_refused_login_is_repeated_by_a_transaction_only_if_it_may_pass() {
    let server = start(Vec::new()).await;
    let target = string(server.address().port(), "test");
    let database = Database::connect(&target, Options::default()).await.unwrap();
    migrate(&database, &[MIGRATIONS, TABLES]).await.unwrap();
    for (number, passes) in [(4060, true), (18_456, false)] {
        let pool = Database::connect(&target, Options::default()).await.unwrap();
        // A script costs the pool its only connection; then the next login fails.
        database
            .run_script(&format!(
                "EXEC local_sql.fault @action = N'refuse_login', @number = {number}, @times = 2"
            ))
            .await
            .unwrap();
        pool.run_script("SELECT 1").await.unwrap();
        let result = insert(&pool, &number.to_string(), 1).await;
        assert_eq!(result.is_ok(), passes, "{number}: {result:?}");
        if let Err(error) = result {
            assert_eq!(error.number(), Some(number));
        }
        pool.close().await;
    }
    database.close().await;
    server.stop().await;
}

/// Section 4 of the design, number by number: what is repeated, what empties the pool first, what is neither.
#[tokio::test]
async fn each_error_number_is_repeated_or_not_and_empties_the_pool_or_not() {
    let again = [1205, 1222, 3960].map(|number| (number, true, false));
    let moved = [40_613, 40_197, 40_501, 49_918, 49_919, 49_920, 10_928, 10_929, 4060];
    let moved = moved.map(|number| (number, true, true));
    let never = [229, 262, 547, 2601, 2627, 8152, 18_456, 50_000].map(|number| (number, false, false));
    for (number, is_repeated, empties_pool) in again.into_iter().chain(moved).chain(never) {
        let world = World::new().await;
        insert(&world.database, "before", 1).await.unwrap();
        let arguments =
            format!("@action = N'error', @number = {number}, @pattern = N'INSERT INTO dbo', @times = 1");
        world.arm(&arguments).await;
        // Arming took a connection out of the pool; this one stays in it.
        assert_eq!(count(&world.database).await, 1);
        let before = world.database.metrics();
        let outcome = insert(&world.database, "after", 2).await;
        let after = world.database.metrics();
        assert_eq!(outcome.is_ok(), is_repeated, "{number}: {outcome:?}");
        assert_eq!(after.retries - before.retries, u64::from(is_repeated), "{number}");
        assert_eq!(after.logins - before.logins, u64::from(empties_pool), "{number}");
        assert_eq!(count(&world.database).await, 1 + i32::from(is_repeated), "{number}");
        world.end().await;
    }
}

#[tokio::test]
async fn three_redirects_in_a_row_are_followed_and_a_fourth_is_not() {
    let node = start(Vec::new()).await;
    let mut servers = vec![node];
    for _ in 0..4 {
        let next = servers.last().unwrap().address().port();
        servers.push(start(vec![Fault::new(Action::Route).to("127.0.0.1", next)]).await);
    }
    let connect = async |server: &local_sql::Server| {
        Database::connect(&string(server.address().port(), "test"), Options::default()).await
    };
    connect(&servers[3]).await.unwrap().close().await;
    let error = connect(&servers[4]).await.err().unwrap();
    let Error::Connect { reason, .. } = &error else { panic!("{error}") };
    assert!(matches!(**reason, ConnectFailure::TooManyRedirects(3)), "{error}");
    assert!(!error.is_transient());
    for server in servers {
        server.stop().await;
    }
}

#[tokio::test]
async fn a_redirect_is_followed_to_the_node_that_holds_the_database() {
    let node = start(Vec::new()).await;
    let gateway = start(vec![Fault::new(Action::Route).to("127.0.0.1", node.address().port())]).await;
    let database =
        Database::connect(&string(gateway.address().port(), "test"), Options::default()).await.unwrap();
    migrate(&database, &[MIGRATIONS, TABLES]).await.unwrap();
    insert(&database, "a", 1).await.unwrap();
    let direct = Database::connect(&string(node.address().port(), "test"), Options::default()).await.unwrap();
    assert_eq!(count(&direct).await, 1, "it was written at the node");
    for pool in [database, direct] {
        pool.close().await;
    }
    gateway.stop().await;
    node.stop().await;
}

#[tokio::test]
async fn redirects_in_a_circle_are_given_up() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let options = local_sql::Options {
        listen: address,
        sa_password: PASSWORD.to_owned(),
        faults: vec![Fault::new(Action::Route).to("127.0.0.1", address.port())],
        ..local_sql::Options::default()
    };
    let server = local_sql::Server::start(options).await.unwrap();
    let error = Database::connect(&string(address.port(), "test"), Options::default()).await.err().unwrap();
    let Error::Connect { reason, .. } = &error else { panic!("{error}") };
    assert!(matches!(**reason, ConnectFailure::TooManyRedirects(3)), "{error}");
    server.stop().await;
}

#[tokio::test]
async fn a_commit_that_is_retried_gets_a_new_id_each_time() {
    let world = World::new().await;
    world.arm("@action = N'cut_before', @pattern = N'COMMIT TRANSACTION', @times = 2").await;
    insert(&world.database, "a", 1).await.unwrap();
    let rows =
        world.database.query("SELECT TxId, Fenced FROM Platform.[Commit] ORDER BY At", &[]).await.unwrap();
    let fenced: Vec<bool> = rows.iter().map(|row| row.read("Fenced").unwrap()).collect();
    assert_eq!(fenced, [true, true, false]);
    world.end().await;
}
