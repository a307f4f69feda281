//! One connection and the rule that keeps the pool clean: *what was not finished is never reused*.
//!
//! A flag is set before anything is sent and cleared after the answer was read to its end. A future that is
//! dropped in between, a time-out, a broken stream or an unfinished transaction leave a flag behind, and the
//! pool closes such a connection instead of handing it out; the server then rolls back.
//! How a connection is made is in `login`; who may have it in `pool`.

use std::sync::Arc;
use std::time::Duration;

use tiberius::{Client, Row, ToSql};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::compat::Compat;
use tracing::Instrument as _;

use crate::error::{Error, Result};
use crate::metrics;
use crate::pool::Shared;
use crate::retry::FATAL_CLASS;
use crate::statement::{self, Statement};

/// The stream under TDS.
pub(crate) type Tds = Client<Compat<TcpStream>>;

/// Ends whatever a failed batch may have left open. Also the probe of an idle connection.
const ROLL_BACK: &str = "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION;";

/// Longest wait for the answer to [`ROLL_BACK`]; after that the connection is closed, which rolls back too.
const ROLL_BACK_LIMIT: Duration = Duration::from_secs(5);

/// How a statement is sent, and what is wanted from the answer.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    /// `sp_executesql`, all result sets.
    Query(&'a [&'a dyn ToSql]),
    /// `sp_executesql`, the sum of affected rows.
    Execute(&'a [&'a dyn ToSql]),
    /// A batch without parameters, all result sets. Only this may begin or end a transaction.
    Batch,
}

/// The answer to a [`Request`], read to its end.
#[derive(Default)]
pub(crate) struct Answer {
    pub(crate) sets: Vec<Vec<Row>>,
    pub(crate) affected: u64,
}

/// One logged-in connection.
pub(crate) struct Connection {
    client: Tds,
    /// Something was sent and its answer not read to the end.
    in_flight: bool,
    /// A transaction was begun and its end not seen.
    in_transaction: bool,
    /// The server answered with an error; a batch may have left a transaction open.
    suspect: bool,
    /// A foreign batch may have changed the settings of the session.
    retired: bool,
    /// Pool generation in which it was made.
    pub(crate) generation: u64,
    last_used: Instant,
    shared: Arc<Shared>,
    /// Counts it as live until it is dropped.
    _live: metrics::Live,
}

impl Connection {
    pub(crate) fn new(client: Tds, generation: u64, shared: Arc<Shared>) -> Self {
        Self {
            _live: metrics::Live::new(shared.live()),
            shared,
            client,
            in_flight: false,
            in_transaction: false,
            suspect: false,
            retired: false,
            generation,
            last_used: Instant::now(),
        }
    }

    /// Whether something on it is not finished.
    pub(crate) fn is_unfinished(&self) -> bool {
        self.in_flight || self.in_transaction
    }

    /// Whether it must not be used again.
    pub(crate) fn is_spent(&self) -> bool {
        self.is_unfinished() || self.retired
    }

    /// Closes it after this use: a batch that is not ours may change settings, and those would stay.
    /// (`sp_executesql` puts them back at its end.)
    pub(crate) fn retire(&mut self) {
        self.retired = true;
    }

    /// Whether it should be tried before it is handed out.
    pub(crate) fn needs_check(&self, idle_check: Duration) -> bool {
        self.suspect || self.last_used.elapsed() >= idle_check
    }

    /// Sends one request and reads the whole answer.
    pub(crate) async fn exchange(
        &mut self,
        statement: Statement<'_>,
        request: Request<'_>,
        limit: Duration,
    ) -> Result<Answer> {
        metrics::count_statement();
        let span = statement.span(&self.shared.target);
        let began = Instant::now();
        let answer = self.answer(statement, request, limit).instrument(span.clone()).await;
        let error = answer.as_ref().err();
        if let Some(error) = error {
            statement::record_failure(&span, error);
        }
        self.shared.observe(|| statement.report(began.elapsed(), error));
        answer
    }

    async fn answer(
        &mut self,
        statement: Statement<'_>,
        request: Request<'_>,
        limit: Duration,
    ) -> Result<Answer> {
        self.in_flight = true;
        // Boxed: what tiberius keeps across its awaits is large, and it is inside of everything above.
        let exchange = Box::pin(self.send(statement.text(), request));
        let answer = tokio::time::timeout(limit, exchange).await;
        self.last_used = Instant::now();
        match answer {
            Ok(Ok(answer)) => {
                self.in_flight = false;
                Ok(answer)
            }
            Ok(Err(error)) => {
                let error = Error::from_tiberius(statement.name(), error);
                if let Error::Server(server) = &error {
                    // tiberius reports the server's error only after it has read the answer to its end.
                    self.in_flight = server.class >= FATAL_CLASS;
                    self.suspect = true;
                }
                Err(error)
            }
            Err(_) => {
                let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                Err(Error::Timeout { statement: statement.name(), limit_ms })
            }
        }
    }

    async fn send(&mut self, text: &str, request: Request<'_>) -> tiberius::Result<Answer> {
        let mut answer = Answer::default();
        match request {
            Request::Query(params) => {
                answer.sets = self.client.query(text, params).await?.into_results().await?;
            }
            Request::Execute(params) => answer.affected = self.client.execute(text, params).await?.total(),
            Request::Batch => answer.sets = self.client.simple_query(text).await?.into_results().await?,
        }
        Ok(answer)
    }

    /// Opens a transaction.
    pub(crate) async fn begin(&mut self, name: &'static str, limit: Duration) -> Result<()> {
        self.in_transaction = true;
        let statement = Statement::within(name, "BEGIN TRANSACTION;");
        let begun = self.exchange(statement, Request::Batch, limit).await;
        if matches!(begun, Err(Error::Server(_))) {
            // Refused: nothing was opened, and a suspect is checked before it is used again.
            self.in_transaction = false;
        }
        begun.map(drop)
    }

    /// Notes that the answer to COMMIT was read: nothing is open any more.
    pub(crate) fn transaction_ended(&mut self) {
        self.in_transaction = false;
    }

    /// Ends whatever is open. Where that fails the connection stays spent, and closing it rolls back.
    pub(crate) async fn roll_back(&mut self) -> Result<()> {
        if self.in_flight {
            return Ok(());
        }
        let statement = Statement::new(ROLL_BACK);
        self.exchange(statement, Request::Batch, ROLL_BACK_LIMIT).await?;
        self.in_transaction = false;
        self.suspect = false;
        Ok(())
    }
}
