//! Running hub methods: one after the other per connection (or as many at once as configured), streams beside them.

use std::any::TypeId;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, Stream, StreamExt};
use serde::Serialize;

use super::arguments::{ArgumentReader, BindError, FromArguments};
use super::{Caller, HubError};
use crate::connection::{Call, Connection};
use crate::protocol::{Completion, Invocation, Message, Outcome, Payload, Protocol};

type MethodPolicy = Arc<dyn Fn(&Caller) -> bool + Send + Sync>;
type Running<T> = Result<BoxFuture<'static, Result<T, HubError>>, BindError>;
type CallBody = Arc<dyn Fn(Caller, ArgumentReader, Protocol) -> Running<Outcome> + Send + Sync>;
type Items = BoxStream<'static, Result<Payload, HubError>>;
type StreamBody = Arc<dyn Fn(Caller, ArgumentReader, Protocol) -> Running<Items> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Method {
    pub(super) policy: Option<MethodPolicy>,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Call(CallBody),
    Stream(StreamBody),
}

impl Method {
    pub(super) fn call<A, F, Fut, R>(method: F) -> Self
    where
        A: FromArguments,
        F: Fn(Caller, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R, HubError>> + Send + 'static,
        R: Serialize + Send + 'static,
    {
        let method = Arc::new(method);
        let body = move |caller, mut reader, protocol| {
            let (method, arguments) = (method.clone(), A::from_arguments(&mut reader)?);
            let outcome = async move {
                let value = method(caller, arguments).await?;
                if TypeId::of::<R>() == TypeId::of::<()>() {
                    return Ok(Outcome::Void);
                }
                Ok(Outcome::Value(Payload::encode(protocol, &value)?))
            };
            Ok(outcome.boxed())
        };
        Self { policy: None, body: Body::Call(Arc::new(body)) }
    }

    pub(super) fn stream<A, F, Fut, S, T>(method: F) -> Self
    where
        A: FromArguments,
        F: Fn(Caller, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<S, HubError>> + Send + 'static,
        S: Stream<Item = Result<T, HubError>> + Send + 'static,
        T: Serialize + Send + 'static,
    {
        let method = Arc::new(method);
        let body = move |caller, mut reader, protocol| {
            let (method, arguments) = (method.clone(), A::from_arguments(&mut reader)?);
            let items = async move {
                let items = method(caller, arguments).await?;
                let encode = move |item: Result<T, HubError>| Ok(Payload::encode(protocol, &item?)?);
                Ok(items.map(encode).boxed())
            };
            Ok(items.boxed())
        };
        Self { policy: None, body: Body::Stream(Arc::new(body)) }
    }
}

/// Runs a future of the application; a panic becomes an error.
pub(super) async fn guarded<T>(future: impl Future<Output = Result<T, HubError>>) -> Result<T, HubError> {
    AssertUnwindSafe(future).catch_unwind().await.unwrap_or_else(|_| Err(HubError::panicked()))
}

/// Runs a call, and after it those that have waited for its place.
pub(crate) async fn run_calls(connection: Arc<Connection>, first: Call) {
    let mut next = Some(first);
    while let Some(call) = next {
        if !connection.has_ended() {
            run_call(&connection, call).await;
        }
        next = connection.calls().lock().next();
        connection.turn_taken();
    }
}

async fn run_call(connection: &Arc<Connection>, call: Call) {
    let Call { mut invocation, uploads } = call;
    let arguments = ArgumentReader::new(std::mem::take(&mut invocation.arguments), uploads);
    let outcome = call_outcome(connection, &invocation, arguments).await;
    connection.calls().lock().end_uploads(&invocation.stream_ids);
    if let Some(invocation_id) = invocation.invocation_id {
        connection.send_message(&Message::Completion(Completion { invocation_id, outcome }));
    }
}

async fn call_outcome(
    connection: &Arc<Connection>,
    invocation: &Invocation,
    arguments: ArgumentReader,
) -> Outcome {
    let target = &invocation.target;
    let Body::Call(body) = (match find(connection, target) {
        Ok(body) => body,
        Err(error) => return Outcome::Error(error),
    }) else {
        return Outcome::Error(format!(
            "The client attempted to invoke the streaming '{target}' method with a non-streaming invocation."
        ));
    };
    let detailed = connection.hub().options.detailed_errors;
    let Some(protocol) = connection.protocol() else { return Outcome::Void };
    let running = match body(Caller::new(connection.clone()), arguments, protocol) {
        Ok(running) => running,
        Err(error) => return Outcome::Error(binding_failed(target, &error, detailed)),
    };
    guarded(running).await.unwrap_or_else(|error| {
        tracing::debug!(connection = %connection.id(), target, %error, "a hub method failed");
        Outcome::Error(error.for_call(target, detailed))
    })
}

/// The method, if it exists and the caller may call it; else the text of the completion.
fn find(connection: &Arc<Connection>, target: &str) -> Result<Body, String> {
    let Some(method) = connection.hub().methods.get(&target.to_lowercase()) else {
        return Err(format!(
            "Failed to invoke '{target}' due to an error on the server. HubException: Method does not exist."
        ));
    };
    if let Some(policy) = &method.policy
        && !policy(&Caller::new(connection.clone()))
    {
        return Err(format!("Failed to invoke '{target}' because user is unauthorized"));
    }
    Ok(method.body.clone())
}

fn binding_failed(target: &str, error: &BindError, detailed: bool) -> String {
    let text = format!("Failed to invoke '{target}' due to an error on the server.");
    if detailed { format!("{text} InvalidDataException: {error}") } else { text }
}

/// Starts a call whose answer is a stream; such calls wait for nothing.
pub(crate) fn start_stream(connection: &Arc<Connection>, call: Call) {
    let Call { mut invocation, uploads } = call;
    let arguments = ArgumentReader::new(std::mem::take(&mut invocation.arguments), uploads);
    let running = match prepare_stream(connection, &invocation, arguments) {
        Ok(running) => running,
        Err(error) => {
            connection.calls().lock().end_uploads(&invocation.stream_ids);
            connection.fail(&invocation, error);
            return;
        }
    };
    let stream = run_stream(connection.clone(), invocation, running);
    connection.hub().spawn(stream);
}

fn prepare_stream(
    connection: &Arc<Connection>,
    invocation: &Invocation,
    arguments: ArgumentReader,
) -> Result<BoxFuture<'static, Result<Items, HubError>>, String> {
    let target = &invocation.target;
    let Body::Stream(body) = find(connection, target)? else {
        return Err(format!(
            "The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."
        ));
    };
    let options = &connection.hub().options;
    let protocol = connection.protocol().unwrap_or(Protocol::Json);
    let id = invocation.invocation_id.as_deref().unwrap_or_default();
    let running = body(Caller::new(connection.clone()), arguments, protocol)
        .map_err(|error| binding_failed(target, &error, options.detailed_errors))?;
    let mut calls = connection.calls().lock();
    if calls.stream_count() >= options.max_streams {
        return Err(format!("A connection may have {} streams at most.", options.max_streams));
    }
    if !calls.add_stream(id, connection.ended().child_token()) {
        return Err(format!("A stream with the id '{id}' is under way already."));
    }
    Ok(running)
}

async fn run_stream(
    connection: Arc<Connection>,
    invocation: Invocation,
    starting: BoxFuture<'static, Result<Items, HubError>>,
) {
    let id = invocation.invocation_id.unwrap_or_default();
    let detailed = connection.hub().options.detailed_errors;
    let cancelled = connection.calls().lock().stream_token(&id);
    let outcome = tokio::select! {
        // A method that is cancelled at once has still been called.
        biased;
        outcome = send_items(&connection, &id, &invocation.target, starting) => outcome,
        () = cancelled.cancelled() => Ok(()),
    };
    {
        let mut calls = connection.calls().lock();
        calls.end_stream(&id);
        calls.end_uploads(&invocation.stream_ids);
    }
    let outcome = match outcome {
        Ok(()) => Outcome::Void,
        Err(StreamFailed::Starting(error)) => Outcome::Error(error.for_call(&invocation.target, detailed)),
        Err(StreamFailed::Streaming(error)) => Outcome::Error(error.for_stream(detailed)),
    };
    connection.send_message(&Message::Completion(Completion { invocation_id: id, outcome }));
}

enum StreamFailed {
    Starting(HubError),
    Streaming(HubError),
}

async fn send_items(
    connection: &Arc<Connection>,
    id: &str,
    target: &str,
    starting: BoxFuture<'static, Result<Items, HubError>>,
) -> Result<(), StreamFailed> {
    let mut items = guarded(starting).await.map_err(StreamFailed::Starting)?;
    loop {
        let next = guarded(async { items.next().await.transpose() }).await;
        let Some(item) = next.map_err(|error| {
            tracing::debug!(connection = %connection.id(), target, %error, "a stream failed");
            StreamFailed::Streaming(error)
        })?
        else {
            return Ok(());
        };
        // A stream whose items are always there gives way to others, and notices that it was cancelled.
        tokio::task::consume_budget().await;
        // A stream waits for a slow client; it does not fill its buffer.
        connection.room().await;
        connection.send_message(&Message::StreamItem { invocation_id: id.to_owned(), item });
    }
}
