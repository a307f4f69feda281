//! What users saw while things were broken on purpose, and whether they may have seen it.
//!
//! `load` fills a [`Record`]; [`Record::violations`] judges it against what the README promises, and
//! [`Record::table`] shows it. Pure, so that the judge itself is tested: see the tests below.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use crate::{ImportReport, Instance};

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Who {
    /// Reads the product that is edited all the time.
    Shopper,
    /// Edits it, and uploads catalogs.
    Merchant,
}

/// What was done to the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// SIGTERM and a new start.
    Restart(Instance),
    /// SIGKILL and a new start.
    Crash(Instance),
    /// Redis is killed, or frozen.
    Redis,
    /// SQL is killed, or frozen.
    Sql,
}

/// One request. Times count from the begin of the load.
#[derive(Clone, Debug)]
pub struct Request {
    /// Who asked.
    pub who: Who,
    /// When.
    pub began: Duration,
    /// For how long.
    pub took: Duration,
    /// The answer's status; none: there was no answer.
    pub status: Option<u16>,
    /// Whether the answer said `Warning: 110`.
    pub is_marked: bool,
    /// Whether it said `Retry-After`.
    pub has_retry_after: bool,
    /// The number of the edit that it showed: to a shopper what is published, to a merchant the working copy.
    pub shown: Option<u64>,
}

/// A fault, from before it began until everything was ready again.
#[derive(Clone, Debug)]
pub struct Phase {
    /// For the table.
    pub name: String,
    /// What it was.
    pub fault: Fault,
    /// When.
    pub began: Duration,
    /// Until when; none: it lasts.
    pub ended: Option<Duration>,
}

/// An accepted import.
#[derive(Clone, Debug)]
pub struct Import {
    /// Products in its file, all of them new.
    pub products: u64,
    /// Rows in its file.
    pub rows: u64,
    /// What became of it; none: it never ended.
    pub report: Option<ImportReport>,
}

/// Everything that was seen.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// `Caching:MaxStaleness` of the frontends.
    pub max_staleness: Duration,
    /// Requests in any order.
    pub requests: Vec<Request>,
    /// Number and time of each edit that was answered with success, in order.
    pub edits: Vec<(u64, Duration)>,
    /// Faults in order; they do not overlap.
    pub phases: Vec<Phase>,
    /// Imports that were answered with 202.
    pub imports: Vec<Import>,
}

impl Record {
    /// Every promise that was broken, as a sentence.
    pub fn violations(&self) -> Vec<String> {
        let requests = self.requests.iter().filter_map(|request| {
            let why = self
                .broken_answer(request)
                .or_else(|| self.broken_bound(request))
                .or_else(|| self.lost_edit(request))?;
            let during = self.phase(request).map_or("calm", |phase| phase.name.as_str());
            Some(format!("{during}, {:?} at {:?}: {why}", request.who, request.began))
        });
        let imports =
            self.imports.iter().filter_map(|import| import.broken().map(|why| format!("import: {why}")));
        requests.chain(imports).collect()
    }

    /// The faults that a request met: a slow one may have begun in one and ended in the next.
    fn met(&self, request: &Request) -> impl Iterator<Item = &Phase> {
        let (began, ended) = (request.began, request.began + request.took);
        self.phases
            .iter()
            .filter(move |phase| phase.began <= ended && phase.ended.is_none_or(|end| began <= end))
    }

    /// The first of them, for messages.
    fn phase(&self, request: &Request) -> Option<&Phase> {
        self.met(request).next()
    }

    fn broken_answer(&self, request: &Request) -> Option<String> {
        let met = |fits: &dyn Fn(Fault) -> bool| self.met(request).any(|phase| fits(phase.fault));
        match request.status {
            Some(status) if status < 500 => {
                (!matches!(status, 200 | 202)).then(|| format!("status {status}"))
            }
            Some(503) if met(&|fault| fault == Fault::Sql) => {
                (!request.has_retry_after).then(|| "503 without Retry-After".to_owned())
            }
            Some(status) => Some(format!("status {status}")),
            None => {
                let may_be_lost = |fault| {
                    matches!(
                        (fault, request.who),
                        (Fault::Crash(Instance::Frontend(_)), Who::Shopper)
                            | (Fault::Crash(Instance::Authoring(_)) | Fault::Sql, Who::Merchant)
                    )
                };
                (!met(&may_be_lost)).then(|| "no answer".to_owned())
            }
        }
    }

