//! Every state of the protocol, with the real rules in it (stateright).
//!
//! One instance, one observed key, the log of SQL and everything under way between them: hints that are lost, repeated,
//! late and in any order, answers of SQL that are late, a load that begins before a change and ends after it, a
//! fail-over that loses any suffix of the log and uses its numbers again under the same `LogId`, pruning. An instance's
//! safety depends on the log alone, so one is enough. Time is left out: a lease is known by what was true when its probe
//! was sent, and never ends by itself, which allows more hits than there are.
//!
//! - LEASE: a hit shows what was true when the probe of the lease was sent, or later.
//! - FENCE: after a change was received no older value is a hit.
//!
//! `model.rs` draws random schedules with more of everything; this leaves out none of the small ones.

use std::hash::Hash;
use std::time::Duration;

use backplane::feed::{
    Change, Core, CoreState, FeedRow, Filled, GapRequest, Position, ProbeAnswer, ProbeTicket, Probed,
    Received, Seen, Source, Validity, Weakness,
};
use stateright::{Checker, HasDiscoveries, Model, Property};

/// States explored in a test; `STOA_MODEL_STATES` says otherwise, 0 means all of them.
const STATES: usize = 1_000_000;
const SLOTS: usize = 64;
/// The core takes one tick of the coarse clock off; what is left is longer than any history.
const LEASE: Duration = Duration::from_nanos(10_000_000 + LEASE_NANOS);
const LEASE_NANOS: u64 = 1_000;
/// The observed key, and all others.
const KEY: i64 = 1;
const OTHER: i64 = 2;
/// Generations after which a run is cut.
const GENERATIONS_MAX: u8 = 3;
/// Marks remembered: so few that "too old to tell" happens.
const REMEMBERED: usize = 2;

/// What may happen how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Budget {
    /// Commits of others that change the observed key.
    key: u8,
    /// Commits of others that change something else.
    other: u8,
    /// Commits of this instance that change the observed key.
    own: u8,
    fail_overs: u8,
    prunes: u8,
    new_logs: u8,
}

/// Mistakes of a cache above the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slip {
    None,
    /// Values are dropped when a change is received, and floors are not looked at: what other systems do.
    NoFloors,
    /// The stamp is taken when the load ends. (The same.)
    LateStamp,
    /// The load does not say what it saw of the log.
    BlindLoad,
    /// Loads read from a replica that lags. (The same.)
    LaggingReplica,
    /// Changes are announced before they are committed. (A load that says what it saw is refused for that.)
    EarlyHint,
}

struct Protocol {
    budget: Budget,
    /// What has happened before.
    prologue: Vec<Action>,
    weakness: Option<Weakness>,
    slip: Slip,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct State {
    core: CoreState,
    log_id: i64,
    /// The log as it stands. One change each.
    log: Vec<Change>,
    pruned_to: i64,
    next_mark: i64,
    /// Every hint that was ever sent, and at which place of the history its change became true.
    sent: Vec<(Change, usize)>,
    /// Announced and not committed yet ([`Slip::EarlyHint`]).
    announced: Option<Change>,
    /// The values of the key that were true, one after the other; a value is the mark of the commit that wrote it.
    history: Vec<i64>,
    left: Budget,
    probe: Option<(ProbeTicket, Option<ProbeAnswer>)>,
    gap: Option<(GapRequest, Option<Vec<FeedRow>>)>,
    load: Option<(Position, Option<(i64, Seen)>)>,
    /// Value, stamp, and what its load saw.
    entry: Option<(i64, Position, Position)>,
    generations: u8,
    /// The place in the history of the latest change that was received.
    known: usize,
    /// What a read would get as a hit, and the place in the history that the lease runs from.
    hit: Option<(i64, usize)>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Commit { tag: i64, own: bool },
    Announce,
    Deliver(usize),
    ProbeAsk,
    ProbeRead,
    ProbeEnd,
    GapAsk,
    GapRead { rows: usize },
    GapEnd,
    LoadBegin,
    LoadRead { behind: usize },
    LoadEnd,
    FailOver { lost: usize },
    Prune,
    NewLog,
}

impl State {
    fn head(&self) -> i64 {
        self.log.last().map_or(0, |change| change.last)
    }

    fn mark(&self) -> i64 {
        self.log.last().map_or(0, |change| change.mark)
    }

    /// The clock: it moves when the truth does, and is never 0.
    fn now(&self) -> u64 {
        self.history.len() as u64
    }

