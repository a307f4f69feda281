//! A document as an HTTP answer: 200 with its bytes, compressed where the client accepts that, or 304 for a client that
//! has them.
//!
//! A request without `Accept-Encoding` is answered in one go from what is in memory, and its answer carries no `Vary`: the
//! bytes as they are suit every client.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderValue, VARY, WARNING,
};
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use contracts::cache::Document;
use host::http::{Accepted, Coding};

use crate::conditional;
use crate::representations::{self, Representations};
use crate::state::Served;

/// Every cache on the way keeps the answer and asks before each use: what our ETag says obeys the bound on
/// staleness, and nothing in between may add to it.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("accept-encoding");
/// RFC 7234 5.5: SQL Server does not answer, and this is the last that was known.
const STALE: HeaderValue = HeaderValue::from_static("110 - \"Response is Stale\"");

/// Answers `request` with a document. Neither the bytes nor the entity tag are copied.
pub(crate) async fn document(
    request: &HttpRequest,
    served: &Served,
    representations: &Representations,
) -> HttpResponse {
    match Accepted::of(request.headers()) {
        None => as_it_is(request, served),
        // In a box: who accepts no coding does not carry its future.
        Some(accepted) => Box::pin(coded(request, served, accepted, representations)).await,
    }
}

fn as_it_is(request: &HttpRequest, served: &Served) -> HttpResponse {
    let document = &*served.document;
    if conditional::is_not_modified(request.headers(), &document.etag) {
        return head(HttpResponse::NotModified(), served, document.etag.clone()).finish();
    }
    head(HttpResponse::Ok(), served, document.etag.clone())
        .insert_header((CONTENT_TYPE, JSON))
        .body(document.bytes.clone())
}

async fn coded(
    request: &HttpRequest,
    served: &Served,
    accepted: Accepted,
    representations: &Representations,
) -> HttpResponse {
    let document = &*served.document;
    let mut known = std::iter::once(document.etag.clone()).chain(etags(document, accepted));
    // The answer names the form that the client has: a cache with several knows then which of them is meant.
    if let Some(etag) = known.find(|etag| conditional::is_not_modified(request.headers(), etag)) {
        return head(HttpResponse::NotModified(), served, etag)
            .insert_header((VARY, ACCEPT_ENCODING))
            .finish();
    }
    let coding = accepted.preferred;
    let (etag, bytes, coding) = match representations.get(document, coding).await {
        Some(bytes) => (representations::etag(document, coding), bytes, Some(coding.name())),
        None => (document.etag.clone(), document.bytes.clone(), None),
    };
    let mut answer = head(HttpResponse::Ok(), served, etag);
    answer.insert_header((VARY, ACCEPT_ENCODING)).insert_header((CONTENT_TYPE, JSON));
    if let Some(coding) = coding {
        answer.insert_header((CONTENT_ENCODING, coding));
    }
    answer.body(bytes)
}

/// The forms that the client can use. One in a coding that this request does not accept is none of them: a cache that
/// serves several clients names all that it has.
fn etags(document: &Document, accepted: Accepted) -> impl Iterator<Item = Bytes> {
    let codings = [Some(accepted.preferred), accepted.other].into_iter().flatten();
    codings.map(|coding: Coding| representations::etag(document, coding))
}

/// What every answer says.
#[inline]
fn head(mut answer: HttpResponseBuilder, served: &Served, etag: Bytes) -> HttpResponseBuilder {
    if let Ok(etag) = HeaderValue::from_maybe_shared(etag) {
        answer.insert_header((ETAG, etag));
    }
    answer.insert_header((CACHE_CONTROL, REVALIDATE));
    if served.is_stale {
        answer.insert_header((WARNING, STALE));
    }
    answer
}
