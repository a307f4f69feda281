//! The addresses of a service as data: one line says method, path, who may come in, and which handler answers.
//!
//! [`configure`] is the only way from the table to the server, so an address cannot be served without the guard
//! that its line asks for; and a test can walk the same table and try every line without a token and with a wrong one.

use actix_web::Resource;
use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, route, scope};

use super::guard::{authenticate, require};
use super::tokens::AccessTokens;
use crate::http::compression::code_answers;
use crate::http::{resource, resource_in};
use crate::problem::Problem;

/// Below these nothing is answered without a valid access token, not even that an address does not exist.
const GUARDED: [&str; 2] = ["/admin", "/api"];

/// One line of a service's route table.
pub struct Route {
    /// GET, PUT …
    pub method: Method,
    /// As actix-web writes it: `/admin/products/{id}`.
    pub path: &'static str,
    /// Who may come in.
    pub access: Access,
    /// Makes the route's handler: `|| web::to(products::get)`.
    pub handler: fn() -> actix_web::Route,
}

/// Who may use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody; not possible below `/admin` and `/api`.
    Anyone,
    /// Whoever has a valid access token.
    SignedIn,
    /// Whoever has one with this permission.
    Permission(&'static str),
}

impl Route {
    fn is_below(&self, prefix: &str) -> bool {
        self.path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    fn guarded(&self) -> actix_web::Route {
        let route = (self.handler)().method(self.method.clone());
        match self.access {
            Access::Anyone | Access::SignedIn => route,
            Access::Permission(permission) => {
                route.wrap(from_fn(move |request, next| require(permission, request, next)))
            }
        }
    }
}

/// Adds every route of the table, guarded as its line says. Lines of one path stand together.
///
/// # Panics
/// A line below `/admin` or `/api` is open to anyone, or one elsewhere is not: the table itself is wrong, and a
/// service must not start with it.
pub fn configure(config: &mut ServiceConfig, table: &'static [Route], tokens: Data<AccessTokens>) {
    config.app_data(tokens);
    for prefix in GUARDED {
        let area = scope(prefix).wrap(from_fn(code_answers)).wrap(from_fn(authenticate));
        let mut area = area.default_service(route().to(nothing_here));
        for (path, lines) in by_path(table.iter().filter(|line| line.is_below(prefix))) {
            assert!(lines.iter().all(|line| line.access != Access::Anyone), "{path} would be open to anyone");
            area = area.service(with_routes(resource_in(prefix, path), &lines));
        }
        config.service(area);
    }
    let outside = table.iter().filter(|line| !GUARDED.iter().any(|prefix| line.is_below(prefix)));
    for (path, lines) in by_path(outside) {
        assert!(lines.iter().all(|line| line.access == Access::Anyone), "{path} would have no guard");
        config.service(with_routes(resource(path), &lines));
    }
}

fn by_path(lines: impl Iterator<Item = &'static Route>) -> Vec<(&'static str, Vec<&'static Route>)> {
    let mut paths: Vec<(&str, Vec<&Route>)> = Vec::new();
    for line in lines {
        match paths.last_mut() {
            Some((path, lines)) if *path == line.path => lines.push(line),
            _ => paths.push((line.path, vec![line])),
        }
    }
    paths
}

fn with_routes(resource: Resource, lines: &[&Route]) -> Resource {
    lines.iter().fold(resource, |resource, line| resource.route(line.guarded()))
}

async fn nothing_here() -> Result<String, Problem> {
    Err(Problem::not_found("no such address"))
}
