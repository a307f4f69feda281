//! The form of a token request, as RFC 6749 wants it read (3.2): an empty parameter counts as absent, and none may
//! come twice. Unknown parameters are ignored.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;

use super::refusal::Refusal;

const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
/// Parameters of one form; more than any grant has.
const PARAMETERS_MAX: usize = 32;

pub(super) struct Form(BTreeMap<String, String>);

impl Form {
    pub(super) fn read(
        request: &HttpRequest,
        body: Result<Bytes, actix_web::Error>,
    ) -> Result<Self, Refusal> {
        let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.and_then(|value| value.split(';').next()).map(str::trim);
        if !media_type.is_some_and(|value| value.eq_ignore_ascii_case(MEDIA_TYPE)) {
            return Err(Refusal::invalid_request(format!("send a form: Content-Type {MEDIA_TYPE}")));
        }
        let body = body.map_err(|_| Refusal::invalid_request("the body cannot be read or is too large"))?;
        Self::parse(&body)
    }

    fn parse(body: &[u8]) -> Result<Self, Refusal> {
        let mut parameters = BTreeMap::new();
        let pairs = form_urlencoded::parse(body).filter(|(_, value)| !value.is_empty());
        for (name, value) in pairs {
            if parameters.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(Refusal::invalid_request("a parameter comes twice"));
            }
            if parameters.len() > PARAMETERS_MAX {
                return Err(Refusal::invalid_request("there are too many parameters"));
            }
        }
        Ok(Self(parameters))
    }

    /// The same with this scope.
    pub(super) fn asking_for(mut self, scope: &str) -> Self {
        self.0.insert("scope".to_owned(), scope.to_owned());
        self
    }

    pub(super) fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.optional(name).ok_or_else(|| Refusal::invalid_request(format!("{name} is missing")))
    }

    pub(super) fn optional(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether this is among the space-separated scopes.
    pub(super) fn asks_for(&self, scope: &str) -> bool {
        self.0.get("scope").is_some_and(|scopes| scopes.split(' ').any(|asked| asked == scope))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_parameters_are_absent_and_double_ones_are_refused() {
        let form = Form::parse(b"grant_type=password&username=&password=a%20b%2Bc+d&scope=x+offline_access");
        let form = form.unwrap_or_else(|_| panic!("it can be read"));
        assert_eq!(form.required("password").ok(), Some("a b+c d"));
        assert!(form.required("username").is_err());
        assert!(form.asks_for("offline_access") && !form.asks_for("offline"));
        assert!(Form::parse(b"a=1&a=1").is_err());
        assert!(Form::parse(&b"a=1&".repeat(2)).is_err());
        let many: String = (0..33).map(|number| format!("p{number}=1&")).collect();
        assert!(Form::parse(many.as_bytes()).is_err());
    }
}
