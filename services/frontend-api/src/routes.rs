//! Every address of the storefront. Health routes and what surrounds all routes come from `host`.

use actix_web::web::{Data, ServiceConfig};
use host::http::{Shortcut, resource};

use crate::products;
use crate::state::AppState;

/// What needs no route: products in memory.
pub fn shortcut(state: Data<AppState>) -> Shortcut {
    products::shortcut(state)
}

/// Adds the routes and what they work with.
pub fn configure(config: &mut ServiceConfig, state: Data<AppState>) {
    config
        .app_data(state)
        // Patterns are tried in this order; the most frequent request goes first.
        .service(resource(products::PATTERN).get(products::get).head(products::get))
        .service(resource("/v1/{store}/products").get(products::list).head(products::list));
}
