//! What waits for one client: a bounded queue that senders fill without waiting and the transport empties, and the
//! part of it that stateful reconnect keeps until the client has acknowledged it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::protocol::{Frame, Message, Protocol};

/// The bytes that wait for all clients of a hub, and how many clients share them.
#[derive(Debug)]
pub(crate) struct Budget {
    max_bytes: usize,
    held_bytes: AtomicUsize,
    pub(crate) connections: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { max_bytes, held_bytes: AtomicUsize::new(0), connections: AtomicUsize::new(0) }
    }

    pub(crate) fn held_bytes(&self) -> usize {
        self.held_bytes.load(Ordering::Relaxed)
    }

    /// Whether a connection that holds `own_bytes` may hold more. All equal shares together are within the limit.
    fn allows(&self, own_bytes: usize) -> bool {
        self.held_bytes() <= self.max_bytes
            || own_bytes <= self.max_bytes / self.connections.load(Ordering::Relaxed).max(1)
    }
}

/// The client takes too little of what is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Overflow;

#[derive(Debug)]
pub(crate) struct Outbound {
    budget: Arc<Budget>,
    max_bytes: usize,
    state: Mutex<State>,
    /// Told when there is room again; streams wait for it.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    queue: VecDeque<Frame>,
    queued_bytes: usize,
    phase: Phase,
    /// The transport that may take; an older one gets nothing more.
    attachment: u32,
    waker: Option<Waker>,
    ping: Option<Protocol>,
    /// The answer to a WebSocket ping.
    pong: Option<Frame>,
    replay: Option<Box<Replay>>,
    /// When the transport last took something, or the queue was empty.
    progress_at_ms: u64,
    sent_at_ms: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Open,
    /// What waits still goes out; nothing is added.
    Draining,
    Ended,
}

/// Sent and not acknowledged. Numbers are implicit: the first message of a connection is 1.
#[derive(Debug)]
struct Replay {
    protocol: Protocol,
    kept: VecDeque<Frame>,
    kept_bytes: usize,
    max_bytes: usize,
    /// The number of the first one kept, or of the next one sent.
    first: u64,
    /// How many of those kept have gone out on the present transport.
    sent: usize,
    /// The transport is a new one: tell the client which number comes first.
    announce: bool,
    ack: Option<u64>,
}

impl Outbound {
    pub(crate) fn new(budget: Arc<Budget>, max_bytes: usize) -> Self {
        Self { budget, max_bytes, state: Mutex::default(), room: Notify::new() }
    }

