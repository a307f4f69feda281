//! `POST /api/platform/security/signingkeys/rotate`: lets a new key sign access tokens, without signing anybody out.
//!
//! The new key signs from a time on at which every instance knows it, and those before it verify until everything that
//! they have signed has expired: no instance has to be restarted, and no token is refused.

use actix_web::HttpResponse;
use actix_web::web::Data;
use contracts::permissions::SIGNING_KEY_ROTATE;
use host::auth::{AccessTokens, Principal, SigningSecret};
use host::problem::Problem;
use serde_json::json;
use sql::Transaction;
use store::audit::Entry;

use super::key::{self, SigningKey, State};
use crate::accounts::change::Change;
use crate::accounts::lockout::seconds;
use crate::error::Error;
use crate::state::AppState;

/// Keys at a time. More would come of rotating again and again while tokens hold for long; verifiers read 32.
const KEYS_MAX: usize = 16;

/// Lets a new key sign access tokens, without signing anybody out.
///
/// It signs in about a minute, when every instance knows it; tokens of the keys before it hold until they expire. 409
/// while a rotation is under way, and where `Authorization:SigningKey` is configured.
#[utoipa::path(post, path = "/api/platform/security/signingkeys/rotate", tag = "signing keys",
    operation_id = "rotate_signing_key",
    responses((status = 200, description = "The new key", body = SigningKey)),
    extensions(("x-problems" = json!(["conflict"]))))]
pub(crate) async fn rotate(principal: Principal, state: Data<AppState>) -> Result<HttpResponse, Problem> {
    let (database, tokens, principal) = (&state.database, &*state.accounts.tokens, &principal);
    let key = database.transaction("signing_keys.rotate", |tx| {
        Box::pin(async move {
            let change = Change::begin(tx, principal).await?.demand(SIGNING_KEY_ROTATE)?;
            let key = rotate_in(tx, tokens).await?;
            change.finish(tx, entry(&key)).await?;
            Ok::<_, Error>(key)
        })
    });

    Ok(HttpResponse::Ok().json(key.await?))
}

/// The same inside a transaction that has its turn, by whoever its audit row is to name.
pub(super) async fn rotate_in(tx: &mut Transaction<'_>, tokens: &AccessTokens) -> Result<SigningKey, Error> {
    key::demand_keys_in_sql(tokens)?;
    tx.execute(include_str!("prune.sql"), &[]).await?;
    let before = key::read(&tx.query(include_str!("list.sql"), &[]).await?)?;
    refuse_if_too_early(&before)?;

    let (new, times) = (SigningSecret::random(), tokens.rotation_times());
    // The first key of all has nothing to wait for.
    let new_signs_after_secs = if before.is_empty() { 0 } else { seconds(times.new_signs_after) };
    let params: &[&dyn sql::ToSql] =
        &[&new.id.as_str(), &new.bytes.as_slice(), &new_signs_after_secs, &seconds(times.old_verify_for)];
    tx.execute(include_str!("rotate.sql"), params).await?;

    let after = key::read(&tx.query(include_str!("list.sql"), &[]).await?)?;
    after.into_iter().find(|key| key.id == new.id).ok_or(Error::NotFound("new key"))
}

/// What the audit log says of a rotation.
pub(super) fn entry(new: &SigningKey) -> Entry<'_> {
    Entry {
        action: "signing-key.rotated",
        entity: "signing-key",
        entity_id: new.id.as_str().into(),
        detail: json!({ "signsFrom": new.signs_from }),
    }
}

fn refuse_if_too_early(keys: &[SigningKey]) -> Result<(), Error> {
    if let Some(next) = keys.iter().find(|key| key.state == State::Next) {
        let from = key::written(next.signs_from.0);
        return Err(Error::Conflict(format!("a rotation is under way: its key signs from {from} on")));
    }
    if keys.len() >= KEYS_MAX {
        let reason = format!("there are {KEYS_MAX} keys whose tokens still hold; wait until one has expired");
        return Err(Error::Conflict(reason));
    }
    Ok(())
}
