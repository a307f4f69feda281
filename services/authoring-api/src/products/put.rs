//! `PUT /admin/products/{id}`: replaces the working copy and publishes it, if nobody was faster.

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use domain::Product;
use host::auth::Principal;
use host::problem::Problem;
use sql::Database;
use store::products::{self, Saved};
use store::stores::Store;

use super::working_copy::{Edit, WorkingCopy};
use super::{NO_PRODUCT, get, store_of};
use crate::error::Error;
use crate::state::AppState;
use crate::{id, version};

/// Replaces a product and publishes it.
///
/// 428 without `If-Match`, 412 when the version has moved on; then nothing is written. Answers with what is stored
/// afterwards: its entity tag is what the next edit must name.
#[utoipa::path(put, path = "/admin/products/{id}", tag = "products", operation_id = "put_product",
    params(
        ("id" = i64, Path, description = "The product", example = 1),
        ("If-Match" = String, Header, description = "The ETag of the answer that the change is based on"),
    ),
    request_body = Edit,
    responses((status = 200, description = "The working copy as it is now", body = WorkingCopy,
        headers(("etag" = String, description = "Its version; the next change names it as If-Match")))),
    extensions(("x-problems" =
        json!(["not_found", "conflict", "version_mismatch", "validation_failed", "version_required"]))))]
pub(crate) async fn put(
    request: HttpRequest,
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    edit: Json<Edit>,
) -> Result<HttpResponse, Problem> {
    let id = id::parse(&id, NO_PRODUCT)?;
    let expected = version::required(request.headers())?;
    let store = store_of(&state.database, id).await?;
    let product = edit.into_inner().validate(store.currency)?;

    save(&state.database, &principal.name, &store, id, expected, &product).await?;

    get::answer(&state.database, &store, id).await
}

async fn save(
    database: &Database,
    actor: &str,
    store: &Store,
    id: i64,
    expected: i64,
    product: &Product,
) -> Result<(), Error> {
    let save = database.transaction("products.save", |tx| {
        Box::pin(products::save_and_publish(tx, &store.id, id, expected, product, actor))
    });
    match save.await? {
        Saved::Updated { .. } | Saved::Unchanged { .. } => Ok(()),
        Saved::NotFound => Err(NO_PRODUCT),
        Saved::VersionMismatch { current } => Err(Error::VersionMismatch { what: "product", current }),
    }
}
