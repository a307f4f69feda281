//! The API document of a service (OpenAPI 3.1) at `/openapi.json`, and a viewer for it at `/docs/`.
//!
//! Handlers carry `#[utoipa::path]` and say only what is theirs; [`complete`] adds what all operations have in common.
//! The document is written once at start and served as bytes. Start at [`Document`].
//!
//! An operation names the kinds of problems that it answers with as
//! `extensions(("x-problems" = json!(["not_found", "conflict"])))`. What follows from its shape – a body that is no
//! JSON, a missing token, headers above the limit, a server that cannot answer – is added without being named.

mod complete;
mod viewer;

use std::collections::BTreeSet;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, EntityTag, HeaderValue, IfNoneMatch};
use actix_web::middleware::Compress;
use actix_web::web::{Bytes, Data, Header, ServiceConfig, resource};
use anyhow::Context as _;
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::OpenApi as _;

use crate::health;
use crate::problem::{Kind, kind};

/// Where the document is.
pub const ADDRESS: &str = "/openapi.json";
/// Below which the viewer is.
pub const VIEWER_ADDRESS: &str = "/docs/";

/// A finished document. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Document {
    bytes: Bytes,
    etag: EntityTag,
}

impl Document {
    /// The document of a service with these operations, to which the health routes are added. `kinds` are the
    /// service's own kinds of problems, beside those that all services share.
    ///
    /// # Errors
    /// An operation names a kind of problem that does not exist.
    pub fn of(mut api: utoipa::openapi::OpenApi, kinds: &[&'static Kind]) -> anyhow::Result<Self> {
        api.merge(health::Api::openapi());
        let mut document = serde_json::to_value(&api).context("the API document is no JSON")?;
        let kinds: Vec<&Kind> = kind::SHARED.iter().chain(kinds).copied().collect();
        complete::complete(&mut document, &kinds)?;
        let bytes = Bytes::from(serde_json::to_vec_pretty(&document)?);
        // Weak: it stands for the compressed forms, too.
        let etag = EntityTag::new_weak(hex(&Sha256::digest(&bytes)));
        Ok(Self { bytes, etag })
    }

    /// The document, read again.
    ///
    /// # Errors
    /// Never, as it was written from JSON.
    pub fn json(&self) -> serde_json::Result<Value> {
        serde_json::from_slice(&self.bytes)
    }

    /// What it documents: `GET /things/{id}`.
    ///
    /// # Errors
    /// Never, as it was written from JSON.
    pub fn operations(&self) -> serde_json::Result<BTreeSet<String>> {
        let document = self.json()?;
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flat_map(serde_json::Map::keys);
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        });
        Ok(operations.collect())
    }

    /// Adds the routes of document and viewer.
    pub fn routes(&self, config: &mut ServiceConfig) {
        let document = resource(ADDRESS).app_data(Data::new(self.clone())).get(get).head(get);
        config.service(document.wrap(Compress::default())).configure(viewer::routes);
    }
}

async fn get(document: Data<Document>, known: Header<IfNoneMatch>) -> HttpResponse {
    let is_known = match &*known {
        IfNoneMatch::Any => true,
        IfNoneMatch::Items(tags) => tags.iter().any(|tag| tag.weak_eq(&document.etag)),
    };
    let mut answer = if is_known { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    answer.insert_header((ETAG, document.etag.to_string()));
    answer.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-cache")));
    if is_known {
        return answer.finish();
    }
    answer.insert_header((CONTENT_TYPE, "application/json")).body(document.bytes.clone())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
