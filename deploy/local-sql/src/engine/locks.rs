//! Who may write, and who holds which application lock. One table for both, so that a cycle across them is
//! seen.
//!
//! The write lock of a database is exclusive, fair, and held from a transaction's first write to its end;
//! application locks are those of `sp_getapplock`. Waiting blocks the session's own thread. It knows no SQL
//! and no storage. Start at [`Locks::acquire`].

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use tokio_util::sync::CancellationToken;

use super::interface::CancelFlag;

/// How often a waiter looks whether it was cancelled or whether the writer before it sits idle. A release wakes it at
/// once.
const WAIT_SLICE: Duration = Duration::from_millis(20);

/// What can be locked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Resource {
    /// The right to write to a database.
    Writer {
        /// The database's normalised name.
        database: String,
    },
    /// A resource of `sp_getapplock`; names are binary-compared, as SQL Server documents.
    Application {
        /// The database's normalised name.
        database: String,
        /// `@Resource`.
        name: String,
    },
}

/// Lock modes, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mode {
    IntentShared,
    Shared,
    IntentExclusive,
    Update,
    Exclusive,
}

/// What ends a lock that is not released by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// The end of the transaction.
    Transaction,
    /// The end of the connection.
    Session,
}

/// How an attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// At once.
    Granted,
    /// After others had released it.
    GrantedAfterWaiting,
    /// The time-out passed: 1222, or -1 of `sp_getapplock`.
    TimedOut,
    /// Attention, or the connection is gone: -2 of `sp_getapplock`.
    Cancelled,
    /// Waiting would have closed a cycle, and this session is the victim: 1205, or -3 of `sp_getapplock`.
    Deadlock,
}

/// A session as the lock table knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct SessionId(u64);

impl SessionId {
    /// `@@SPID` and the process id of messages.
    pub(super) fn number(self) -> u64 {
        self.0
    }
}

/// All locks of an engine.
#[derive(Debug)]
pub(super) struct Locks {
    table: Mutex<Table>,
    idle_writer: Duration,
}

#[derive(Debug, Default)]
struct Table {
    next_session: u64,
    sessions: HashMap<SessionId, Presence>,
    entries: HashMap<Resource, Entry>,
}

#[derive(Debug)]
struct Presence {
    cut: CancellationToken,
    /// Since when no batch runs; `None` while one does.
    idle_since: Option<Instant>,
}

#[derive(Debug, Default)]
struct Entry {
    held: Vec<Held>,
    waiting: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Held {
    session: SessionId,
    mode: Mode,
    owner: Owner,
    /// `sp_getapplock` counts: as many releases as grants.
    count: u32,
}

#[derive(Debug)]
struct Waiter {
    session: SessionId,
    mode: Mode,
    /// Signalled when nobody is in the way any more.
    granted: Arc<Condvar>,
}

impl Mode {
    /// SQL Server's lock compatibility table, for the five modes that application locks have.
    fn is_compatible_with(self, other: Self) -> bool {
        use Mode::{Exclusive, IntentExclusive, IntentShared, Shared, Update};
        match (self, other) {
            (Exclusive, _) | (_, Exclusive) => false,
            (IntentShared, _) | (_, IntentShared) => true,
            (IntentExclusive, IntentExclusive) => true,
            (IntentExclusive, _) | (_, IntentExclusive) => false,
            (Shared, _) | (_, Shared) => true,
            (Update, Update) => false,
        }
    }
}

impl Entry {
    /// Whom `session` would have to wait for: holders in its way and, to be fair, earlier waiters in its way.
    /// A holder that only wants a stronger mode goes before the waiters, or both would wait for ever.
    fn blockers(&self, session: SessionId, mode: Mode) -> impl Iterator<Item = SessionId> {
        let in_the_way =
            move |(other, theirs): &(SessionId, Mode)| *other != session && !mode.is_compatible_with(*theirs);
        let is_holder = self.held.iter().any(|held| held.session == session);
        let earlier = self.waiting.iter().take_while(move |waiter| !is_holder && waiter.session != session);
        let holders = self.held.iter().map(|held| (held.session, held.mode));
        let others = holders.chain(earlier.map(|waiter| (waiter.session, waiter.mode)));
        others.filter(in_the_way).map(|(other, _)| other)
    }

