//! `PUT /admin/stores/{store}`: creates a store or changes its name and language. Its currency stays.

use actix_web::HttpResponse;
use actix_web::web::{Data, Json, Path};
use domain::{Currency, StoreId};
use host::auth::Principal;
use host::problem::Problem;
use serde::Deserialize;
use serde_json::json;
use sql::Database;
use store::audit::{self, Entry};
use store::stores::{self, Store};
use utoipa::ToSchema;

use super::StoreView;
use crate::error::{Error, invalid};
use crate::state::AppState;
use crate::text;

const NAME_MAX: usize = 255;
const LANGUAGE_MAX: usize = 35;

/// What a store is to be.
#[derive(Deserialize, ToSchema)]
#[schema(as = StoreChange)]
pub(crate) struct Body {
    /// One line, as shoppers see it.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// ISO 4217; of a store that exists, the one it has.
    currency: String,
    /// BCP 47.
    #[schema(min_length = 1, max_length = 35)]
    language: String,
}

/// Creates a store, or changes its name and language.
#[utoipa::path(put, path = "/admin/stores/{store}", tag = "stores", operation_id = "put_store",
    params(("store" = String, Path, description = "The store, made if there is none", example = "outdoor")),
    request_body = Body,
    responses((status = 200, description = "The store as it is now", body = StoreView)),
    extensions(("x-problems" = json!(["conflict", "validation_failed"]))))]
pub(crate) async fn put(
    principal: Principal,
    state: Data<AppState>,
    id: Path<String>,
    body: Json<Body>,
) -> Result<HttpResponse, Problem> {
    let store = body.into_inner().parse(&id)?;

    let version = write(&state.database, &principal.name, &store).await?;

    Ok(HttpResponse::Ok().json(StoreView::of(&Store { version, ..store })))
}

async fn write(database: &Database, actor: &str, store: &Store) -> Result<i64, Error> {
    let write = database.transaction("stores.put", |tx| {
        Box::pin(async move {
            let version = stores::put(tx, store).await?;
            let entry = Entry {
                action: "store.put",
                entity: "store",
                entity_id: store.id.as_str().into(),
                detail: json!({ "name": store.name, "language": store.language, "version": version }),
            };
            audit::record(tx, actor, &[entry]).await?;
            Ok(version)
        })
    });
    write.await
}

impl Body {
    fn parse(self, id: &str) -> Result<Store, Error> {
        let id = StoreId::parse(id).map_err(|why| invalid("store", id, why))?;
        let currency =
            Currency::parse(&self.currency).map_err(|why| invalid("currency", &self.currency, why))?;
        let wrong = |field| Error::Invalid(vec![field]);
        let name = text::line("name", &self.name, NAME_MAX).map_err(wrong)?;
        let language = text::line("language", &self.language, LANGUAGE_MAX).map_err(wrong)?;
        Ok(Store { id, name, currency, language, version: 0 })
    }
}
