//! The storefront's user: reads products from one frontend and remembers nothing.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode, header};
use serde_json::Value;

/// No request of a test may hang for longer.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// An HTTP client of one frontend.
#[derive(Clone)]
pub struct Shopper {
    client: Client,
    base: String,
}

/// What one request came back with.
pub struct Reading {
    /// HTTP status.
    pub status: StatusCode,
    /// The strong entity tag, if there was one.
    pub etag: Option<String>,
    /// The body; `Null` where it was empty.
    pub body: Value,
    /// All headers, for what a story wants to look at.
    pub headers: header::HeaderMap,
}

impl Shopper {
    /// A shopper of the frontend at `address` (`host:port`).
    pub fn of(address: &str) -> Result<Self> {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { client, base: format!("http://{address}") })
    }

    /// GET `path`, for example `/v1/demo/products/enamel-mug`.
    pub async fn get(&self, path: &str) -> Result<Reading> {
        self.request(path, None).await
    }

    /// GET `path` with `If-None-Match`.
    pub async fn get_if_none_match(&self, path: &str, etag: &str) -> Result<Reading> {
        self.request(path, Some(etag)).await
    }

    /// The product document of a slug or id in a store; fails on anything but 200.
    pub async fn product(&self, store: &str, reference: &str) -> Result<Value> {
        let reading = self.get(&format!("/v1/{store}/products/{reference}")).await?;
        ensure!(reading.status == StatusCode::OK, "{reference}: {} {}", reading.status, reading.body);
        Ok(reading.body)
    }

    /// Every product of a listing, page by page.
    pub async fn listing(&self, store: &str, category: Option<&str>, limit: u32) -> Result<Vec<Value>> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut path = format!("/v1/{store}/products?limit={limit}");
            if let Some(category) = category {
                path += &format!("&category={category}");
            }
            if let Some(cursor) = &cursor {
                path += &format!("&cursor={cursor}");
            }
            let reading = self.get(&path).await?;
            ensure!(reading.status == StatusCode::OK, "{path}: {} {}", reading.status, reading.body);
            items
                .extend(reading.body["items"].as_array().context("a listing without items")?.iter().cloned());
            cursor = reading.body["nextCursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(items);
            }
        }
    }

    async fn request(&self, path: &str, etag: Option<&str>) -> Result<Reading> {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if let Some(etag) = etag {
            request = request.header(header::IF_NONE_MATCH, etag);
        }
        let response = request.send().await?;
        Reading::of(response).await
    }
}

impl Reading {
    pub(crate) async fn of(response: reqwest::Response) -> Result<Self> {
        let status = response.status();
        let headers = response.headers().clone();
        let etag = headers.get(header::ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
        let bytes = response.bytes().await?;
        let body = if bytes.is_empty() {
            Value::Null
        } else {
            serde_json::from_slice(&bytes)
                .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
        };
        Ok(Self { status, etag, body, headers })
    }
}
