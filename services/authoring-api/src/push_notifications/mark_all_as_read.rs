//! `POST /api/platform/pushnotifications/markAllAsRead`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use backplane::push::Search;
use host::auth::Principal;
use host::problem::Problem;

use super::answer::PageAnswer;
use super::feed_of;
use super::search::TAKE_DEFAULT;
use crate::error::Error;
use crate::state::AppState;

/// Marks all notifications of the user who asks as read, and gives the newest of them.
#[utoipa::path(post, path = "/api/platform/pushnotifications/markAllAsRead", tag = "push notifications",
    operation_id = "mark_all_push_notifications_as_read",
    responses((status = 200, description = "The newest, read", body = PageAnswer)))]
pub(crate) async fn mark_all_as_read(
    principal: Principal,
    state: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let user_id = feed_of(&principal);
    state.push.mark_all_read(&user_id).await.map_err(Error::from)?;

    let newest = Search { take: TAKE_DEFAULT, ..Search::default() };
    let page = state.push.search(&user_id, &newest).await.map_err(Error::from)?;

    Ok(HttpResponse::Ok().json(PageAnswer::of(&page)))
}
