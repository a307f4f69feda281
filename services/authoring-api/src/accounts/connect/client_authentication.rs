//! How a client says who it is (RFC 6749 2.3.1): `client_id` and `client_secret` in the form, or HTTP Basic. One of them,
//! not both.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::form::Form;
use super::refusal::Refusal;

/// What a client showed. Has no `Debug`, so that it cannot get into a log.
pub(super) struct ClientCredentials {
    pub(super) id: String,
    pub(super) secret: String,
}

impl ClientCredentials {
    pub(super) fn read(request: &HttpRequest, form: &Form) -> Result<Self, Refusal> {
        let (id, secret) = (form.optional("client_id"), form.optional("client_secret"));
        if let Some(basic) = Self::basic(request)? {
            // A client id alone authenticates nobody; some clients send it always.
            if secret.is_some() || id.is_some_and(|id| id != basic.id) {
                let both = "the client authenticates in the header and in the form; do one of them";
                return Err(Refusal::invalid_request(both));
            }
            return Ok(basic);
        }
        match (id, secret) {
            (Some(id), Some(secret)) => Ok(Self { id: id.to_owned(), secret: secret.to_owned() }),
            (Some(_), None) => Err(Refusal::invalid_request("client_secret is missing")),
            (None, Some(_)) => Err(Refusal::invalid_request("client_id is missing")),
            (None, None) => Err(Refusal::unauthenticated_client()),
        }
    }

    /// `None`: the request has no such header.
    fn basic(request: &HttpRequest) -> Result<Option<Self>, Refusal> {
        let mut lines = request.headers().get_all(AUTHORIZATION);
        let Some(line) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            return Err(Refusal::invalid_request("Authorization comes twice"));
        }
        let credentials = line.to_str().ok().and_then(Self::in_header);
        credentials.map(Some).ok_or_else(Refusal::unauthenticated_client)
    }

    fn in_header(line: &str) -> Option<Self> {
        let (scheme, encoded) = line.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("Basic") {
            return None;
        }
        let pair = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (id, secret) = pair.split_once(':')?;
        Some(Self { id: unescaped(id)?, secret: unescaped(secret)? })
    }
}

/// The standard wants both parts escaped as in a form before they are joined.
fn unescaped(part: &str) -> Option<String> {
    // These are escaped in a form's value; unescaped they would cut it short.
    if part.contains(['=', '&']) {
        return None;
    }
    let mut values = form_urlencoded::parse(part.as_bytes());
    values.next().map(|(value, _)| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_header(line: &str) -> Option<(String, String)> {
        ClientCredentials::in_header(line).map(|credentials| (credentials.id, credentials.secret))
    }

    #[test]
    fn the_header_is_read_as_the_standard_has_it_written() {
        let basic = |pair: &str| format!("Basic {}", BASE64_STANDARD.encode(pair));
        let expected = Some(("an id".to_owned(), "a:b=c&d+e".to_owned()));
        assert_eq!(in_header(&basic("an%20id:a%3Ab%3Dc%26d%2Be")), expected);
        assert_eq!(in_header(&basic("an+id:a:b%3Dc%26d%2Be").replace("Basic", "bASIC")), expected);
        for wrong in
            ["", "Basic", "Basic ", "Basic !", "Bearer YTpi", &basic("ab"), &basic("a:"), &basic("a:b=c")]
        {
            assert_eq!(in_header(wrong), None, "{wrong}");
        }
    }
}
