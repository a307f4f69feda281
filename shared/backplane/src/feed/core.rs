//! The rules of the change feed: pure, synchronous, no I/O, time as an argument.
//!
//! What it keeps: which log it follows and how far ([`Core::position`]), a floor for each slot of tags, and a
//! lease. What it promises, as long as its caller reports truthfully what SQL answered:
//!
//! - a value whose load began at `stamp` passes [`Core::check`] only if nothing it depends on has changed
//!   since, as far as this process knows;
//! - under a lease "as far as this process knows" is at most `max_staleness` behind SQL.
//!
//! What it does not do: talk to SQL or Redis (see `follower`), hold values (see `cache`). Start at
//! [`Core::receive`], [`Core::probe_end`] and [`Core::check`]. `tests/it/model.rs` plays random schedules of
//! lost, repeated and reordered messages, fail-overs and late answers against it.
//!
//! Every change of state happens under one short mutex (raising at most a page of floors); hits read the atomics of
//! `gate` only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use super::gate::{Gate, Validity};
use super::marks::{REMEMBERED, RecentMarks};
use super::position::{GENERATION_MAX, OFFSET_MAX, Position};
use super::reports::{
    Change, FeedRow, Filled, GapRequest, ProbeAnswer, ProbeTicket, Probed, Received, Seen, Source,
};
use super::status::{Counters, FlushCause};
#[cfg(feature = "testing")]
use super::weakness::Weakness;
use crate::clock::{Nanos, TICK_MAX, nanos};

/// A hint further ahead than this raises nothing: it is more likely wrong than right, SQL decides.
pub(crate) const FAR_AHEAD: i64 = 1_000_000;
/// Changes that arrived before their predecessor and are held for it. More are forgotten and read from SQL.
pub(crate) const REORDERED_MAX: usize = 256;
/// Heads seen by loads and not applied yet. What is loaded while there are more is served and not kept.
pub(crate) const SIGHTED_MAX: usize = 256;

/// See the module.
pub struct Core {
    gate: Gate,
    /// When probing began to fail; 0 while it works.
    failing_since: AtomicU64,
    /// Granted from `t0` of the probe, one tick of the coarse clock shorter than the bound.
    lease: Nanos,
    /// Changes whose marks are remembered.
    remembered: usize,
    inner: Mutex<Inner>,
    pub(crate) counters: Counters,
    #[cfg(feature = "testing")]
    weakness: Option<Weakness>,
}

#[cfg_attr(feature = "testing", derive(Debug, Clone, PartialEq, Eq, Hash))]
#[derive(Default)]
struct Inner {
    log: Option<Log>,
    generation: u64,
    /// Counts the events after which answers still under way say nothing.
    epoch: u64,
    /// The lease as far as probes grant it; in force while no outcome is unknown.
    granted_until: Nanos,
    /// Transactions of this process whose COMMIT went unanswered; at most one for each connection.
    unknown: BTreeSet<i64>,
    /// What a probe promised.
    promised: Option<Promise>,
    /// Changes whose predecessor is missing, by first sequence number. Their floors are raised already.
    reordered: BTreeMap<i64, Held>,
    /// Heads that loads saw before they were applied here: (mark, probes that did not see it).
    sighted: BTreeMap<i64, (i64, u8)>,
}

/// When the commit that ends at `head` with this mark is applied, the lease runs from `t0`. The number alone is not
/// enough: a late hint of a commit that a fail-over lost may bear the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Promise {
    t0: Nanos,
    head: i64,
    mark: i64,
}

#[cfg_attr(feature = "testing", derive(Debug, Clone, PartialEq, Eq, Hash))]
struct Held {
    last: i64,
    mark: i64,
    previous_mark: Option<i64>,
    /// Probes that did not see it in the log.
    missed_by: u8,
}

#[cfg_attr(feature = "testing", derive(Debug, Clone, PartialEq, Eq, Hash))]
struct Log {
    log_id: i64,
    /// The sequence number at which the generation began.
    base: i64,
    applied: i64,
    mark: i64,
    marks: RecentMarks,
}

/// What a core knows at one moment, for tests that explore all of its states.
#[cfg(feature = "testing")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct CoreState {
    gate: super::gate::GateState,
    inner: Inner,
    failing_since: u64,
}

