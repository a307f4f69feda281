//! Who is behind a page's request, and whether they may see it.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{COOKIE, LOCATION};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use host::problem::Problem;

use super::{ROOT, layout};
use crate::accounts::connect::page_session;
use crate::state::AppState;

/// The cookie's name. Without `__Host-`: desks have no TLS.
const COOKIE_NAME: &str = "stoa-pages";

/// Lets requests pass whose visitor holds the permission; sends those who are not signed in to the form.
pub(super) async fn require<B: MessageBody + 'static>(
    permission: &'static str,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let state = request.app_data::<Data<AppState>>().cloned();
    let state = state.ok_or_else(|| Problem::internal("the pages have no state"))?;
    let visitor = match cookie(request.request()) {
        Some(cookie) => page_session::find(&state.accounts, &cookie).await.map_err(Problem::from)?,
        None => None,
    };
    let Some(visitor) = visitor else {
        let answer = to_sign_in(request.request());
        return Ok(request.into_response(answer).map_into_right_body());
    };
    if !visitor.principal.permissions.holds(permission) {
        let text = format!("It needs the permission {permission}, which none of your roles has.");
        let answer = layout::refusal(StatusCode::FORBIDDEN, "Not for you", &text, Some(&visitor));
        return Ok(request.into_response(answer).map_into_right_body());
    }
    request.extensions_mut().insert(visitor.clone());
    let response = next.call(request).await?;
    // What the visitor got wrong is said on a page; what we did stays a problem, whose cause is logged.
    let problem = response.response().error().and_then(|error| error.as_error::<Problem>());
    match problem.filter(|problem| !problem.status.is_server_error()) {
        Some(problem) => {
            let answer = layout::wrong(problem, &visitor);
            Ok(response.into_response(answer).map_into_right_body())
        }
        None => Ok(response.map_into_left_body()),
    }
}

/// The value of our cookie.
pub(super) fn cookie(request: &HttpRequest) -> Option<String> {
    let headers = request.headers().get_all(COOKIE).filter_map(|value| value.to_str().ok());
    let mut pairs =
        headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE_NAME).map(|(_, value)| value.to_owned())
}

/// `Set-Cookie` with this value for so many seconds; 0 takes it away.
///
/// `HttpOnly`: no script reads it. `SameSite=Strict`: no other site's page sends it. `Path`: nothing but the pages gets it,
/// the API believes bearer tokens only.
pub(super) fn set_cookie(value: &str, max_age_secs: u64, is_secure: bool) -> String {
    let secure = if is_secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={value}; Path={ROOT}; Max-Age={max_age_secs}; HttpOnly; SameSite=Strict{secure}")
}

/// To the form, and back to the page that was asked for.
fn to_sign_in(request: &HttpRequest) -> HttpResponse {
    let wanted = request.uri().path_and_query().map(|wanted| wanted.as_str()).unwrap_or(ROOT);
    // The result of a form cannot be asked for again.
    let wanted = if *request.method() == Method::GET { wanted } else { ROOT };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("back", wanted).finish();
    HttpResponse::SeeOther().insert_header((LOCATION, format!("{ROOT}/sign-in?{query}"))).finish()
}

/// An address of a page, and nothing else: no other site, no other part of this one.
pub(super) fn page_address(given: &str) -> Option<&str> {
    let rest = given.strip_prefix(ROOT)?;
    let is_page = rest.is_empty() || rest.starts_with('/') || rest.starts_with('?');
    let is_plain = given.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (is_page && is_plain && given.len() <= 2_000).then_some(given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_pages_are_gone_back_to() {
        for good in ["/hangfire", "/hangfire/jobs?state=Failed", "/hangfire?x=1"] {
            assert_eq!(page_address(good), Some(good));
        }
        for bad in [
            "",
            "/",
            "/hangfirex",
            "//elsewhere.example",
            "https://elsewhere.example/hangfire",
            "/hangfire/\\x",
            "/hangfire/\r\nX: y",
            "/admin",
        ] {
            assert_eq!(page_address(bad), None, "{bad}");
        }
    }

    #[test]
    fn the_cookie_is_for_the_pages_only_and_for_no_script() {
        assert_eq!(
            set_cookie("v", 9, true),
            "stoa-pages=v; Path=/hangfire; Max-Age=9; HttpOnly; SameSite=Strict; Secure"
        );
        assert!(!set_cookie("v", 9, false).contains("Secure"));
    }
}
