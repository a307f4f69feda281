//! Shoppers and merchants who keep working while a story breaks things, and write down what they see.
//!
//! One product is edited all the time, its title being the number of the edit; shoppers read it and, in turn with it, one
//! that nobody edits; catalogs are uploaded beside that. Start at [`Load::begin`]; what was seen is judged by `observed`.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::catalog::{self, GENERATED_VARIANTS};
use crate::observed::{Fault, Import, Phase, Record, Request, Who};
use crate::{Merchant, Reading, Shopper};

/// Shoppers at the same time.
const SHOPPERS: usize = 4;
/// Pauses between a user's requests; short beside `Http:StopDelay`, as users of a busy shop are.
const SHOPPER_PAUSE: Duration = Duration::from_millis(15);
const EDIT_PAUSE: Duration = Duration::from_millis(60);
const IMPORT_PAUSE: Duration = Duration::from_millis(500);
/// Products of each uploaded catalog.
const IMPORT_PRODUCTS: usize = 8;
/// Imports that a killed worker had are found and finished by another within this time.
const IMPORT_LIMIT: Duration = Duration::from_secs(120);

/// Where the users go, and what they work on.
#[derive(Clone)]
pub struct Target {
    /// Frontend (`host:port`), or a balancer before several.
    pub frontend: String,
    /// The merchant, at authoring-api or a balancer before several.
    pub merchant: Merchant,
    /// Store of the edited product.
    pub store: String,
    /// Its id.
    pub product: i64,
    /// Id of a product that nobody edits. When SQL Server goes away the edited one may just have changed, and then no
    /// frontend may show what it remembers of it; of this one it always may.
    pub unedited_product: i64,
    /// `Caching:MaxStaleness` of the frontends.
    pub max_staleness: Duration,
    /// The first edit and the first import have this number; those of an earlier load on the same store had lower ones.
    pub first_number: u64,
}

/// Users at work.
pub struct Load {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    users: JoinSet<()>,
}

struct Shared {
    target: Target,
    started: Instant,
    record: Mutex<Record>,
    /// Ids of accepted imports.
    accepted: Mutex<Vec<i64>>,
    /// Above every number of an edit or an import that was sent.
    next_number: AtomicU64,
}

impl Load {
    /// Sets the users to work.
    ///
    /// # Errors
    /// A client could not be made.
    pub fn begin(target: Target) -> Result<Self> {
        let first_number = target.first_number;
        let record = Record { max_staleness: target.max_staleness, ..Record::default() };
        let shared = Arc::new(Shared {
            target,
            started: Instant::now(),
            record: Mutex::new(record),
            accepted: Mutex::default(),
            next_number: AtomicU64::new(first_number),
        });
        let (stop, stopped) = watch::channel(false);
        let mut users = JoinSet::new();
        for _ in 0..SHOPPERS {
            let shopper = Shopper::of(&shared.target.frontend)?;
            users.spawn(shop(shared.clone(), shopper, stopped.clone()));
        }
        users.spawn(edit(shared.clone(), stopped.clone()));
        users.spawn(import(shared.clone(), stopped));
        Ok(Self { shared, stop, users })
    }

    /// Notes that a fault is about to begin.
    pub fn fault(&self, name: impl Into<String>, fault: Fault) {
        let phase = Phase { name: name.into(), fault, began: self.shared.started.elapsed(), ended: None };
        self.shared.record(|record| record.phases.push(phase));
    }

    /// Notes that everything is ready again.
    pub fn recovered(&self) {
        let now = self.shared.started.elapsed();
        self.shared.record(|record| {
            if let Some(phase) = record.phases.last_mut() {
                phase.ended = Some(now);
            }
        });
    }

    /// How many requests there were so far that fit.
    pub fn count(&self, fits: impl Fn(&Request) -> bool) -> usize {
        self.shared.record(|record| record.requests.iter().filter(|request| fits(request)).count())
    }

    /// The promises that were broken so far.
    pub fn violations(&self) -> Vec<String> {
        self.shared.record(|record| record.violations())
    }

    /// How many edits and imports were accepted so far.
    pub fn accepted(&self) -> (usize, usize) {
        let imports = self.shared.accepted.lock().unwrap_or_else(PoisonError::into_inner).len();
        (self.shared.record(|record| record.edits.len()), imports)
    }

