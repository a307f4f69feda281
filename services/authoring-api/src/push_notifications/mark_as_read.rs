//! `POST /api/platform/pushnotifications/{id}/markAsRead`.

use actix_web::HttpResponse;
use actix_web::web::{Data, Path};
use host::auth::Principal;
use host::problem::Problem;
use uuid::Uuid;

use super::feed_of;
use crate::error::Error;
use crate::state::AppState;

const NO_NOTIFICATION: Error = Error::NotFound("such notification");

/// Marks one notification of the user who asks as read.
#[utoipa::path(post, path = "/api/platform/pushnotifications/{id}/markAsRead", tag = "push notifications",
    operation_id = "mark_push_notification_as_read",
    params(("id" = String, Path, format = "uuid", description = "The notification")),
    responses((status = 204, description = "It is read")),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn mark_as_read(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let id: Uuid = id.parse().map_err(|_| NO_NOTIFICATION)?;

    let found = state.push.mark_read(&feed_of(&principal), id).await.map_err(Error::from)?;

    if found { Ok(HttpResponse::NoContent().finish()) } else { Err(NO_NOTIFICATION.into()) }
}
