//! The HTTP side of a client: negotiate, polls, posts, events.

use serde_json::Value;

use super::ClientOptions;

/// What negotiate answered.
#[derive(Clone, Debug)]
pub struct Negotiated {
    /// The public id.
    pub connection_id: String,
    /// What later requests carry as `id`.
    pub token: String,
    /// The whole answer.
    pub body: Value,
}

type HttpError = Box<dyn std::error::Error + Send + Sync>;

fn request(options: &ClientOptions, builder: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
    let builder = options.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value));
    match &options.access_token {
        Some(token) => builder.bearer_auth(token),
        None => builder,
    }
}

/// Negotiates; the query is `negotiateVersion` and what the options ask for.
pub(super) async fn negotiate(url: &str, options: &ClientOptions) -> Result<Negotiated, HttpError> {
    let mut query = format!("negotiateVersion={}", options.negotiate_version);
    if options.stateful_reconnect {
        query.push_str("&useStatefulReconnect=true");
    }
    let answer =
        request(options, reqwest::Client::new().post(address(url, "/negotiate", &query))).send().await?;
    let body: Value = answer.error_for_status()?.json().await?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let connection_id = text("connectionId");
    let token =
        if body["connectionToken"].is_string() { text("connectionToken") } else { connection_id.clone() };
    Ok(Negotiated { connection_id, token, body })
}

/// The hub's URL with a further segment and query; its own query stays, as clients do it.
pub(super) fn address(url: &str, segment: &str, query: &str) -> String {
    match url.split_once('?') {
        Some((hub, own)) => format!("{hub}{segment}?{own}&{query}"),
        None => format!("{url}{segment}?{query}"),
    }
}

/// A request to the hub's own URL with the connection's token.
pub(super) fn to_connection(
    method: reqwest::Method,
    url: &str,
    token: &str,
    options: &ClientOptions,
) -> reqwest::RequestBuilder {
    request(options, reqwest::Client::new().request(method, address(url, "", &format!("id={token}"))))
}
