//! The app under test, and the merchant's side of it.

use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::body::to_bytes;
use actix_web::dev::{Service, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{App, Error, HttpResponse, test};
use backplane::{CacheOptions, Feed, FeedOptions};
use domain::{Currency, Money, Product, ProductDraft, StoreId, VariantDraft};
use frontend_api::routes;
use frontend_api::state::AppState;
use host::configuration::Compression;
use serde_json::Value;
use sql::testing::TestDatabase;
use store::products::{self, Chunk};
use store::publication::ListingTags;
use store::stores::{self, Store};

/// Only ends a hung test.
const READY_LIMIT: Duration = Duration::from_secs(30);
const MAX_BODY_BYTES: usize = 64 * 1024;

/// A database with the store `outdoor` in it.
pub(crate) struct World {
    database: TestDatabase,
    feed: Arc<Feed>,
    pub(crate) store: Store,
}

/// What one request came back with.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: actix_web::web::Bytes,
}

impl Answer {
    pub(crate) async fn of(response: HttpResponse) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, bytes: to_bytes(response.into_body()).await.unwrap() }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn assert_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{:?}", self.bytes);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json()["code"], code);
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_max_staleness(FeedOptions::default().max_staleness).await
    }

    pub(crate) async fn with_max_staleness(max_staleness: Duration) -> Self {
        let database = TestDatabase::create(handlers::MIGRATIONS).await;
        let options = FeedOptions { max_staleness, ..FeedOptions::default() };
        let feed = Feed::start(database.database.clone(), None, options);
        assert!(feed.wait_ready(READY_LIMIT).await, "the feed has found its log");
        let store = Store {
            id: StoreId::parse("outdoor").unwrap(),
            name: "Stoa Outdoor".into(),
            currency: Currency::parse("EUR").unwrap(),
            language: "en".into(),
            version: 0,
        };
        let world = Self { database, feed, store };
        let stored = &world.store;
        let put = world.database.database.transaction("test.store", |tx| Box::pin(stores::put(tx, stored)));
        put.await.unwrap();
        world
    }

    /// The app, with or without its cache.
    pub(crate) async fn app(
        &self,
        cached: bool,
    ) -> impl Service<Request, Response = ServiceResponse, Error = Error> + use<> {
        app_on(self.state(cached)).await
    }

    /// What the routes work with.
    pub(crate) fn state(&self, cached: bool) -> Data<AppState> {
        let options = CacheOptions { enabled: cached, ..CacheOptions::default() };
        let database = self.database.database.clone();
        Data::new(AppState::with(
            database,
            Arc::clone(&self.feed),
            options,
            Compression { min_bytes: 64, enabled: true },
        ))
    }

    /// Imports products as one chunk, as import number `import_id`.
    pub(crate) async fn publish(&self, import_id: i64, products: &[Product]) {
        let chunk = &Chunk { store: &self.store.id, import_id, actor: "test", products };
        let written = self.database.database.transaction("test.publish", |tx| {
            Box::pin(products::upsert_and_publish(tx, chunk, ListingTags::Now))
        });
        written.await.unwrap();
    }

    /// Waits until the feed has followed the log to its end: what is read from here on stays valid.
    pub(crate) async fn caught_up(&self) {
        let head = "SELECT h.Head FROM Platform.FeedHead AS h;";
        let rows = self.database.database.query(head, &[]).await.unwrap();
        let head: i64 = rows[0].get("Head").unwrap();
        assert!(self.feed.wait_applied(head, READY_LIMIT).await, "the feed has applied {head}");
    }

    /// A statement that nobody but the database hears of.
    pub(crate) async fn execute(&self, statement: &'static str) {
        assert_eq!(self.database.database.execute(statement, &[]).await.unwrap(), 1);
    }

    pub(crate) async fn close(self) {
        self.feed.stop().await;
        self.database.close().await;
    }
}

/// The app with what its routes work with.
pub(crate) async fn app_on(
    state: Data<AppState>,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> + use<> {
    let app = App::new()
        .configure(|config| host::http::extractor_configs(config, MAX_BODY_BYTES))
        .configure(|config| routes::configure(config, state));
    test::init_service(app).await
}

/// A product with one variant.
pub(crate) fn product(slug: &str, title: &str, category: &str) -> Product {
    let currency = Currency::parse("EUR").unwrap();
    let price = Some(Money { amount_minor: 1_250, currency });
    let draft = ProductDraft {
        slug: slug.into(),
        title: title.into(),
        category: category.into(),
        published: true,
        variants: vec![VariantDraft { price, ..VariantDraft::default() }],
        ..ProductDraft::default()
    };
    draft.validate(currency).unwrap()
}

pub(crate) async fn get<S>(app: &S, path: &str, headers: &[(&str, &str)]) -> Answer
where
    S: Service<Request, Response = ServiceResponse, Error = Error>,
{
    let mut request = test::TestRequest::get().uri(path);
    for header in headers {
        request = request.append_header(*header);
    }
    Answer::of(test::call_service(app, request.to_request()).await.into()).await
}