    fn broken_bound(&self, request: &Request) -> Option<String> {
        if request.is_marked && !self.met(request).any(|phase| phase.fault == Fault::Sql) {
            return Some("an old answer while SQL answered".to_owned());
        }
        let age = self.age(request).filter(|_| request.who == Who::Shopper)?;
        (age > self.max_staleness && !request.is_marked).then(|| format!("unmarked and {age:?} old"))
    }

    /// A merchant reads SQL itself: an edit that was accepted before is there, or it is lost.
    fn lost_edit(&self, request: &Request) -> Option<String> {
        let shown = request.shown.filter(|_| request.who == Who::Merchant)?;
        self.age(request).map(|_| format!("shows edit {shown}: a later one that was accepted is lost"))
    }

    /// For how long the answer had been superseded when it was asked for; never more than the truth.
    fn age(&self, request: &Request) -> Option<Duration> {
        let shown = request.shown?;
        let next = self.edits.get(self.edits.partition_point(|(number, _)| *number <= shown))?;
        request.began.checked_sub(next.1)
    }

    /// A line for each phase and user, and one for the imports.
    pub fn table(&self) -> String {
        let mut rows: BTreeMap<(usize, Who), Vec<&Request>> = BTreeMap::new();
        for request in &self.requests {
            let at = self
                .phase(request)
                .and_then(|met| self.phases.iter().position(|phase| phase.began == met.began));
            rows.entry((at.map_or(0, |at| at + 1), request.who)).or_default().push(request);
        }
        let mut table = format!(
            "{:<26} {:<9} {:>8} {:>9} {:>11} {:>10} {:>7}  statuses\n",
            "during", "who", "requests", "no answer", "slowest ms", "oldest ms", "marked"
        );
        for ((at, who), requests) in rows {
            let name = if at == 0 { "calm" } else { &self.phases[at - 1].name };
            let mut statuses: BTreeMap<u16, usize> = BTreeMap::new();
            for status in requests.iter().filter_map(|request| request.status) {
                *statuses.entry(status).or_default() += 1;
            }
            let lost = requests.iter().filter(|request| request.status.is_none()).count();
            let slowest = requests.iter().map(|request| request.took.as_millis()).max().unwrap_or_default();
            let shown = requests.iter().filter(|request| request.who == Who::Shopper);
            let oldest = shown.filter_map(|request| self.age(request)).map(|age| age.as_millis()).max();
            let marked = requests.iter().filter(|request| request.is_marked).count();
            let (who, oldest) = (format!("{who:?}"), oldest.unwrap_or_default());
            let statuses: Vec<String> = statuses.iter().map(|(status, n)| format!("{status}: {n}")).collect();
            writeln!(
                table,
                "{name:<26} {who:<9} {:>8} {lost:>9} {slowest:>11} {oldest:>10} {marked:>7}  {}",
                requests.len(),
                statuses.join(", ")
            )
            .ok();
        }
        let done = self.imports.iter().filter(|import| import.broken().is_none()).count();
        writeln!(
            table,
            "imports: {} accepted, {done} done exactly once; edits: {}",
            self.imports.len(),
            self.edits.len()
        )
        .ok();
        table
    }
}

