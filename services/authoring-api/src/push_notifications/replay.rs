//! `GET /api/platform/pushnotifications?after=&limit=`: everything that is new or changed since a number, once and in
//! order. Works in every mode of push, also where no connection of the hub leads here.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use backplane::push::REPLAY_MAX;
use host::auth::Principal;
use host::problem::Problem;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::answer::{PushNotification, events};
use super::feed_of;
use crate::error::{Error, invalid};
use crate::state::AppState;

/// From where on.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// The `number` of the last notification that is known; 0 or none: from the first that is kept.
    #[param(nullable = false, minimum = 0)]
    after: Option<i64>,
    /// Most notifications in the answer.
    #[param(nullable = false, minimum = 1, maximum = 200, default = 200)]
    limit: Option<u16>,
}

/// What stands above a number. Ask again from the number of the last notification until none is left.
#[derive(Serialize, ToSchema)]
#[schema(as = PushNotificationReplay)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// The number given last. Below `after`: the database was restored, begin again at 0.
    head: i64,
    /// Notifications up to this number may have been deleted because they were old or too many.
    pruned_to: i64,
    /// How many of all of the user's notifications are unread.
    new_count: u32,
    /// By `number`.
    #[schema(value_type = Vec<PushNotification>)]
    notify_events: Vec<Value>,
}

/// Notifications of the user who asks that are new or have changed since a number.
#[utoipa::path(get, path = "/api/platform/pushnotifications", tag = "push notifications",
    operation_id = "replay_push_notifications",
    params(Parameters),
    responses((status = 200, description = "What stands above it", body = Answer)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn replay(
    principal: Principal,
    state: Data<AppState>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let (after, limit) = (parameters.after.unwrap_or(0), parameters.limit.unwrap_or(REPLAY_MAX));
    if after < 0 {
        return Err(invalid("after", &after.to_string(), "is below 0").into());
    }
    if !(1..=REPLAY_MAX).contains(&limit) {
        let reason = format!("is not a number from 1 to {REPLAY_MAX}");
        return Err(invalid("limit", &limit.to_string(), reason).into());
    }

    let replay = state.push.replay(&feed_of(&principal), after, limit).await.map_err(Error::from)?;

    Ok(HttpResponse::Ok().json(Answer {
        head: replay.head,
        pruned_to: replay.pruned_to,
        new_count: replay.new_count,
        notify_events: events(&replay.notifications),
    }))
}
