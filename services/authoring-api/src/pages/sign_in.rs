//! Signing in and out.

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Bytes, Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use host::problem::Problem;
use maud::html;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::guard::{cookie, page_address, set_cookie};
use super::submitted::TOKEN;
use super::{ROOT, layout};
use crate::accounts::connect::page_session::{self, LIFETIME, NotSignedIn};
use crate::accounts::current_user;
use crate::error::Error;
use crate::state::AppState;

/// Where to go afterwards.
#[derive(Deserialize)]
pub(super) struct Back {
    back: Option<String>,
}

pub(super) async fn show(back: Query<Back>) -> HttpResponse {
    form(StatusCode::OK, back.back.as_deref(), None)
}

fn form(status: StatusCode, back: Option<&str>, refused: Option<&str>) -> HttpResponse {
    let back = back.and_then(page_address).unwrap_or(ROOT);
    let content = html! {
        form.sign-in method="post" action=(layout::address("/sign-in", &[("back", back)])) {
            h1 { "Sign in" }
            @if let Some(refused) = refused { p.refused role="alert" { (refused) } }
            label { "User name" input name="username" autocomplete="username" required autofocus; }
            label { "Password" input type="password" name="password" autocomplete="current-password" required; }
            button { "Sign in" }
        }
    };
    layout::answer(status, &layout::document("Sign in", None, &content))
}

pub(super) async fn submit(
    request: HttpRequest,
    state: Data<AppState>,
    back: Query<Back>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    match page_session::open(&state.accounts, &request, body).await {
        Ok(session) => {
            let mut answer = layout::go_to(back.back.as_deref().unwrap_or(ROOT));
            set(&mut answer, &set_cookie(&session, LIFETIME.as_secs(), is_secure(&request, &state)))?;
            Ok(answer)
        }
        Err(NotSignedIn::Refused(why)) => {
            let mut answer = form(StatusCode::BAD_REQUEST, back.back.as_deref(), Some(&why));
            answer.extensions_mut().insert(host::http::OwnForm);
            Ok(answer)
        }
        Err(NotSignedIn::Problem(problem)) => Err(*problem),
    }
}

/// Ends the session, if the form is one of its own; whoever has none is signed out already.
pub(super) async fn sign_out(
    request: HttpRequest,
    state: Data<AppState>,
    body: Bytes,
) -> Result<HttpResponse, Problem> {
    if let Some(cookie) = cookie(&request)
        && let Some(visitor) = page_session::find(&state.accounts, &cookie).await?
    {
        let sent = form_urlencoded::parse(&body).find(|(name, _)| name == TOKEN).map(|(_, value)| value);
        let is_ours: bool = sent.unwrap_or_default().as_bytes().ct_eq(visitor.form_token.as_bytes()).into();
        if !is_ours {
            return Err(Problem::cross_origin_refused("the form is not of this session"));
        }
        if let Some(session) = visitor.principal.session {
            match current_user::end(&state.database, &visitor.principal, session, "user.signed_out").await {
                Ok(()) | Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    let mut answer = layout::go_to(&layout::address("/sign-in", &[]));
    set(&mut answer, &set_cookie("", 0, is_secure(&request, &state)))?;
    Ok(answer)
}

fn set(answer: &mut HttpResponse, cookie: &str) -> Result<(), Problem> {
    let value = cookie.parse().map_err(|_| Problem::internal("the cookie is no header value"))?;
    answer.headers_mut().insert(SET_COOKIE, value);
    Ok(())
}

/// Whether the browser spoke TLS, as far as the proxy in front says.
fn is_secure(request: &HttpRequest, state: &AppState) -> bool {
    let said = request.headers().get("x-forwarded-proto").and_then(|value| value.to_str().ok());
    state.accounts.is_behind_proxy() && said.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"))
}
