//! Every kind of problem that all services share: its code, its status, its title, once. API documents list them.
//!
//! A service that has kinds of its own declares them the same way and hands them to its API document.

use actix_web::http::StatusCode;

/// One kind of error answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The HTTP status.
    pub status: StatusCode,
    /// What programs compare: `snake_case`, stable.
    pub code: &'static str,
    /// What happened, the same words for every occurrence.
    pub title: &'static str,
}

macro_rules! kinds {
    ($($name:ident: $status:ident, $code:literal, $title:literal;)*) => {
        $(
            #[doc = $title]
            pub static $name: Kind = Kind { status: StatusCode::$status, code: $code, title: $title };
        )*
        /// All of them.
        pub static SHARED: &[&Kind] = &[$(&$name),*];
    };
}

kinds! {
    BAD_REQUEST: BAD_REQUEST, "bad_request", "The request cannot be read";
    UNAUTHORIZED: UNAUTHORIZED, "unauthorized", "A valid bearer token is needed";
    FORBIDDEN: FORBIDDEN, "forbidden", "This needs a permission that the account does not have";
    CROSS_ORIGIN_REFUSED: FORBIDDEN, "cross_origin_refused", "A page of another origin may not do this";
    NOT_FOUND: NOT_FOUND, "not_found", "There is nothing here";
    METHOD_NOT_ALLOWED: METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not have that method";
    CONFLICT: CONFLICT, "conflict", "The change contradicts what is there";
    VERSION_MISMATCH: PRECONDITION_FAILED, "version_mismatch",
        "It was changed by somebody else in the meantime";
    PAYLOAD_TOO_LARGE: PAYLOAD_TOO_LARGE, "payload_too_large", "The request's body is too large";
    UNSUPPORTED_MEDIA_TYPE: UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type",
        "A body of this media type is not read here";
    VALIDATION_FAILED: UNPROCESSABLE_ENTITY, "validation_failed", "The request has fields that are wrong";
    VERSION_REQUIRED: PRECONDITION_REQUIRED, "version_required",
        "The change must name the version it is based on";
    TOO_MANY_REQUESTS: TOO_MANY_REQUESTS, "too_many_requests", "There were too many requests of this kind";
    HEADERS_TOO_LARGE: REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large",
        "The request's path and headers are too large";
    INTERNAL_ERROR: INTERNAL_SERVER_ERROR, "internal_error", "The server failed";
    UNAVAILABLE: SERVICE_UNAVAILABLE, "unavailable", "The service cannot answer now";
    NOT_READY: SERVICE_UNAVAILABLE, "not_ready", "The service cannot answer now";
    TIMED_OUT: SERVICE_UNAVAILABLE, "timed_out", "The answer took too long";
}
