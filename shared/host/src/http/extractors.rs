//! Makes the framework's own refusals – a body that is no JSON, a query that does not fit – into problems.

use actix_web::error::{
    Error, JsonPayloadError, PathError, PayloadError, QueryPayloadError, UrlencodedError,
};
use actix_web::{HttpRequest, web};

use crate::problem::Problem;

/// Sets body limits and error answers of all extractors. [`Host::serve`](crate::Host::serve) does this for every
/// service; tests that build an app of their own call it.
pub fn extractor_configs(config: &mut web::ServiceConfig, max_body_bytes: usize) {
    config
        .app_data(web::PayloadConfig::new(max_body_bytes))
        .app_data(web::JsonConfig::default().limit(max_body_bytes).error_handler(json))
        .app_data(web::FormConfig::default().limit(max_body_bytes).error_handler(form))
        .app_data(web::PathConfig::default().error_handler(path))
        .app_data(web::QueryConfig::default().error_handler(query));
}

fn json(error: JsonPayloadError, _request: &HttpRequest) -> Error {
    let problem = match error {
        JsonPayloadError::Overflow { limit } | JsonPayloadError::OverflowKnownLength { limit, .. } => {
            Problem::too_large(limit as u64)
        }
        JsonPayloadError::ContentType => Problem::unsupported_media_type("application/json"),
        JsonPayloadError::Deserialize(error) => {
            Problem::bad_request(format!("the body does not fit: {error}"))
        }
        JsonPayloadError::Payload(error) => payload(&error),
        error => Problem::bad_request("the body cannot be read").cause(error.to_string()),
    };
    problem.into()
}

fn form(error: UrlencodedError, _request: &HttpRequest) -> Error {
    let problem = match error {
        UrlencodedError::Overflow { limit, .. } => Problem::too_large(limit as u64),
        UrlencodedError::ContentType => Problem::unsupported_media_type("application/x-www-form-urlencoded"),
        UrlencodedError::Payload(error) => payload(&error),
        error => Problem::bad_request(format!("the form cannot be read: {error}")),
    };
    problem.into()
}

/// A path that does not fit its pattern names nothing.
fn path(error: PathError, _request: &HttpRequest) -> Error {
    Problem::not_found(format!("the path does not fit: {error}")).into()
}

fn query(error: QueryPayloadError, _request: &HttpRequest) -> Error {
    Problem::bad_request(format!("the query does not fit: {error}")).into()
}

fn payload(error: &PayloadError) -> Problem {
    match error {
        PayloadError::Overflow => Problem::too_large_for_some_limit(),
        error => Problem::bad_request(format!("the body ended early: {error}")),
    }
}