impl Core {
    /// `slots` is rounded up to a power of two, at least 64. `max_staleness` is the bound of hits.
    pub fn new(slots: usize, max_staleness: Duration) -> Self {
        Self {
            gate: Gate::new(slots.max(64).next_power_of_two()),
            failing_since: AtomicU64::new(0),
            lease: nanos(max_staleness.saturating_sub(TICK_MAX)),
            remembered: REMEMBERED,
            inner: Mutex::new(Inner::default()),
            counters: Counters::default(),
            #[cfg(feature = "testing")]
            weakness: None,
        }
    }

    /// A core that lacks one rule.
    #[cfg(feature = "testing")]
    pub fn weakened(slots: usize, max_staleness: Duration, weakness: Weakness) -> Self {
        Self { weakness: Some(weakness), ..Self::new(slots, max_staleness) }
    }

    /// The same core, remembering the marks of so few changes that a test can outrun it.
    #[cfg(feature = "testing")]
    pub fn remembering(self, changes: usize) -> Self {
        Self { remembered: changes, ..self }
    }

    /// Everything that it knows.
    #[cfg(feature = "testing")]
    pub fn state(&self) -> CoreState {
        let failing_since = self.failing_since.load(Ordering::Acquire);
        CoreState { gate: self.gate.state(), inner: self.inner.lock().clone(), failing_since }
    }

    /// Goes on from what another core knew.
    #[cfg(feature = "testing")]
    pub fn continuing(self, state: &CoreState) -> Self {
        self.gate.restore(&state.gate);
        self.failing_since.store(state.failing_since, Ordering::Release);
        Self { inner: Mutex::new(state.inner.clone()), ..self }
    }

