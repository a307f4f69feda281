//! What all pages have in common.

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::{FromRequest, HttpMessage, HttpRequest, HttpResponse};
use contracts::permissions::JOBS_MANAGE;
use host::http::OwnForm;
use host::problem::Problem;
use maud::{DOCTYPE, Markup, html};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

use super::submitted::TOKEN;
use super::{ROOT, guard};
use crate::accounts::connect::page_session::Visitor;

/// A page loads and talks to nothing but this process, and nobody frames it.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");

/// Name and address of each page in the bar.
const BAR: [(&str, &str); 5] = [
    ("Overview", ""),
    ("Jobs", "/jobs"),
    ("Recurring", "/recurring"),
    ("Queues", "/queues"),
    ("Servers", "/servers"),
];

impl FromRequest for Visitor {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _payload: &mut actix_web::dev::Payload) -> Self::Future {
        let visitor = request.extensions().get::<Self>().cloned();
        std::future::ready(visitor.ok_or_else(|| Problem::unauthorized("sign in")))
    }
}

impl Visitor {
    /// Whether pages have buttons for them.
    pub(super) fn may_manage(&self) -> bool {
        self.principal.permissions.holds(JOBS_MANAGE)
    }
}

/// A whole page.
pub(super) fn page(visitor: &Visitor, active: &str, content: &Markup) -> HttpResponse {
    answer(StatusCode::OK, &document(active, Some(visitor), content))
}

/// A page with a bad ending.
pub(super) fn refusal(
    status: StatusCode,
    title: &str,
    text: &str,
    visitor: Option<&Visitor>,
) -> HttpResponse {
    let content = html! {
        h1 { (title) }
        p { (text) }
        p { a href=(ROOT) { "To the overview" } }
    };
    let mut answer = answer(status, &document("", visitor, &content));
    answer.extensions_mut().insert(OwnForm);
    answer
}

/// What a form got wrong, in words, with the way back.
pub(super) fn wrong(problem: &Problem, visitor: &Visitor) -> HttpResponse {
    let fields = problem.fields.iter().map(|field| format!("{} {}", field.field, field.reason));
    let text: Vec<String> = problem.detail.iter().map(ToString::to_string).chain(fields).collect();
    refusal(problem.status, problem.title, &text.join("; "), Some(visitor))
}

/// Page and status.
pub(super) fn answer(status: StatusCode, document: &Markup) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        // They show what changes, to whoever is signed in.
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(document.clone().into_string())
}

/// To another page, after a form.
pub(super) fn go_to(address: &str) -> HttpResponse {
    let address = guard::page_address(address).unwrap_or(ROOT);
    HttpResponse::SeeOther().insert_header(("location", address)).finish()
}

pub(super) fn document(active: &str, visitor: Option<&Visitor>, content: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { @if active.is_empty() { "Jobs" } @else { (active) " · Jobs" } }
                link rel="stylesheet" href={ (ROOT) "/style.css" };
                link rel="icon" href="data:,";
                script src={ (ROOT) "/refresh.js" } defer {}
            }
            body {
                header {
                    a.brand href=(ROOT) { "Stoa jobs" }
                    @if let Some(visitor) = visitor {
                        nav aria-label="Pages" {
                            @for (name, path) in BAR {
                                a href={ (ROOT) (path) } aria-current=[(name == active).then_some("page")] { (name) }
                            }
                        }
                        form.who method="post" action={ (ROOT) "/sign-out" } {
                            (token(visitor))
                            span {
                                (visitor.principal.name)
                                @if !visitor.may_manage() { " · read only" }
                            }
                            button.quiet { "Sign out" }
                        }
                    }
                }
                main { (content) }
                footer { "All times are UTC, by the database's clock." }
            }
        }
    }
}

/// The hidden field that every form which changes something carries.
pub(super) fn token(visitor: &Visitor) -> Markup {
    html! { input type="hidden" name=(TOKEN) value=(visitor.form_token); }
}

/// A moment, readable.
pub(super) fn moment_text(at: OffsetDateTime) -> String {
    at.format(TIME).unwrap_or_default()
}

/// A moment, readable, with the machine's form beside it.
pub(super) fn moment(at: OffsetDateTime) -> Markup {
    let text = moment_text(at);
    html! { time datetime={ (text.replace(' ', "T")) "Z" } { (text) } }
}

/// A moment that may not be.
pub(super) fn moment_opt(at: Option<OffsetDateTime>) -> Markup {
    html! { @match at { Some(at) => (moment(at)), None => span.none { "–" } } }
}

/// `Namespace.Type, Assembly` and method as people say it: `Type.Method`.
pub(super) fn short_name(job_type: Option<&str>, method: Option<&str>) -> String {
    let Some(job_type) = job_type else { return "(cannot be read)".to_owned() };
    let full = job_type.split(',').next().unwrap_or_default();
    let short = full.rsplit('.').next().unwrap_or_default();
    match method {
        // Our own jobs all have this method.
        None | Some("Run") => short.to_owned(),
        Some(method) => format!("{short}.{method}"),
    }
}

/// A state with its colour.
pub(super) fn badge(state: Option<&str>) -> Markup {
    let state = state.unwrap_or("Created");
    html! { span.badge data-state=(state) { (state) } }
}

/// An address of a page with these parameters; empty ones are left out.
pub(super) fn address(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in parameters.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { format!("{ROOT}{path}") } else { format!("{ROOT}{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_addresses_are_escaped() {
        assert_eq!(short_name(Some("A.B.Send, Assembly"), Some("Run")), "Send");
        assert_eq!(short_name(Some("A.B.Send, Assembly"), Some("Now")), "Send.Now");
        assert_eq!(short_name(None, None), "(cannot be read)");
        assert_eq!(
            address("/jobs", &[("state", "Failed"), ("type", ""), ("argument", "a&b=\"")]),
            "/hangfire/jobs?state=Failed&argument=a%26b%3D%22"
        );
    }
}
