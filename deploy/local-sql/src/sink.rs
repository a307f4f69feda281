//! Turns what the engine reports into tokens and hands them to the connection in bounded pieces.
//!
//! A DONE token says whether more follows, which the engine cannot know: the last one is held back until the next
//! token or the end of the answer decides.

use tokio::sync::mpsc;

use crate::engine::{CancelFlag, Column, Message, ResultSink, SqlError, SqlType, Value};
use crate::tds::tokens::{self, Done, DoneKind};

/// Tokens are handed over when about this many bytes have gathered.
const PART_BYTES: usize = 32 * 1024;
/// Severity from which SQL Server ends the connection.
const FATAL_CLASS: u8 = 20;

/// What the session's thread sends to the connection's task.
#[derive(Debug)]
pub(crate) enum Reply {
    /// Whole packets' worth of an answer; more follows.
    Part(Vec<u8>),
    /// The end of an answer. `close`: the connection ends with it.
    Last { tokens: Vec<u8>, close: bool },
    /// Send this much, then cut the connection without ending the answer (a fault on demand).
    Cut(Vec<u8>),
}

/// The sink of one request.
pub(crate) struct TokenSink<'a> {
    out: Vec<u8>,
    replies: &'a mpsc::Sender<Reply>,
    cancel: CancelFlag,
    payload_bytes: usize,
    columns: Vec<Column>,
    /// The DONE of the last statement, not yet written.
    held: Option<Done>,
    /// An error was written whose statement has no DONE yet.
    failed: bool,
    call: Option<Call>,
    fatal: bool,
    /// Rows until the answer is cut (a fault on demand).
    rows_until_cut: Option<u64>,
    is_cut: bool,
}

/// The procedure call whose statements are running.
struct Call {
    /// The name of each parameter, and whether the client wants it back.
    parameters: Vec<(String, bool)>,
    /// The position of the first parameter that has not come back yet; they come back in order.
    next_output: usize,
    failed: bool,
}

impl Call {
    /// The position of the next output parameter with this name; parameters by position have none.
    fn ordinal(&mut self, name: &str) -> Option<usize> {
        let rest = self.parameters.get(self.next_output..)?;
        let found = rest.iter().position(|(known, is_output)| *is_output && known == name)?;
        let ordinal = self.next_output + found;
        self.next_output = ordinal + 1;
        Some(ordinal)
    }
}

impl<'a> TokenSink<'a> {
    /// `payload_bytes` is what fits one packet.
    pub(crate) fn new(replies: &'a mpsc::Sender<Reply>, cancel: CancelFlag, payload_bytes: usize) -> Self {
        Self {
            out: Vec::new(),
            replies,
            cancel,
            payload_bytes,
            columns: Vec::new(),
            held: None,
            failed: false,
            call: None,
            fatal: false,
            rows_until_cut: None,
            is_cut: false,
        }
    }

    /// Cuts the answer after this many rows.
    pub(crate) fn cut_after_rows(&mut self, rows: u64) {
        self.rows_until_cut = Some(rows);
    }

    /// Cuts the connection here; what was gathered is not sent.
    pub(crate) fn cut_silently(&mut self) {
        self.out.clear();
        self.cut();
    }

    /// `parameters`: their names, and whether the client wants them back.
    pub(crate) fn begin_call(&mut self, parameters: Vec<(String, bool)>) {
        self.settle();
        self.call = Some(Call { parameters, next_output: 0, failed: false });
    }

    /// Ends a procedure call with its DONEPROC, held back like every DONE.
    pub(crate) fn end_call(&mut self) {
        self.settle();
        let failed = self.call.take().is_some_and(|call| call.failed);
        self.held = Some(Done { kind: DoneKind::Procedure, error: failed, ..Done::last() });
    }

    /// An error that did not come from a statement of the engine.
    pub(crate) fn refuse(&mut self, error: &SqlError) {
        self.error(Message {
            number: error.number,
            state: error.state,
            class: error.class,
            text: error.text.clone(),
            line: error.line,
            procedure: String::new(),
        });
    }

    /// The session was reset.
    pub(crate) fn connection_reset(&mut self) {
        tokens::connection_reset(&mut self.out);
    }

    /// Ends the answer.
    pub(crate) fn finish(mut self) {
        if self.is_cut {
            return;
        }
        if !self.cancel.is_cancelled() {
            match (self.held.take(), self.failed) {
                (Some(done), false) => done.append(&mut self.out),
                (held, failed) => {
                    if let Some(done) = held {
                        Done { more: true, ..done }.append(&mut self.out);
                    }
                    Done { error: failed, ..Done::last() }.append(&mut self.out);
                }
            }
        }
        let last = Reply::Last { tokens: std::mem::take(&mut self.out), close: self.fatal };
        self.hand_over(last);
    }

