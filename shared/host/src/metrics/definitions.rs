//! The one table of metrics: name, kind, labels, meaning.
//!
//! Where OpenTelemetry's conventions name a metric it has that name as Prometheus writes it (dots become underscores,
//! the unit comes last); what is ours alone begins with `stoa_`.

use std::fmt::Write as _;

use prometheus::{HistogramOpts, HistogramVec};

/// Upper bounds of durations of requests and statements in seconds: a cached read takes microseconds.
const FAST_BUCKETS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Upper bounds of durations of jobs in seconds: from a few milliseconds to an hour.
const SLOW_BUCKETS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) labels: &'static [&'static str],
    pub(super) help: &'static str,
    buckets: &'static [f64],
}

impl Definition {
    pub(super) fn histogram(&self) -> prometheus::Result<HistogramVec> {
        let options = HistogramOpts::new(self.name, self.help).buckets(self.buckets.to_vec());
        HistogramVec::new(options, self.labels)
    }
}

macro_rules! definitions {
    ($($constant:ident $kind:ident $name:literal [$($label:literal),*] $help:literal $($buckets:ident)?;)*) => {
        $(pub(super) static $constant: Definition = Definition {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
            buckets: definitions!(@buckets $($buckets)?),
        };)*
        /// All of them, in the order of the document.
        static ALL: &[&Definition] = &[$(&$constant),*];
    };
    (@buckets) => { &[] };
    (@buckets $buckets:ident) => { $buckets };
}

