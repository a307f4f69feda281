//! Every address of the storefront. Health routes and what surrounds all routes come from `host`.

use actix_web::web::{Data, ServiceConfig};
use host::http::resource;

use crate::products;
use crate::state::AppState;

/// Adds the routes and what they work with.
pub fn configure(config: &mut ServiceConfig, state: Data<AppState>) {
    config
        .app_data(state)
        // Patterns are tried in this order; the most frequent request goes first.
        .service(resource("/v1/{store}/products/{reference}").get(products::get).head(products::get))
        .service(resource("/v1/{store}/products").get(products::list).head(products::list));
}
