//! The rules of the feed against a plain oracle, under random schedules.
//!
//! The oracle keeps what a database keeps: a log, and which value of each key was true at which time. The
//! core sees only what an instance sees: its own commits, hints that are lost, repeated, reordered and late,
//! answers of SQL that are late, loads that begin before a change and end after it, fail-overs that lose a
//! suffix of the log and use its numbers again, pruning, a new log. Then every hit is judged.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use backplane::feed::{
    Change, Core, FeedRow, GapRequest, Position, ProbeAnswer, ProbeTicket, Probed, Received, Seen, Source,
    Validity, Weakness,
};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

const KEYS: i64 = 4;
const LEASE: Duration = Duration::from_millis(1_000);
const MILLISECOND: u64 = 1_000_000;
const SLOTS: usize = 256;
const CASES: u32 = 20_000;

/// One step of a schedule. Numbers choose among what is there, by remainder.
#[derive(Debug, Clone)]
enum Step {
    Commit { keys: u8, own: bool },
    Deliver { which: u8, keep: bool },
    Probe,
    ProbeAsk,
    ProbeRead,
    ProbeEnd,
    ProbeFails,
    Gap,
    GapAsk,
    GapRead { page: u8 },
    GapEnd,
    Load { key: u8 },
    LoadBegin { key: u8 },
    LoadRead { which: u8 },
    LoadEnd { which: u8 },
    Hit { key: u8 },
    Pass { milliseconds: u16 },
    FailOver { lost: u8 },
    NewLog,
    Prune,
    Unknown,
    Known,
}

type MakeStep = fn(u8) -> Step;

/// What happens how often, of 256.
const WEIGHTS: [(u8, MakeStep); 22] = [
    (24, |n| Step::Hit { key: n }),
    (26, |n| Step::Load { key: n }),
    (22, |_| Step::Probe),
    (14, |n| Step::Commit { keys: n % 15 + 1, own: n >= 128 }),
    (28, |n| Step::Deliver { which: n, keep: n % 5 == 0 }),
    (12, |_| Step::Gap),
    (10, |n| Step::LoadBegin { key: n }),
    (10, |n| Step::LoadRead { which: n }),
    (10, |n| Step::LoadEnd { which: n }),
    (8, |_| Step::ProbeAsk),
    (8, |_| Step::ProbeRead),
    (8, |_| Step::ProbeEnd),
    (8, |_| Step::GapAsk),
    (8, |n| Step::GapRead { page: n % 5 + 1 }),
    (8, |_| Step::GapEnd),
    (24, |n| Step::Pass { milliseconds: u16::from(n) * 2 }),
    (8, |n| Step::FailOver { lost: n }),
    (4, |_| Step::NewLog),
    (4, |_| Step::Prune),
    (4, |_| Step::ProbeFails),
    (2, |_| Step::Unknown),
    (6, |_| Step::Known),
];

fn step(number: u16) -> Step {
    let [mut kind, argument] = number.to_be_bytes();
    for (weight, make) in WEIGHTS {
        match kind.checked_sub(weight) {
            Some(rest) => kind = rest,
            None => return make(argument),
        }
    }
    Step::Hit { key: argument }
}

/// Short numbers instead of steps: quick to make, and shrinking drops them or makes them reads.
fn schedules() -> impl Strategy<Value = Vec<u16>> {
    prop::collection::vec(any::<u16>(), 1..160)
}

#[derive(Clone)]
struct Commit {
    change: Change,
    keys: Vec<i64>,
}

/// The database: the log as it stands, and everything that was ever true.
struct Truth {
    log_id: i64,
    commits: Vec<Commit>,
    pruned_to: i64,
    next_mark: i64,
    next_value: u64,
    /// For each key: (since when, value), in order.
    history: HashMap<i64, Vec<(u64, u64)>>,
    /// The values after each commit of the log, for fail-overs.
    states: Vec<HashMap<i64, u64>>,
}

impl Truth {
    fn new() -> Self {
        let state: HashMap<i64, u64> = (0..KEYS).map(|key| (key, 0)).collect();
        let history = (0..KEYS).map(|key| (key, vec![(0, 0)])).collect();
        Self {
            log_id: 77,
            commits: Vec::new(),
            pruned_to: 0,
            next_mark: 1,
            next_value: 1,
            history,
            states: vec![state],
        }
    }

