//! Each service with a login of its own that may read and write rows and nothing else, as `deploy/sql` makes them.

use anyhow::Result;
use e2e::{Instance, Layout, Trust, World};
use sql::{ConnectionString, Database, Options};

use crate::main_flow;

async fn with_own_logins() -> Result<World> {
    World::start(Layout { frontends: 1, own_logins: true, ..Layout::default() }).await
}

/// The error number of each statement under the login of a process.
async fn refusals(
    world: &World,
    instance: Instance,
    statements: &[&'static str],
) -> Result<Vec<Option<u32>>> {
    let string = ConnectionString::parse(&world.connection_string_of(instance))?;
    let database = Database::connect(&string, Options::default()).await?;
    let mut numbers = Vec::new();
    for statement in statements {
        numbers.push(database.execute(statement, &[]).await.err().and_then(|error| error.number()));
    }
    database.close().await;
    Ok(numbers)
}

#[tokio::test]
async fn services_do_their_work_with_logins_that_have_rights_to_rows_alone() -> Result<()> {
    let world = with_own_logins().await?;
    main_flow(&world).await?;

    let definitions = [
        "CREATE TABLE Platform.Intruder (Id int NOT NULL)",
        "EXEC (N'CREATE SCHEMA Intruder')",
        "ALTER TABLE Commerce.Product ADD Intruder int NULL",
        "DROP TABLE Platform.AuditLog",
        "TRUNCATE TABLE Platform.ChangeFeed",
        "CREATE USER intruder FOR LOGIN stoa_migrator",
        "ALTER ROLE db_owner ADD MEMBER stoa_frontend_api",
        "GRANT SELECT ON SCHEMA::Accounts TO public",
    ];
    let expected = [262, 262, 1088, 3701, 1088, 15_247, 15_151, 15_151].map(Some);
    for instance in [Instance::Frontend(0), Instance::Authoring(0), Instance::Worker(0)] {
        assert_eq!(refusals(&world, instance, &definitions).await?, expected, "{instance}");
    }

    // What none of their queries needs is closed to them.
    let frontend = [
        "SELECT u.Id FROM Accounts.[User] AS u",
        "SELECT COUNT(*) AS N FROM Accounts.SigningKey",
        "UPDATE Commerce.PublishedProduct SET Version = 0",
        "DELETE FROM Commerce.Product",
        "DELETE FROM Platform.Migration",
        "SELECT j.Id FROM HangFire.Job AS j",
    ];
    assert_eq!(refusals(&world, Instance::Frontend(0), &frontend).await?, [Some(229); 6]);
    let audit = ["DELETE FROM Platform.AuditLog", "UPDATE Platform.AuditLog SET Actor = N'x'"];
    for instance in [Instance::Authoring(0), Instance::Worker(0)] {
        assert_eq!(refusals(&world, instance, &audit).await?, [Some(229); 2], "{instance}");
    }
    let accounts = ["SELECT u.Id FROM Accounts.[User] AS u"];
    assert_eq!(refusals(&world, Instance::Worker(0), &accounts).await?, [Some(229)]);

    // Nothing that a service did was refused meanwhile.
    for entry in std::fs::read_dir(world.directory())? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let log = std::fs::read_to_string(&path)?;
            assert!(!log.contains("permission was denied"), "{}", path.display());
        }
    }
    world.stop().await
}

#[tokio::test]
async fn a_login_that_may_not_change_the_schema_is_told_so_and_what_to_do() -> Result<()> {
    let world = with_own_logins().await?;
    let administrator = ConnectionString::parse(&world.connection_string())?;
    let administrator = Database::connect(&administrator, Options::default()).await?;
    // A step is missing again: a service that is to apply it cannot, and one that is not says so.
    let forget = "DELETE FROM Platform.Migration WHERE Component = N'Accounts'";
    administrator.execute(forget, &[]).await?;
    let (code, log) =
        world.try_to_start(Instance::Worker(7), Trust::Setting, &["--set", "Sql:Migrate=Auto"]).await?;
    assert!(code == Some(1), "{log}");
    for sentence in [
        "the login stoa_job_worker may not change it; run `authoring-api migrate` once with a login that may",
        "CREATE TABLE permission denied in database 'stoa'",
    ] {
        assert!(log.contains(sentence), "{log}");
    }
    administrator.execute("REVOKE SELECT ON OBJECT::Platform.Migration FROM stoa_process", &[]).await?;
    let (code, log) = world.try_to_start(Instance::Worker(7), Trust::Setting, &[]).await?;
    assert!(
        code == Some(1) && log.contains("the login stoa_job_worker may not see Platform.Migration"),
        "{log}"
    );
    administrator.close().await;
    world.stop().await
}
