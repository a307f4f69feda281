//! Turns the counters that the parts of a process keep into families of metrics, at each scrape.

use std::collections::BTreeMap;

use backplane::{CacheStats, FeedStatus, RedisStatus};
use prometheus::proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType};

use super::definitions::{self as is, Definition, Kind};
use crate::Service;

/// What one scrape has found so far.
#[derive(Default)]
pub struct Readings(BTreeMap<&'static str, MetricFamily>);

impl Readings {
    /// `labels` are the values of the definition's labels, in its order.
    pub(super) fn add(&mut self, definition: &'static Definition, labels: &[&str], value: f64) {
        let family = self.0.entry(definition.name).or_insert_with(|| {
            let mut family = MetricFamily::default();
            family.set_name(definition.name.to_owned());
            family.set_help(definition.help.to_owned());
            family.set_field_type(match definition.kind {
                Kind::Counter => MetricType::COUNTER,
                Kind::Gauge | Kind::Histogram => MetricType::GAUGE,
            });
            family
        });
        let mut metric = Metric::from_label(definition.labels.iter().zip(labels).map(pair).collect());
        match definition.kind {
            Kind::Counter => {
                let mut counter = Counter::default();
                counter.set_value(value);
                metric.set_counter(counter);
            }
            Kind::Gauge | Kind::Histogram => {
                let mut gauge = Gauge::default();
                gauge.set_value(value);
                metric.set_gauge(gauge);
            }
        }
        family.mut_metric().push(metric);
    }

    /// Prometheus knows no other numbers than these.
    pub(super) fn count(&mut self, definition: &'static Definition, labels: &[&str], value: u64) {
        self.add(definition, labels, value as f64);
    }

    pub(super) fn into_families(self) -> Vec<MetricFamily> {
        self.0.into_values().collect()
    }

    pub(super) fn service(&mut self, service: Service) {
        self.count(&is::BUILD_INFO, &[service.name(), env!("CARGO_PKG_VERSION")], 1);
    }

    pub(super) fn spans(&mut self, exported: u64, dropped: u64) {
        self.count(&is::TRACES_SPANS, &["exported"], exported);
        self.count(&is::TRACES_SPANS, &["dropped"], dropped);
    }

    /// The pool of connections to SQL Server.
    pub fn sql(&mut self, pool: &sql::Metrics) {
        self.count(&is::SQL_CONNECTIONS, &["idle"], pool.connections_idle);
        self.count(&is::SQL_CONNECTIONS, &["used"], pool.connections.saturating_sub(pool.connections_idle));
        self.count(&is::SQL_CONNECTIONS_MAX, &[], pool.pool_max);
        self.count(&is::SQL_CONNECTION_WAITS, &[], pool.pool_waits);
        self.add(&is::SQL_CONNECTION_WAIT, &[], pool.pool_wait.as_secs_f64());
        self.count(&is::SQL_CONNECTION_TIMEOUTS, &[], pool.pool_timeouts);
        self.count(&is::SQL_LOGINS, &["succeeded"], pool.logins);
        self.count(&is::SQL_LOGINS, &["failed"], pool.login_failures);
        self.count(&is::SQL_DISCARDED, &[], pool.discarded);
        self.count(&is::SQL_COMMITS, &[], pool.commits);
        self.count(&is::SQL_RETRIES, &[], pool.retries);
        self.count(&is::SQL_UNKNOWN_COMMITS, &[], pool.unknown_commits);
        self.count(&is::SQL_UNRESOLVED_COMMITS, &[], pool.unresolved_commits);
    }

    /// The local cache.
    pub fn cache(&mut self, cache: &CacheStats) {
        self.count(&is::CACHE_HITS, &[], cache.hits);
        for (reason, value) in [
            ("absent", cache.absent),
            ("expired", cache.expired),
            ("no_lease", cache.no_lease),
            ("changed", cache.changed),
            ("unconfirmed", cache.unconfirmed),
            ("old_generation", cache.old_generation),
        ] {
            self.count(&is::CACHE_MISSES, &[reason], value);
        }
        self.count(&is::CACHE_STALE, &[], cache.stale);
        self.count(&is::CACHE_SHARED, &[], cache.shared);
        self.count(&is::CACHE_LOADS, &[], cache.loads);
        self.add(
            &is::CACHE_LOAD_DURATION,
            &[],
            std::time::Duration::from_nanos(cache.load_nanos).as_secs_f64(),
        );
        self.count(&is::CACHE_LOAD_FAILURES, &["error"], cache.load_failures);
        self.count(&is::CACHE_LOAD_FAILURES, &["timeout"], cache.load_timeouts);
        self.count(&is::CACHE_LOAD_FAILURES, &["overloaded"], cache.overloaded);
        self.count(&is::CACHE_NOT_STORED, &["changed"], cache.born_changed);
        self.count(&is::CACHE_NOT_STORED, &["too_heavy"], cache.too_heavy);
        self.count(&is::CACHE_LOADS_UNDER_WAY, &[], cache.loads_under_way);
        self.count(&is::CACHE_ENTRIES, &[], cache.entries);
        self.count(&is::CACHE_BYTES, &[], cache.bytes);
        self.count(&is::CACHE_CHECKS, &["compared"], cache.checks);
        self.count(&is::CACHE_CHECKS, &["failed"], cache.checks_failed);
        self.count(&is::CACHE_STALE_BEYOND_BOUND, &[], cache.stale_beyond_bound);
    }

    /// The change feed.
    pub fn feed(&mut self, feed: &FeedStatus) {
        let counts = &feed.counts;
        self.count(&is::FEED_APPLIED, &[], u64::try_from(feed.applied).unwrap_or_default());
        self.add(&is::FEED_LEASE, &[], feed.lease_remaining.as_secs_f64());
        self.add(&is::FEED_FAILING, &[], feed.failing_for.unwrap_or_default().as_secs_f64());
        self.count(&is::FEED_HINTED, &[], feed.connected.into());
        self.count(&is::FEED_CHANGES, &[], counts.changes_own);
        for (outcome, value) in [
            ("applied", counts.hints_applied),
            ("known", counts.hints_known),
            ("foreign", counts.hints_foreign),
            ("contradicting", counts.hints_contradicting),
            ("malformed", counts.hints_malformed),
        ] {
            self.count(&is::FEED_HINTS, &[outcome], value);
        }
        self.count(&is::FEED_GAPS, &[], counts.gaps);
        self.count(&is::FEED_GAP_ROWS, &[], counts.gap_rows);
        self.count(&is::FEED_PROBES, &["answered"], counts.probes);
        self.count(&is::FEED_PROBES, &["failed"], counts.probes_failed);
        self.count(&is::FEED_GENERATION, &[], counts.generation);
        for (cause, value) in [
            ("new_log", counts.flushes_new_log),
            ("forked", counts.flushes_forked),
            ("pruned", counts.flushes_pruned),
            ("gap", counts.flushes_gap),
            ("other", counts.flushes_other),
        ] {
            self.count(&is::FEED_FLUSHES, &[cause], value);
        }
        self.count(&is::FEED_FLOOR_BYTES, &[], feed.floor_bytes as u64);
    }

    /// The connections to Redis.
    pub fn redis(&mut self, redis: &RedisStatus) {
        self.count(&is::REDIS_CONNECTED, &[], redis.connected.into());
        self.count(&is::REDIS_CONNECTS, &[], redis.connects);
        self.count(&is::REDIS_MESSAGES, &["published"], redis.published);
        self.count(&is::REDIS_MESSAGES, &["received"], redis.received);
        self.count(&is::REDIS_DROPPED, &["published"], redis.dropped_out);
        self.count(&is::REDIS_DROPPED, &["received"], redis.dropped_in);
    }

    /// The job server of this process.
    pub fn job_server(&mut self, server: &jobs::ServerStatus) {
        self.count(&is::JOBS_RUNNING, &[], server.running as u64);
        self.count(&is::JOBS_WORKERS, &[], server.worker_count as u64);
        self.count(&is::JOBS_CLAIMED, &[], server.claimed);
        self.count(&is::JOBS_SETTLED, &[], server.settled);
        self.count(&is::JOBS_LOST, &[], server.lost);
        self.count(&is::JOBS_EXCHANGES, &[], server.exchanges);
        self.count(&is::JOBS_POLLS, &[], server.polls);
        self.count(&is::JOBS_STORAGE_AWAY, &[], server.storage_away.into());
    }

    /// What waits in the whole system.
    pub(super) fn backlog(&mut self, backlog: &jobs::monitor::Backlog) {
        for queue in &backlog.queues {
            let waiting = u64::try_from(queue.waiting).unwrap_or_default();
            self.count(&is::JOBS_WAITING, &[&queue.queue], waiting);
            self.add(&is::JOBS_OLDEST, &[&queue.queue], queue.oldest.as_secs_f64());
        }
        self.count(&is::JOBS_HELD, &[], u64::try_from(backlog.held).unwrap_or_default());
    }
}

fn pair((name, value): (&&str, &&str)) -> LabelPair {
    let mut pair = LabelPair::default();
    pair.set_name((*name).to_owned());
    pair.set_value((*value).to_owned());
    pair
}
