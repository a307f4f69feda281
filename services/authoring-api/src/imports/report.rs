//! An import in JSON.

use serde::Serialize;
use store::imports::ImportView;
use utoipa::ToSchema;

use crate::timestamp::Timestamp;

/// How far an import is, and what it refused.
#[derive(Serialize, ToSchema)]
#[schema(as = Import)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report<'a> {
    id: i64,
    store: &'a str,
    file_name: &'a str,
    /// `Queued`, `Running`, `Completed` or `Failed`.
    state: &'a str,
    job_id: Option<i64>,
    rows_read: u64,
    products_created: u64,
    products_updated: u64,
    products_unchanged: u64,
    products_refused: u64,
    rows_refused: u64,
    /// How many refusals there are; those beyond a limit are counted and not kept.
    refusals_total: u64,
    refusals: Vec<RefusalView<'a>>,
    error: Option<&'a str>,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    finished_at: Option<Timestamp>,
}

/// A row that could not be used.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal)]
struct RefusalView<'a> {
    /// What `refusalsAfter` takes to go on behind it.
    number: i64,
    row: u64,
    column: &'a str,
    value: &'a str,
    reason: &'a str,
}

impl<'a> Report<'a> {
    pub(super) fn of(import: &'a ImportView) -> Self {
        let refusals = import.refusals.iter().map(|kept| RefusalView {
            number: kept.number,
            row: kept.row,
            column: &kept.column,
            value: &kept.value,
            reason: &kept.reason,
        });
        Self {
            id: import.id,
            store: import.store.as_str(),
            file_name: &import.file_name,
            state: import.state.name(),
            job_id: import.job_id,
            rows_read: import.rows_read,
            products_created: import.products_created,
            products_updated: import.products_updated,
            products_unchanged: import.products_unchanged,
            products_refused: import.products_refused,
            rows_refused: import.rows_refused,
            refusals_total: import.refusals_total,
            refusals: refusals.collect(),
            error: import.error.as_deref(),
            created_at: Timestamp(import.created_at),
            started_at: import.started_at.map(Timestamp),
            finished_at: import.finished_at.map(Timestamp),
        }
    }
}
