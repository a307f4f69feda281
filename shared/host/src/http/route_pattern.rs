//! The pattern of the route that a request took, for metrics and spans: never its raw path.

use actix_web::{HttpRequest, Resource, web};

#[derive(Clone, Copy)]
struct RoutePattern(&'static str);

/// A resource that keeps its pattern with it. Any other has its requests' paths matched a second time just to name the
/// route, which a cached read would notice.
pub fn resource(pattern: &'static str) -> Resource {
    resource_in("", pattern)
}

/// The same in a scope with this prefix, which `pattern` begins with.
pub(crate) fn resource_in(scope: &str, pattern: &'static str) -> Resource {
    web::resource(pattern.strip_prefix(scope).unwrap_or(pattern)).app_data(RoutePattern(pattern))
}

/// Lends the pattern of the route that `request` took to `told`; `None` if it took none.
pub(crate) fn with_pattern<T>(request: &HttpRequest, told: impl FnOnce(Option<&str>) -> T) -> T {
    match request.app_data::<RoutePattern>() {
        Some(RoutePattern(pattern)) => told(Some(pattern)),
        None => told(request.match_pattern().as_deref()),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::App;
    use actix_web::test::{TestRequest, call_service, init_service};

    use super::*;

    #[actix_web::test]
    async fn a_route_is_named_by_its_pattern_whichever_way_it_was_made() {
        let app = init_service(
            App::new()
                .service(resource("/kept/{id}").to(async || "kept"))
                .service(web::scope("/in").service(resource_in("/in", "/in/scope/{id}").to(async || "kept")))
                .service(web::resource("/matched/{id}").to(async || "matched")),
        )
        .await;
        for (path, pattern) in [
            ("/kept/7", Some("/kept/{id}")),
            ("/in/scope/7", Some("/in/scope/{id}")),
            ("/matched/7", Some("/matched/{id}")),
            ("/neither", None),
        ] {
            let answer = call_service(&app, TestRequest::get().uri(path).to_request()).await;
            with_pattern(answer.request(), |told| assert_eq!(told, pattern, "{path}"));
        }
    }
}
