//! Every address of the merchant's side, as data: the server is configured from it and tests walk it. Health routes and what surrounds all routes come from `host`.

use actix_web::http::Method;
use actix_web::web::{Data, ServiceConfig, to};
use contracts::permissions::{
    IMPORT_READ, IMPORT_RUN, PRODUCT_READ, PRODUCT_UPDATE, STORE_READ, STORE_UPDATE,
};
use host::auth::Access::{Anyone, Permission};
use host::auth::{self, Access, Route};

use crate::accounts::connect;
use crate::state::AppState;
use crate::{imports, products, stores};

/// Method, path, who may come in, who answers.
pub static ROUTES: &[Route] = &[
    route(Method::POST, "/connect/token", Anyone, || to(connect::token)),
    route(Method::GET, "/admin/stores/{store}", Permission(STORE_READ), || to(stores::get)),
    route(Method::PUT, "/admin/stores/{store}", Permission(STORE_UPDATE), || to(stores::put)),
    route(Method::GET, "/admin/products/{id}", Permission(PRODUCT_READ), || to(products::get)),
    route(Method::PUT, "/admin/products/{id}", Permission(PRODUCT_UPDATE), || to(products::put)),
    route(Method::POST, "/admin/imports", Permission(IMPORT_RUN), || to(imports::create)),
    route(Method::GET, "/admin/imports/{id}", Permission(IMPORT_READ), || to(imports::view)),
];

const fn route(
    method: Method,
    path: &'static str,
    access: Access,
    handler: fn() -> actix_web::Route,
) -> Route {
    Route { method, path, access, handler }
}

/// Adds the routes and what they work with.
pub fn configure(config: &mut ServiceConfig, state: Data<AppState>) {
    let tokens = state.accounts.tokens();
    config.app_data(state);
    auth::configure(config, ROUTES, tokens);
}
