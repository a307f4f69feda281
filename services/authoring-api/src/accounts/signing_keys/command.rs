//! `authoring-api rotate-signing-key`: the same rotation for an operator who has the database and no sign-in.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use host::Settings;
use host::auth::{AccessTokens, Keyring};
use sql::Database;
use store::audit;

use super::key;
use super::rotate::{entry, rotate_in};
use crate::error::Error;

/// Who the audit row names.
const ACTOR: &str = "rotate-signing-key";

pub(crate) fn rotate_signing_key(
    settings: Settings,
    database: Database,
) -> BoxFuture<'static, anyhow::Result<()>> {
    Box::pin(run(settings, database))
}

async fn run(settings: Settings, database: Database) -> anyhow::Result<()> {
    let keyring = Arc::new(Keyring::new(&settings.authorization, &database));
    let tokens = &AccessTokens::new(keyring, &settings.authorization);
    let rotate = database.transaction("signing_keys.rotate", |tx| {
        Box::pin(async move {
            tx.execute(include_str!("../take_turn.sql"), &[]).await?;
            let key = rotate_in(tx, tokens).await?;
            audit::record(tx, ACTOR, &[entry(&key)]).await?;
            Ok::<_, Error>(key)
        })
    });
    let new = rotate.await?;
    tracing::info!(key = new.id, signs_from = key::written(new.signs_from.0), "signing key rotated");
    Ok(())
}
