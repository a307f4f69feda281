//! `POST /connect/token`: OAuth 2.0 (RFC 6749) for a merchant's programs and pages.
//!
//! Grants: `password` (section 4.3), `refresh_token` (section 6), which comes with `scope=offline_access`, and
//! `client_credentials` (section 4.4) for API keys. Bodies are forms, refusals have the form of section 5.2 where that has
//! a code for them, and nothing may be kept by a cache.

mod client_authentication;
mod client_credentials;
mod form;
pub(crate) mod page_session;
mod password;
mod refresh;
mod refresh_token;
mod refusal;

use actix_web::http::header::{CACHE_CONTROL, PRAGMA};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use host::auth::{Principal, Subject};
use host::problem::Problem;
use serde::Serialize;
use sql::Transaction;
use utoipa::{OpenApi, ToSchema};

use super::throttle::client_of;
use super::{Accounts, permissions_of_user};
use crate::state::AppState;
use client_authentication::ClientCredentials;
use form::Form;
use refresh_token::RefreshToken;
use refusal::{OAuthError, Refusal};

/// The one scope that means something here: a refresh token is wanted as well.
const OFFLINE_ACCESS: &str = "offline_access";

/// What a grant gives.
struct Granted {
    principal: Principal,
    refresh_token: Option<RefreshToken>,
}

/// What is asked for, as the API document shows it.
#[derive(ToSchema)]
#[expect(dead_code, reason = "a schema; `form` reads the parameters")]
struct TokenForm {
    /// `password`, `refresh_token` or `client_credentials`.
    grant_type: String,
    /// Of the grant `password`.
    username: Option<String>,
    /// Of the grant `password`.
    password: Option<String>,
    /// `offline_access`: with a refresh token, where the grant has one.
    scope: Option<String>,
    /// Of the grant `refresh_token`.
    refresh_token: Option<String>,
    /// Of the grant `client_credentials`, unless the client authenticates by HTTP Basic.
    client_id: Option<String>,
    /// The same.
    client_secret: Option<String>,
}

/// Tokens.
#[derive(Serialize, ToSchema)]
struct TokenAnswer {
    /// A JWT: `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// How long the access token holds, s.
    expires_in: u64,
    /// Good once; with `scope=offline_access`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    refresh_token: Option<String>,
    /// What was granted of the scopes that were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    scope: Option<&'static str>,
}

/// These operations in the API document.
#[derive(OpenApi)]
#[openapi(paths(token))]
pub(crate) struct Api;

/// Who asks, for the rows that remember it.
struct Client {
    address: String,
    user_agent: String,
}

/// Gives an access token for a password, a refresh token or an API key (OAuth 2.0).
#[utoipa::path(post, path = "/connect/token", tag = "accounts", operation_id = "create_token", security(()),
    request_body(content = TokenForm, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Tokens", body = TokenAnswer),
        (status = 400, description = "Refused, as RFC 6749 5.2 says", body = OAuthError),
        (status = 401, description = "The client proved nothing, as RFC 6749 5.2 says", body = OAuthError,
            headers(("www-authenticate" = String, description = "`Basic`"))),
    ),
    extensions(("x-problems" = json!(["too_many_requests"]))))]
pub(crate) async fn token(
    request: HttpRequest,
    state: Data<AppState>,
    body: Result<Bytes, actix_web::Error>,
) -> Result<HttpResponse, Problem> {
    match grant(&request, &state.accounts, body).await {
        Ok(answer) => Ok(HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header((PRAGMA, "no-cache"))
            .json(answer)),
        Err(refusal) => refusal.answer(),
    }
}

async fn grant(
    request: &HttpRequest,
    accounts: &Accounts,
    body: Result<Bytes, actix_web::Error>,
) -> Result<TokenAnswer, Refusal> {
    let address = accounts.address_of(request);
    accounts.per_address.admit(client_of(address))?;
    let form = Form::read(request, body)?;
    let client = Client::of(request, address.to_string());
    let granted = match form.required("grant_type")? {
        "password" => password::grant(accounts, &form, &client).await?,
        "refresh_token" => refresh::grant(accounts, &form, &client).await?,
        "client_credentials" => {
            let credentials = ClientCredentials::read(request, &form)?;
            client_credentials::grant(accounts, &credentials, &client).await?
        }
        _ => return Err(Refusal::unsupported_grant_type()),
    };
    let issued = accounts.tokens.issue(&granted.principal).await?;
    Ok(TokenAnswer {
        access_token: issued.token,
        token_type: "Bearer",
        expires_in: issued.expires_in_secs,
        scope: granted.refresh_token.is_some().then_some(OFFLINE_ACCESS),
        refresh_token: granted.refresh_token.map(|token| token.text()),
    })
}

impl Client {
    fn of(request: &HttpRequest, address: String) -> Self {
        const USER_AGENT_MAX: usize = 255;
        let agent = request.headers().get("user-agent").and_then(|value| value.to_str().ok());
        // Header texts that can be read are ASCII: characters, bytes and UTF-16 units are the same.
        let user_agent = agent.unwrap_or_default().chars().take(USER_AGENT_MAX).collect();
        Self { address, user_agent }
    }
}

/// The user as an access token names them, with what their roles permit at this moment.
async fn principal_of(
    tx: &mut Transaction<'_>,
    id: i64,
    name: &str,
    session: Option<i64>,
) -> sql::Result<Principal> {
    let permissions = permissions_of_user(tx, id).await?;
    Ok(Principal { subject: Subject::User { id }, name: name.to_owned(), session, permissions })
}