    /// The value after the first changes of the log.
    fn value_after(&self, changes: usize) -> i64 {
        self.log[..changes].iter().rev().find(|change| change.tags[0] == KEY).map_or(0, |change| change.mark)
    }

    fn rows(&self) -> impl Iterator<Item = FeedRow> + '_ {
        let row =
            |change: &Change| FeedRow { sequence: change.first, tag: change.tags[0], mark: change.mark };
        self.log.iter().map(row).filter(|row| row.sequence > self.pruned_to)
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

    fn next_change(&mut self, tag: i64) -> Change {
        let (first, mark) = (self.head() + 1, self.next_mark);
        self.next_mark += 1;
        let (log_id, previous_mark) = (self.log_id, Some(self.mark()));
        Change { log_id, first, last: first, mark, previous_mark, tags: [tag].into() }
    }

    fn commit(&mut self, change: Change, core: &Core, own: bool) {
        if change.tags[0] == KEY {
            self.history.push(change.mark);
        }
        self.log.push(change.clone());
        let at = self.history.len() - 1;
        if own {
            self.receive(&change, at, core, Source::Own);
        }
        self.sent.push((change, at));
    }

    fn receive(&mut self, change: &Change, at: usize, core: &Core, source: Source) {
        let received = core.receive(change, source);
        let took = matches!(received, Received::Applied | Received::Gap);
        if change.tags[0] == KEY && (took || source == Source::Own) {
            self.known = self.known.max(at);
        }
    }

    fn fail_over(&mut self, lost: usize) {
        self.log.truncate(self.log.len() - lost);
        let value = self.value_after(self.log.len());
        if self.history.last() != Some(&value) {
            self.history.push(value);
        }
    }
}

impl Protocol {
    fn core(&self) -> Core {
        let core = match self.weakness {
            None => Core::new(SLOTS, LEASE),
            Some(weakness) => Core::weakened(SLOTS, LEASE, weakness),
        };
        core.remembering(REMEMBERED)
    }

    fn keep(&self, state: &mut State, core: &Core, stamp: Position, value: i64, seen: Seen) {
        let stamp = if self.slip == Slip::LateStamp { core.position() } else { stamp };
        let blind =
            matches!(self.slip, Slip::LateStamp | Slip::BlindLoad | Slip::LaggingReplica | Slip::EarlyHint);
        let seen = if blind { Some(stamp) } else { core.saw(stamp, &seen) };
        let Some(seen) = seen else { return };
        let newer = state.entry.is_none_or(|(_, present, saw)| (present, saw) <= (stamp, seen));
        let changed = self.slip != Slip::NoFloors && core.is_changed(stamp, &[core.slot(KEY)]);
        if stamp != Position::NONE && newer && !changed {
            state.entry = Some((value, stamp, seen));
        }
    }

    /// What a read would get now.
    fn look(&self, state: &State, core: &Core) -> Option<(i64, usize)> {
        let (value, stamp, seen) = state.entry?;
        let slot = [core.slot(KEY)];
        let slots = if self.slip == Slip::NoFloors { &[][..] } else { &slot };
        let valid = core.check(stamp, seen, slots, state.now()) == Validity::Valid;
        let remaining = core.lease_remaining(state.now()).as_nanos() as u64;
        valid.then(|| (value, (state.now() + remaining - LEASE_NANOS - 1) as usize))
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let empty = State {
            core: self.core().state(),
            log_id: 7,
            log: Vec::new(),
            pruned_to: 0,
            next_mark: 1,
            sent: Vec::new(),
            announced: None,
            history: vec![0],
            left: self.budget,
            probe: None,
            gap: None,
            load: None,
            entry: None,
            generations: 0,
            known: 0,
            hit: None,
        };
        let begin =
            self.prologue.iter().try_fold(empty, |state, action| self.next_state(&state, action.clone()));
        vec![begin.expect("a prologue of steps that change something")]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        let left = &state.left;
        let early = self.slip == Slip::EarlyHint;
        if left.key > 0 || state.announced.is_some() {
            actions.push(Action::Commit { tag: KEY, own: false });
        }
        if early && left.key > 0 && state.announced.is_none() {
            actions.push(Action::Announce);
        }
        if left.other > 0 && state.announced.is_none() {
            actions.push(Action::Commit { tag: OTHER, own: false });
        }
        if left.own > 0 {
            actions.push(Action::Commit { tag: KEY, own: true });
        }
        actions.extend((0..state.sent.len()).map(Action::Deliver));
        match &state.probe {
            None => actions.push(Action::ProbeAsk),
            Some((_, None)) => actions.push(Action::ProbeRead),
            Some((_, Some(_))) => actions.push(Action::ProbeEnd),
        }
        match &state.gap {
            None => actions.push(Action::GapAsk),
            Some((_, None)) => actions.extend([2, usize::MAX].map(|rows| Action::GapRead { rows })),
            Some((_, Some(_))) => actions.push(Action::GapEnd),
        }
        match &state.load {
            None => actions.push(Action::LoadBegin),
            Some((_, None)) => {
                actions.push(Action::LoadRead { behind: 0 });
                if self.slip == Slip::LaggingReplica && !state.log.is_empty() {
                    actions.push(Action::LoadRead { behind: 1 });
                }
            }
            Some((_, Some(_))) => actions.push(Action::LoadEnd),
        }
        if left.fail_overs > 0 {
            // What is old enough to be pruned is not lost.
            let losable = state.log.len() - state.pruned_to.min(state.log.len() as i64) as usize;
            actions.extend((1..=losable).map(|lost| Action::FailOver { lost }));
        }
        if left.prunes > 0 && state.head() > state.pruned_to + 1 {
            actions.push(Action::Prune);
        }
        if left.new_logs > 0 {
            actions.push(Action::NewLog);
        }
    }