    /// Adds a message. One that finds the queue closed is dropped: the client is leaving.
    pub(crate) fn push(&self, frame: Frame, now_ms: u64) -> Result<(), Overflow> {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return Ok(());
        }
        let own = state.queued_bytes + frame.len();
        if own > self.max_bytes && !state.queue.is_empty() || !self.budget.allows(own) {
            return Err(Overflow);
        }
        self.add(&mut state, frame, now_ms);
        Ok(())
    }

    fn add(&self, state: &mut State, frame: Frame, now_ms: u64) {
        if state.queue.is_empty() {
            state.progress_at_ms = now_ms;
        }
        self.budget.held_bytes.fetch_add(frame.len(), Ordering::Relaxed);
        state.queued_bytes += frame.len();
        state.queue.push_back(frame);
        wake(state);
    }

    /// Adds the last message, whatever waits before it, and takes no more.
    pub(crate) fn push_last(&self, frame: Option<Frame>, now_ms: u64) {
        let mut state = self.state.lock();
        if state.phase != Phase::Open {
            return;
        }
        if let Some(frame) = frame {
            self.add(&mut state, frame, now_ms);
        }
        state.phase = Phase::Draining;
        wake(&mut state);
        self.room.notify_waiters();
    }

    /// Nothing goes out any more.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.phase = Phase::Ended;
        let kept = state.replay.take().map_or(0, |replay| replay.kept_bytes);
        self.budget.held_bytes.fetch_sub(state.queued_bytes + kept, Ordering::Relaxed);
        state.queued_bytes = 0;
        state.queue = VecDeque::new();
        wake(&mut state);
        self.room.notify_waiters();
    }

    /// Starts a transport; an earlier one ends. With stateful reconnect everything unacknowledged goes out again.
    pub(crate) fn attach(&self, attachment: u32, now_ms: u64) {
        let mut state = self.state.lock();
        state.attachment = attachment;
        state.progress_at_ms = now_ms;
        state.sent_at_ms = now_ms;
        if let Some(replay) = &mut state.replay {
            replay.sent = 0;
            replay.announce = true;
        }
        wake(&mut state);
    }

    /// The transport is gone; what is left of it gets nothing more.
    pub(crate) fn detach(&self, attachment: u32) {
        let mut state = self.state.lock();
        state.attachment = attachment;
        wake(&mut state);
    }

    /// From now on messages are numbered and kept.
    pub(crate) fn enable_replay(&self, protocol: Protocol, max_bytes: usize) {
        self.state.lock().replay = Some(Box::new(Replay {
            protocol,
            kept: VecDeque::new(),
            kept_bytes: 0,
            max_bytes,
            first: 1,
            sent: 0,
            announce: false,
            ack: None,
        }));
    }

    /// The client has everything up to `id`.
    pub(crate) fn acknowledged(&self, id: u64) {
        let mut state = self.state.lock();
        let Some(replay) = &mut state.replay else { return };
        let mut released = 0;
        while replay.first <= id {
            let Some(frame) = replay.kept.pop_front() else { break };
            released += frame.len();
            replay.first += 1;
            replay.sent = replay.sent.saturating_sub(1);
        }
        replay.kept_bytes -= released;
        self.budget.held_bytes.fetch_sub(released, Ordering::Relaxed);
        wake(&mut state);
    }

    /// Tells the client, soon, that everything up to `id` has arrived.
    pub(crate) fn acknowledge(&self, id: u64) {
        let mut state = self.state.lock();
        if let Some(replay) = &mut state.replay {
            replay.ack = Some(id);
        }
        wake(&mut state);
    }

    /// Pings if nothing was sent for `interval_ms`.
    pub(crate) fn ping_if_quiet(&self, protocol: Protocol, now_ms: u64, interval_ms: u64) {
        let mut state = self.state.lock();
        if state.phase == Phase::Open && now_ms.saturating_sub(state.sent_at_ms) >= interval_ms {
            state.ping = Some(protocol);
            wake(&mut state);
        }
    }

    /// Answers a WebSocket ping; only the last one needs it.
    pub(crate) fn pong(&self, frame: Frame) {
        let mut state = self.state.lock();
        state.pong = Some(frame);
        wake(&mut state);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().queue.is_empty()
    }

    /// For how long something has waited without the transport taking anything.
    pub(crate) fn stalled_ms(&self, now_ms: u64) -> u64 {
        let state = self.state.lock();
        if state.queue.is_empty() { 0 } else { now_ms.saturating_sub(state.progress_at_ms) }
    }

    /// Waits until what waits is little enough for a stream to add to it.
    pub(crate) async fn room(&self) {
        loop {
            let told = self.room.notified();
            tokio::pin!(told);
            told.as_mut().enable();
            if self.has_room() {
                return;
            }
            told.await;
        }
    }

    fn has_room(&self) -> bool {
        let state = self.state.lock();
        state.phase != Phase::Open || state.queued_bytes <= self.max_bytes / 4
    }

    /// The next message for that transport; `None` when it should end.
    pub(crate) fn poll_next(
        &self,
        context: &mut Context<'_>,
        attachment: u32,
        now_ms: u64,
    ) -> Poll<Option<Frame>> {
        let mut state = self.state.lock();
        if state.attachment != attachment || state.phase == Phase::Ended {
            return Poll::Ready(None);
        }
        if let Some(frame) = self.next(&mut state) {
            state.sent_at_ms = now_ms;
            state.progress_at_ms = now_ms;
            return Poll::Ready(Some(frame));
        }
        if state.phase == Phase::Draining && state.queue.is_empty() {
            return Poll::Ready(None);
        }
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            state.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    fn next(&self, state: &mut State) -> Option<Frame> {
        if let Some(frame) = state.replay.as_mut().and_then(|replay| replay.next()) {
            return Some(frame);
        }
        if let Some(pong) = state.pong.take() {
            return Some(pong);
        }
        if let Some(protocol) = state.ping.take() {
            return protocol.encode(&Message::Ping).ok();
        }
        let next = state.queue.front()?;
        if next.is_counted() && state.replay.as_ref().is_some_and(|replay| replay.is_full()) {
            return None;
        }
        let frame = state.queue.pop_front()?;
        state.queued_bytes -= frame.len();
        if state.queued_bytes <= self.max_bytes / 4 {
            self.room.notify_waiters();
        }
        match &mut state.replay {
            Some(replay) if frame.is_counted() => replay.keep(frame.clone()),
            _ => _ = self.budget.held_bytes.fetch_sub(frame.len(), Ordering::Relaxed),
        }
        if state.queue.is_empty() {
            // An idle connection holds no room.
            state.queue = VecDeque::new();
        }
        Some(frame)
    }
}

impl Drop for Outbound {
    fn drop(&mut self) {
        self.end();
    }
}

impl Replay {
    fn is_full(&self) -> bool {
        self.kept_bytes >= self.max_bytes
    }

    /// What goes before the queue: the announcement, what was sent on an earlier transport, an acknowledgement.
    fn next(&mut self) -> Option<Frame> {
        if self.announce {
            self.announce = false;
            return self.protocol.encode(&Message::Sequence(self.first)).ok();
        }
        if let Some(frame) = self.kept.get(self.sent) {
            self.sent += 1;
            return Some(frame.clone());
        }
        let id = self.ack.take()?;
        self.protocol.encode(&Message::Ack(id)).ok()
    }

    fn keep(&mut self, frame: Frame) {
        self.kept_bytes += frame.len();
        self.kept.push_back(frame);
        self.sent += 1;
    }
}

fn wake(state: &mut State) {
    if let Some(waker) = state.waker.take() {
        waker.wake();
    }
}
