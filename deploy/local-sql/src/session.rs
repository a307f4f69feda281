//! One connection's engine session on its own thread: requests in, answers out, both through bounded channels.

use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::engine::{CancelFlag, Client, Engine, Login, Session, SqlError, TransactionRequest};
use crate::faults::{self, Faults, StatementFault};
use crate::sink::{Reply, TokenSink};
use crate::statements::Statements;
use crate::tds::request::{Request, RequestBody};
use crate::tds::rpc::RpcCall;

/// Parts of an answer that may wait for a slow client; the statement waits when it is full.
const REPLIES_IN_FLIGHT: usize = 4;

/// One request with what came around it.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) request: Request,
    /// Restore the state of a fresh login first.
    pub(crate) resets: bool,
}

/// Stops the running statement when the connection's task is gone, however it went.
#[derive(Debug)]
struct CancelOnDrop(CancelFlag);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// The connection's end of a session thread. Dropping it without [`Self::end`] leaves the thread to end by itself.
#[derive(Debug)]
pub(crate) struct SessionThread {
    jobs: mpsc::Sender<Job>,
    pub(crate) replies: mpsc::Receiver<Reply>,
    pub(crate) cancel: CancelFlag,
    /// Fires when the engine wants the connection closed.
    pub(crate) cut: CancellationToken,
    pub(crate) database: String,
    ended: oneshot::Receiver<()>,
    thread: JoinHandle<()>,
    guard: CancelOnDrop,
}

/// What a session needs from its connection.
#[derive(Debug, Clone)]
pub(crate) struct SessionSettings {
    pub(crate) spid: u16,
    pub(crate) login: Arc<Login>,
    pub(crate) database: String,
    pub(crate) client: Client,
    /// What fits one packet of the answers.
    pub(crate) payload_bytes: usize,
    pub(crate) faults: Arc<Faults>,
    pub(crate) statements: Option<Arc<Statements>>,
}

struct Opened {
    cancel: CancelFlag,
    cut: CancellationToken,
    database: String,
}

impl SessionThread {
    /// Starts the thread and opens the database in it.
    pub(crate) async fn start(engine: Arc<Engine>, settings: SessionSettings) -> Result<Self, SqlError> {
        let (jobs, job_queue) = mpsc::channel(1);
        let (reply_queue, replies) = mpsc::channel(REPLIES_IN_FLIGHT);
        let (opened_sender, opened) = oneshot::channel();
        let (ended_sender, ended) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name(format!("local-sql-{}", settings.spid))
            .spawn(move || {
                // Dropped last, also by a panic.
                let _ended: oneshot::Sender<()> = ended_sender;
                run(&engine, &settings, opened_sender, job_queue, &reply_queue);
            })
            .map_err(|error| {
                SqlError::new(40000, format!("local-sql cannot start another session: {error}"))
            })?;
        let opened = opened
            .await
            .unwrap_or_else(|_| Err(SqlError::new(40000, "local-sql failed to open a session")))?;
        let Opened { cancel, cut, database } = opened;
        let guard = CancelOnDrop(cancel.clone());
        Ok(Self { jobs, replies, cancel, cut, database, ended, thread, guard })
    }

    /// Starts a request; its answer comes through `replies`. `false`: the thread is gone.
    pub(crate) async fn submit(&self, job: Job) -> bool {
        // The flag belongs to the request before; clearing it here cannot lose an Attention to this one.
        self.cancel.clear();
        self.jobs.send(job).await.is_ok()
    }

    /// Stops what is running, rolls back, and waits until the thread has ended.
    pub(crate) async fn end(self) {
        let Self { jobs, replies, ended, thread, guard, .. } = self;
        drop((guard, jobs, replies));
        let _ = ended.await;
        // The thread is past its last statement: this does not block.
        if thread.join().is_err() {
            tracing::error!("a session ended in a panic; its transaction was rolled back");
        }
    }
}

