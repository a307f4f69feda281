//! `POST {hub}/negotiate`: a new connection and its transports, or where to go instead.

use std::sync::Arc;

use actix_web::http::header::ContentType;
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use super::{Admitted, Answer, admit, refused, unavailable};
use crate::connection::TransportKind;
use crate::hub::{HubInner, Redirect};
use crate::options::Transports;
use crate::user::ConnectRequest;

/// The newest version that this server speaks.
const VERSION: i64 = 1;

pub(super) async fn answer(hub: &Arc<HubInner>, request: &HttpRequest) -> Answer {
    if request.method() != Method::POST {
        return Err(refused(StatusCode::METHOD_NOT_ALLOWED, ""));
    }
    let admitted = admit(hub, request).await?;
    let version = match requested_version(&admitted) {
        Ok(version) => version,
        Err(error) => return Ok(as_json(&json!({ "error": error }))),
    };
    if let Some(redirected) = answer_redirect(hub, request, &admitted).await {
        return redirected;
    }
    let asked =
        admitted.query("useStatefulReconnect").is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let stateful_reconnect = asked && hub.options.stateful_reconnect && hub.options.transports.web_sockets;
    let mut new = admitted.new_connection(hub, request);
    new.stateful_reconnect = stateful_reconnect;
    new.token_is_id = version == 0;
    let connection = hub.add(new).ok_or_else(unavailable)?;
    let mut body = json!({
        "negotiateVersion": version,
        "connectionId": connection.id().as_ref(),
        "availableTransports": transports(hub.options.transports),
    });
    if version > 0 {
        body["connectionToken"] = Value::String(connection.token().to_owned());
    }
    if stateful_reconnect {
        body["useStatefulReconnect"] = Value::Bool(true);
    }
    Ok(as_json(&body))
}

async fn answer_redirect(hub: &HubInner, request: &HttpRequest, admitted: &Admitted) -> Option<Answer> {
    if !hub.may_redirect() {
        return None;
    }
    let seen = ConnectRequest::new(request, &admitted.query);
    match hub.redirect(seen, admitted.user.clone()).await {
        Ok(Some(Redirect { url, access_token })) => {
            // Older clients read the list without asking whether it is there.
            let mut body = json!({ "url": url, "availableTransports": [] });
            if let Some(token) = access_token {
                body["accessToken"] = Value::String(token);
            }
            Some(Ok(as_json(&body)))
        }
        Ok(None) => None,
        Err(error) => {
            tracing::warn!(%error, "negotiate could not redirect");
            Some(Err(unavailable()))
        }
    }
}

fn requested_version(admitted: &Admitted) -> Result<i64, String> {
    let Some(text) = admitted.query("negotiateVersion") else { return Ok(0) };
    let version: i64 = text
        .parse()
        .map_err(|_| format!("The client requested an invalid protocol version '{}'", clipped(text)))?;
    if version < 0 {
        return Err(format!(
            "The client requested version '{version}', but the server does not support this version."
        ));
    }
    Ok(version.min(VERSION))
}

/// What a stranger sent, short enough to be repeated.
fn clipped(text: &str) -> String {
    text.chars().take(32).collect()
}

fn transports(offered: Transports) -> Vec<Value> {
    let text_and_binary: &[&str] = &["Text", "Binary"];
    [
        (offered.web_sockets, TransportKind::WebSockets, text_and_binary),
        (offered.server_sent_events, TransportKind::ServerSentEvents, &["Text"]),
        (offered.long_polling, TransportKind::LongPolling, text_and_binary),
    ]
    .into_iter()
    .filter(|(offered, ..)| *offered)
    .map(|(_, kind, formats)| json!({ "transport": kind.name(), "transferFormats": formats }))
    .collect()
}

fn as_json(body: &Value) -> HttpResponse {
    super::answer(StatusCode::OK).insert_header(ContentType::json()).body(body.to_string())
}
