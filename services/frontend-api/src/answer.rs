//! A document as an HTTP answer: 200 with its bytes, compressed where the client accepts that, or 304 for a client that
//! has them.
//!
//! A request without `Accept-Encoding` is answered in one go from what is in memory, and its answer carries no `Vary`: the
//! bytes as they are suit every client.

use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY, WARNING,
};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
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

/// Answers a request with a document. Neither the bytes nor the entity tag are copied.
pub(crate) async fn document(
    headers: &HeaderMap,
    served: &Served,
    representations: &Representations,
) -> HttpResponse {
    match Accepted::of(headers) {
        None => as_it_is(headers, served),
        // In a box: who accepts no coding does not carry its future.
        Some(accepted) => Box::pin(coded(headers, served, accepted, representations)).await,
    }
}

/// The same, unless the document has to be compressed first.
#[inline]
pub(crate) fn from_memory(
    headers: &HeaderMap,
    served: &Served,
    representations: &Representations,
) -> Option<HttpResponse> {
    let Some(accepted) = Accepted::of(headers) else { return Some(as_it_is(headers, served)) };
    if let Some(confirmation) = confirmation(headers, served, accepted) {
        return Some(confirmation);
    }
    let form = representations.in_memory(&served.document, accepted.preferred)?;
    Some(in_form(served, accepted.preferred, form))
}

fn as_it_is(headers: &HeaderMap, served: &Served) -> HttpResponse {
    let document = &*served.document;
    if conditional::is_not_modified(headers, &document.etag) {
        return head(HttpResponse::NotModified(), served, document.etag.clone()).finish();
    }
    head(HttpResponse::Ok(), served, document.etag.clone())
        .insert_header((CONTENT_TYPE, JSON))
        .body(document.bytes.clone())
}

async fn coded(
    headers: &HeaderMap,
    served: &Served,
    accepted: Accepted,
    representations: &Representations,
) -> HttpResponse {
    if let Some(confirmation) = confirmation(headers, served, accepted) {
        return confirmation;
    }
    let form = representations.get(&served.document, accepted.preferred).await;
    in_form(served, accepted.preferred, form)
}

/// 304, if the client has one of the forms that it accepts.
fn confirmation(headers: &HeaderMap, served: &Served, accepted: Accepted) -> Option<HttpResponse> {
    let document = &*served.document;
    let mut known = std::iter::once(document.etag.clone()).chain(etags(document, accepted));
    // The answer names the form that the client has: a cache with several knows then which of them is meant.
    let etag = known.find(|etag| conditional::is_not_modified(headers, etag))?;
    Some(head(HttpResponse::NotModified(), served, etag).insert_header((VARY, ACCEPT_ENCODING)).finish())
}

/// 200 with the document in this coding; `None`: as it is.
fn in_form(served: &Served, coding: Coding, form: Option<Bytes>) -> HttpResponse {
    let document = &*served.document;
    let (etag, bytes, coding) = match form {
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
