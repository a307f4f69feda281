//! What web pages of other origins may do: read answers (CORS), change anything.
//!
//! Without `Http:Cors:AllowedOrigins` nothing here is wrapped around any route, and browsers let pages of the same
//! origin only read answers. Apart from that, a request that may change something and that a browser says it sends for a
//! page of another origin is refused before any route sees it. Tokens travel in a header that browsers do not add by
//! themselves, so this is a second line of defence and not the first.
//!
//! An answer made outside of the routes – cut off by a time limit, a panic, headers above the limit – has no CORS headers:
//! a page of another origin learns only that it failed.

use actix_cors::CorsError;
use actix_web::Error;
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, ALLOW, AUTHORIZATION, CONTENT_LANGUAGE, CONTENT_TYPE, ETAG, HeaderMap,
    HeaderName, IF_MATCH, IF_NONE_MATCH, LOCATION, ORIGIN, RETRY_AFTER, WARNING, WWW_AUTHENTICATE,
};
use actix_web::web::{ServiceConfig, scope};

use super::client_address::asked_host;
use super::request_id;
use crate::configuration::{AllowedOrigins, Cors};
use crate::problem::Problem;

/// What a page may ask for by script; whether an address has the method is the route's matter.
const METHODS: [Method; 6] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

/// What the APIs read, and what SignalR's client, the OpenAPI viewer and tracing scripts send.
const REQUEST_HEADERS: [HeaderName; 14] = [
    ACCEPT,
    ACCEPT_LANGUAGE,
    AUTHORIZATION,
    CONTENT_LANGUAGE,
    CONTENT_TYPE,
    HeaderName::from_static("idempotency-key"),
    IF_MATCH,
    IF_NONE_MATCH,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("x-api-key"),
    request_id::HEADER,
    HeaderName::from_static("x-requested-with"),
    HeaderName::from_static("x-signalr-user-agent"),
];

/// What a script may read beyond the few that browsers always show.
const RESPONSE_HEADERS: [HeaderName; 7] =
    [ALLOW, ETAG, LOCATION, RETRY_AFTER, WARNING, WWW_AUTHENTICATE, request_id::HEADER];

/// What a browser says of the page that asks (Fetch Metadata); scripts cannot set it.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Adds routes, and around them CORS where origins are configured.
pub(super) fn shared_with_pages(
    config: &mut ServiceConfig,
    cors: Option<&Cors>,
    routes: impl FnOnce(&mut ServiceConfig),
) {
    match cors {
        None => routes(config),
        Some(cors) => {
            config.service(scope("").wrap(middleware(cors)).configure(routes));
        }
    }
}

fn middleware(cors: &Cors) -> actix_cors::Cors {
    let headers = cors.allowed_headers.iter().filter_map(|name| name.parse::<HeaderName>().ok());
    let mut built = actix_cors::Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(REQUEST_HEADERS.into_iter().chain(headers))
        .expose_headers(RESPONSE_HEADERS)
        .max_age(usize::try_from(cors.max_age.as_secs()).ok());
    match &cors.allowed_origins {
        AllowedOrigins::Any => built = built.allow_any_origin().send_wildcard(),
        AllowedOrigins::These(origins) => {
            for origin in origins {
                built = built.allowed_origin(origin);
            }
        }
    }
    if cors.allow_credentials { built.supports_credentials() } else { built }
}

/// A preflight's refusal in our form.
pub(super) fn problem_of(error: &Error) -> Option<Problem> {
    error.as_error::<CorsError>().map(|refusal| Problem::cross_origin_refused(refusal.to_string()))
}

/// Refuses a request that may change something if a browser sends it for a page of another origin that is not allowed to.
///
/// # Errors
/// The problem to answer with.
pub(super) fn check(
    headers: &HeaderMap,
    cors: Option<&Cors>,
    trusted_proxy_hops: usize,
) -> Result<(), Problem> {
    if is_of_same_origin(headers, trusted_proxy_hops) || cors.is_some_and(|cors| is_allowed(headers, cors)) {
        return Ok(());
    }
    Err(Problem::cross_origin_refused(
        "Http:Cors:AllowedOrigins does not have the page's origin; behind a proxy that changes the host, see \
         Http:TrustedProxyHops",
    ))
}

fn is_allowed(headers: &HeaderMap, cors: &Cors) -> bool {
    match &cors.allowed_origins {
        AllowedOrigins::Any => true,
        AllowedOrigins::These(origins) => {
            let origin = headers.get(ORIGIN);
            origin.is_some_and(|origin| origins.iter().any(|allowed| allowed.as_bytes() == origin.as_bytes()))
        }
    }
}

/// What the browser says, or, from those that do not say it, whether the origin's host is the one that was asked. Programs
/// that are no browsers send neither.
fn is_of_same_origin(headers: &HeaderMap, trusted_proxy_hops: usize) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        // `none`: somebody typed the address.
        return matches!(site.as_bytes(), b"same-origin" | b"none");
    }
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
        return false;
    };
    let usual_port = if scheme == "https" { ":443" } else { ":80" };
    asked_host(headers, trusted_proxy_hops).is_some_and(|host| {
        // The browser leaves the scheme's port out, a proxy may have written it.
        host.strip_suffix(usual_port).unwrap_or(host).eq_ignore_ascii_case(authority)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn is_refused(headers: &[(&str, &str)], trusted_proxy_hops: usize) -> bool {
        let cors = Cors {
            allowed_origins: AllowedOrigins::These(vec!["https://shop.example".to_owned()]),
            allowed_headers: Vec::new(),
            allow_credentials: false,
            max_age: std::time::Duration::ZERO,
        };
        let mut request = TestRequest::default().insert_header(("host", "admin.example:8081"));
        for header in headers {
            request = request.append_header(*header);
        }
        check(request.to_http_request().headers(), Some(&cors), trusted_proxy_hops).is_err()
    }

    #[test]
    fn pages_of_this_origin_and_of_allowed_ones_and_programs_may() {
        assert!(!is_refused(&[], 0));
        assert!(!is_refused(&[("origin", "http://admin.example:8081")], 0));
        assert!(!is_refused(&[("origin", "https://shop.example"), ("sec-fetch-site", "cross-site")], 0));
        // A proxy ends TLS and changes the host: the browser still knows.
        let proxied = [("origin", "https://admin.test"), ("sec-fetch-site", "same-origin")];
        assert!(!is_refused(&proxied, 0));
    }

    #[test]
    fn pages_of_others_may_not() {
        for origin in
            ["https://evil.example", "http://admin.example", "https://shop.example.evil.example", "null"]
        {
            assert!(is_refused(&[("origin", origin)], 0), "{origin}");
        }
        // A page elsewhere on the same site is another origin, too.
        let sibling = [("origin", "http://admin.example:8081"), ("sec-fetch-site", "same-site")];
        assert!(is_refused(&sibling, 0));
        assert!(is_refused(&[("sec-fetch-site", "cross-site")], 0));
    }

    #[test]
    fn the_host_that_a_proxy_names_counts_where_proxies_are_trusted() {
        let headers = [("origin", "https://admin.test"), ("x-forwarded-host", "made.up, admin.test:443")];
        assert!(is_refused(&headers, 0));
        assert!(!is_refused(&headers, 1));
        let made_up = [("origin", "https://made.up"), ("x-forwarded-host", "made.up, admin.test")];
        assert!(is_refused(&made_up, 1));
    }
}