    /// `first_number` for a load after this one has ended.
    pub fn next_number(&self) -> u64 {
        self.shared.next_number.load(Ordering::Relaxed)
    }

    /// Sends the users home, waits for the imports, and gives what was seen.
    ///
    /// # Errors
    /// A user panicked.
    pub async fn end(&mut self) -> Result<Record> {
        self.stop.send_replace(true);
        while let Some(user) = self.users.join_next().await {
            user.context("a user panicked")?;
        }
        let accepted =
            std::mem::take(&mut *self.shared.accepted.lock().unwrap_or_else(PoisonError::into_inner));
        for id in accepted {
            let report = self.shared.target.merchant.import_ended(id, IMPORT_LIMIT).await.ok();
            let products = IMPORT_PRODUCTS as u64;
            let import = Import { products, rows: products * GENERATED_VARIANTS as u64, report };
            self.shared.record(|record| record.imports.push(import));
        }
        Ok(self.shared.record(|record| record.clone()))
    }
}

impl Shared {
    fn record<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(&mut self.record.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends a request and notes what came of it; gives the answer if it was a success.
    async fn note(&self, who: Who, request: impl Future<Output = Result<Reading>>) -> Option<Reading> {
        // The edited product shows its number, or from before the first edit its own title: 0.
        let began = self.started.elapsed();
        let answer = request.await.ok();
        let took = self.started.elapsed().saturating_sub(began);
        let has = |name: &str| answer.as_ref().is_some_and(|answer| answer.headers.contains_key(name));
        let status = answer.as_ref().map(|answer| answer.status.as_u16());
        let edited = answer.as_ref().filter(|answer| answer.body["id"] == self.target.product);
        let title = edited.and_then(|answer| answer.body["title"].as_str());
        let shown = title.map(|title| title.parse().unwrap_or(0));
        let (is_marked, has_retry_after) = (has("warning"), has("retry-after"));
        self.record(|record| {
            record.requests.push(Request { who, began, took, status, is_marked, has_retry_after, shown });
        });
        answer.filter(|answer| answer.status.is_success())
    }
}

/// Waits for the pause; false: it is time to go home.
async fn goes_on(stopped: &mut watch::Receiver<bool>, pause: Duration) -> bool {
    tokio::select! {
        _ = stopped.wait_for(|stopped| *stopped) => false,
        () = tokio::time::sleep(pause) => true,
    }
}

async fn shop(shared: Arc<Shared>, shopper: Shopper, mut stopped: watch::Receiver<bool>) {
    let target = &shared.target;
    let products = [target.product, target.unedited_product];
    let paths = products.map(|product| format!("/v1/{}/products/{product}", target.store));
    for path in paths.iter().cycle() {
        if !goes_on(&mut stopped, SHOPPER_PAUSE).await {
            return;
        }
        shared.note(Who::Shopper, shopper.get(path)).await;
    }
}

async fn edit(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let (merchant, id) = (&shared.target.merchant, shared.target.product);
    let path = format!("/admin/products/{id}");
    for number in shared.target.first_number.. {
        if !goes_on(&mut stopped, EDIT_PAUSE).await {
            return;
        }
        shared.next_number.fetch_max(number + 1, Ordering::Relaxed);
        let Some(read) = shared.note(Who::Merchant, merchant.get(&path)).await else { continue };
        let (mut product, etag) = (read.body, read.etag);
        product["title"] = json!(number.to_string());
        // An edit without an answer may have happened: its number is not used again.
        if shared.note(Who::Merchant, merchant.put_product(id, &product, etag.as_deref())).await.is_some() {
            let now = shared.started.elapsed();
            shared.record(|record| record.edits.push((number, now)));
        }
    }
}

async fn import(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let (merchant, store) = (&shared.target.merchant, &shared.target.store);
    for number in shared.target.first_number.. {
        if !goes_on(&mut stopped, IMPORT_PAUSE).await {
            return;
        }
        shared.next_number.fetch_max(number + 1, Ordering::Relaxed);
        let csv = catalog::generated(&format!("load-{number}"), IMPORT_PRODUCTS);
        let answer = shared.note(Who::Merchant, merchant.upload(store, "load.csv", csv)).await;
        let accepted = answer.filter(|answer| answer.status == StatusCode::ACCEPTED);
        if let Some(id) = accepted.and_then(|answer| answer.body["id"].as_i64()) {
            shared.accepted.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        }
    }
}