definitions! {
    BUILD_INFO Gauge "stoa_build_info" ["service", "version"]
        "Always 1; the labels say which process this is.";

    HTTP_REQUEST_DURATION Histogram "http_server_request_duration_seconds"
        ["http_request_method", "http_route", "http_response_status_code"]
        "Time from the first byte of a request's headers to the answer's headers. `http_route` is the pattern; `none` where no route matched or none answered in time." FAST_BUCKETS;

    SQL_OPERATION_DURATION Histogram "db_client_operation_duration_seconds" ["db_operation_name", "transaction"]
        "Time of one statement from sending to the end of the answer, without the wait for a connection. `transaction` is empty outside of transactions." FAST_BUCKETS;
    SQL_ERRORS Counter "stoa_sql_errors_total" ["error_type"]
        "Statements that failed: `timeout`, `connection_lost`, `deadlock`, `server` (any other number of the server) or `other`.";
    SQL_CONNECTIONS Gauge "db_client_connection_count" ["db_client_connection_state"]
        "Open connections of the pool, `idle` or `used`.";
    SQL_CONNECTIONS_MAX Gauge "db_client_connection_max" []
        "Most connections that may be open (`Max Pool Size`).";
    SQL_CONNECTION_WAITS Counter "stoa_sql_connection_waits_total" []
        "Times a caller had to wait for a connection.";
    SQL_CONNECTION_WAIT Counter "stoa_sql_connection_wait_seconds_total" []
        "All waits for a connection together.";
    SQL_CONNECTION_TIMEOUTS Counter "db_client_connection_timeouts_total" []
        "Times a caller waited for a connection in vain.";
    SQL_LOGINS Counter "stoa_sql_logins_total" ["outcome"]
        "Logins, `succeeded` or `failed`.";
    SQL_DISCARDED Counter "stoa_sql_connections_discarded_total" []
        "Connections closed because something on them was not finished.";
    SQL_COMMITS Counter "stoa_sql_commits_total" []
        "Transactions committed.";
    SQL_RETRIES Counter "stoa_sql_retries_total" []
        "Attempts of a transaction that were repeated.";
    SQL_UNKNOWN_COMMITS Counter "stoa_sql_unknown_commits_total" []
        "Commits whose outcome was not known at first, because the connection was lost.";
    SQL_UNRESOLVED_COMMITS Gauge "stoa_sql_unresolved_commits" []
        "Commits whose outcome is not known yet.";

    CACHE_HITS Counter "stoa_cache_hits_total" []
        "Reads answered from memory under the lease.";
    CACHE_MISSES Counter "stoa_cache_misses_total" ["reason"]
        "Reads that memory could not answer: `absent`, `expired`, `no_lease`, or refused by the fence: `changed`, `unconfirmed`, `old_generation`.";
    CACHE_STALE Counter "stoa_cache_stale_total" []
        "Reads answered with an old value because SQL Server did not answer.";
    CACHE_SHARED Counter "stoa_cache_shared_loads_total" []
        "Reads that shared somebody else's load.";
    CACHE_LOADS Counter "stoa_cache_loads_total" []
        "Loads begun.";
    CACHE_LOAD_DURATION Counter "stoa_cache_load_seconds_total" []
        "Time of all loads that ended.";
    CACHE_LOAD_FAILURES Counter "stoa_cache_load_failures_total" ["reason"]
        "Loads that failed (`error`), were cut off (`timeout`) or were refused because too many were under way (`overloaded`).";
    CACHE_NOT_STORED Counter "stoa_cache_not_stored_total" ["reason"]
        "Loaded values that were not kept: `changed` meanwhile, or `too_heavy`.";
    CACHE_LOADS_UNDER_WAY Gauge "stoa_cache_loads_under_way" []
        "Loads that run now.";
    CACHE_ENTRIES Gauge "stoa_cache_entries" []
        "Entries kept.";
    CACHE_BYTES Gauge "stoa_cache_size_bytes" []
        "Memory of the entries and their bookkeeping, without the floor table.";
    CACHE_CHECKS Counter "stoa_cache_checks_total" ["outcome"]
        "Cached values compared with SQL Server (`Caching:StalenessCheck:Interval`), `compared` or `failed` because it did not answer.";
    CACHE_STALE_BEYOND_BOUND Counter "stoa_cache_stale_beyond_bound_total" []
        "Values among them that were still given `Caching:MaxStaleness` after SQL Server was seen to hold another. Must be 0: else data is changed without the change feed, or this is a defect.";

    FEED_APPLIED Gauge "stoa_feed_applied" []
        "The change number up to which everything is applied. The difference between instances is the lag of the slower one.";
    FEED_LEASE Gauge "stoa_feed_lease_remaining_seconds" []
        "How long cached answers may still be given without asking SQL Server again.";
    FEED_FAILING Gauge "stoa_feed_failing_seconds" []
        "For how long SQL Server has not answered the feed; 0 while it answers.";
    FEED_HINTED Gauge "stoa_feed_hints_connected" []
        "1 while hints arrive through Redis.";
    FEED_CHANGES Counter "stoa_feed_own_changes_total" []
        "Changes committed by this process.";
    FEED_HINTS Counter "stoa_feed_hints_total" ["outcome"]
        "Hints: `applied`, `known` already, `foreign` (another log: two databases share a channel name), `contradicting` or `malformed`.";
    FEED_GAPS Counter "stoa_feed_gaps_total" []
        "Changes that arrived before their predecessor.";
    FEED_GAP_ROWS Counter "stoa_feed_gap_rows_total" []
        "Changes read from SQL Server because no hint brought them in time.";
    FEED_PROBES Counter "stoa_feed_probes_total" ["outcome"]
        "Questions to SQL Server for the head of the feed, `answered` or `failed`.";
    FEED_GENERATION Gauge "stoa_feed_generation" []
        "1 after the start, one more for each flush of the local cache.";
    FEED_FLUSHES Counter "stoa_feed_flushes_total" ["cause"]
        "Flushes of the local cache: `new_log`, `forked`, `pruned`, `gap` or `other`.";
    FEED_FLOOR_BYTES Gauge "stoa_feed_floor_table_bytes" []
        "Memory of the floor table (`Caching:Slots` times 8).";

    REDIS_CONNECTED Gauge "stoa_redis_connected" []
        "1 while both connections stand.";
    REDIS_CONNECTS Counter "stoa_redis_connects_total" []
        "How often a connection was established.";
    REDIS_MESSAGES Counter "stoa_redis_messages_total" ["direction"]
        "Messages `published` and acknowledged, or `received`.";
    REDIS_DROPPED Counter "stoa_redis_dropped_messages_total" ["direction"]
        "Messages given up on their way out (`published`) or in (`received`). Nothing is lost by it: changes and jobs then arrive by asking SQL Server.";

    TRACES_SPANS Counter "stoa_traces_spans_total" ["outcome"]
        "Spans that the collector has taken (`exported`), or that found no room or no collector (`dropped`).";

    JOBS_ENQUEUED Counter "stoa_jobs_enqueued_total" ["queue", "job"]
        "Jobs committed into a queue by this process.";
    JOBS_UNEXPECTED Counter "stoa_jobs_unexpected_total" ["queue", "job"]
        "Those among them that no live server had announced to run.";
    JOBS_RUN_DURATION Histogram "stoa_jobs_run_duration_seconds" ["queue", "job", "outcome"]
        "Time of one run: `succeeded`, `failed`, `retried`, `given_back` or `lost`. `job` is empty where the stored job could not be read." SLOW_BUCKETS;
    JOBS_WAIT_DURATION Histogram "stoa_jobs_wait_duration_seconds" ["queue"]
        "From a job's creation to the beginning of a run." SLOW_BUCKETS;
    JOBS_RUNNING Gauge "stoa_jobs_running" []
        "Jobs that run now in this process.";
    JOBS_WORKERS Gauge "stoa_jobs_workers" []
        "Most jobs that run at the same time in this process.";
    JOBS_CLAIMED Counter "stoa_jobs_claimed_total" []
        "Jobs claimed.";
    JOBS_SETTLED Counter "stoa_jobs_settled_total" []
        "Runs whose outcome was stored.";
    JOBS_LOST Counter "stoa_jobs_lost_total" []
        "Runs that were not ours any more when they ended.";
    JOBS_EXCHANGES Counter "stoa_jobs_exchanges_total" []
        "Exchanges with the job storage.";
    JOBS_POLLS Counter "stoa_jobs_polls_total" []
        "Looks at the queues without a hint.";
    JOBS_STORAGE_AWAY Gauge "stoa_jobs_storage_away" []
        "1 while the job storage does not answer.";
    JOBS_WAITING Gauge "stoa_jobs_waiting" ["queue"]
        "Jobs that nobody has claimed, in the whole system; asked for every 15 s by processes that run jobs.";
    JOBS_OLDEST Gauge "stoa_jobs_oldest_waiting_seconds" ["queue"]
        "Age of the first of them.";
    JOBS_HELD Gauge "stoa_jobs_held" []
        "Jobs among them that wait for a handler that no server of their queue has.";
}

