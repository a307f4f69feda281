//! `GET /v1/{store}/products?category=&limit=&cursor=`: a page of summaries, in the order of ids.

use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use contracts::cache::StorefrontKey;
use contracts::storefront::{Cursor, LISTING_LIMIT_DEFAULT, LISTING_LIMIT_MAX, ListingPage, ProductSummary};
use domain::{CategoryKey, StoreId};
use host::problem::{FieldError, Problem};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::answer;
use crate::error::not_found;
use crate::state::AppState;

/// The query as it was sent; parameters that are not named here mean nothing.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Parameters {
    /// Only products at or below this category: `home/light`.
    #[param(nullable = false)]
    category: Option<String>,
    /// Products on a page.
    #[param(value_type = Option<u16>, nullable = false, minimum = 1, maximum = 100, default = 24)]
    limit: Option<String>,
    /// `nextCursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    category: Option<CategoryKey>,
    /// Products with a greater id than this.
    after: i64,
    limit: u16,
}

/// A page of published products, in the order of their ids.
#[utoipa::path(method(get, head), path = "/v1/{store}/products", tag = "products",
    operation_id = "list_products",
    params(
        ("store" = String, Path, description = "The store", example = "outdoor"),
        Parameters,
        ("If-None-Match" = Option<String>, Header, description = "Entity tags that the client has"),
    ),
    responses(
        (status = 200, description = "The page", body = ListingPage<ProductSummary>, headers(
            ("etag" = String, description = "Changes with every byte of the document"),
            ("content-encoding" = String, description = "`br` or `gzip`, if the request accepts it; with an entity tag of its own"),
            ("cache-control" = String, description = "`no-cache`: ask before each use"),
            ("warning" = String, description = "110: SQL Server is away, and this is the last that was known"),
        )),
        (status = 304, description = "The client has it", headers(("etag" = String))),
    ),
    extensions(("x-problems" = json!(["not_found"]))))]
pub(crate) async fn list(
    request: HttpRequest,
    state: Data<AppState>,
    parameters: Query<Parameters>,
) -> Result<HttpResponse, Problem> {
    let store = StoreId::parse(request.match_info().query("store")).map_err(|_| not_found())?;
    let Wanted { category, after, limit } = parameters.into_inner().wanted()?;

    let served = state.document(&StorefrontKey::Listing { store, category, after, limit }).await?;

    Ok(answer::document(request.headers(), &served, &state.representations).await)
}

impl Parameters {
    /// Names every parameter that is wrong.
    fn wanted(self) -> Result<Wanted, Problem> {
        let mut wrong = Vec::new();
        let mut refuse = |field: &str, value: &str, reason: String| {
            wrong.push(FieldError::new(field, reason).value(value));
        };
        let category = self.category.and_then(|text| {
            CategoryKey::parse(&text).inspect_err(|why| refuse("category", &text, why.to_string())).ok()
        });
        let limit = match &self.limit {
            None => LISTING_LIMIT_DEFAULT,
            Some(text) => {
                text.parse().ok().filter(|n| (1..=LISTING_LIMIT_MAX).contains(n)).unwrap_or_else(|| {
                    refuse("limit", text, format!("is not a whole number from 1 to {LISTING_LIMIT_MAX}"));
                    LISTING_LIMIT_DEFAULT
                })
            }
        };
        let after = match &self.cursor {
            None => 0,
            Some(text) => Cursor::decode(text).map(|cursor| cursor.after).unwrap_or_else(|| {
                refuse("cursor", text, "is not the nextCursor of a page".to_owned());
                0
            }),
        };
        if wrong.is_empty() {
            Ok(Wanted { category, after, limit })
        } else {
            Err(Problem::bad_request("the query does not fit").fields(wrong))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(category: Option<&str>, limit: Option<&str>, cursor: Option<&str>) -> Result<Wanted, Problem> {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Parameters { category: owned(category), limit: owned(limit), cursor: owned(cursor) }.wanted()
    }

    #[test]
    fn without_parameters_the_first_page_of_everything_is_wanted() {
        let all = Wanted { category: None, after: 0, limit: LISTING_LIMIT_DEFAULT };
        assert_eq!(wanted(None, None, None).unwrap(), all);
    }

    #[test]
    fn a_cursor_leads_behind_the_last_product_of_its_page() {
        let cursor = Cursor { after: 41 }.encode();
        assert_eq!(wanted(None, Some("100"), Some(&cursor)).unwrap().after, 41);
    }

    #[test]
    fn every_wrong_parameter_is_named_at_once() {
        let problem = wanted(Some("///"), Some("0"), Some("41")).unwrap_err();
        let fields: Vec<&str> = problem.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(fields, ["category", "limit", "cursor"]);
        for limit in ["101", "-1", "ten", "", "1.5"] {
            assert_eq!(wanted(None, Some(limit), None).unwrap_err().status, 400, "{limit}");
        }
    }
}
