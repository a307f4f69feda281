//! What an observer hears, and the trace that goes from whoever enqueues to the run.

use std::sync::Arc;

use jobs::{Observer, RunOutcome, RunReport, Server, TraceContext};
use parking_lot::Mutex;

use crate::support::{Note, World, note, quick, reporting, soon};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Is in a trace and remembers what it hears.
#[derive(Default)]
struct Ear {
    enqueued: Mutex<Vec<(String, usize, bool)>>,
    ran: Mutex<Vec<(String, RunOutcome)>>,
    continued: Mutex<Vec<TraceContext>>,
}

impl Observer for Ear {
    fn enqueued(&self, _handler: &str, queue: &str, jobs: usize, expected: bool) {
        self.enqueued.lock().push((queue.to_owned(), jobs, expected));
    }

    fn ran(&self, report: &RunReport<'_>) {
        self.ran.lock().push((report.handler.to_owned(), report.outcome));
    }

    fn trace(&self) -> Option<TraceContext> {
        Some(trace())
    }

    fn continue_trace(&self, _span: &tracing::Span, trace: &TraceContext) {
        self.continued.lock().push(trace.clone());
    }
}

#[tokio::test]
async fn a_job_carries_the_trace_of_whoever_enqueued_it_to_its_run() {
    let world = World::new().await;
    let ear = Arc::new(Ear::default());
    let client = world.client.clone().observed_by(ear.clone());
    let enqueue = world.database.transaction("test.trace", |tx| {
        let client = client.clone();
        Box::pin(async move { client.enqueue(tx, &note(1)).await })
    });
    let id = enqueue.await.unwrap();

    let parameter = world.job(id).await.parameters["opentelemetry_activity_context"].clone();
    insta::assert_snapshot!(parameter, @r#"{"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01","tracestate":"vendor=1"}"#);
    assert_eq!(*ear.enqueued.lock(), [("default".to_owned(), 1, false)]);

    let (mut ran, registry) = reporting();
    let database = world.database.clone();
    let server =
        Server::start_observed(database, registry, quick(), world.wake.clone(), ear.clone()).unwrap();
    let ran: Note = soon("the run", ran.recv()).await.unwrap();
    assert_eq!(ran, note(1));
    world.reaches(id, "Succeeded").await;
    server.stop().await;
    assert_eq!(*ear.continued.lock(), [trace()]);
    let ran = ear.ran.lock().clone();
    assert_eq!(ran.len(), 1);
    assert!(ran[0].0.contains("::"), "{ran:?}");
    assert_eq!(ran[0].1, RunOutcome::Succeeded);
}

fn trace() -> TraceContext {
    TraceContext { traceparent: TRACEPARENT.to_owned(), tracestate: Some("vendor=1".to_owned()) }
}