    /// Nothing but changes of the environment is written once the client has cancelled.
    fn is_mute(&self) -> bool {
        self.is_cut || self.cancel.is_cancelled()
    }

    /// Writes the DONE that was held back: something follows it.
    fn release_held(&mut self) {
        if let Some(done) = self.held.take() {
            Done { more: true, ..done }.append(&mut self.out);
        }
    }

    /// Closes the statement before, whether it succeeded or failed.
    fn settle(&mut self) {
        self.release_held();
        if std::mem::take(&mut self.failed) {
            Done { more: true, error: true, ..self.statement_done_token() }.append(&mut self.out);
        }
    }

    fn statement_done_token(&self) -> Done {
        let kind = if self.call.is_some() { DoneKind::InProcedure } else { DoneKind::Statement };
        Done { kind, ..Done::last() }
    }

    fn hand_over_if_large(&mut self) {
        if self.out.len() <= PART_BYTES {
            return;
        }
        // At least one byte stays, so that the last packet of the answer is never empty.
        let whole_packets = (self.out.len() - 1) / self.payload_bytes * self.payload_bytes;
        if whole_packets > 0 {
            let rest = self.out.split_off(whole_packets);
            let part = std::mem::replace(&mut self.out, rest);
            self.hand_over(Reply::Part(part));
        }
    }

    /// Blocks while the client is slow. A client that is gone stops the statement.
    fn hand_over(&mut self, reply: Reply) {
        if self.replies.blocking_send(reply).is_err() {
            self.cancel.cancel();
        }
    }

    fn cut(&mut self) {
        self.is_cut = true;
        let tokens = std::mem::take(&mut self.out);
        self.hand_over(Reply::Cut(tokens));
        self.cancel.cancel();
    }
}