    /// Wakes the waiters that nobody is in the way of.
    fn wake(&self) {
        let free = |waiter: &&Waiter| self.blockers(waiter.session, waiter.mode).next().is_none();
        for waiter in self.waiting.iter().filter(free) {
            waiter.granted.notify_one();
        }
    }

    fn grant(&mut self, session: SessionId, mode: Mode, owner: Owner) {
        match self.held.iter_mut().find(|held| held.session == session && held.owner == owner) {
            Some(held) => {
                held.count += 1;
                held.mode = held.mode.max(mode);
            }
            None => self.held.push(Held { session, mode, owner, count: 1 }),
        }
    }
}

impl Table {
    /// Whether `session`, which waits now, waits in the end for itself.
    fn closes_a_cycle(&self, session: SessionId) -> bool {
        let mut visited = HashSet::new();
        let mut pending = self.waits_for(session);
        while let Some(next) = pending.pop() {
            if next == session {
                return true;
            }
            pending.extend(self.waits_for(next).into_iter().filter(|further| visited.insert(*further)));
        }
        false
    }

    fn waits_for(&self, session: SessionId) -> Vec<SessionId> {
        self.entries
            .values()
            .filter_map(|entry| {
                let waiter = entry.waiting.iter().find(|waiter| waiter.session == session)?;
                Some(entry.blockers(session, waiter.mode))
            })
            .flatten()
            .collect()
    }

    fn stop_waiting(&mut self, session: SessionId, resource: &Resource) {
        if let Some(entry) = self.entries.get_mut(resource) {
            entry.waiting.retain(|waiter| waiter.session != session);
            entry.wake();
        }
        self.drop_if_unused(resource);
    }

    fn drop_if_unused(&mut self, resource: &Resource) {
        if self.entries.get(resource).is_some_and(|entry| entry.held.is_empty() && entry.waiting.is_empty()) {
            self.entries.remove(resource);
        }
    }

    /// Cuts the writer that sits idle in its transaction while `session` waits for it.
    fn cut_idle_writers(&self, resource: &Resource, session: SessionId, mode: Mode, idle_writer: Duration) {
        let blockers = self.entries.get(resource).into_iter().flat_map(|entry| entry.blockers(session, mode));
        for presence in blockers.filter_map(|blocker| self.sessions.get(&blocker)) {
            if presence.idle_since.is_some_and(|since| since.elapsed() >= idle_writer) {
                presence.cut.cancel();
            }
        }
    }
}

impl Locks {
    /// No locks, no sessions. `idle_writer` is how long a writer may sit idle while others wait for it.
    pub(super) fn new(idle_writer: Duration) -> Self {
        Self { table: Mutex::default(), idle_writer }
    }

    /// Announces a session; `cut` fires when its connection has to be closed.
    pub(super) fn register(&self, cut: CancellationToken) -> SessionId {
        let mut table = self.table.lock();
        table.next_session += 1;
        let session = SessionId(table.next_session);
        table.sessions.insert(session, Presence { cut, idle_since: Some(Instant::now()) });
        session
    }

    /// The session is gone: everything that it held is free.
    pub(super) fn forget(&self, session: SessionId) {
        self.release_where(session, |_| true);
        self.table.lock().sessions.remove(&session);
    }

    /// Tells whether a batch of the session runs now. Between batches a writer counts as idle.
    pub(super) fn set_busy(&self, session: SessionId, busy: bool) {
        if let Some(presence) = self.table.lock().sessions.get_mut(&session) {
            presence.idle_since = (!busy).then(Instant::now);
        }
    }