    fn head(&self) -> i64 {
        self.commits.last().map_or(0, |commit| commit.change.last)
    }

    fn mark(&self) -> i64 {
        self.commits.last().map_or(0, |commit| commit.change.mark)
    }

    fn set(&mut self, key: i64, value: u64, now: u64) {
        self.history.get_mut(&key).unwrap().push((now, value));
    }

    fn value(&self, key: i64) -> u64 {
        self.history[&key].last().unwrap().1
    }

    fn read(&self, key: i64) -> (u64, Seen) {
        (self.value(key), Seen { log_id: self.log_id, head: self.head(), mark: self.mark() })
    }

    fn commit(&mut self, keys: Vec<i64>, now: u64) -> Commit {
        let mark = self.next_mark;
        self.next_mark += 1;
        let first = self.head() + 1;
        let change = Change {
            log_id: self.log_id,
            first,
            last: first + keys.len() as i64 - 1,
            mark,
            previous_mark: Some(self.mark()),
            tags: keys.iter().map(|key| tag(*key)).collect(),
        };
        let mut state = self.states.last().unwrap().clone();
        for key in &keys {
            let value = self.next_value;
            self.next_value += 1;
            self.set(*key, value, now);
            state.insert(*key, value);
        }
        self.states.push(state);
        let commit = Commit { change, keys };
        self.commits.push(commit.clone());
        commit
    }

    /// The last commits are lost, their values with them, and their numbers will be used again.
    fn fail_over(&mut self, lost: usize, now: u64) {
        // A fail-over loses what is recent, not what was old enough to be pruned.
        let last_kept = if self.pruned_to > 0 { self.pruned_to + 1 } else { 0 };
        let kept = self.commits.iter().filter(|commit| commit.change.last <= last_kept).count();
        let left = (self.commits.len() - lost.min(self.commits.len())).max(kept).min(self.commits.len());
        self.commits.truncate(left);
        self.states.truncate(left + 1);
        for key in 0..KEYS {
            let value = self.states.last().unwrap()[&key];
            if value != self.value(key) {
                self.set(key, value, now);
            }
        }
    }

    fn rows(&self) -> impl Iterator<Item = FeedRow> + '_ {
        self.commits
            .iter()
            .flat_map(|commit| {
                let change = &commit.change;
                (change.first..).zip(change.tags.iter()).map(|(sequence, &tag)| FeedRow {
                    sequence,
                    tag,
                    mark: change.mark,
                })
            })
            .filter(|row| row.sequence > self.pruned_to)
    }

    fn answer(&self, asked: i64) -> ProbeAnswer {
        ProbeAnswer {
            log_id: self.log_id,
            head: self.head(),
            mark: self.mark(),
            pruned_to: self.pruned_to,
            mark_at_asked: self.rows().find(|row| row.sequence == asked).map(|row| row.mark),
        }
    }

    /// Whether `value` was true for `key` at some time in `from..=to`; if so, which change made it so.
    fn was_true(&self, key: i64, value: u64, from: u64, to: u64) -> bool {
        let history = &self.history[&key];
        history.iter().enumerate().any(|(index, (since, known))| {
            let until = history.get(index + 1).map_or(u64::MAX, |next| next.0);
            *known == value && *since <= to && until >= from
        })
    }
}

/// Mistakes of a cache above the core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slip {
    None,
    /// The stamp is taken when the load ends. (A load that says what it saw is refused for that by the core.)
    LateStamp,
    /// The load does not say what it saw of the log.
    BlindLoad,
}

fn tag(key: i64) -> i64 {
    key * 1_000_003 + 17
}

struct Load {
    key: i64,
    stamp: Position,
    /// What it read, and where the log stood then.
    read: Option<(u64, Seen)>,
}

#[derive(Clone, Copy)]
struct Entry {
    value: u64,
    stamp: Position,
    seen: Position,
}

/// One instance, the database, and everything under way between them.
struct World {
    core: Core,
    truth: Truth,
    now: u64,
    hints: Vec<(Commit, u64)>,
    probe: Option<(ProbeTicket, Option<ProbeAnswer>)>,
    gap: Option<(GapRequest, Option<Vec<FeedRow>>)>,
    loads: Vec<Load>,
    cache: HashMap<i64, Entry>,
    /// For each key: a change of it committed then is known here.
    known_since: BTreeMap<i64, u64>,
    /// For each key: how far its history has been seen by readers.
    seen: HashMap<i64, usize>,
    unknown: bool,
    last_position: Position,
    hits: u64,
    slip: Slip,
}