    fn next_state(&self, before: &State, action: Action) -> Option<State> {
        let core = self.core().continuing(&before.core);
        let mut state = before.clone();
        match action {
            Action::Commit { tag, own } => {
                match tag {
                    OTHER => state.left.other -= 1,
                    _ if own => state.left.own -= 1,
                    _ if state.announced.is_none() => state.left.key -= 1,
                    _ => {}
                }
                let change = state.announced.take().unwrap_or_else(|| state.next_change(tag));
                state.commit(change, &core, own);
            }
            Action::Announce => {
                state.left.key -= 1;
                let change = state.next_change(KEY);
                state.sent.push((change.clone(), state.history.len() - 1));
                state.announced = Some(change);
            }
            Action::Deliver(index) => {
                let (change, at) = state.sent[index].clone();
                state.receive(&change, at, &core, Source::Hint);
                if self.slip == Slip::NoFloors && change.tags[0] == KEY {
                    state.entry = None;
                }
            }
            Action::ProbeAsk => state.probe = Some((core.probe_begin(state.now()), None)),
            Action::ProbeRead => {
                let (ticket, _) = state.probe?;
                state.probe = Some((ticket, Some(state.answer(ticket.asked()))));
            }
            Action::ProbeEnd => {
                let (ticket, answer) = state.probe.take()?;
                if core.probe_end(ticket, &answer?, state.now()) == Probed::Adopted {
                    state.generations += 1;
                }
            }
            Action::GapAsk => state.gap = Some((core.gap()?, None)),
            Action::GapRead { rows } => {
                let (request, _) = state.gap.take()?;
                let page = state.rows().filter(|row| row.sequence >= request.from).take(rows).collect();
                state.gap = Some((request, Some(page)));
            }
            Action::GapEnd => {
                let (request, rows) = state.gap.take()?;
                let _: Filled = core.fill(request, &rows?);
            }
            Action::LoadBegin => state.load = Some((core.position(), None)),
            Action::LoadRead { behind } => {
                let (stamp, _) = state.load?;
                let seen = Seen { log_id: state.log_id, head: state.head(), mark: state.mark() };
                let value = state.value_after(state.log.len().saturating_sub(behind));
                state.load = Some((stamp, Some((value, seen))));
            }
            Action::LoadEnd => {
                let (stamp, read) = state.load.take()?;
                let (value, seen) = read?;
                self.keep(&mut state, &core, stamp, value, seen);
            }
            Action::FailOver { lost } => {
                state.left.fail_overs -= 1;
                state.fail_over(lost);
            }
            Action::Prune => {
                state.left.prunes -= 1;
                state.pruned_to = state.head() - 1;
            }
            Action::NewLog => {
                state.left.new_logs -= 1;
                state.log_id += 1;
            }
        }
        state.hit = self.look(&state, &core);
        state.core = core.state();
        (state != *before).then_some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        fn was_true(state: &State, value: i64, from: usize) -> bool {
            state.history[from..].contains(&value)
        }
        vec![
            Property::always("LEASE", |_, state: &State| {
                state.hit.is_none_or(|(value, from)| was_true(state, value, from))
            }),
            Property::always("FENCE", |_, state: &State| {
                state.hit.is_none_or(|(value, _)| was_true(state, value, state.known))
            }),
            // Or the others prove nothing.
            Property::sometimes("a hit after a change", |_, state: &State| {
                state.history.len() > 1 && state.hit.is_some_and(|(value, _)| value > 0)
            }),
        ]
    }