fn run(
    engine: &Arc<Engine>,
    settings: &SessionSettings,
    opened: oneshot::Sender<Result<Opened, SqlError>>,
    mut jobs: mpsc::Receiver<Job>,
    replies: &mpsc::Sender<Reply>,
) {
    let mut session = match engine.open_session_of(settings.login.clone(), &settings.database) {
        Ok(session) => session,
        Err(error) => {
            let _ = opened.send(Err(error));
            return;
        }
    };
    session.set_client(settings.client.clone());
    let (cancel, cut, database) = (session.cancel_flag(), session.cut(), session.database().to_owned());
    if opened.send(Ok(Opened { cancel: cancel.clone(), cut, database })).is_err() {
        return;
    }
    while let Some(job) = jobs.blocking_recv() {
        let mut sink = TokenSink::new(replies, cancel.clone(), settings.payload_bytes);
        if job.resets {
            session.reset(&mut sink);
            sink.connection_reset();
        }
        Runner { session: &mut session, settings, sink: &mut sink }.run(job.request);
        sink.finish();
    }
}

/// Runs one request.
struct Runner<'a, 'b> {
    session: &'a mut Session,
    settings: &'a SessionSettings,
    sink: &'a mut TokenSink<'b>,
}

impl Runner<'_, '_> {
    fn run(mut self, request: Request) {
        if let RequestBody::Refused(what) = request.body {
            self.sink.refuse(&SqlError::unsupported(what));
            return;
        }
        if request.transaction != self.session.transaction_descriptor() {
            self.sink.refuse(&SqlError::new(
                3989,
                "New request is not allowed to start because it should come with valid transaction descriptor.",
            ));
            return;
        }
        match request.body {
            RequestBody::Batch(text) => {
                self.note(&text);
                self.statement(&text, |runner| runner.batch(&text));
            }
            RequestBody::Rpc(calls) => calls.into_iter().for_each(|call| self.call(call)),
            RequestBody::Transaction(request) => {
                let text = faults::transaction_request_text(&request);
                self.statement(text, |runner| runner.session.transaction_request(request, runner.sink));
            }
            RequestBody::Refused(_) => {}
        }
    }

    fn batch(&mut self, text: &str) {
        match self.settings.faults.control_statement(text) {
            None => self.session.run_batch(text, self.sink),
            Some(Ok(())) => {}
            Some(Err(error)) => self.sink.refuse(&error),
        }
    }

    fn call(&mut self, call: RpcCall) {
        self.sink.begin_call(call.params.iter().map(|param| (param.name.clone(), param.output)).collect());
        let text = call.statement_text().to_owned();
        if text != call.procedure {
            self.note(&text);
        }
        self.statement(&text, |runner| {
            if let Some(outcome) = runner.settings.faults.control_call(&call) {
                if let Err(error) = outcome {
                    runner.sink.refuse(&error);
                }
                return;
            }
            runner.session.call_procedure(&call.procedure, call.params, runner.sink);
        });
        self.sink.end_call();
    }

    fn note(&self, text: &str) {
        if let Some(statements) = &self.settings.statements {
            statements.note(text);
        }
    }

    /// Runs a statement under the faults that match its text.
    fn statement(&mut self, text: &str, run: impl FnOnce(&mut Self)) {
        match self.settings.faults.for_statement(text, self.settings.spid) {
            None => run(self),
            Some(StatementFault::CutBefore) => self.sink.cut_silently(),
            Some(StatementFault::CutAfter) => {
                run(self);
                self.sink.cut_silently();
            }
            Some(StatementFault::CutResult { rows }) => {
                self.sink.cut_after_rows(rows);
                run(self);
            }
            Some(StatementFault::Delay(time)) => {
                faults::wait(time, &self.session.cancel_flag());
                run(self);
            }
            Some(StatementFault::Error { error, rolls_back }) => {
                if rolls_back && self.session.transaction_descriptor() != 0 {
                    let whole = TransactionRequest::Rollback { name: String::new(), begin: false };
                    self.session.transaction_request(whole, self.sink);
                }
                self.sink.refuse(&error);
            }
        }
    }
}
