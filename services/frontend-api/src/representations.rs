//! Compressed forms of documents: each is made when the first request accepts it, and kept.
//!
//! Kept under the entity tag of the document, which is a hash of its bytes: an entry is right for ever, needs no change
//! feed, and is simply forgotten when memory is needed. Each form has an entity tag of its own, that of the document with
//! the name of the coding inside the quotes: `"ab12"` → `"ab12-br"`.

use bytes::{BufMut, Bytes, BytesMut};
use contracts::cache::Document;
use host::configuration::Compression;
use host::http::Coding;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

/// The part of `Caching:MaxBytes` that compressed forms may take: one of this many.
const SHARE: u64 = 4;
/// quick_cache's own bookkeeping of an entry, from its documentation, with a reserve for its ghosts.
const TABLE_BYTES: usize = 32;
/// Only a first guess of how many there will be.
const ENTRY_BYTES_ESTIMATED: u64 = 1 << 10;

/// All compressed forms of this process.
pub(crate) struct Representations {
    kept: Cache<Name, Form, ByBytes>,
    settings: Compression,
}

/// A document by its entity tag, and a coding.
type Name = (Bytes, Coding);

/// `None`: the coding would not be shorter.
#[derive(Clone)]
struct Form(Option<Bytes>);

#[derive(Clone)]
struct ByBytes;

impl Weighter<Name, Form> for ByBytes {
    fn weight(&self, (etag, _): &Name, form: &Form) -> u64 {
        let entry = size_of::<Name>() + size_of::<Form>() + TABLE_BYTES;
        (entry + etag.len() + form.0.as_ref().map_or(0, Bytes::len)) as u64
    }
}

impl Representations {
    /// With their share of `max_bytes`, and what is left of it for documents.
    pub(crate) fn new(settings: Compression, max_bytes: u64) -> (Self, u64) {
        let capacity = if settings.enabled { max_bytes / SHARE } else { 0 };
        let items = usize::try_from(capacity / ENTRY_BYTES_ESTIMATED).unwrap_or(usize::MAX).max(1);
        let kept = Cache::with_weighter(items, capacity, ByBytes);
        (Self { kept, settings }, max_bytes - capacity)
    }

    /// The document in this coding; `None`: it is not worth it, or not wanted.
    pub(crate) async fn get(&self, document: &Document, coding: Coding) -> Option<Bytes> {
        if !self.is_worth(document) {
            return None;
        }
        let name = (document.etag.clone(), coding);
        let make =
            async || Ok::<_, std::convert::Infallible>(Form(coding.encode(document.bytes.clone()).await));
        let Ok(form) = self.kept.get_or_insert_async(&name, make()).await;
        form.0
    }

    /// As [`get`](Self::get), without making anything; the outer `None`: it has to be made.
    pub(crate) fn in_memory(&self, document: &Document, coding: Coding) -> Option<Option<Bytes>> {
        if !self.is_worth(document) {
            return Some(None);
        }
        self.kept.get(&(document.etag.clone(), coding)).map(|form| form.0)
    }

    fn is_worth(&self, document: &Document) -> bool {
        self.settings.enabled && document.bytes.len() >= self.settings.min_bytes
    }

    /// For metrics.
    pub(crate) fn bytes(&self) -> u64 {
        self.kept.weight()
    }
}

/// The entity tag of a document in this coding.
pub(crate) fn etag(document: &Document, coding: Coding) -> Bytes {
    let inside = document.etag.strip_suffix(b"\"").unwrap_or(&document.etag);
    let mut etag = BytesMut::with_capacity(document.etag.len() + 1 + coding.name().len());
    etag.put_slice(inside);
    etag.put_u8(b'-');
    etag.put_slice(coding.name().as_bytes());
    etag.put_u8(b'"');
    etag.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ON: Compression = Compression { enabled: true, min_bytes: 1_024 };

    fn document(number: usize) -> Document {
        Document::new(Bytes::from(format!("{number} {}", "stoa ".repeat(400))), 1)
    }

    fn representations(max_bytes: u64) -> Representations {
        Representations::new(ON, max_bytes).0
    }

    #[actix_web::test]
    async fn a_form_is_made_once_and_kept_for_both_codings() {
        let kept = representations(1 << 20);
        let first = kept.get(&document(1), Coding::Gzip).await.unwrap();
        let again = kept.get(&document(1), Coding::Gzip).await.unwrap();
        assert_eq!(first.as_ptr(), again.as_ptr(), "the same bytes in memory");
        assert_ne!(kept.get(&document(1), Coding::Brotli).await.unwrap(), first);
        assert_ne!(kept.get(&document(2), Coding::Gzip).await.unwrap(), first);
    }

    #[actix_web::test]
    async fn forms_stay_within_their_share_of_the_memory() {
        let (kept, left) = Representations::new(ON, 64 << 10);
        for number in 0..1_000 {
            kept.get(&document(number), Coding::Gzip).await.unwrap();
            assert!(kept.bytes() <= (64 << 10) - left);
        }
        assert!(kept.bytes() > 0);
    }

    #[actix_web::test]
    async fn short_documents_and_those_that_nothing_shortens_go_out_as_they_are() {
        let kept = representations(1 << 20);
        assert_eq!(kept.get(&Document::new(Bytes::from("{}"), 1), Coding::Brotli).await, None);
        // Of a xorshift generator: nothing repeats.
        let next = |x: &u64| {
            let x = x ^ (x << 13);
            let x = x ^ (x >> 7);
            Some(x ^ (x << 17))
        };
        let noise: Vec<u8> =
            std::iter::successors(Some(1), next).skip(100).map(|x| x as u8).take(4_000).collect();
        assert_eq!(kept.get(&Document::new(Bytes::from(noise), 1), Coding::Brotli).await, None);
        let (off, left) = Representations::new(Compression { enabled: false, ..ON }, 1 << 20);
        assert_eq!(off.get(&document(1), Coding::Gzip).await, None);
        assert_eq!(left, 1 << 20);
    }

    #[test]
    fn a_form_has_an_entity_tag_of_its_own() {
        let document = Document { etag: Bytes::from_static(b"\"ab12\""), ..document(1) };
        assert_eq!(etag(&document, Coding::Brotli), "\"ab12-br\"");
        assert_eq!(etag(&document, Coding::Gzip), "\"ab12-gzip\"");
    }
}