impl Import {
    /// What was lost or doubled.
    fn broken(&self) -> Option<String> {
        let Some(report) = &self.report else { return Some("never ended".to_owned()) };
        let touched = report.products_updated + report.products_unchanged + report.rows_refused;
        let is_right = report.state == "Completed"
            && (report.rows_read, report.products_created, touched) == (self.rows, self.products, 0);
        (!is_right).then(|| format!("{report:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn request(who: Who, at: u32, status: Option<u16>) -> Request {
        let (began, took) = (SECOND * at, SECOND / 100);
        Request { who, began, took, status, is_marked: false, has_retry_after: false, shown: None }
    }

    /// Faults from second 10 to 20, edits 1 and 2 at seconds 1 and 2.
    fn record(fault: Fault, requests: Vec<Request>) -> Record {
        let phase = Phase { name: "fault".to_owned(), fault, began: SECOND * 10, ended: Some(SECOND * 20) };
        let edits = vec![(1, SECOND), (2, SECOND * 2)];
        Record { max_staleness: SECOND * 5, requests, edits, phases: vec![phase], imports: Vec::new() }
    }

    fn accepts(fault: Fault, request: Request) -> bool {
        record(fault, vec![request]).violations().is_empty()
    }

    #[test]
    fn a_lost_request_is_noticed_unless_its_own_process_was_killed() {
        let [shopper, merchant] = [Who::Shopper, Who::Merchant].map(|who| request(who, 15, None));
        let crashed = Fault::Crash(Instance::Frontend(0));
        assert!(accepts(crashed, shopper.clone()));
        assert!(!accepts(crashed, merchant.clone()));
        assert!(accepts(Fault::Crash(Instance::Authoring(0)), merchant.clone()));
        assert!(!accepts(crashed, request(Who::Shopper, 21, None)), "long after the crash");
        for fault in [Fault::Redis, Fault::Restart(Instance::Frontend(0)), Fault::Crash(Instance::Worker(0))]
        {
            assert!(!accepts(fault, shopper.clone()) && !accepts(fault, merchant.clone()), "{fault:?}");
        }
        assert!(!accepts(Fault::Sql, shopper));
    }

    #[test]
    fn a_request_that_met_two_faults_is_excused_by_either() {
        let mut slow =
            Request { took: SECOND * 8, has_retry_after: true, ..request(Who::Shopper, 17, Some(503)) };
        let mut record = record(Fault::Redis, vec![slow.clone()]);
        assert!(!record.violations().is_empty());
        let next = Phase { name: "next".to_owned(), fault: Fault::Sql, began: SECOND * 21, ended: None };
        record.phases.push(next);
        assert!(record.violations().is_empty());
        slow.took = SECOND;
        record.requests = vec![slow];
        assert!(!record.violations().is_empty(), "it had ended before");
    }

    #[test]
    fn only_without_sql_a_503_is_an_answer_and_only_with_retry_after() {
        let mut shed = request(Who::Shopper, 15, Some(503));
        assert!(!accepts(Fault::Sql, shed.clone()));
        shed.has_retry_after = true;
        assert!(accepts(Fault::Sql, shed.clone()));
        assert!(!accepts(Fault::Redis, shed));
        assert!(!accepts(Fault::Sql, request(Who::Shopper, 15, Some(500))));
        assert!(!accepts(Fault::Sql, request(Who::Shopper, 15, Some(404))));
    }

    #[test]
    fn an_old_answer_is_noticed_unless_it_is_marked_while_sql_is_away() {
        let mut old = Request { shown: Some(1), ..request(Who::Shopper, 15, Some(200)) };
        assert!(!accepts(Fault::Sql, old.clone()) && !accepts(Fault::Redis, old.clone()));
        old.is_marked = true;
        assert!(accepts(Fault::Sql, old.clone()));
        assert!(!accepts(Fault::Redis, old));
        let within = Request { shown: Some(1), ..request(Who::Shopper, 7, Some(200)) };
        assert!(accepts(Fault::Redis, within));
        let newest = Request { shown: Some(2), ..request(Who::Shopper, 15, Some(200)) };
        assert!(accepts(Fault::Redis, newest));
    }

    #[test]
    fn an_edit_that_was_accepted_and_is_not_there_is_noticed_whatever_happened() {
        let read = |number| Request { shown: Some(number), ..request(Who::Merchant, 15, Some(200)) };
        for fault in [Fault::Sql, Fault::Redis, Fault::Crash(Instance::Authoring(0))] {
            assert!(!accepts(fault, read(1)), "{fault:?}");
            assert!(accepts(fault, read(2)));
            // An edit without an answer may have happened.
            assert!(accepts(fault, read(3)));
        }
        // Accepted only after this was asked for.
        let early = Request { shown: Some(1), ..request(Who::Merchant, 1, Some(200)) };
        assert!(accepts(Fault::Sql, early));
    }

    #[test]
    fn an_import_that_was_lost_or_doubled_is_noticed() {
        let report = |created, updated| ImportReport {
            id: 1,
            state: "Completed".to_owned(),
            rows_read: 6,
            products_created: created,
            products_updated: updated,
            products_unchanged: 0,
            rows_refused: 0,
            refusals: Vec::new(),
        };
        let broken = |report| Import { products: 2, rows: 6, report }.broken().is_some();
        assert!(!broken(Some(report(2, 0))));
        assert!(broken(Some(report(2, 1))) && broken(Some(report(1, 0))) && broken(None));
        let mut record = record(Fault::Redis, Vec::new());
        record.imports.push(Import { products: 2, rows: 6, report: None });
        assert_eq!(record.violations(), ["import: never ended"]);
        assert!(record.table().contains("1 accepted, 0 done"));
    }
}