/// What the operating system knows of every process; the `prometheus` crate reads it.
const PROCESS: &[(&str, &str, &str)] = &[
    ("process_cpu_seconds_total", "counter", "Processor time."),
    ("process_max_fds", "gauge", "Most file descriptors that may be open."),
    ("process_open_fds", "gauge", "Open file descriptors."),
    ("process_resident_memory_bytes", "gauge", "Memory in use."),
    ("process_start_time_seconds", "gauge", "When the process was started, in seconds since 1970."),
    ("process_threads", "gauge", "Threads."),
    ("process_virtual_memory_bytes", "gauge", "Address space."),
];

/// The table of `deploy/metrics.md`.
pub fn documentation() -> String {
    let mut text = String::from("| name | kind | labels | meaning |\n|---|---|---|---|\n");
    for Definition { name, kind, labels, help, .. } in ALL {
        let labels = labels.iter().map(|label| format!("`{label}`")).collect::<Vec<_>>().join(", ");
        // Writing into a string cannot fail.
        let _ = writeln!(text, "| `{name}` | {} | {labels} | {help} |", kind.name());
    }
    for (name, kind, help) in PROCESS {
        let _ = writeln!(text, "| `{name}` | {kind} | | {help} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_its_unit_and_whether_it_only_grows() {
        for definition in ALL {
            let name = definition.name;
            assert_eq!(name.ends_with("_total"), definition.kind == Kind::Counter, "{name}");
            assert_eq!(!definition.buckets.is_empty(), definition.kind == Kind::Histogram, "{name}");
            assert_eq!(ALL.iter().filter(|other| other.name == name).count(), 1, "{name}");
        }
    }
}
