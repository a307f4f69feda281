//! `POST /api/platform/pushnotifications`: a page of notifications, for lists that people look at.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json};
use backplane::push::{IDS_MAX, Search};
use host::auth::Principal;
use host::problem::{FieldError, Problem};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;
use uuid::Uuid;

use super::answer::PageAnswer;
use super::feed_of;
use crate::error::Error;
use crate::state::AppState;

/// Notifications on a page unless the caller says how many.
pub(super) const TAKE_DEFAULT: u16 = 20;
/// Most notifications on a page.
const TAKE_MAX: u16 = 100;
/// Most notifications before a page.
const SKIP_MAX: u32 = 1_000_000;

/// What is looked for.
#[derive(Deserialize, ToSchema)]
#[schema(as = PushNotificationSearch)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(crate) struct Body {
    /// Only these; at most 100.
    #[schema(max_items = 100)]
    ids: Option<Vec<String>>,
    /// Only unread ones.
    only_new: Option<bool>,
    /// Raised first at this time or later.
    #[schema(format = DateTime)]
    start_date: Option<String>,
    /// Raised first before this time.
    #[schema(format = DateTime)]
    end_date: Option<String>,
    /// `created:desc` (unless said otherwise) or `created:asc`.
    sort: Option<String>,
    /// Notifications before the page.
    #[schema(maximum = 1000000, default = 0)]
    skip: Option<u32>,
    /// Notifications on the page; 0 only counts.
    #[schema(maximum = 100, default = 20)]
    take: Option<u16>,
}

/// A page of the notifications of the user who asks.
#[utoipa::path(post, path = "/api/platform/pushnotifications", tag = "push notifications",
    operation_id = "search_push_notifications",
    request_body = Body,
    responses((status = 200, description = "The page", body = PageAnswer)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn search(
    principal: Principal,
    state: Data<AppState>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let search = parse(&body)?;

    let page = state.push.search(&feed_of(&principal), &search).await.map_err(Error::from)?;

    Ok(HttpResponse::Ok().json(PageAnswer::of(&page)))
}

fn parse(body: &Body) -> Result<Search, Error> {
    let mut wrong = Vec::new();
    let given = body.ids.as_deref().unwrap_or_default();
    let mut ids: Vec<Uuid> = given.iter().filter_map(|id| id.parse().ok()).collect();
    if given.len() > IDS_MAX {
        wrong.push(FieldError::new("ids", format!("are more than {IDS_MAX}")));
    } else if let Some(id) = given.iter().find(|id| id.parse::<Uuid>().is_err()) {
        wrong.push(FieldError::new("ids", "is no id of a notification").value(id.as_str()));
    }
    ids.sort_unstable();
    ids.dedup();
    let mut moment = |field: &str, text: &Option<String>| {
        let text = text.as_deref()?;
        let time = OffsetDateTime::parse(text, &Rfc3339).ok();
        if time.is_none() {
            wrong.push(FieldError::new(field, "is no time in the form of RFC 3339").value(text));
        }
        time
    };
    let (from, to) = (moment("startDate", &body.start_date), moment("endDate", &body.end_date));
    let oldest_first = match body.sort.as_deref().unwrap_or_default() {
        "" | "created:desc" => false,
        "created" | "created:asc" => true,
        other => {
            wrong.push(FieldError::new("sort", "is neither created:desc nor created:asc").value(other));
            false
        }
    };
    let (skip, take) = (body.skip.unwrap_or(0), body.take.unwrap_or(TAKE_DEFAULT));
    if skip > SKIP_MAX {
        wrong.push(FieldError::new("skip", format!("is more than {SKIP_MAX}")).value(skip.to_string()));
    }
    if take > TAKE_MAX {
        wrong.push(FieldError::new("take", format!("is more than {TAKE_MAX}")).value(take.to_string()));
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let only_new = body.only_new.unwrap_or(false);
    Ok(Search { ids, only_new, from, to, oldest_first, skip, take })
}
