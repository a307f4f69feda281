//! A database with a store, uploads, and a job server that runs what the test registers.

use std::sync::Arc;
use std::time::Duration;

use backplane::Push;
use backplane::push::New;
use contracts::jobs::ImportCatalog;
use contracts::push::CatalogImport;
use domain::{Currency, StoreId};
use jobs::{Client, NoWakeUp, Registry, Server, ServerOptions};
use sql::RowExt;
use sql::testing::TestDatabase;
use store::blobs;
use store::imports::{self, ImportView, NewImport};
use store::stores::{self, Store};

/// Only ends a hung test.
const LIMIT: Duration = Duration::from_secs(60);
/// Who uploads.
pub(crate) const UPLOADER: &str = "user:7";
const POLL_INTERVAL: Duration = Duration::from_millis(5);

pub(crate) struct World {
    pub(crate) database: TestDatabase,
    pub(crate) push: Push,
    pub(crate) store: Store,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = TestDatabase::create(handlers::MIGRATIONS).await;
        let store = Store {
            id: StoreId::parse("outdoor").unwrap(),
            name: "Stoa Outdoor".into(),
            currency: Currency::parse("EUR").unwrap(),
            language: "en".into(),
            version: 0,
        };
        let stored = &store;
        database.database.transaction("test.store", |tx| Box::pin(stores::put(tx, stored))).await.unwrap();
        let push = Push::start(database.database.clone(), None, "test", "test");
        Self { database, push, store }
    }

    /// Stores a file, enqueues its import and tells [`UPLOADER`], as authoring-api does.
    pub(crate) async fn upload(&self, file: &[u8]) -> i64 {
        let store = &self.store.id;
        let client = &Client::new(Arc::new(NoWakeUp));
        let push = &self.push;
        let written = self.database.database.transaction("test.upload", |tx| {
            Box::pin(async move {
                let mut writer = blobs::Writer::create(tx, "catalog.csv", "text/csv").await?;
                writer.write(tx, file).await?;
                let blob = writer.finish(tx).await?;
                let import = NewImport { store, blob_id: blob.id, file_name: "catalog.csv" };
                let import_id = imports::create(tx, &import).await?;
                client.enqueue(tx, &ImportCatalog { import_id }).await.map_err(jobs::Failure::from)?;
                let content = &imports::standing(tx, import_id).await?.unwrap();
                let new = New {
                    user_id: UPLOADER,
                    creator: "jo",
                    collapse_key: &CatalogImport::key(import_id),
                    title: &content.title(),
                    description: &content.description(),
                    content,
                };
                push.notify(tx, &new).await?;
                Ok::<_, jobs::Failure>(import_id)
            })
        });
        written.await.unwrap()
    }

    pub(crate) fn dependencies(&self) -> handlers::Dependencies {
        handlers::Dependencies { database: self.database.database.clone(), push: self.push.clone() }
    }

    /// A job server with the project's own handlers.
    pub(crate) fn worker(&self) -> Server {
        self.worker_with(handlers::registry(self.dependencies()))
    }

    pub(crate) fn worker_with(&self, registry: Registry) -> Server {
        let options = ServerOptions { worker_count: 2, ..ServerOptions::default() };
        let database = self.database.database.clone();
        Server::start(database, registry, options, Arc::new(NoWakeUp)).unwrap()
    }

    pub(crate) async fn import(&self, id: i64) -> ImportView {
        imports::view(&self.database.database, id, 0, 1_000).await.unwrap().unwrap()
    }

    /// Waits until the import looks as it should.
    pub(crate) async fn import_until(&self, id: i64, wanted: impl Fn(&ImportView) -> bool) -> ImportView {
        let poll = async {
            loop {
                let import = self.import(id).await;
                if wanted(&import) {
                    return import;
                }
                tokio::time::sleep(POLL_INTERVAL).await;
            }
        };
        tokio::time::timeout(LIMIT, poll).await.expect("the import gets there")
    }

    /// The first column, named `N`, of a query's only row.
    pub(crate) async fn count(&self, query: &'static str) -> i32 {
        self.database.database.query(query, &[]).await.unwrap()[0].read("N").unwrap()
    }
}
