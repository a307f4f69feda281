//! `ImportCatalog`: reads an uploaded catalog and writes its products into the store, chunk by chunk.
//!
//! Enqueued by `POST /admin/imports` in the transaction that stores the file. Each chunk is one transaction:
//! products, their storefront documents, refused rows, counts and the checkpoint commit together or not at all, and
//! only while the job is still ours. Running twice is harmless: a run goes on at the checkpoint, and of two runs
//! at the same place one finds that the other has moved it. [`file`] reads, [`chunk`] commits, [`progress`] tells whoever
//! uploaded the file.

mod chunk;
mod file;
mod progress;
mod stop;

use contracts::jobs::ImportCatalog;
use jobs::{Context, Failure};
use store::imports::{self, Begun};

use chunk::Committer;
use file::File;
use stop::Stop;

use crate::Dependencies;

/// Imports until the file ends, the job is taken away, or the file turns out to be broken.
///
/// # Errors
/// To be tried again: SQL Server, an interruption, a lost job. For good: a file that nobody can read, an import that
/// does not exist; the import row says why.
pub async fn run(dependencies: Dependencies, context: Context, job: ImportCatalog) -> Result<(), Failure> {
    let stop = match import(&dependencies, &context, job.import_id).await {
        Ok(()) => return Ok(()),
        Err(stop) => stop,
    };
    if stop.is_final() {
        give_up(&dependencies, &context, job.import_id, &stop).await.map_err(Stop::into_failure)?;
    }
    Err(stop.into_failure())
}

async fn import(dependencies: &Dependencies, context: &Context, import_id: i64) -> Result<(), Stop> {
    let Some(begun) = begin(dependencies, context, import_id).await? else {
        return Err(Stop::ImportVanished { import_id });
    };
    let Begun::Work(work) = begun else {
        tracing::info!(import_id, "the import is completed already");
        return Ok(());
    };
    tracing::info!(import_id, row = work.checkpoint.row, "importing");
    let mut file = File::open(&dependencies.database, &work).await?;
    let mut committer = Committer::new(dependencies, context, import_id, &work);
    loop {
        let (chunk, is_last) = file.next_chunk().await?;
        if context.cancelled().is_cancelled() {
            return Err(Stop::Cancelled);
        }
        committer.commit(&chunk, is_last).await?;
        if is_last {
            tracing::info!(import_id, rows = chunk.to.row, "imported");
            return Ok(());
        }
    }
}

async fn begin(
    dependencies: &Dependencies,
    context: &Context,
    import_id: i64,
) -> Result<Option<Begun>, Stop> {
    dependencies
        .database
        .transaction("imports.begin", |tx| {
            Box::pin(async move {
                context.assert_owned(tx).await?;
                Ok(imports::begin(tx, import_id).await?)
            })
        })
        .await
}

/// Tells the merchant why the import ended.
async fn give_up(
    dependencies: &Dependencies,
    context: &Context,
    import_id: i64,
    stop: &Stop,
) -> Result<(), Stop> {
    let reason = stop.to_string();
    let reason = reason.as_str();
    tracing::warn!(import_id, reason, "the import failed");
    dependencies
        .database
        .transaction("imports.fail", |tx| {
            Box::pin(async move {
                context.assert_owned(tx).await?;
                imports::fail(tx, import_id, reason).await?;
                progress::tell(tx, &dependencies.push, import_id).await
            })
        })
        .await
}