impl World {
    fn new(core: Core, slip: Slip) -> Self {
        Self {
            core,
            truth: Truth::new(),
            now: 1_000 * MILLISECOND,
            hints: Vec::new(),
            probe: None,
            gap: None,
            loads: Vec::new(),
            cache: HashMap::new(),
            known_since: BTreeMap::new(),
            seen: HashMap::new(),
            unknown: false,
            last_position: Position::NONE,
            hits: 0,
            slip,
        }
    }

    fn play(&mut self, step: &Step) -> Result<(), String> {
        match *step {
            Step::Commit { keys, own } => self.commit(keys, own),
            Step::Deliver { which, keep } => self.deliver(which, keep),
            Step::Probe => {
                let ticket = self.core.probe_begin(self.now);
                self.core.probe_end(ticket, &self.truth.answer(ticket.asked()), self.now);
            }
            Step::ProbeAsk => self.probe = Some((self.core.probe_begin(self.now), None)),
            Step::ProbeRead => {
                if let Some((ticket, answer @ None)) = &mut self.probe {
                    *answer = Some(self.truth.answer(ticket.asked()));
                }
            }
            Step::ProbeEnd => {
                if let Some((ticket, Some(answer))) = self.probe.take() {
                    self.core.probe_end(ticket, &answer, self.now);
                }
            }
            Step::ProbeFails => {
                self.probe = None;
                self.core.probe_failed(self.now);
            }
            Step::Gap => self.fill_gap(),
            Step::GapAsk => self.gap = self.core.gap().map(|request| (request, None)),
            Step::GapRead { page } => {
                if let Some((request, rows @ None)) = &mut self.gap {
                    let from = request.from;
                    let page = usize::from(page) + 1;
                    *rows = Some(self.truth.rows().filter(|row| row.sequence >= from).take(page).collect());
                }
            }
            Step::GapEnd => {
                if let Some((request, Some(rows))) = self.gap.take() {
                    self.core.fill(request, &rows);
                }
            }
            Step::Load { key } => {
                let key = i64::from(key) % KEYS;
                let load = Load { key, stamp: self.core.position(), read: Some(self.truth.read(key)) };
                self.keep(load);
            }
            Step::LoadBegin { key } => {
                let key = i64::from(key) % KEYS;
                self.loads.push(Load { key, stamp: self.core.position(), read: None });
            }
            Step::LoadRead { which } => {
                let count = self.loads.len().max(1);
                if let Some(load) = self.loads.get_mut(usize::from(which) % count) {
                    load.read.get_or_insert(self.truth.read(load.key));
                }
            }
            Step::LoadEnd { which } => self.load_end(which),
            Step::Hit { key } => return self.hit(i64::from(key) % KEYS),
            Step::Pass { milliseconds } => self.now += u64::from(milliseconds) * MILLISECOND,
            Step::FailOver { lost } => self.truth.fail_over(usize::from(lost) % 4, self.now),
            Step::NewLog => self.truth.log_id += 1,
            Step::Prune => {
                let head = self.truth.head();
                self.truth.pruned_to = self.truth.pruned_to.max(head - 1).max(0);
            }
            Step::Unknown => {
                self.unknown = true;
                self.core.outcome_unknown(5);
            }
            Step::Known => {
                self.unknown = false;
                self.core.outcome_known(5);
            }
        }
        self.check_state()
    }

    fn commit(&mut self, keys: u8, own: bool) {
        let keys = (0..KEYS).filter(|key| keys >> key & 1 == 1).collect();
        let commit = self.truth.commit(keys, self.now);
        if own {
            self.core.receive(&commit.change, Source::Own);
            self.learn(&commit, self.now);
        }
        self.hints.push((commit, self.now));
    }

    fn deliver(&mut self, which: u8, keep: bool) {
        if self.hints.is_empty() {
            return;
        }
        let index = usize::from(which) % self.hints.len();
        let (commit, at) = if keep { self.hints[index].clone() } else { self.hints.swap_remove(index) };
        let received = self.core.receive(&commit.change, Source::Hint);
        if matches!(received, Received::Applied | Received::Gap) {
            self.learn(&commit, at);
        }
    }