    /// Takes a lock, waiting at most `timeout` (`None`: for ever) behind those who came earlier.
    pub(super) fn acquire(
        &self,
        session: SessionId,
        resource: &Resource,
        (mode, owner): (Mode, Owner),
        timeout: Option<Duration>,
        cancel: &CancelFlag,
    ) -> Outcome {
        let started = Instant::now();
        let mut table = self.table.lock();
        let mut waiting: Option<Arc<Condvar>> = None;
        loop {
            let entry = table.entries.entry(resource.clone()).or_default();
            if entry.blockers(session, mode).next().is_none() {
                entry.grant(session, mode, owner);
                if waiting.is_none() {
                    return Outcome::Granted;
                }
                entry.waiting.retain(|waiter| waiter.session != session);
                // Whoever goes together with this one was in its shadow.
                entry.wake();
                return Outcome::GrantedAfterWaiting;
            }
            let begins_to_wait = waiting.is_none();
            let granted = waiting.get_or_insert_with(|| {
                let granted = Arc::new(Condvar::new());
                entry.waiting.push_back(Waiter { session, mode, granted: Arc::clone(&granted) });
                granted
            });
            // Who begins to wait last closes a cycle: one look is enough.
            let refusal = if cancel.is_cancelled() {
                Some(Outcome::Cancelled)
            } else if timeout.is_some_and(|timeout| started.elapsed() >= timeout) {
                Some(Outcome::TimedOut)
            } else if begins_to_wait && table.closes_a_cycle(session) {
                Some(Outcome::Deadlock)
            } else {
                None
            };
            if let Some(refusal) = refusal {
                table.stop_waiting(session, resource);
                return refusal;
            }
            if matches!(resource, Resource::Writer { .. }) {
                table.cut_idle_writers(resource, session, mode, self.idle_writer);
            }
            let left = timeout.map_or(WAIT_SLICE, |timeout| timeout.saturating_sub(started.elapsed()));
            granted.wait_for(&mut table, left.min(WAIT_SLICE));
        }
    }

    /// Gives back one grant; false if the session does not hold it.
    pub(super) fn release(&self, session: SessionId, resource: &Resource, owner: Owner) -> bool {
        let mut table = self.table.lock();
        let Some(entry) = table.entries.get_mut(resource) else { return false };
        let Some(index) = entry.held.iter().position(|held| held.session == session && held.owner == owner)
        else {
            return false;
        };
        entry.held[index].count -= 1;
        if entry.held[index].count == 0 {
            entry.held.swap_remove(index);
            entry.wake();
            table.drop_if_unused(resource);
        }
        true
    }

    /// The transaction ended: its locks are free, those of the session stay.
    pub(super) fn release_transaction(&self, session: SessionId) {
        self.release_where(session, |held| held.owner == Owner::Transaction);
    }

    /// Everything that the session holds is free.
    pub(super) fn release_session(&self, session: SessionId) {
        self.release_where(session, |_| true);
    }

    #[cfg(test)]
    /// The mode in which the session holds the resource, if it does.
    pub(super) fn held_mode(&self, session: SessionId, resource: &Resource) -> Option<Mode> {
        let table = self.table.lock();
        let held = table.entries.get(resource)?.held.iter().filter(|held| held.session == session);
        held.map(|held| held.mode).max()
    }

