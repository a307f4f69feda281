//! A document as an HTTP answer: 200 with its bytes, or 304 for a client that has them.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue, WARNING};
use actix_web::{HttpRequest, HttpResponse};

use crate::conditional;
use crate::state::Served;

/// Every cache on the way keeps the answer and asks before each use: what our ETag says obeys the bound on
/// staleness, and nothing in between may add to it.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// RFC 7234 5.5: SQL Server does not answer, and this is the last that was known.
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

/// Answers `request` with a document. Neither the bytes nor the entity tag are copied.
pub(crate) fn document(request: &HttpRequest, served: &Served) -> HttpResponse {
    let document = &*served.document;
    let not_modified = conditional::is_not_modified(request.headers(), &document.etag);
    let mut answer = if not_modified { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    if let Ok(etag) = HeaderValue::from_maybe_shared(document.etag.clone()) {
        answer.insert_header((ETAG, etag));
    }
    answer.insert_header((CACHE_CONTROL, REVALIDATE));
    if served.is_stale {
        answer.insert_header((WARNING, STALE));
    }
    if not_modified {
        return answer.finish();
    }
    answer.insert_header((CONTENT_TYPE, JSON)).body(document.bytes.clone())
}