    fn learn(&mut self, commit: &Commit, at: u64) {
        for key in &commit.keys {
            let known = self.known_since.entry(*key).or_default();
            *known = (*known).max(at);
        }
    }

    fn load_end(&mut self, which: u8) {
        if self.loads.is_empty() {
            return;
        }
        let load = self.loads.swap_remove(usize::from(which) % self.loads.len());
        self.keep(load);
    }

    fn fill_gap(&mut self) {
        if let Some(request) = self.core.gap() {
            let rows: Vec<FeedRow> = self.truth.rows().filter(|row| row.sequence >= request.from).collect();
            self.core.fill(request, &rows);
        }
    }

    fn keep(&mut self, load: Load) {
        let Some((value, seen)) = load.read else { return };
        let stamp = if self.slip == Slip::LateStamp { self.core.position() } else { load.stamp };
        let seen = if self.slip == Slip::None { self.core.saw(stamp, &seen) } else { Some(stamp) };
        let Some(seen) = seen else { return };
        // As the cache does: what cannot become a hit is not kept, what was loaded later is not replaced.
        let slots = [self.core.slot(tag(load.key))];
        let present = self.cache.get(&load.key).is_none_or(|entry| entry.stamp < stamp);
        if stamp != Position::NONE && present && !self.core.is_changed(stamp, &slots) {
            self.cache.insert(load.key, Entry { value, stamp, seen });
        }
    }

    fn hit(&mut self, key: i64) -> Result<(), String> {
        let Some(entry) = self.cache.get(&key).copied() else { return Ok(()) };
        let slots = [self.core.slot(tag(key))];
        if self.core.check(entry.stamp, entry.seen, &slots, self.now) != Validity::Valid {
            return Ok(());
        }
        self.hits += 1;
        let (value, now) = (entry.value, self.now);
        let oldest = now.saturating_sub(LEASE.as_nanos() as u64);
        if !self.truth.was_true(key, value, oldest, now) {
            return Err(format!("BOUND: key {key} served value {value}, wrong for longer than the bound"));
        }
        let known = self.known_since.get(&key).copied().unwrap_or_default();
        if !self.truth.was_true(key, value, known, now) {
            return Err(format!("FENCE: key {key} served value {value} after a change was known"));
        }
        if self.unknown {
            return Err("DOUBT: a hit while the outcome of a commit is unknown".to_owned());
        }
        self.never_back(key, value)
    }

    /// What readers of one key see never goes back in time.
    fn never_back(&mut self, key: i64, value: u64) -> Result<(), String> {
        let seen = self.seen.get(&key).copied().unwrap_or_default();
        let history = &self.truth.history[&key];
        match (seen..history.len()).find(|index| history[*index].1 == value) {
            Some(index) => {
                self.seen.insert(key, index);
                Ok(())
            }
            None => Err(format!("BACK: key {key} served value {value} after a newer one")),
        }
    }

    fn check_state(&mut self) -> Result<(), String> {
        let position = self.core.position();
        if position != Position::NONE && position < self.last_position {
            return Err("MONOTONIC: the position went back".to_owned());
        }
        if position == self.last_position || position == Position::NONE {
            return Ok(());
        }
        self.last_position = position;
        self.check_contiguity(position)
    }

    /// Everything of the present log up to the applied position is in the floors: a stamp from just before
    /// each change is refused.
    fn check_contiguity(&self, position: Position) -> Result<(), String> {
        let Some((log_id, applied)) = self.core.log() else { return Ok(()) };
        let same_past = self.truth.rows().any(|row| row.sequence == applied)
            && self.core_mark_matches(applied)
            && log_id == self.truth.log_id;
        if !same_past {
            return Ok(());
        }
        // The same distance back in positions as in sequence numbers, within this generation.
        for row in self.truth.rows().filter(|row| row.sequence <= applied) {
            let Some(before) = self.core.position_before(position, applied - row.sequence + 1) else {
                continue;
            };
            if !self.core.is_changed(before, &[self.core.slot(row.tag)]) {
                return Err(format!("CONTIGUITY: change {} is applied and not in the floors", row.sequence));
            }
        }
        Ok(())
    }

    fn core_mark_matches(&self, applied: i64) -> bool {
        self.truth.rows().find(|row| row.sequence == applied).map(|row| row.mark) == self.core.applied_mark()
    }

