//! The one transaction of a chunk, how often listings are told, and how often people are.

use backplane::push::Throttle;
use domain::StoreId;
use domain::import::Refusal;
use jobs::Context;
use store::imports::{self, Checkpoint, Progress, Work};
use store::products;
use store::publication::{self, ListingTags};
use tokio::time::{Duration, Instant};

use super::progress;
use super::stop::Stop;
use crate::Dependencies;
use crate::catalog_file::Chunk;

/// Most frequent telling of all listing pages of a store: every frontend reloads them.
const LISTINGS_INTERVAL: Duration = Duration::from_secs(1);

/// Commits the chunks of one run, in order.
pub(super) struct Committer<'a> {
    dependencies: &'a Dependencies,
    context: &'a Context,
    import_id: i64,
    actor: String,
    store: &'a StoreId,
    /// Where the import row stands.
    checkpoint: Checkpoint,
    /// Products have changed since listings were last told. Kept in the import row too: a run that takes over must
    /// tell them.
    listing_pending: bool,
    listings_raised_at: Option<Instant>,
    progress: Throttle,
}

/// What a committed chunk leaves behind.
struct Committed {
    checkpoint: Checkpoint,
    listing_pending: bool,
    listings_raised: bool,
}

impl<'a> Committer<'a> {
    pub(super) fn new(
        dependencies: &'a Dependencies,
        context: &'a Context,
        import_id: i64,
        work: &'a Work,
    ) -> Self {
        Self {
            dependencies,
            context,
            import_id,
            actor: format!("import {import_id}"),
            store: &work.store.id,
            checkpoint: work.checkpoint,
            listing_pending: work.listing_pending,
            listings_raised_at: None,
            progress: Throttle::new(progress::INTERVAL),
        }
    }

    /// Products, documents, refusals, counts and checkpoint, together; the last chunk also ends the import.
    pub(super) async fn commit(&mut self, chunk: &Chunk, is_last: bool) -> Result<(), Stop> {
        let now = Instant::now();
        let is_due = self.listings_raised_at.is_none_or(|raised| now - raised >= LISTINGS_INTERVAL);
        let raise = is_due || is_last;
        let tell = self.progress.is_due(now) || is_last;
        let this = &*self;
        let committed = this
            .dependencies
            .database
            .transaction("imports.chunk", |tx| {
                Box::pin(async move {
                    let committed = this.write(tx, chunk, raise, is_last).await?;
                    if tell {
                        progress::tell(tx, &this.dependencies.push, this.import_id).await?;
                    }
                    Ok::<_, Stop>(committed)
                })
            })
            .await?;
        self.checkpoint = committed.checkpoint;
        self.listing_pending = committed.listing_pending;
        if committed.listings_raised {
            self.listings_raised_at = Some(now);
        }
        if tell {
            self.progress.told(now);
        }
        Ok(())
    }

    async fn write(
        &self,
        tx: &mut sql::Transaction<'_>,
        chunk: &Chunk,
        raise: bool,
        is_last: bool,
    ) -> Result<Committed, Stop> {
        self.context.assert_owned(tx).await?;
        let upsert = products::Chunk {
            store: self.store,
            import_id: self.import_id,
            actor: &self.actor,
            products: &chunk.products,
        };
        let outcome = products::upsert_and_publish(tx, &upsert, ListingTags::Deferred).await?;
        let changed = self.listing_pending || outcome.listing_changed;
        let listings_raised = changed && raise;
        if listings_raised {
            publication::raise_listings(tx, self.store);
        }

        let repeated = outcome.repeated.iter().filter_map(|at| chunk.origins.get(*at));
        let mut refusals = chunk.refusals.clone();
        refusals.extend(repeated.map(|origin| {
            let reason = "came earlier in this file; the rows of a product must stand together";
            Refusal::new(origin.row, "Handle", &origin.handle, reason)
        }));
        refusals.sort_by_key(|refusal| refusal.row);
        let to = Checkpoint { row: chunk.to.row, byte: chunk.to.byte };
        let progress = Progress {
            to,
            created: outcome.created,
            updated: outcome.updated,
            unchanged: outcome.unchanged,
            products_refused: chunk.products_refused + outcome.repeated.len() as u64,
            rows_refused: chunk.rows_refused + outcome.repeated.len() as u64,
            listing_pending: changed && !listings_raised,
        };
        imports::checkpoint(tx, self.import_id, self.checkpoint, &progress, &refusals).await?;
        if is_last {
            imports::finish(tx, self.import_id, to).await?;
        }
        Ok(Committed { checkpoint: to, listing_pending: progress.listing_pending, listings_raised })
    }
}
