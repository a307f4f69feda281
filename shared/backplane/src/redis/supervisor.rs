//! The life of a connection: connect, log in, subscribe, report `Connected`, watch, replace.
//!
//! One task owns both connections and all their futures; when either ends or falls silent both are replaced.
//! `Connected` is reported only after the server confirmed the subscriptions: a client library that
//! resubscribes on its own and ignores refusals would leave an instance deaf without a sign.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use rand::RngExt;
use redis::aio::MultiplexedConnection;
use redis::{PushInfo, PushKind, RedisError, Value};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::connect::{ConnectError, Connector, OnPush};
use super::options::Endpoint;
use super::registry::Change;
use super::{MESSAGE_BYTES_MAX, Outgoing, Shared};

/// The first pause after a failure; each further one is twice as long, up to the cap, of which a random half
/// is taken off so that a fleet does not come back at once.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A connection that lived this long was a good one: the pauses begin anew.
const GOOD_AFTER: Duration = Duration::from_secs(5);
/// Messages in one round trip.
const PUBLISH_BATCH_MAX: usize = 128;
/// Channels in one command.
const SUBSCRIBE_BATCH_MAX: usize = 1_000;

/// Why a connection that stood has ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error(transparent)]
    NotConnected(#[from] ConnectError),
    #[error("the server closed the connection")]
    Closed,
    #[error("no sign of life: {0}")]
    Silent(RedisError),
    #[error("the server has become a replica; its messages would reach nobody else")]
    Demoted,
    #[error("publishing failed: {0}")]
    Publish(RedisError),
    #[error("subscribing failed: {0}")]
    Subscribe(RedisError),
    #[error("stopping")]
    Stopping,
}

