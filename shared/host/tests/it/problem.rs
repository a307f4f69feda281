//! The bodies of error answers: a published contract.

use std::time::Duration;

use actix_web::ResponseError;
use actix_web::body::MessageBody;
use host::{FieldError, Problem};

/// Status, headers and body, as a client sees them.
fn shown(problem: &Problem) -> String {
    let response = problem.error_response();
    let mut out = format!("{}\n", response.status());
    let mut headers: Vec<_> =
        response.headers().iter().map(|(n, v)| format!("{n}: {}\n", v.to_str().unwrap())).collect();
    headers.sort();
    out.extend(headers);
    let body = response.into_body().try_into_bytes().unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    out + &serde_json::to_string_pretty(&body).unwrap()
}

#[test]
fn every_shared_code_has_one_shape() {
    let fields = vec![
        FieldError::new("title", "is empty"),
        FieldError::new("variants[2].price", "is not a price").value("12,5 €"),
    ];
    let all = [
        Problem::bad_request("the query has no limit"),
        Problem::validation(fields),
        Problem::unauthorized("this is not the token"),
        Problem::not_found("no product 7"),
        Problem::method_not_allowed(None),
        Problem::conflict("the slug is taken"),
        Problem::version_mismatch("the version is 4"),
        Problem::version_required(),
        Problem::too_large(1024),
        Problem::unsupported_media_type("application/json"),
        Problem::headers_too_large(1024),
        Problem::internal("the password is Pa55"),
        Problem::unavailable(5, "login failed for sa"),
        Problem::timed_out(Duration::from_secs(30)),
    ];
    let shown: Vec<String> = all.iter().map(shown).collect();
    insta::assert_snapshot!(shown.join("\n\n"));
}

#[test]
fn a_cause_is_for_the_log_and_never_for_the_client() {
    let problem = Problem::internal("the password is Pa55");
    assert_eq!(problem.logged_cause().as_deref(), Some("the password is Pa55"));
    assert!(!shown(&problem).contains("Pa55"));
}
