//! Every connection encrypted, with certificates by an authority of one's own.

use anyhow::Result;
use e2e::{Instance, Layout, Trust, World};

use crate::main_flow;

#[tokio::test]
async fn the_main_flow_runs_with_every_connection_encrypted() -> Result<()> {
    let world = World::start(Layout { tls: true, ..Layout::default() }).await?;
    main_flow(&world).await?;

    // Whoever does not know the authority does not start, whatever it is.
    for instance in [Instance::Frontend(7), Instance::Authoring(7), Instance::Worker(7)] {
        let (code, log) = world.try_to_start(instance, Trust::Nothing, &[]).await?;
        assert_eq!(code, Some(1), "{log}");
        assert!(log.contains("signed by an authority that is not trusted here"), "{log}");
        assert!(!log.contains("waiting for the database"), "{log}");
    }
    world.stop().await
}

#[tokio::test]
async fn ssl_cert_file_stands_for_the_authorities_of_the_system() -> Result<()> {
    let layout = Layout { tls: true, trust: Trust::Environment, own_logins: true, ..Layout::default() };
    let world = World::start(Layout { frontends: 1, ..layout }).await?;
    main_flow(&world).await?;
    world.stop().await
}