    fn within_boundary(&self, state: &State) -> bool {
        state.generations <= GENERATIONS_MAX
    }
}

fn limit() -> usize {
    match std::env::var("STOA_MODEL_STATES") {
        Ok(text) => text.parse().expect("STOA_MODEL_STATES: a number"),
        Err(_) => STATES,
    }
}

#[test]
fn no_state_breaks_a_promise() {
    let budget = Budget { key: 2, other: 1, fail_overs: 1, prunes: 1, ..Budget::default() };
    explore("changes of others", budget);
}

#[test]
fn no_state_with_changes_of_ones_own_breaks_a_promise() {
    let budget = Budget { key: 1, own: 1, other: 1, fail_overs: 1, new_logs: 1, ..Budget::default() };
    explore("own changes and new logs", budget);
}

fn explore(name: &str, budget: Budget) {
    let protocol = Protocol { budget, prologue: Vec::new(), weakness: None, slip: Slip::None };
    let mut checker = protocol.checker().threads(2);
    if limit() > 0 {
        checker = checker.target_state_count(limit());
    }
    let done = checker.spawn_bfs().join();
    println!("{name}: {} states, {} of them different", done.state_count(), done.unique_state_count());
    done.assert_no_discovery("LEASE");
    done.assert_no_discovery("FENCE");
    done.assert_any_discovery("a hit after a change");
}

/// Each rule is needed, and the model notices when one is missing: in the smallest world that shows it.
fn is_caught(name: &str, protocol: Protocol) {
    const STATES_MAX: usize = 400_000;
    let found = protocol
        .checker()
        .finish_when(HasDiscoveries::AnyFailures)
        .target_state_count(STATES_MAX)
        .spawn_bfs()
        .join();
    let broken: Vec<_> =
        ["LEASE", "FENCE"].into_iter().filter(|name| found.discovery(name).is_some()).collect();
    println!("{name}: {broken:?} broken, {} states", found.unique_state_count());
    assert!(!broken.is_empty(), "nobody noticed {name}");
}

#[test]
fn a_state_shows_each_rule_that_is_left_out() {
    for weakness in Weakness::ALL {
        let budget = match weakness {
            Weakness::LeaseFromAnswer | Weakness::LeaseBeforeApplied => {
                Budget { key: 1, ..Budget::default() }
            }
            Weakness::NoGapDetection => Budget { key: 1, other: 1, ..Budget::default() },
            Weakness::NoPruneDetection => Budget { key: 1, other: 1, prunes: 1, ..Budget::default() },
            Weakness::NoChain => Budget { key: 1, other: 2, fail_overs: 1, ..Budget::default() },
            Weakness::NoIdentity => Budget { key: 1, other: 1, fail_overs: 1, ..Budget::default() },
            Weakness::NoGeneration => Budget { key: 1, new_logs: 1, ..Budget::default() },
        };
        // A key that was changed, heard of and loaded; what is shown for NoChain begins there.
        let loaded = [
            Action::ProbeAsk,
            Action::ProbeRead,
            Action::ProbeEnd,
            Action::Commit { tag: KEY, own: false },
            Action::Deliver(0),
            Action::LoadBegin,
            Action::LoadRead { behind: 0 },
            Action::LoadEnd,
        ];
        let prologue = if weakness == Weakness::NoChain { loaded.to_vec() } else { Vec::new() };
        let protocol = Protocol { budget, prologue, weakness: Some(weakness), slip: Slip::None };
        is_caught(&format!("{weakness:?}"), protocol);
    }
}

#[test]
fn a_state_shows_each_slip_of_a_cache_above_the_rules() {
    for slip in [Slip::NoFloors, Slip::LateStamp, Slip::BlindLoad, Slip::LaggingReplica, Slip::EarlyHint] {
        let fail_overs = u8::from(slip == Slip::BlindLoad);
        let budget =
            Budget { key: 1, other: u8::from(slip == Slip::EarlyHint), fail_overs, ..Budget::default() };
        is_caught(&format!("{slip:?}"), Protocol { budget, prologue: Vec::new(), weakness: None, slip });
    }
}