impl ResultSink for TokenSink<'_> {
    fn columns(&mut self, columns: &[Column]) {
        if self.is_mute() {
            return;
        }
        self.settle();
        self.columns = columns.to_vec();
        tokens::columns(columns, &mut self.out);
    }

    fn row(&mut self, values: &[Value]) {
        if self.is_mute() {
            return;
        }
        if let Err(mismatch) = tokens::row(&self.columns, values, &mut self.out) {
            self.refuse(&SqlError::new(40000, mismatch.to_string()));
            return;
        }
        self.hand_over_if_large();
        if let Some(rows) = &mut self.rows_until_cut {
            *rows = rows.saturating_sub(1);
            if *rows == 0 {
                self.cut();
            }
        }
    }

    fn statement_done(&mut self, count: Option<u64>, select: bool) {
        if self.is_mute() {
            return;
        }
        // A row that could not be written has failed the statement already.
        if self.failed && select {
            return;
        }
        self.settle();
        if count.is_some() || select {
            self.held = Some(Done { count, select, ..self.statement_done_token() });
        }
    }

    fn info(&mut self, message: Message) {
        if self.is_mute() {
            return;
        }
        self.release_held();
        tokens::message(&message, &mut self.out);
        self.hand_over_if_large();
    }

    fn error(&mut self, message: Message) {
        if self.is_mute() {
            return;
        }
        self.release_held();
        tokens::message(&message, &mut self.out);
        self.failed = true;
        self.fatal |= message.class >= FATAL_CLASS;
        if let Some(call) = &mut self.call {
            call.failed = true;
        }
    }

    fn return_status(&mut self, status: i32) {
        if self.is_mute() {
            return;
        }
        self.settle();
        tokens::return_status(status, &mut self.out);
    }

    fn output(&mut self, name: &str, ty: SqlType, value: &Value) {
        if self.is_mute() {
            return;
        }
        self.settle();
        let ordinal = self.call.as_mut().and_then(|call| call.ordinal(name)).unwrap_or(0) as u16;
        if let Err(mismatch) = tokens::return_value(ordinal, name, ty, value, &mut self.out) {
            self.refuse(&SqlError::new(40000, mismatch.to_string()));
        }
        self.hand_over_if_large();
    }

    fn transaction_began(&mut self, descriptor: u64) {
        self.settle();
        tokens::transaction_began(descriptor, &mut self.out);
    }

    fn transaction_committed(&mut self, descriptor: u64) {
        self.settle();
        tokens::transaction_committed(descriptor, &mut self.out);
    }

    fn transaction_rolled_back(&mut self, descriptor: u64) {
        self.settle();
        tokens::transaction_rolled_back(descriptor, &mut self.out);
    }

    fn database_changed(&mut self, old: &str, new: &str) {
        self.settle();
        tokens::database_change(old, new, &mut self.out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MORE: u8 = 0x01;
    const FAILED: u8 = 0x02;
    const COUNT: u8 = 0x10;
    const BATCH_DONE: u8 = 0xFD;
    const CALL_DONE: u8 = 0xFE;
    const CALL_STATEMENT_DONE: u8 = 0xFF;

    /// The DONE tokens (kind, status) of an answer without rows or messages, and whatever else is in it.
    fn answer(report: impl FnOnce(&mut TokenSink<'_>)) -> Vec<u8> {
        let (sender, mut replies) = mpsc::channel(8);
        let mut sink = TokenSink::new(&sender, CancelFlag::default(), 504);
        report(&mut sink);
        sink.finish();
        let mut whole = Vec::new();
        while let Ok(reply) = replies.try_recv() {
            match reply {
                Reply::Part(tokens) | Reply::Cut(tokens) | Reply::Last { tokens, .. } => whole.extend(tokens),
            }
        }
        whole
    }

    fn dones(tokens: &[u8]) -> Vec<(u8, u8)> {
        tokens.chunks(13).map(|token| (token[0], token[1])).collect()
    }

    fn failure() -> SqlError {
        SqlError::new(1, "")
    }

    #[test]
    fn only_the_last_statement_of_a_batch_ends_the_answer() {
        let tokens = answer(|sink| {
            sink.statement_done(Some(1), false);
            sink.statement_done(None, false);
            sink.statement_done(Some(2), false);
        });
        assert_eq!(dones(&tokens), [(BATCH_DONE, COUNT | MORE), (BATCH_DONE, COUNT)]);
    }

    #[test]
    fn a_batch_that_reports_nothing_still_ends() {
        assert_eq!(dones(&answer(|_| {})), [(BATCH_DONE, 0)]);
    }

    #[test]
    fn an_error_marks_the_done_of_its_own_statement() {
        let tokens = answer(|sink| {
            sink.statement_done(Some(1), false);
            sink.refuse(&failure());
            sink.statement_done(Some(2), false);
        });
        let message_bytes = tokens.len() - 3 * 13;
        assert_eq!(dones(&tokens[..13]), [(BATCH_DONE, COUNT | MORE)]);
        let after = dones(&tokens[13 + message_bytes..]);
        assert_eq!(after, [(BATCH_DONE, FAILED | MORE), (BATCH_DONE, COUNT)]);
        let ends_in_error = answer(|sink| sink.refuse(&failure()));
        assert_eq!(dones(&ends_in_error[ends_in_error.len() - 13..]), [(BATCH_DONE, FAILED)]);
    }

    #[test]
    fn a_call_ends_with_its_own_done_and_statements_inside_never_end_the_answer() {
        let tokens = answer(|sink| {
            sink.begin_call(vec![]);
            sink.statement_done(Some(1), false);
            sink.end_call();
            sink.begin_call(vec![]);
            sink.end_call();
        });
        let expected = [(CALL_STATEMENT_DONE, COUNT | MORE), (CALL_DONE, MORE), (CALL_DONE, 0)];
        assert_eq!(dones(&tokens), expected);
    }

    #[test]
    fn after_a_cancel_only_transactions_are_reported() {
        let tokens = answer(|sink| {
            sink.cancel.cancel();
            sink.statement_done(Some(1), false);
            sink.refuse(&failure());
            sink.transaction_rolled_back(7);
        });
        assert_eq!(tokens, [0xE3, 11, 0, 10, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn parts_are_whole_packets_and_something_is_left_for_the_last() {
        let (sender, mut replies) = mpsc::channel(64);
        let mut sink = TokenSink::new(&sender, CancelFlag::default(), 504);
        sink.columns(&[Column { name: String::new(), ty: SqlType::Int, nullable: true }]);
        for _ in 0..20_000 {
            sink.row(&[Value::Int(1)]);
        }
        sink.finish();
        while let Ok(reply) = replies.try_recv() {
            match reply {
                Reply::Part(tokens) => assert_eq!(tokens.len() % 504, 0),
                Reply::Last { tokens, .. } => assert!(!tokens.is_empty()),
                Reply::Cut(_) => panic!("nothing was cut"),
            }
        }
    }
}