    #[cfg(feature = "testing")]
    fn lacks(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    // --- what hits and loads ask -------------------------------------------------------------------------

    /// The slot of a tag or key hash.
    #[inline]
    pub fn slot(&self, tag: i64) -> u32 {
        self.gate.slot(tag)
    }

    /// Everything up to here is applied. A load notes it **before** it begins, as its stamp.
    #[inline]
    pub fn position(&self) -> Position {
        self.gate.position()
    }

    /// Whether a value loaded at `stamp`, whose load saw the log up to `seen`, and that depends on `slots`, may
    /// be served as a hit at `now`.
    #[inline]
    pub fn check(&self, stamp: Position, seen: Position, slots: &[u32], now: Nanos) -> Validity {
        self.gate.check(stamp, seen, slots, now)
    }

    /// Whether anything in `slots` is known to have changed after `stamp`. True for [`Position::NONE`] as
    /// soon as anything ever changed there.
    #[inline]
    pub fn is_changed(&self, stamp: Position, slots: &[u32]) -> bool {
        self.gate.is_changed(stamp, slots)
    }

    /// Takes in what a load that began at `stamp` saw of the log. Returns the position that must be applied
    /// here before its value may be a hit; none if the value must not be kept.
    ///
    /// Without this a value could outlive its own commit: a load reads a change that this process has not
    /// applied yet, a fail-over loses that change, and nothing that was applied contradicts the new log.
    pub fn saw(&self, stamp: Position, seen: &Seen) -> Option<Position> {
        let inner = &mut *self.inner.lock();
        let log = inner.log.as_ref()?;
        if stamp.generation() != inner.generation || seen.log_id != log.log_id {
            return None;
        }
        // Less than what was applied before it began: it read from a replica, or from an older snapshot.
        let offset = u64::try_from(seen.head - log.base).ok().filter(|offset| *offset <= OFFSET_MAX)?;
        let position = Position::new(inner.generation, offset);
        if position < stamp {
            return None;
        }
        if seen.head <= log.applied {
            return log.marks.get(seen.head).filter(|mark| *mark == seen.mark).map(|_| position);
        }
        match inner.sighted.get(&seen.head) {
            Some((mark, _)) => (*mark == seen.mark).then_some(position),
            None if inner.sighted.len() >= SIGHTED_MAX => None,
            None => {
                inner.sighted.insert(seen.head, (seen.mark, 0));
                Some(position)
            }
        }
    }

    /// Since when probes fail, if they do.
    #[inline]
    pub fn failing_since(&self) -> Option<Nanos> {
        match self.failing_since.load(Ordering::Acquire) {
            0 => None,
            since => Some(since),
        }
    }

    /// How long hits are allowed from `now` on.
    pub fn lease_remaining(&self, now: Nanos) -> Duration {
        Duration::from_nanos(self.gate.lease_until().saturating_sub(now))
    }

    /// Bytes of the floor table.
    pub fn floor_bytes(&self) -> usize {
        self.gate.slots() * size_of::<AtomicU64>()
    }

    /// The log followed, and the sequence number applied.
    pub fn log(&self) -> Option<(i64, i64)> {
        self.inner.lock().log.as_ref().map(|log| (log.log_id, log.applied))
    }

    /// The mark at the position applied.
    #[cfg(feature = "testing")]
    pub fn applied_mark(&self) -> Option<i64> {
        self.inner.lock().log.as_ref().map(|log| log.mark)
    }

    /// The position `distance` changes before `position`, if it is in the same generation.
    #[cfg(feature = "testing")]
    pub fn position_before(&self, position: Position, distance: i64) -> Option<Position> {
        let before = Position::from_bits(position.bits().checked_sub(u64::try_from(distance).ok()?)?);
        (before.generation() == position.generation()).then_some(before)
    }

    // --- changes -----------------------------------------------------------------------------------------

    /// Takes in a change: floors first, then the position as far as it is contiguous.
    pub fn receive(&self, change: &Change, source: Source) -> Received {
        let mut inner = self.inner.lock();
        let received = self.receive_locked(&mut inner, change, source);
        drop(inner);
        self.counters.received(received, source);
        received
    }

    fn receive_locked(&self, inner: &mut Inner, change: &Change, source: Source) -> Received {
        if !change.is_well_formed() {
            return Received::Malformed;
        }
        let Some(log) = &inner.log else { return Received::Early };
        if change.log_id != log.log_id {
            // A commit of our own went to another log: what we follow is not the log any more.
            if source == Source::Own {
                self.flush(inner, FlushCause::NewLog);
            }
            return Received::Foreign;
        }
        if change.last <= log.applied {
            return self.receive_older(inner, change, source);
        }
        if source == Source::Hint && change.last - log.applied > FAR_AHEAD {
            return Received::FarAhead;
        }
        if (change.last - log.base) as u64 > OFFSET_MAX {
            self.flush(inner, FlushCause::Rebased);
            return Received::Contradiction;
        }
        if !self.continues(log, change.first, change.mark, change.previous_mark) {
            // Either this change or what was applied is from a past that was lost. A commit of our own is not.
            if source == Source::Own {
                self.flush(inner, FlushCause::Forked);
            }
            return Received::Contradiction;
        }
        self.raise(inner.generation, log.base, change.first, change.tags.iter().copied());
        self.advance_or_hold(inner, change)
    }

    /// False if a change that is due now has another past than what was applied.
    fn continues(&self, log: &Log, first: i64, mark: i64, previous_mark: Option<i64>) -> bool {
        #[cfg(feature = "testing")]
        if self.lacks(Weakness::NoChain) {
            return true;
        }
        match first.cmp(&(log.applied + 1)) {
            std::cmp::Ordering::Greater => true,
            std::cmp::Ordering::Equal => previous_mark.is_none_or(|previous| previous == log.mark),
            // A page of a gap read has brought its beginning already.
            std::cmp::Ordering::Less => mark == log.mark,
        }
    }

    /// A change at or below the position: applied already, or of another past.
    fn receive_older(&self, inner: &mut Inner, change: &Change, source: Source) -> Received {
        let Some(log) = &inner.log else { return Received::Early };
        match log.marks.get(change.last) {
            Some(mark) if mark == change.mark => Received::Known,
            // Certain news that the numbers were used twice. Nothing stamped here can be trusted, and our own
            // write must be visible at once.
            Some(_) if source == Source::Own => {
                self.flush(inner, FlushCause::Forked);
                Received::Contradiction
            }
            Some(_) => Received::Contradiction,
            // Too old to tell. Only a commit of our own needs an answer: no hits until SQL confirms the past.
            None if source == Source::Own => {
                self.revoke(inner);
                Received::Contradiction
            }
            None => Received::Known,
        }
    }

    fn advance_or_hold(&self, inner: &mut Inner, change: &Change) -> Received {
        let Some(log) = &mut inner.log else { return Received::Early };
        let next = log.applied + 1;
        #[cfg(feature = "testing")]
        if self.lacks(Weakness::NoGapDetection) {
            let _ = self.advance(inner, change.first, change.last, change.mark);
            return Received::Applied;
        }
        if change.first > next || (change.first == next && change.previous_mark.is_none()) {
            let Change { last, mark, previous_mark, .. } = *change;
            inner.reordered.insert(change.first, Held { last, mark, previous_mark, missed_by: 0 });
            if inner.reordered.len() > REORDERED_MAX {
                inner.reordered.pop_last();
            }
            return Received::Gap;
        }
        if !self.advance(inner, change.first.max(next), change.last, change.mark) {
            return Received::Contradiction;
        }
        self.apply_reordered(inner)
    }

    /// Applies the held changes that have become contiguous.
    fn apply_reordered(&self, inner: &mut Inner) -> Received {
        loop {
            let Some(log) = &inner.log else { return Received::Early };
            let applied = log.applied;
            let Some(entry) = inner.reordered.first_entry() else { return Received::Applied };
            let unproven = *entry.key() == applied + 1 && entry.get().previous_mark.is_none();
            if *entry.key() > applied + 1 || unproven {
                return Received::Gap;
            }
            let (first, held) = entry.remove_entry();
            let continues = self.continues(log, first, held.mark, held.previous_mark);
            if held.last <= applied {
                continue;
            }
            if !continues {
                // Its floors are raised for numbers that will mean something else.
                self.flush(inner, FlushCause::Forked);
                return Received::Contradiction;
            }
            if !self.advance(inner, applied + 1, held.last, held.mark) {
                return Received::Contradiction;
            }
        }
    }

    /// Moves the position over changes whose floors are raised, and keeps a probe's promise. False, and the
    /// generation ended, if a probe or a load saw something else under these numbers: checked before the position moves,
    /// because that is what makes the load's value a hit.
    fn advance(&self, inner: &mut Inner, first: i64, last: i64, mark: i64) -> bool {
        let generation = inner.generation;
        while let Some(sighted) = inner.sighted.first_entry().filter(|sighted| *sighted.key() <= last) {
            if sighted.remove().0 != mark {
                self.flush(inner, FlushCause::Forked);
                return false;
            }
        }
        if inner.promised.is_some_and(|promise| promise.head <= last && promise.mark != mark) {
            self.flush(inner, FlushCause::Forked);
            return false;
        }
        let Some(log) = &mut inner.log else { return false };
        for sequence in first..=last {
            log.marks.put(sequence, mark);
        }
        log.applied = last;
        log.mark = mark;
        let position = Position::new(generation, (last - log.base) as u64);
        self.gate.advance(position);
        if let Some(promise) = inner.promised.take_if(|promise| promise.head <= last) {
            self.grant(inner, promise.t0);
        }
        true
    }

    fn raise(&self, generation: u64, base: i64, first: i64, tags: impl Iterator<Item = i64>) {
        for (offset, tag) in (first - base..).zip(tags) {
            // Before the generation began every stamp of it is newer.
            let Ok(offset) = u64::try_from(offset) else { continue };
            self.gate.raise(tag, Position::new(generation, offset));
        }
    }

    // --- probes ------------------------------------------------------------------------------------------

    /// Call **before** SQL is asked: the lease runs from here.
    pub fn probe_begin(&self, now: Nanos) -> ProbeTicket {
        let inner = self.inner.lock();
        let asked = inner.log.as_ref().map(|log| (log.applied, log.mark));
        ProbeTicket { t0: now, epoch: inner.epoch, asked }
    }

    /// Takes in what SQL answered at `now`.
    pub fn probe_end(&self, ticket: ProbeTicket, answer: &ProbeAnswer, now: Nanos) -> Probed {
        let mut inner = self.inner.lock();
        self.failing_since.store(0, Ordering::Release);
        self.counters.probe_answered();
        if ticket.epoch != inner.epoch {
            return Probed::Superseded;
        }
        let t0 = ticket.t0;
        #[cfg(feature = "testing")]
        let t0 = if self.lacks(Weakness::LeaseFromAnswer) { now } else { t0 };
        debug_assert!(now >= ticket.t0);
        let (Some(log), Some(asked)) = (&inner.log, ticket.asked) else {
            self.adopt(&mut inner, answer, t0);
            return Probed::Adopted;
        };
        let (log_id, applied) = (log.log_id, log.applied);
        let broken_by = self.broken_by(log_id, asked, answer).or_else(|| missed(&mut inner, answer.head));
        if let Some(cause) = broken_by {
            self.flush(&mut inner, cause);
            self.adopt(&mut inner, answer, t0);
            return Probed::Adopted;
        }
        let behind = applied < answer.head;
        #[cfg(feature = "testing")]
        let behind = behind && !self.lacks(Weakness::LeaseBeforeApplied);
        if behind {
            inner.promised = Some(Promise { t0, head: answer.head, mark: answer.mark });
            return Probed::Behind;
        }
        // What was applied while SQL was asked may have the number of its head and be another commit.
        match inner.log.as_ref().and_then(|log| log.marks.get(answer.head)) {
            Some(mark) if mark == answer.mark => {}
            #[cfg(feature = "testing")]
            _ if self.lacks(Weakness::NoIdentity) || self.lacks(Weakness::LeaseBeforeApplied) => {}
            Some(_) => {
                self.flush(&mut inner, FlushCause::Forked);
                self.adopt(&mut inner, answer, t0);
                return Probed::Adopted;
            }
            None => return Probed::Superseded,
        }
        self.grant(&mut inner, t0);
        Probed::Leased
    }

    /// SQL did not answer.
    pub fn probe_failed(&self, now: Nanos) {
        let _ = self.failing_since.compare_exchange(0, now.max(1), Ordering::AcqRel, Ordering::Relaxed);
        self.counters.probe_failed();
    }

    /// Why the answer does not continue what was applied, if it does not.
    fn broken_by(&self, log_id: i64, asked: (i64, i64), answer: &ProbeAnswer) -> Option<FlushCause> {
        let (sequence, mark) = asked;
        if answer.log_id != log_id {
            return Some(FlushCause::NewLog);
        }
        if answer.head < sequence {
            return Some(FlushCause::Forked);
        }
        #[cfg(feature = "testing")]
        if self.lacks(Weakness::NoIdentity) {
            return None;
        }
        let found = if answer.head == sequence { Some(answer.mark) } else { answer.mark_at_asked };
        match found {
            Some(found) if found == mark => None,
            Some(_) => Some(FlushCause::Forked),
            // Number 0 never has a row; nothing was applied that could have been lost.
            None if sequence == 0 => None,
            None if sequence <= answer.pruned_to => Some(FlushCause::Pruned),
            None => Some(FlushCause::Forked),
        }
    }

    /// Follows the log from its head on, in a new generation.
    fn adopt(&self, inner: &mut Inner, answer: &ProbeAnswer, t0: Nanos) {
        if inner.generation >= GENERATION_MAX {
            // A million flushes: leave the cache off rather than reuse a number.
            self.flush(inner, FlushCause::Exhausted);
            return;
        }
        inner.generation += 1;
        inner.epoch += 1;
        #[cfg(feature = "testing")]
        if self.lacks(Weakness::NoGeneration) {
            inner.generation = 1;
        }
        inner.log = Some(Log {
            log_id: answer.log_id,
            base: answer.head,
            applied: answer.head,
            mark: answer.mark,
            marks: RecentMarks::new(answer.head, answer.mark, self.remembered),
        });
        self.gate.begin(Position::new(inner.generation, 0));
        self.counters.generation(inner.generation);
        self.grant(inner, t0);
    }

    // --- gaps --------------------------------------------------------------------------------------------

    /// What is missing, if anything is known to be.
    pub fn gap(&self) -> Option<GapRequest> {
        let inner = self.inner.lock();
        let log = inner.log.as_ref()?;
        let promised = inner.promised.is_some_and(|promise| promise.head > log.applied);
        let missing = promised || !inner.reordered.is_empty() || !inner.sighted.is_empty();
        missing.then_some(GapRequest { from: log.applied, epoch: inner.epoch })
    }

    /// Takes in rows `Seq >= request.from`, in order. They may be cut anywhere; they must not have holes.
    pub fn fill(&self, request: GapRequest, rows: &[FeedRow]) -> Filled {
        let mut inner = self.inner.lock();
        if request.epoch != inner.epoch {
            return Filled::Superseded;
        }
        let Some(log) = &inner.log else { return Filled::Superseded };
        let (applied, base) = (log.applied, log.base);
        let continues = rows_continue(log, request.from, rows);
        #[cfg(feature = "testing")]
        let continues = continues || self.lacks(Weakness::NoPruneDetection);
        if !continues {
            self.flush(&mut inner, FlushCause::Gap);
            return Filled::Broken;
        }
        let generation = inner.generation;
        let fresh: Vec<&FeedRow> = rows.iter().filter(|row| row.sequence > applied).collect();
        self.counters.gap_read(fresh.len());
        let Some(last) = fresh.last() else { return Filled::Applied };
        if (last.sequence - base) as u64 > OFFSET_MAX {
            self.flush(&mut inner, FlushCause::Rebased);
            return Filled::Broken;
        }
        for row in &fresh {
            self.raise(generation, base, row.sequence, std::iter::once(row.tag));
        }
        for row in &fresh {
            if !self.advance(&mut inner, row.sequence, row.sequence, row.mark) {
                return Filled::Broken;
            }
        }
        match self.apply_reordered(&mut inner) {
            Received::Contradiction => Filled::Broken,
            _ => Filled::Applied,
        }
    }

    // --- doubts ------------------------------------------------------------------------------------------

    /// A COMMIT of this process went unanswered: no hits until its outcome is known, because a client may
    /// already know what this cache does not.
    pub fn outcome_unknown(&self, transaction: i64) {
        let mut inner = self.inner.lock();
        inner.unknown.insert(transaction);
        self.gate.lease(0);
    }

    /// The outcome is known, and reported by [`Core::receive`] if it was a commit.
    pub fn outcome_known(&self, transaction: i64) {
        let mut inner = self.inner.lock();
        if inner.unknown.remove(&transaction) && inner.unknown.is_empty() {
            self.gate.lease(inner.granted_until);
        }
    }

    /// The end: no hits until another probe.
    pub(crate) fn end(&self) {
        self.revoke(&mut self.inner.lock());
    }

    fn grant(&self, inner: &mut Inner, t0: Nanos) {
        inner.granted_until = inner.granted_until.max(t0.saturating_add(self.lease));
        if inner.unknown.is_empty() {
            self.gate.lease(inner.granted_until);
        }
    }

    /// No hits until a probe that begins after this confirms the past.
    fn revoke(&self, inner: &mut Inner) {
        self.gate.lease(0);
        inner.granted_until = 0;
        inner.promised = None;
        inner.epoch += 1;
    }

    /// Ends the generation: nothing stamped in it is a hit again. Local, never propagated.
    fn flush(&self, inner: &mut Inner, cause: FlushCause) {
        self.revoke(inner);
        #[cfg(feature = "testing")]
        if self.lacks(Weakness::NoGeneration) {
            inner.log = None;
            return;
        }
        self.gate.end();
        inner.log = None;
        inner.reordered.clear();
        inner.sighted.clear();
        self.counters.flushed(cause);
    }
}

/// Counts the announced changes that a probe did not see in the log. The first such probe may have been
/// answered before the commit; the second began after the change was reported, so the change is lost, and what
/// was concluded from it is wrong.
fn missed(inner: &mut Inner, head: i64) -> Option<FlushCause> {
    for (_, held) in inner.reordered.range_mut(head.saturating_add(1)..) {
        held.missed_by += 1;
    }
    for (_, (_, missed_by)) in inner.sighted.range_mut(head.saturating_add(1)..) {
        *missed_by += 1;
    }
    let lost = inner.reordered.values().any(|held| held.missed_by >= 2)
        || inner.sighted.values().any(|(_, missed_by)| *missed_by >= 2);
    lost.then_some(FlushCause::Forked)
}

/// Whether `rows` begin at `from` with the past that `log` knows, and have no holes.
fn rows_continue(log: &Log, from: i64, rows: &[FeedRow]) -> bool {
    let anchored = rows.first().is_some_and(|row| row.sequence == from || (from == 0 && row.sequence == 1));
    let contiguous = rows.windows(2).all(|pair| pair[1].sequence == pair[0].sequence + 1);
    let same_past = rows
        .iter()
        .filter(|row| row.sequence <= log.applied)
        .all(|row| log.marks.get(row.sequence).is_none_or(|mark| mark == row.mark));
    let reaches = rows.last().is_some_and(|row| row.sequence <= log.applied)
        || rows.iter().any(|row| row.sequence == log.applied && row.mark == log.mark)
        || log.applied == 0;
    anchored && contiguous && same_past && reaches
}
