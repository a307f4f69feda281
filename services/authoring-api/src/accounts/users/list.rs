//! `GET /api/platform/security/users?search=&limit=&cursor=`: a page of users.

use actix_web::HttpResponse;
use actix_web::web::{Data, Query};
use host::problem::{FieldError, Problem};
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use utoipa::{IntoParams, ToSchema};

use super::user::{self, User};
use crate::accounts::fields::all_right;
use crate::accounts::paging::Page;
use crate::error::Error;
use crate::state::AppState;

/// Longest text to look for, characters.
const SEARCH_MAX: usize = 100;

/// Which users are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Only users whose user name, display name or e-mail address contains this; capitals do not matter.
    #[param(nullable = false, max_length = 100)]
    search: Option<String>,
    /// Users on a page.
    #[param(nullable = false, minimum = 1, maximum = 100, default = 20)]
    limit: Option<u16>,
    /// `nextCursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A page of users.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct UserPage {
    items: Vec<User>,
    /// Leads to the next page; null: this is the last.
    next_cursor: Option<String>,
}

/// A page of users, in the order of their names.
#[utoipa::path(get, path = "/api/platform/security/users", tag = "users", operation_id = "list_users",
    params(Parameters),
    responses((status = 200, description = "The page", body = UserPage)),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn list(
    state: Data<AppState>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let mut wrong = Vec::new();
    let page = Page::parse(parameters.limit, parameters.cursor.as_deref(), &mut wrong);
    let search = search_text(parameters.search.as_deref().unwrap_or_default(), &mut wrong);
    let page = all_right(page, wrong)?;

    let params: &[&dyn sql::ToSql] = &[&page.after.as_str(), &page.rows(), &search.as_str()];
    let rows = state.database.query(include_str!("page.sql"), params).await.map_err(Error::from)?;
    let mut items = user::read(&rows).map_err(Error::from)?;
    let next_cursor = page.cut(&mut items, |user| &user.user_name);

    Ok(HttpResponse::Ok().json(UserPage { items, next_cursor }))
}

fn search_text(given: &str, wrong: &mut Vec<FieldError>) -> String {
    if given.chars().count() > SEARCH_MAX {
        wrong.push(FieldError::new("search", format!("is longer than {SEARCH_MAX} characters")));
        return String::new();
    }
    if given.chars().any(char::is_control) {
        wrong.push(FieldError::new("search", "contains a control character"));
    }
    given.trim().nfc().collect::<String>().to_lowercase()
}
