//! Pages for people who look after background jobs, at `/hangfire`, where Hangfire's own dashboard would be.
//!
//! Rendered here, without a build step: plain HTML that works without scripts, one small style sheet, and a few lines of script
//! that keep the counters fresh. Everything a page shows or does goes through `monitor` and the functions of `jobs`
//! (the API's module). Every text is escaped by the template macro; nothing on a page comes from elsewhere
//! (`Content-Security-Policy`).
//!
//! Signing in is a form; who is behind a request says a cookie that scripts cannot read and other sites cannot send
//! (`guard`, `accounts::connect::page_session`). Every form that changes something carries a token of the session as well.
//! `jobs:read` sees all pages, `jobs:manage` has buttons on them.
//!
//! In reading order: [`PAGES`] below, `guard`, `layout`, then one file per page.

mod chart;
mod guard;
mod job;
mod jobs;
mod layout;
mod overview;
mod queues;
mod recurring;
mod servers;
mod sign_in;
mod submitted;

use actix_web::http::Method;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::middleware::from_fn;
use actix_web::web::{ServiceConfig, route, scope, to};
use actix_web::{HttpResponse, Resource};
use contracts::permissions::{JOBS_MANAGE, JOBS_READ};
use host::problem::Problem;

/// Where all pages are.
pub(crate) const ROOT: &str = "/hangfire";

/// One line of the table of pages.
pub struct Page {
    /// GET or POST.
    pub method: Method,
    /// Below `/hangfire`.
    pub path: &'static str,
    /// What its visitor must hold; `None`: it is open to anyone.
    pub permission: Option<&'static str>,
    handler: fn() -> actix_web::Route,
}

/// Every page. Lines of one path stand together.
pub static PAGES: &[Page] = &[
    page(Method::GET, "", Some(JOBS_READ), || to(overview::show)),
    page(Method::GET, "/counters", Some(JOBS_READ), || to(overview::counters)),
    page(Method::GET, "/jobs", Some(JOBS_READ), || to(jobs::show)),
    page(Method::POST, "/jobs", Some(JOBS_MANAGE), || to(jobs::act)),
    page(Method::GET, "/jobs/{id}", Some(JOBS_READ), || to(job::show)),
    page(Method::POST, "/jobs/{id}", Some(JOBS_MANAGE), || to(job::act)),
    page(Method::GET, "/recurring", Some(JOBS_READ), || to(recurring::show)),
    page(Method::POST, "/recurring", Some(JOBS_MANAGE), || to(recurring::act)),
    page(Method::GET, "/recurring/edit", Some(JOBS_MANAGE), || to(recurring::edit)),
    page(Method::POST, "/recurring/edit", Some(JOBS_MANAGE), || to(recurring::save)),
    page(Method::GET, "/servers", Some(JOBS_READ), || to(servers::show)),
    page(Method::GET, "/queues", Some(JOBS_READ), || to(queues::show)),
    page(Method::POST, "/queues", Some(JOBS_MANAGE), || to(queues::act)),
    page(Method::GET, "/sign-in", None, || to(sign_in::show)),
    page(Method::POST, "/sign-in", None, || to(sign_in::submit)),
    page(Method::POST, "/sign-out", None, || to(sign_in::sign_out)),
    page(Method::GET, "/style.css", None, || to(style)),
    page(Method::GET, "/refresh.js", None, || to(script)),
];

const fn page(
    method: Method,
    path: &'static str,
    permission: Option<&'static str>,
    handler: fn() -> actix_web::Route,
) -> Page {
    Page { method, path, permission, handler }
}

impl Page {
    fn guarded(&self) -> actix_web::Route {
        let route = (self.handler)().method(self.method.clone());
        match self.permission {
            None => route,
            Some(permission) => {
                route.wrap(from_fn(move |request, next| guard::require(permission, request, next)))
            }
        }
    }
}

/// Adds the pages.
pub(crate) fn configure(config: &mut ServiceConfig) {
    let mut area = scope(ROOT).default_service(route().to(nothing_here));
    for lines in PAGES.chunk_by(|one, next| one.path == next.path) {
        let resource =
            lines.iter().fold(Resource::new(lines[0].path), |resource, line| resource.route(line.guarded()));
        area = area.service(resource);
    }
    config.service(area);
}

async fn nothing_here() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("no such page"))
}

async fn style() -> HttpResponse {
    file("text/css; charset=utf-8", include_str!("style.css"))
}

async fn script() -> HttpResponse {
    file("text/javascript; charset=utf-8", include_str!("refresh.js"))
}

fn file(media_type: &'static str, text: &'static str) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((CACHE_CONTROL, "max-age=300"))
        .body(text)
}
