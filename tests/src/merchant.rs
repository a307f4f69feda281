//! The authoring side's user: creates a store, imports a catalog, edits products.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use reqwest::{Client, StatusCode, header, multipart};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{Reading, eventually};

const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// An HTTP client of authoring-api that is signed in.
#[derive(Clone)]
pub struct Merchant {
    client: Client,
    base: String,
    user_name: String,
    password: String,
    token: Arc<Mutex<Option<Token>>>,
}

/// An access token, and when to get another.
struct Token {
    text: String,
    fresh_until: Instant,
}

/// `GET /admin/imports/{id}` as far as stories look at it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImportReport {
    /// Import id.
    pub id: i64,
    /// Queued, Running, Completed or Failed.
    pub state: String,
    /// Data rows that the worker has read so far.
    pub rows_read: u64,
    /// Products that were new.
    pub products_created: u64,
    /// Products that changed.
    pub products_updated: u64,
    /// Products that were in the store exactly so already.
    pub products_unchanged: u64,
    /// Rows that were refused.
    pub rows_refused: u64,
    /// The refused rows, as far as one answer carries them.
    pub refusals: Vec<Value>,
}

impl Merchant {
    /// A user at authoring-api's `address` (`host:port`); signs in when it is needed.
    pub fn of(address: &str, user_name: &str, password: &str) -> Result<Self> {
        let client = Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        let (user_name, password) = (user_name.to_owned(), password.to_owned());
        Ok(Self { client, base: format!("http://{address}"), user_name, password, token: Arc::default() })
    }

    /// An access token, kept for half of its life.
    pub async fn token(&self) -> Result<String> {
        let mut kept = self.token.lock().await;
        if let Some(token) = kept.as_ref().filter(|token| Instant::now() < token.fresh_until) {
            return Ok(token.text.clone());
        }
        let form = [("grant_type", "password"), ("username", &self.user_name), ("password", &self.password)];
        let asked_at = Instant::now();
        let request = self.client.post(format!("{}/connect/token", self.base)).form(&form);
        let reading = Reading::of(request.send().await?).await?;
        ensure!(reading.status == StatusCode::OK, "sign-in: {} {}", reading.status, reading.body);
        let text = reading.body["access_token"].as_str().context("an answer without token")?.to_owned();
        let life_secs = reading.body["expires_in"].as_u64().context("a token without end")?;
        let fresh_until = asked_at + Duration::from_secs(life_secs) / 2;
        *kept = Some(Token { text: text.clone(), fresh_until });
        Ok(text)
    }

    /// Creates or renames a store.
    pub async fn put_store(&self, store: &str, name: &str, currency: &str) -> Result<()> {
        let body = json!({ "name": name, "currency": currency, "language": "en" });
        let response = self
            .client
            .put(format!("{}/admin/stores/{store}", self.base))
            .bearer_auth(self.token().await?)
            .json(&body)
            .send()
            .await?;
        let reading = Reading::of(response).await?;
        ensure!(reading.status.is_success(), "store {store}: {} {}", reading.status, reading.body);
        Ok(())
    }

    /// Uploads a catalog; the answer is 202 with the queued import.
    pub async fn start_import(&self, store: &str, file_name: &str, csv: Vec<u8>) -> Result<i64> {
        let reading = self.upload(store, file_name, csv).await?;
        ensure!(reading.status == StatusCode::ACCEPTED, "import: {} {}", reading.status, reading.body);
        reading.body["id"].as_i64().context("an import without id")
    }

    /// The same, whatever the answer.
    pub async fn upload(&self, store: &str, file_name: &str, csv: Vec<u8>) -> Result<Reading> {
        let file = multipart::Part::bytes(csv).file_name(file_name.to_owned()).mime_str("text/csv")?;
        let form = multipart::Form::new().text("store", store.to_owned()).part("file", file);
        let request =
            self.client.post(format!("{}/admin/imports", self.base)).bearer_auth(self.token().await?);
        Reading::of(request.multipart(form).send().await?).await
    }

    /// The import as it stands.
    pub async fn import(&self, id: i64) -> Result<ImportReport> {
        let reading = self.get(&format!("/admin/imports/{id}")).await?;
        ensure!(reading.status == StatusCode::OK, "import {id}: {} {}", reading.status, reading.body);
        Ok(serde_json::from_value(reading.body)?)
    }

    /// Waits until the import has ended, well or badly.
    pub async fn import_ended(&self, id: i64, limit: Duration) -> Result<ImportReport> {
        let (report, _) = eventually("the import ends", limit, async || {
            let report = self.import(id).await?;
            Ok(matches!(report.state.as_str(), "Completed" | "Failed").then_some(report))
        })
        .await?;
        Ok(report)
    }

    /// Imports and waits for the end.
    pub async fn import_catalog(&self, store: &str, csv: Vec<u8>, limit: Duration) -> Result<ImportReport> {
        let id = self.start_import(store, "catalog.csv", csv).await?;
        self.import_ended(id, limit).await
    }

    /// A product's working copy with its entity tag.
    pub async fn product(&self, id: i64) -> Result<(Value, String)> {
        let reading = self.get(&format!("/admin/products/{id}")).await?;
        ensure!(reading.status == StatusCode::OK, "product {id}: {} {}", reading.status, reading.body);
        let etag = reading.etag.context("a product without entity tag")?;
        Ok((reading.body, etag))
    }

    /// PUT of a whole product, with or without `If-Match`.
    pub async fn put_product(&self, id: i64, product: &Value, if_match: Option<&str>) -> Result<Reading> {
        let mut request = self
            .client
            .put(format!("{}/admin/products/{id}", self.base))
            .bearer_auth(self.token().await?)
            .json(product);
        if let Some(etag) = if_match {
            request = request.header(header::IF_MATCH, etag);
        }
        Reading::of(request.send().await?).await
    }

    /// Reads a product, gives it another title and saves it.
    pub async fn retitle(&self, id: i64, title: &str) -> Result<()> {
        let (mut product, etag) = self.product(id).await?;
        product["title"] = json!(title);
        let reading = self.put_product(id, &product, Some(&etag)).await?;
        ensure!(reading.status == StatusCode::OK, "product {id}: {} {}", reading.status, reading.body);
        Ok(())
    }

    /// GET as this user.
    pub async fn get(&self, path: &str) -> Result<Reading> {
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(self.token().await?);
        Reading::of(request.send().await?).await
    }
}