/// Runs until stopped.
pub(super) async fn run(shared: Arc<Shared>, mut queue: mpsc::Receiver<Outgoing>) {
    let mut failures: u32 = 0;
    loop {
        let began = Instant::now();
        let ended = tokio::select! {
            biased;
            () = shared.stopping.cancelled() => Ended::Stopping,
            ended = connect_and_serve(&shared, &mut queue) => ended,
        };
        disconnected(&shared);
        if matches!(ended, Ended::Stopping) {
            break;
        }
        failures = if began.elapsed() >= GOOD_AFTER { 1 } else { failures.saturating_add(1) };
        let pause = pause(failures);
        report(&shared, &ended, pause);
        tokio::select! {
            () = shared.stopping.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    for mailbox in shared.registry.mailboxes() {
        mailbox.close();
    }
}

fn pause(failures: u32) -> Duration {
    let full = PAUSE_FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(PAUSE_MAX);
    full.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// Each reason is logged as a warning once, until a connection stood or the reason changes.
fn report(shared: &Shared, ended: &Ended, pause: Duration) {
    let reason = ended.to_string();
    let mut last = shared.last_error.lock();
    let pause_ms = pause.as_millis() as u64;
    if last.as_deref() == Some(reason.as_str()) {
        tracing::debug!(reason, pause_ms, "redis is still away");
    } else {
        tracing::warn!(reason, pause_ms, "redis is away; changes and wake-ups arrive by SQL, later");
        *last = Some(reason);
    }
}

fn disconnected(shared: &Shared) {
    if shared.connected.send_replace(false) {
        for mailbox in shared.registry.mailboxes() {
            mailbox.disconnected();
        }
    }
}

async fn connect_and_serve(shared: &Arc<Shared>, queue: &mut mpsc::Receiver<Outgoing>) -> Ended {
    let connector = match Connector::new(shared.options.clone()).await {
        Ok(connector) => connector,
        Err(error) => return error.into(),
    };
    let candidates = match connector.candidates().await {
        Ok(candidates) => candidates,
        Err(error) => return error.into(),
    };
    let mut last = Ended::Closed;
    for endpoint in &candidates {
        // Dropping the set at the end of a try closes both sockets.
        let mut drivers = JoinSet::new();
        match connect_both(shared, &connector, endpoint, &mut drivers).await {
            Ok((publisher, subscriber)) => {
                let ended = serve(shared, &connector, queue, publisher, subscriber, &mut drivers).await;
                drivers.shutdown().await;
                return ended;
            }
            Err(error) => last = error.into(),
        }
        drivers.shutdown().await;
    }
    last
}

async fn connect_both(
    shared: &Arc<Shared>,
    connector: &Connector,
    endpoint: &Endpoint,
    drivers: &mut JoinSet<()>,
) -> Result<(MultiplexedConnection, MultiplexedConnection), ConnectError> {
    let publisher = connector.connect(endpoint, None, drivers).await?;
    let receiver = shared.clone();
    let on_push: OnPush = Arc::new(move |push| deliver(&receiver, push));
    let subscriber = connector.connect(endpoint, Some(on_push), drivers).await?;
    Ok((publisher, subscriber))
}

fn deliver(shared: &Shared, push: PushInfo) {
    if push.kind != PushKind::Message {
        return;
    }
    let mut data = push.data.into_iter();
    let (Some(Value::BulkString(channel)), Some(Value::BulkString(message))) = (data.next(), data.next())
    else {
        return;
    };
    let Ok(channel) = str::from_utf8(&channel) else { return };
    if message.len() > MESSAGE_BYTES_MAX {
        shared.counters.dropped_in.fetch_add(1, Relaxed);
        return;
    }
    let (delivered, dropped) = shared.registry.deliver(channel, &Bytes::from(message));
    shared.counters.received.fetch_add(delivered, Relaxed);
    shared.counters.dropped_in.fetch_add(dropped, Relaxed);
}

/// Everything that happens on a standing connection; returns when it has to be replaced.
async fn serve(
    shared: &Shared,
    connector: &Connector,
    queue: &mut mpsc::Receiver<Outgoing>,
    publisher: MultiplexedConnection,
    subscriber: MultiplexedConnection,
    drivers: &mut JoinSet<()>,
) -> Ended {
    let alive = watch_for_silence(shared, connector, publisher.clone(), subscriber.clone());
    tokio::select! {
        _ = drivers.join_next() => Ended::Closed,
        ended = alive => ended,
        ended = publish_queued(shared, queue, publisher) => ended,
        ended = keep_subscribed(shared, subscriber) => ended,
    }
}

/// A half-open connection accepts writes for minutes: only an answer proves that somebody is there.
async fn watch_for_silence(
    shared: &Shared,
    connector: &Connector,
    mut publisher: MultiplexedConnection,
    mut subscriber: MultiplexedConnection,
) -> Ended {
    loop {
        tokio::time::sleep(shared.options.keep_alive).await;
        let answers =
            tokio::try_join!(connector.is_alive(&mut publisher), connector.is_alive(&mut subscriber));
        match answers {
            Ok((true, true)) => {}
            Ok(_) => return Ended::Demoted,
            Err(error) => return Ended::Silent(error),
        }
    }
}

/// While one batch is on its way the next one gathers.
async fn publish_queued(
    shared: &Shared,
    queue: &mut mpsc::Receiver<Outgoing>,
    mut publisher: MultiplexedConnection,
) -> Ended {
    let mut batch = Vec::with_capacity(PUBLISH_BATCH_MAX);
    loop {
        let count = queue.recv_many(&mut batch, PUBLISH_BATCH_MAX).await;
        if count == 0 {
            // Closed: the handles are gone and with them everybody who could publish.
            return std::future::pending().await;
        }
        let mut pipeline = redis::pipe();
        let mut waiting = Vec::with_capacity(count);
        for Outgoing { channel, message, subscribers } in batch.drain(..) {
            match message {
                Some(message) => pipeline.cmd("PUBLISH").arg(channel).arg(message.as_ref()),
                None => pipeline.cmd("PUBSUB").arg("NUMSUB").arg(channel),
            };
            waiting.push(subscribers);
        }
        match pipeline.query_async::<Vec<Value>>(&mut publisher).await {
            Ok(answers) => {
                for (subscribers, answer) in waiting.into_iter().zip(answers) {
                    // Whoever asked may have gone; an answer without a number leaves them without one.
                    let _ = subscribers.zip(count_in(&answer)).map(|(tell, count)| tell.send(count));
                }
                shared.counters.published.fetch_add(count as u64, Relaxed)
            }
            Err(error) => {
                shared.counters.dropped_out.fetch_add(count as u64, Relaxed);
                return Ended::Publish(error);
            }
        };
    }
}

/// What PUBLISH answers, or the one number in what PUBSUB NUMSUB answers.
fn count_in(answer: &Value) -> Option<u64> {
    match answer {
        Value::Int(count) => u64::try_from(*count).ok(),
        Value::Array(items) => items.get(1).and_then(count_in),
        Value::Map(pairs) => pairs.first().and_then(|(_, count)| count_in(count)),
        _ => None,
    }
}

/// Subscribes to what is asked for, reports `Connected`, and follows changes of what is asked for.
async fn keep_subscribed(shared: &Shared, mut subscriber: MultiplexedConnection) -> Ended {
    let mut subscribed: HashSet<Arc<str>> = HashSet::new();
    let mut is_first = true;
    loop {
        // A change after this leaves a permit and another round.
        let (changes, last) = shared.registry.take_changes(is_first);
        is_first = false;
        if let Err(error) = adjust(&mut subscriber, &mut subscribed, &changes).await {
            return Ended::Subscribe(error);
        }
        if !*shared.connected.borrow() {
            shared.counters.connects.fetch_add(1, Relaxed);
            *shared.last_error.lock() = None;
            shared.connected.send_replace(true);
            tracing::info!(channels = subscribed.len(), "redis is connected");
        }
        let connection = shared.counters.connects.load(Relaxed);
        for mailbox in changes.iter().flat_map(|(_, mailboxes)| mailboxes) {
            mailbox.connected(connection);
        }
        shared.registry.confirm(last);
        shared.registry.changed().await;
    }
}

async fn adjust(
    subscriber: &mut MultiplexedConnection,
    subscribed: &mut HashSet<Arc<str>>,
    changes: &[Change],
) -> Result<(), RedisError> {
    let wanted = |wanted: bool| {
        let as_wanted = move |(_, mailboxes): &&Change| mailboxes.is_empty() != wanted;
        changes.iter().filter(as_wanted).map(|(channel, _)| channel.clone())
    };
    let new: Vec<Arc<str>> = wanted(true).filter(|channel| !subscribed.contains(channel)).collect();
    for some in new.chunks(SUBSCRIBE_BATCH_MAX) {
        subscriber.subscribe(some.iter().map(|channel| &**channel).collect::<Vec<&str>>()).await?;
        subscribed.extend(some.iter().cloned());
    }
    let gone: Vec<Arc<str>> = wanted(false).filter(|channel| subscribed.remove(channel)).collect();
    for some in gone.chunks(SUBSCRIBE_BATCH_MAX) {
        subscriber.unsubscribe(some.iter().map(|channel| &**channel).collect::<Vec<&str>>()).await?;
    }
    Ok(())
}