    fn release_where(&self, session: SessionId, released: impl Fn(&Held) -> bool) {
        let mut table = self.table.lock();
        table.entries.retain(|_, entry| {
            let before = entry.held.len();
            entry.held.retain(|held| held.session != session || !released(held));
            if entry.held.len() != before {
                entry.wake();
            }
            !(entry.held.is_empty() && entry.waiting.is_empty())
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    const EXCLUSIVE: (Mode, Owner) = (Mode::Exclusive, Owner::Transaction);
    const SHARED: (Mode, Owner) = (Mode::Shared, Owner::Session);
    const AT_ONCE: Option<Duration> = Some(Duration::ZERO);

    fn writer() -> Resource {
        Resource::Writer { database: "shop".to_owned() }
    }

    fn application(name: &str) -> Resource {
        Resource::Application { database: "shop".to_owned(), name: name.to_owned() }
    }

    fn locks() -> (Arc<Locks>, SessionId, SessionId) {
        let locks = Arc::new(Locks::new(Duration::ZERO));
        let (first, second) =
            (locks.register(CancellationToken::new()), locks.register(CancellationToken::new()));
        (locks, first, second)
    }

    fn until_waiting(locks: &Locks, session: SessionId) {
        while !locks
            .table
            .lock()
            .entries
            .values()
            .any(|entry| entry.waiting.iter().any(|waiter| waiter.session == session))
        {
            thread::yield_now();
        }
    }

    #[test]
    fn a_second_writer_is_refused_until_the_first_transaction_ends() {
        let (locks, first, second) = locks();
        let cancel = CancelFlag::default();
        assert_eq!(locks.acquire(first, &writer(), EXCLUSIVE, AT_ONCE, &cancel), Outcome::Granted);
        locks.set_busy(first, true);
        assert_eq!(locks.acquire(second, &writer(), EXCLUSIVE, AT_ONCE, &cancel), Outcome::TimedOut);
        locks.release_transaction(first);
        assert_eq!(locks.acquire(second, &writer(), EXCLUSIVE, AT_ONCE, &cancel), Outcome::Granted);
    }

    #[test]
    fn readers_share_and_a_session_lock_outlives_the_transaction() {
        let (locks, first, second) = locks();
        let cancel = CancelFlag::default();
        assert_eq!(locks.acquire(first, &application("a"), SHARED, AT_ONCE, &cancel), Outcome::Granted);
        assert_eq!(locks.acquire(second, &application("a"), SHARED, AT_ONCE, &cancel), Outcome::Granted);
        locks.release_transaction(first);
        assert_eq!(locks.held_mode(first, &application("a")), Some(Mode::Shared));
        assert_eq!(locks.acquire(first, &application("a"), EXCLUSIVE, AT_ONCE, &cancel), Outcome::TimedOut);
        assert!(locks.release(second, &application("a"), Owner::Session));
        assert!(!locks.release(second, &application("a"), Owner::Session));
        assert_eq!(locks.acquire(first, &application("a"), EXCLUSIVE, AT_ONCE, &cancel), Outcome::Granted);
    }

    #[test]
    fn a_cycle_across_the_write_lock_and_an_application_lock_has_one_victim() {
        let (locks, first, second) = locks();
        let cancel = CancelFlag::default();
        locks.set_busy(first, true);
        locks.acquire(first, &writer(), EXCLUSIVE, None, &cancel);
        locks.acquire(second, &application("a"), EXCLUSIVE, None, &cancel);
        let waiting = {
            let (locks, cancel) = (Arc::clone(&locks), cancel.clone());
            thread::spawn(move || locks.acquire(first, &application("a"), EXCLUSIVE, None, &cancel))
        };
        until_waiting(&locks, first);
        assert_eq!(locks.acquire(second, &writer(), EXCLUSIVE, None, &cancel), Outcome::Deadlock);
        locks.release_transaction(second);
        assert_eq!(waiting.join().unwrap(), Outcome::GrantedAfterWaiting);
    }

    #[test]
    fn an_idle_writer_is_cut_while_others_wait_and_a_busy_one_is_not() {
        let locks = Locks::new(Duration::ZERO);
        let cut = CancellationToken::new();
        let (first, second) = (locks.register(cut.clone()), locks.register(CancellationToken::new()));
        let cancel = CancelFlag::default();
        locks.acquire(first, &writer(), EXCLUSIVE, None, &cancel);
        locks.set_busy(first, true);
        let brief = Some(Duration::from_millis(1));
        assert_eq!(locks.acquire(second, &writer(), EXCLUSIVE, brief, &cancel), Outcome::TimedOut);
        assert!(!cut.is_cancelled());
        locks.set_busy(first, false);
        assert_eq!(locks.acquire(second, &writer(), EXCLUSIVE, brief, &cancel), Outcome::TimedOut);
        assert!(cut.is_cancelled());
    }

    #[test]
    fn a_cancelled_waiter_and_a_forgotten_holder_leave_nothing_behind() {
        let (locks, first, second) = locks();
        let cancel = CancelFlag::default();
        locks.acquire(first, &application("a"), EXCLUSIVE, None, &cancel);
        let cancelled = CancelFlag::default();
        cancelled.cancel();
        assert_eq!(locks.acquire(second, &application("a"), EXCLUSIVE, None, &cancelled), Outcome::Cancelled);
        locks.forget(first);
        locks.forget(second);
        assert!(locks.table.lock().entries.is_empty() && locks.table.lock().sessions.is_empty());
    }
}
