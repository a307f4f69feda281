//! Compressed answers: which coding a request accepts, how bytes are coded, and a middleware for answers that are made
//! for one request.
//!
//! Answers that many requests get are better coded once by whoever keeps them (frontend-api does). What must not be coded
//! is left alone by rule: the answer to a change, or one that may not be stored, can carry secrets beside what the client
//! sent, and the length of its coding would tell about them (BREACH); a strong entity tag names exactly these bytes, and
//! `If-Match` needs it as it is. Bodies of requests are not decoded: [`check`] refuses them.

use std::io::Write;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, Data};
use flate2::write::GzEncoder;

use crate::configuration::Compression;
use crate::problem::Problem;

/// More is coded on a thread that may block.
const INLINE_BYTES_MAX: usize = 16 * 1024;
/// zlib's own default.
const GZIP_LEVEL: u32 = 6;
/// The middle of its twelve, for answers that somebody waits for.
const BROTLI_QUALITY: i32 = 5;
/// The usual window; it is given in powers of two.
const BROTLI_WINDOW: i32 = 22;

/// A content coding (RFC 9110 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Coding {
    /// `br`
    Brotli,
    /// `gzip`
    Gzip,
}

/// Which codings of ours a request accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the client likes best.
    pub preferred: Coding,
    /// What it accepts as well.
    pub other: Option<Coding>,
}

impl Coding {
    /// The name in headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }

    /// Codes `bytes`; many of them on a thread that may block. `None`: the coding is not shorter.
    pub async fn encode(self, bytes: Bytes) -> Option<Bytes> {
        let length = bytes.len();
        let coded = if length <= INLINE_BYTES_MAX {
            self.encode_now(&bytes)
        } else {
            tokio::task::spawn_blocking(move || self.encode_now(&bytes)).await.ok()?
        };
        coded.ok().filter(|coded| coded.len() < length).map(Bytes::from)
    }

    fn encode_now(self, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
        match self {
            Self::Brotli => {
                let mut coded = Vec::new();
                let parameters = brotli::enc::BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    size_hint: bytes.len(),
                    ..Default::default()
                };
                brotli::BrotliCompress(&mut &*bytes, &mut coded, &parameters)?;
                Ok(coded)
            }
            Self::Gzip => {
                let mut coder = GzEncoder::new(Vec::new(), flate2::Compression::new(GZIP_LEVEL));
                coder.write_all(bytes)?;
                coder.finish()
            }
        }
    }
}

impl Accepted {
    /// What `Accept-Encoding` says (RFC 9110 12.5.3). `None`: nothing of ours, or nothing at all, which is answered as if
    /// there were no codings. Equal weights: brotli.
    #[inline]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        headers.get(ACCEPT_ENCODING).and_then(|first| Self::read(first, headers))
    }

    fn read(first: &HeaderValue, headers: &HeaderMap) -> Option<Self> {
        let more = headers.get_all(ACCEPT_ENCODING).skip(1);
        let (mut brotli, mut gzip, mut any) = (None, None, None);
        for entry in std::iter::once(first)
            .chain(more)
            .filter_map(|line| line.to_str().ok())
            .flat_map(|l| l.split(','))
        {
            let (name, parameters) = entry.split_once(';').unwrap_or((entry, ""));
            let weight = thousandths(parameters);
            match name.trim() {
                name if name.eq_ignore_ascii_case("br") => brotli = Some(weight),
                name if name.eq_ignore_ascii_case("gzip") || name.eq_ignore_ascii_case("x-gzip") => {
                    gzip = Some(weight)
                }
                "*" => any = Some(weight),
                _ => {}
            }
        }
        let weight = |named: Option<u16>| named.or(any).unwrap_or(0);
        match (weight(brotli), weight(gzip)) {
            (0, 0) => None,
            (_, 0) => Some(Self { preferred: Coding::Brotli, other: None }),
            (0, _) => Some(Self { preferred: Coding::Gzip, other: None }),
            (brotli, gzip) if gzip > brotli => {
                Some(Self { preferred: Coding::Gzip, other: Some(Coding::Brotli) })
            }
            _ => Some(Self { preferred: Coding::Brotli, other: Some(Coding::Gzip) }),
        }
    }
}

/// `q=0.5` as 500; 1000 where nothing is said, 0 where it cannot be read.
fn thousandths(parameters: &str) -> u16 {
    let named = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| value.trim())
    });
    let Some(value) = named else { return 1000 };
    value.parse::<f32>().ok().filter(|q| (0.0..=1.0).contains(q)).map_or(0, |q| (q * 1000.0) as u16)
}