    /// Faults end: within one probe and the rows it asks for, hits are possible again.
    fn recover(&mut self) -> Result<(), String> {
        self.core.outcome_known(5);
        for _ in 0..8 {
            let ticket = self.core.probe_begin(self.now);
            let probed = self.core.probe_end(ticket, &self.truth.answer(ticket.asked()), self.now);
            if probed == Probed::Behind {
                self.fill_gap();
            }
            let stamp = self.core.position();
            if self.core.check(stamp, stamp, &[self.core.slot(tag(0))], self.now) == Validity::Valid {
                return Ok(());
            }
        }
        Err("LIVENESS: no hits although SQL answers".to_owned())
    }
}

fn run(core: Core, slip: Slip, schedule: &[u16]) -> Result<u64, String> {
    let mut world = World::new(core, slip);
    for (index, number) in schedule.iter().enumerate() {
        let told = |error| {
            let steps: Vec<Step> = schedule[..=index].iter().map(|number| step(*number)).collect();
            format!("{error}\nafter {steps:#?}")
        };
        world.play(&step(*number)).map_err(told)?;
    }
    world.recover()?;
    Ok(world.hits)
}

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

#[test]
fn no_schedule_breaks_a_promise() {
    let hits = std::cell::Cell::new(0);
    let result = runner(CASES).run(&schedules(), |schedule| {
        let count = run(Core::new(SLOTS, LEASE), Slip::None, &schedule).map_err(TestCaseError::fail)?;
        hits.set(hits.get() + count);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    assert!(hits.get() > u64::from(CASES) / 2, "only {} hits were judged", hits.get());
}

/// The checker must notice each missing rule, or it proves nothing. Always the same schedules, not shrunk.
fn is_caught(name: &str, core: impl Fn() -> Core, slip: Slip) {
    let config =
        Config { cases: 100_000, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let caught = TestRunner::new_with_rng(config, rng)
        .run(&schedules(), |schedule| run(core(), slip, &schedule).map(drop).map_err(TestCaseError::fail));
    assert!(caught.is_err(), "nobody noticed {name}");
}

#[test]
fn a_core_without_one_of_its_rules_is_caught() {
    for weakness in Weakness::ALL {
        is_caught(&format!("{weakness:?}"), || Core::weakened(SLOTS, LEASE, weakness), Slip::None);
    }
}

#[test]
fn a_stamp_taken_at_the_end_of_a_load_is_caught() {
    is_caught("the late stamp", || Core::new(SLOTS, LEASE), Slip::LateStamp);
}

/// A load reads a change that is not applied here yet, and a fail-over takes the change back: nothing that was
/// applied contradicts the log, only what the load saw does.
#[test]
fn a_value_that_a_fail_over_took_back_is_not_served() {
    let play = |slip| {
        let mut world = World::new(Core::new(SLOTS, LEASE), slip);
        let steps = [
            Step::Probe,
            Step::Commit { keys: 1, own: false },
            Step::Load { key: 0 },
            Step::FailOver { lost: 1 },
            Step::Pass { milliseconds: 1_001 },
            Step::Probe,
            Step::Hit { key: 0 },
        ];
        steps.iter().try_for_each(|step| world.play(step))
    };
    assert_eq!(play(Slip::None), Ok(()));
    assert!(play(Slip::BlindLoad).unwrap_err().starts_with("BOUND"));
}

/// A probe promises a lease for when SQL's head is applied. A late hint of a commit that a fail-over lost has the same
/// number and says nothing of what happened since.
#[test]
fn a_hint_of_a_lost_commit_does_not_keep_the_promise_of_a_probe() {
    let mut world = World::new(Core::new(SLOTS, LEASE), Slip::None);
    let steps = [
        Step::Commit { keys: 0b10, own: false },
        Step::FailOver { lost: 1 },
        Step::Probe,
        Step::Load { key: 0 },
        Step::Commit { keys: 0b01, own: false },
        Step::Pass { milliseconds: 1_001 },
        // Behind: the rows are asked for, and the lost hint comes first.
        Step::Probe,
        Step::Deliver { which: 0, keep: false },
        Step::Hit { key: 0 },
    ];
    assert_eq!(steps.iter().try_for_each(|step| world.play(step)), Ok(()));
    assert_eq!(world.core.log(), None, "the numbers were used twice");
    assert_eq!(world.recover(), Ok(()));
}
