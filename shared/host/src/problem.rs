//! The one form of every error answer: `application/problem+json` (RFC 9457) with a stable `code`.
//!
//! Handlers return `Result<_, Problem>`. The request id is added on the way out by the HTTP layer, which also logs
//! a cause once and replaces any error answer that is not a [`Problem`]. An answer of 500 or above never shows
//! its cause. A code, once published, never changes its meaning.

pub mod kind;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE,
};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

pub use kind::Kind;

/// The media type of every error answer.
pub const CONTENT_TYPE_PROBLEM: &str = "application/problem+json";

/// An error answer.
#[derive(Clone)]
pub struct Problem {
    /// The HTTP status.
    pub status: StatusCode,
    /// What programs compare: `snake_case`, stable.
    pub code: &'static str,
    /// What happened, the same words for every occurrence.
    pub title: &'static str,
    /// This occurrence, for a human. Shown to clients whatever the status: put no cause in it.
    pub detail: Option<Cow<'static, str>>,
    /// Which fields of the request are wrong.
    pub fields: Vec<FieldError>,
    /// Boxed, because every handler's `Result` carries a problem.
    rare: Option<Box<Rare>>,
}

#[derive(Clone, Default)]
struct Rare {
    headers: Vec<(HeaderName, HeaderValue)>,
    cause: Option<Arc<dyn fmt::Display + Send + Sync>>,
}

/// One wrong field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldError {
    /// The field as the client names it: `variants[2].price`.
    pub field: String,
    /// What is wrong, as one clause.
    pub reason: String,
    /// What was sent, if it helps and is no secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub value: Option<String>,
}

/// The body of every error answer (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body<'a> {
    /// `urn:stoa:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// What happened, the same words for every occurrence.
    title: &'a str,
    /// The HTTP status again.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What programs compare: stable.
    code: &'a str,
    /// This occurrence, for a human.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'a str>,
    /// Which fields of the request are wrong.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// The id of the request, as in its `x-request-id` header and in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    request_id: Option<&'a str>,
}