/// Refuses a body in a content coding: decoding it could make gigabytes of kilobytes before any limit is seen.
///
/// # Errors
/// 415, with what is accepted.
pub(super) fn check(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(CONTENT_ENCODING) {
        Some(coding) if !coding.as_bytes().eq_ignore_ascii_case(b"identity") => {
            let refusal = Problem::unsupported_media_type("the body without a Content-Encoding");
            Err(refusal.header(ACCEPT_ENCODING, HeaderValue::from_static("identity")))
        }
        _ => Ok(()),
    }
}

/// Codes each answer to a `GET` by itself where its request accepts that and it is long enough. Nothing is kept.
pub(crate) async fn code_answers<B: MessageBody + 'static>(
    settings: Option<Data<Compression>>,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let settings = settings.filter(|settings| settings.enabled);
    let accepted = Accepted::of(request.headers()).filter(|_| *request.method() == Method::GET);
    let response = next.call(request).await?.map_into_boxed_body();
    match (settings, accepted) {
        (Some(settings), Some(accepted)) if may_be_coded(&response) => {
            Ok(coded(response, accepted.preferred, settings.min_bytes).await)
        }
        _ => Ok(response),
    }
}

fn may_be_coded(response: &ServiceResponse<BoxBody>) -> bool {
    let headers = response.headers();
    let says = |name, word: &str| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
            .is_some_and(|value| value.contains(word))
    };
    let is_text = ["json", "text/", "xml", "javascript"].iter().any(|word| says(CONTENT_TYPE, word));
    let is_strong = headers.get(ETAG).is_some_and(|etag| !etag.as_bytes().starts_with(b"W/"));
    response.status().is_success()
        && is_text
        && !is_strong
        && !says(CACHE_CONTROL, "no-store")
        && !headers.contains_key(CONTENT_ENCODING)
}

async fn coded(
    response: ServiceResponse<BoxBody>,
    coding: Coding,
    min_bytes: usize,
) -> ServiceResponse<BoxBody> {
    let (request, response) = response.into_parts();
    let (mut head, body) = response.into_parts();
    // What is streamed leaves as it comes.
    let body = match body.try_into_bytes() {
        Ok(bytes) if bytes.len() >= min_bytes => {
            add_vary(head.headers_mut());
            match coding.encode(bytes.clone()).await {
                Some(coded) => {
                    head.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
                    BoxBody::new(coded)
                }
                None => BoxBody::new(bytes),
            }
        }
        Ok(bytes) => BoxBody::new(bytes),
        Err(body) => body,
    };
    ServiceResponse::new(request, head.set_body(body))
}

/// Tells caches on the way that the answer depends on `Accept-Encoding`.
fn add_vary(headers: &mut HeaderMap) {
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(lines: &[&'static str]) -> Option<(Coding, Option<Coding>)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        Accepted::of(&headers).map(|accepted| (accepted.preferred, accepted.other))
    }

    #[test]
    fn the_client_says_what_it_likes_best() {
        use Coding::{Brotli, Gzip};
        assert_eq!(accepted(&["gzip, deflate, br, zstd"]), Some((Brotli, Some(Gzip))));
        assert_eq!(accepted(&["br;q=0.5, gzip;q=0.8"]), Some((Gzip, Some(Brotli))));
        assert_eq!(accepted(&["GZIP"]), Some((Gzip, None)));
        assert_eq!(accepted(&["gzip", "br"]), Some((Brotli, Some(Gzip))));
        assert_eq!(accepted(&["*"]), Some((Brotli, Some(Gzip))));
        assert_eq!(accepted(&["*;q=0.2, br;q=0"]), Some((Gzip, None)));
        assert_eq!(accepted(&["x-gzip ; q=1.0"]), Some((Gzip, None)));
    }

    #[test]
    fn what_names_nothing_of_ours_is_answered_as_it_is() {
        for lines in [
            &[][..],
            &[""],
            &["identity"],
            &["deflate, zstd"],
            &["gzip;q=0, br;q=0"],
            &["br;q=x"],
            &["*;q=0"],
            &["br;q=2"],
        ] {
            assert_eq!(accepted(lines), None, "{lines:?}");
        }
    }

    #[actix_web::test]
    async fn codings_are_those_that_they_are_called_and_none_is_longer_than_the_text() {
        for length in [100, INLINE_BYTES_MAX + 1] {
            let text = Bytes::from("stoa ".repeat(length / 5 + 1));
            let gzip = Coding::Gzip.encode(text.clone()).await.unwrap();
            let mut decoded = Vec::new();
            std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&gzip[..]), &mut decoded).unwrap();
            assert_eq!(decoded, text);
            let coded = Coding::Brotli.encode(text.clone()).await.unwrap();
            let mut decoded = Vec::new();
            brotli::BrotliDecompress(&mut &coded[..], &mut decoded).unwrap();
            assert_eq!(decoded, text);
        }
        assert_eq!(Coding::Gzip.encode(Bytes::from_static(b"x")).await, None);
    }
}
