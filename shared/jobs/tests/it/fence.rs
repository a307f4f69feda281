//! A worker whose job was taken over can write nothing, whatever it still believes.

use std::time::Duration;

use jobs::{Context, Failure, ServerOptions};

use crate::support::{Gate, World, eventually, note, quick, short_lease, soon};

/// Leases end soon once they are not renewed any more. Nobody is declared dead.
fn forgetful() -> ServerOptions {
    ServerOptions { lease: short_lease(), ..quick() }
}

#[tokio::test]
async fn a_zombie_writes_nothing_after_its_job_was_taken_over() {
    let world = World::new().await;
    let proxy = world.test.proxy().await;
    let frozen = sql::Database::connect(proxy.connection(), sql::Options::default()).await.unwrap();
    let id = world.enqueue(note(1)).await;
    let (mut zombie, registry) = Gate::new(false);
    let first = world.server_on(&frozen, &registry, forgetful());
    let (context, _) = zombie.next_start().await;

    // The first server's connections stand still: no renewal, no news.
    proxy.pause();
    let (mut successor, registry) = Gate::new(false);
    let second = world.server(&registry, forgetful());
    successor.next_start().await;
    soon("the zombie's token is cancelled", context.cancelled().cancelled()).await;
    let taken_over = world.job(id).await.history;

    // It ends all the same, and its completion goes out.
    proxy.resume();
    zombie.open(1);
    eventually("the first server's outcome is refused", async || {
        let status = first.status();
        if status.lost == 1 && status.running == 0 { Ok(()) } else { Err(status) }
    })
    .await;
    assert_eq!(world.job(id).await.history, taken_over, "nothing was written");
    assert_eq!(first.status().settled, 0);

    successor.open(1);
    world.reaches(id, "Succeeded").await;
    world.nothing_is_left().await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Processing", "Succeeded"]);
    first.stop().await;
    second.stop().await;
}

#[tokio::test]
async fn a_zombie_cannot_commit_a_chunk() {
    let world = World::new().await;
    let proxy = world.test.proxy().await;
    let frozen = sql::Database::connect(proxy.connection(), sql::Options::default()).await.unwrap();
    world.enqueue(note(1)).await;
    world
        .run(
            "CREATE TABLE dbo.Chunk (Id int IDENTITY(1, 1) NOT NULL PRIMARY KEY, Who nvarchar(10) NOT NULL);",
        )
        .await;
    let (mut zombie, registry) = Gate::new(false);
    let first = world.server_on(&frozen, &registry, forgetful());
    let (early, _) = zombie.next_start().await;
    commit_chunk(&world, &early, "early").await.unwrap();

    proxy.pause();
    let (mut successor, registry) = Gate::new(false);
    let second = world.server(&registry, forgetful());
    let (late, _) = successor.next_start().await;
    commit_chunk(&world, &late, "late").await.unwrap();
    let refused = commit_chunk(&world, &early, "zombie").await.unwrap_err();
    assert!(refused.is_lost(), "{refused}");
    let chunks = world.rows("SELECT c.Who FROM dbo.Chunk AS c ORDER BY c.Id").await;
    let chunks: Vec<&str> = chunks.iter().map(|row| row.get(0).unwrap()).collect();
    assert_eq!(chunks, ["early", "late"]);

    proxy.resume();
    zombie.open(1);
    successor.open(1);
    first.stop().await;
    second.stop().await;
}

async fn commit_chunk(world: &World, context: &Context, who: &'static str) -> Result<(), Failure> {
    world
        .database
        .transaction("test.chunk", |tx| {
            Box::pin(async move {
                tx.execute("INSERT INTO dbo.Chunk (Who) VALUES (@P1)", &[&who]).await?;
                context.assert_owned(tx).await
            })
        })
        .await
}

#[tokio::test]
async fn leases_are_renewed_as_long_as_the_handler_runs() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(true);
    let server = world.server(&registry, forgetful());
    gate.next_start().await;
    let lease_ms = short_lease().as_millis() as i32;
    let renewed = "SELECT l.JobId FROM Jobs.Lease AS l INNER JOIN HangFire.State AS s ON s.Id = l.StateId \
        AND s.JobId = l.JobId WHERE l.RenewedAt > DATEADD(millisecond, 2 * @P1, s.CreatedAt)";
    eventually("a renewal later than two leases", async || {
        let rows = world.database.query(renewed, &[&lease_ms]).await.unwrap();
        if rows.len() == 1 { Ok(()) } else { Err(rows.len()) }
    })
    .await;
    gate.open(1);
    world.reaches(id, "Succeeded").await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Succeeded"]);
    server.stop().await;
}

#[tokio::test]
async fn a_job_deleted_from_the_dashboard_is_cancelled_and_stays_deleted() {
    let world = World::new().await;
    let id = world.enqueue(note(1)).await;
    let (mut gate, registry) = Gate::new(true);
    let server =
        world.server(&registry, ServerOptions { stray_interval: Duration::from_millis(50), ..quick() });
    let (context, _) = gate.next_start().await;
    world
        .run(&format!(
            "DECLARE @state bigint;
             INSERT INTO HangFire.State (JobId, Name, CreatedAt, Data) VALUES ({id}, N'Deleted', GETUTCDATE(), N'{{}}');
             SET @state = SCOPE_IDENTITY();
             UPDATE HangFire.Job SET StateId = @state, StateName = N'Deleted' WHERE Id = {id};"
        ))
        .await;
    soon("the token is cancelled", context.cancelled().cancelled()).await;
    world.nothing_is_left().await;
    assert_eq!(world.history(id).await, ["Enqueued", "Processing", "Deleted"]);
    server.stop().await;
    assert_eq!(world.state(id).await, "Deleted");
}
