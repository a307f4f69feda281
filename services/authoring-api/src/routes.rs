//! Every address of the merchant's side. Health routes and what surrounds all routes come from `host`.

use actix_web::web::{Data, ServiceConfig, resource, scope};

use crate::state::AppState;
use crate::{imports, products, stores};

/// Adds the routes and what they work with. Nothing behind `/admin` is reached without the token.
pub fn configure(config: &mut ServiceConfig, state: Data<AppState>) {
    let admin = scope("/admin")
        .wrap(state.guard.clone())
        .service(resource("/stores/{store}").get(stores::get).put(stores::put))
        .service(resource("/products/{id}").get(products::get).put(products::put))
        .service(resource("/imports").post(imports::create))
        .service(resource("/imports/{id}").get(imports::view));
    config.app_data(state).service(admin);
}