impl Problem {
    /// Any problem; prefer the named ones below, which fix the code of what all services share.
    pub fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self { status, code, title, detail: None, fields: Vec::new(), rare: None }
    }

    /// An occurrence of a kind.
    pub fn of(kind: &'static Kind) -> Self {
        Self::new(kind.status, kind.code, kind.title)
    }

    /// 400: the request cannot be read at all.
    pub fn bad_request(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kind::BAD_REQUEST).detail(detail)
    }

    /// 422: the request can be read, and these fields are wrong.
    pub fn validation(fields: Vec<FieldError>) -> Self {
        Self::of(&kind::VALIDATION_FAILED).fields(fields)
    }

    /// 401: no token, or not the right one.
    pub fn unauthorized(detail: impl Into<Cow<'static, str>>) -> Self {
        let challenge = HeaderValue::from_static("Bearer");
        Self::of(&kind::UNAUTHORIZED).detail(detail).header(WWW_AUTHENTICATE, challenge)
    }

    /// 401: the token that was sent is none of ours, or holds no longer (RFC 6750 3.1).
    pub fn invalid_token(reason: &'static str) -> Self {
        Self::unauthorized(reason)
            .header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer error=\"invalid_token\""))
    }

    /// 403: the token is good and does not permit this.
    pub fn forbidden(permission: &str) -> Self {
        Self::of(&kind::FORBIDDEN).detail(format!("it needs {permission}"))
    }

    /// 403: a browser asks on behalf of a page that is none of ours.
    pub fn cross_origin_refused(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kind::CROSS_ORIGIN_REFUSED).detail(detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kind::NOT_FOUND).detail(detail)
    }

    /// 405: the address exists, the method does not. `allow` is the header's value: `GET, PUT`.
    pub fn method_not_allowed(allow: Option<HeaderValue>) -> Self {
        let problem = Self::of(&kind::METHOD_NOT_ALLOWED);
        match allow {
            Some(allow) => problem.header(ALLOW, allow),
            None => problem,
        }
    }

    /// 409: the change contradicts what is there.
    pub fn conflict(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kind::CONFLICT).detail(detail)
    }

    /// 412: somebody else changed it first.
    pub fn version_mismatch(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of(&kind::VERSION_MISMATCH).detail(detail)
    }

    /// 428: a change must say which version it is based on.
    pub fn version_required() -> Self {
        Self::of(&kind::VERSION_REQUIRED).detail("send the ETag of the last answer as If-Match")
    }

    /// 413: the body is above the limit.
    pub fn too_large(limit_bytes: u64) -> Self {
        Self::too_large_for_some_limit().detail(format!("at most {limit_bytes} bytes are accepted here"))
    }

    /// 413 where the limit is not known.
    pub(crate) fn too_large_for_some_limit() -> Self {
        Self::of(&kind::PAYLOAD_TOO_LARGE)
    }

    /// 415: a body of this kind is not read here.
    pub fn unsupported_media_type(expected: &'static str) -> Self {
        Self::of(&kind::UNSUPPORTED_MEDIA_TYPE).detail(format!("send {expected}"))
    }

    /// 429: too often. `retry_after_secs` is when the next one is possible.
    pub fn too_many_requests(retry_after_secs: u64) -> Self {
        Self::of(&kind::TOO_MANY_REQUESTS).header(RETRY_AFTER, HeaderValue::from(retry_after_secs))
    }

    /// 431: path and headers are above the limit.
    pub fn headers_too_large(limit_bytes: usize) -> Self {
        Self::of(&kind::HEADERS_TOO_LARGE).detail(format!("at most {limit_bytes} bytes are accepted"))
    }

    /// 500: our mistake. The cause is logged once, with the request id, and never shown.
    pub fn internal(cause: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self::of(&kind::INTERNAL_ERROR).cause(cause)
    }

    /// 503: not now. `retry_after_secs` is a guess for clients.
    pub fn unavailable(retry_after_secs: u32, cause: impl fmt::Display + Send + Sync + 'static) -> Self {
        Self::of(&kind::UNAVAILABLE).header(RETRY_AFTER, HeaderValue::from(retry_after_secs)).cause(cause)
    }

    /// 503: the answer did not begin in time.
    pub fn timed_out(limit: std::time::Duration) -> Self {
        Self::of(&kind::TIMED_OUT)
            .detail(format!("the limit is {} ms", crate::configuration::milliseconds(limit)))
            .header(RETRY_AFTER, HeaderValue::from(1u32))
    }

    /// The general problem of a status, for answers that framework code made.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::of(&kind::BAD_REQUEST),
            StatusCode::NOT_FOUND => Self::not_found("no such address"),
            StatusCode::UNAUTHORIZED => Self::unauthorized("send Authorization: Bearer …"),
            StatusCode::METHOD_NOT_ALLOWED => Self::method_not_allowed(None),
            StatusCode::PAYLOAD_TOO_LARGE => Self::too_large_for_some_limit(),
            status if status.is_server_error() => Self { status, ..Self::of(&kind::INTERNAL_ERROR) },
            status => Self::new(status, "refused", "The request was refused"),
        }
    }

    /// A code of its own for a case that clients should tell from others of the same status.
    #[must_use]
    pub fn code(mut self, code: &'static str) -> Self {
        self.code = code;
        self
    }

    /// Says more about this occurrence.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Names the fields that are wrong.
    #[must_use]
    pub fn fields(mut self, fields: Vec<FieldError>) -> Self {
        self.fields = fields;
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.rare.get_or_insert_default().headers.push((name, value));
        self
    }

    /// Keeps what the log should say and the client must not see.
    #[must_use]
    pub fn cause(mut self, cause: impl fmt::Display + Send + Sync + 'static) -> Self {
        self.rare.get_or_insert_default().cause = Some(Arc::new(cause));
        self
    }

    /// What the log should say, if anything.
    pub fn logged_cause(&self) -> Option<String> {
        self.rare.as_ref()?.cause.as_ref().map(ToString::to_string)
    }

    /// The answer with the id of its request.
    pub fn response(&self, request_id: Option<&str>) -> HttpResponse {
        let mut response = HttpResponse::with_body(self.status, BoxBody::new(self.body(request_id)));
        self.write_headers(response.headers_mut());
        response
    }

    /// The answer's body.
    pub(crate) fn body(&self, request_id: Option<&str>) -> String {
        let body = Body {
            kind: format!("urn:stoa:problem:{}", self.code),
            title: self.title,
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail.as_deref(),
            errors: &self.fields,
            request_id,
        };
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The answer's headers; an error is never kept by a cache.
    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE_PROBLEM));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in self.rare.iter().flat_map(|rare| &rare.headers) {
            headers.insert(name.clone(), value.clone());
        }
    }
}

impl FieldError {
    /// A wrong field.
    pub fn new(field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { field: field.into(), reason: reason.into(), value: None }
    }

    /// Shows what was sent.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = Some(value.into());
        self
    }
}

impl fmt::Debug for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Problem({} {}: {self})", self.status.as_u16(), self.code)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.detail.as_deref().unwrap_or(self.title))?;
        self.logged_cause().map_or(Ok(()), |cause| write!(f, " ({cause})"))
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    /// The answer without its request id; the HTTP layer writes it again with it.
    fn error_response(&self) -> HttpResponse {
        self.response(None)
    }
}
