//! Swagger UI for the document, from files inside the binary: the page loads nothing from elsewhere.

use std::sync::{Arc, LazyLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use actix_web::middleware::Compress;
use actix_web::web::{Path, ServiceConfig, resource};
use actix_web::{HttpResponse, http::StatusCode};
use utoipa_swagger_ui::Config;

use super::{ADDRESS, VIEWER_ADDRESS};
use crate::problem::Problem;

/// A page, unlike all other answers: its own scripts, styles and pictures, requests to its own origin, nothing else.
/// Swagger UI styles elements one by one, which needs `unsafe-inline` for styles; scripts do without.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
                      img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                      frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // Without a word about it, Swagger UI sends the document's address to a validator elsewhere.
    Arc::new(Config::from(ADDRESS).validator_url("none").display_request_duration(true))
});

/// Adds the viewer's routes.
pub(super) fn routes(config: &mut ServiceConfig) {
    let without_slash = VIEWER_ADDRESS.trim_end_matches('/');
    config
        .service(resource(without_slash).get(redirect))
        .service(resource(format!("{VIEWER_ADDRESS}{{file:.*}}")).get(file).wrap(Compress::default()));
}

/// The page's own addresses are relative to it.
async fn redirect() -> HttpResponse {
    HttpResponse::build(StatusCode::PERMANENT_REDIRECT).insert_header((LOCATION, VIEWER_ADDRESS)).finish()
}

async fn file(name: Path<String>) -> Result<HttpResponse, Problem> {
    let found = utoipa_swagger_ui::serve(&name, CONFIG.clone())
        .map_err(|error| Problem::internal(error.to_string()))?
        .ok_or_else(|| Problem::not_found("the viewer has no such file"))?;
    let mut answer = HttpResponse::Ok();
    answer.insert_header((CONTENT_TYPE, found.content_type));
    answer.insert_header((CONTENT_SECURITY_POLICY, POLICY));
    answer.insert_header((CACHE_CONTROL, "max-age=3600"));
    Ok(answer.body(found.bytes.into_owned()))
}
