//! Control flow: frames, IF, WHILE, TRY … CATCH, variables, THROW, RAISERROR, PRINT, EXECUTE of a text.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use super::super::ast::{Expression, Statement, StatementKind};
use super::super::bind::check_implicit;
use super::super::convert::{self, Overlong};
use super::super::error::{Result, SqlError};
use super::super::interface::{Message, ResultSink};
use super::super::types::{SqlType, Value};
use super::failure::{Caught, Flow, Raised, Reach, reach_of};
use super::program::{Bound, Program};
use super::{Frame, Session};

/// How deep texts may execute texts, as in SQL Server.
const MAX_FRAMES: usize = 32;
/// How often WAITFOR looks whether it was cancelled.
const WAIT_SLICE: Duration = Duration::from_millis(10);

type Outcome = std::result::Result<Flow, Raised>;

/// How a frame ended and what its variables held.
pub(super) struct Ended {
    pub(super) flow: Flow,
    pub(super) variables: HashMap<String, Value>,
}

impl Session {
    /// Runs a program in a frame of its own. The SET options of an inner text end with it.
    pub(super) fn run_frame(
        &mut self,
        program: Rc<Program>,
        variables: HashMap<String, Value>,
        sink: &mut dyn ResultSink,
    ) -> std::result::Result<Ended, Raised> {
        let raise = |error: SqlError, depth| Raised { reach: reach_of(&error), error, depth };
        let depth = self.frames.len() + 1;
        if depth > MAX_FRAMES {
            let text =
                "Maximum stored procedure, function, trigger, or view nesting level exceeded (limit 32).";
            return Err(raise(SqlError::new(217, text), depth));
        }
        let tables = self.table_variables(&program).map_err(|error| raise(error, depth))?;
        let in_use: Vec<_> = tables.iter().map(|(_, table)| table.clone()).collect();
        let frame = Frame { variables, tables: tables.into_iter().collect(), ordinal: 0, line: 0 };
        self.frames.push(frame);
        let checked = self.check_ahead(&program);
        let outcome = match checked {
            Ok(()) => self.run_statements(&program, &program.batch.statements, sink),
            Err(error) => self.failed(error, Reach::Scope, sink),
        };
        let variables = self.frames.pop().map(|frame| frame.variables).unwrap_or_default();
        self.free_tables(in_use.iter());
        outcome.map(|flow| Ended { flow, variables })
    }

    fn run_statements(
        &mut self,
        program: &Rc<Program>,
        statements: &[Statement],
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        for statement in statements {
            match self.run_statement(program, statement, sink)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
        Ok(Flow::Next)
    }

    fn run_statement(
        &mut self,
        program: &Rc<Program>,
        statement: &Statement,
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        if self.cancel.is_cancelled() {
            return self.failed(super::super::change::cancelled(), Reach::Batch, sink);
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.ordinal = statement.ordinal;
            frame.line = statement.position.line;
        }
        self.now = None;
        self.connection.json_rows.clear();
        match &statement.kind {
            StatementKind::If { condition, then, otherwise } => {
                match self.is_true(program, statement.ordinal, condition) {
                    Ok(true) => self.run_statement(program, then, sink),
                    Ok(false) => match otherwise {
                        Some(otherwise) => self.run_statement(program, otherwise, sink),
                        None => Ok(Flow::Next),
                    },
                    Err(error) => self.statement_failed(error, sink),
                }
            }
            StatementKind::While { condition, body } => {
                self.run_while(program, statement, condition, body, sink)
            }
            StatementKind::Block(statements) => self.run_statements(program, statements, sink),
            StatementKind::TryCatch { body, handler } => self.run_try(program, body, handler, sink),
            StatementKind::Break => Ok(Flow::Break),
            StatementKind::Continue => Ok(Flow::Continue),
            StatementKind::Return(value) => self.run_return(program, statement.ordinal, value.as_ref(), sink),
            StatementKind::Throw(arguments) => {
                self.throw(program, statement.ordinal, arguments.as_ref(), sink)
            }
            StatementKind::RaiseError { message, severity, state, arguments } => {
                let raised =
                    self.raised_error(program, statement.ordinal, [message, severity, state], arguments);
                self.raise_error(raised, sink)
            }
            StatementKind::ExecuteText(text) => self.execute_text(program, statement.ordinal, text, sink),
            StatementKind::Execute(execute) => {
                match self.execute_procedure(program, statement.ordinal, execute, sink) {
                    Ok(outcome) => outcome,
                    Err(error) => self.statement_failed(error, sink),
                }
            }
            _ => match self.run_simple(program, statement, sink) {
                Ok(()) => {
                    self.last_error = 0;
                    Ok(Flow::Next)
                }
                Err(error) => self.statement_failed(error, sink),
            },
        }
    }

    fn statement_failed(&mut self, error: SqlError, sink: &mut dyn ResultSink) -> Outcome {
        let reach = reach_of(&error);
        self.failed(error, reach, sink)
    }

    fn run_while(
        &mut self,
        program: &Rc<Program>,
        statement: &Statement,
        condition: &Expression,
        body: &Statement,
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        loop {
            match self.is_true(program, statement.ordinal, condition) {
                Ok(true) => {}
                Ok(false) => return Ok(Flow::Next),
                Err(error) => return self.statement_failed(error, sink),
            }
            match self.run_statement(program, body, sink)? {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Ok(Flow::Next),
                other => return Ok(other),
            }
        }
    }

    fn run_try(
        &mut self,
        program: &Rc<Program>,
        body: &[Statement],
        handler: &[Statement],
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        let depth = self.frames.len();
        self.tries.push(depth);
        let outcome = self.run_statements(program, body, sink);
        self.tries.pop();
        let raised = match outcome {
            Err(raised) if raised.reach != Reach::Scope || raised.depth > depth => raised,
            other => return other,
        };
        // Frames that the error left behind have ended already.
        self.caught.push(Caught { error: raised.error });
        let outcome = self.run_statements(program, handler, sink);
        self.caught.pop();
        outcome
    }

    fn run_return(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        value: Option<&Expression>,
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        let Some(value) = value else { return Ok(Flow::Return(0)) };
        match self.evaluate_as(program, (ordinal, 0), value, SqlType::Int) {
            Ok(Value::Int(status)) => Ok(Flow::Return(i32::try_from(status).unwrap_or_default())),
            Ok(_) => Ok(Flow::Return(0)),
            Err(error) => self.statement_failed(error, sink),
        }
    }

    // --- values ------------------------------------------------------------------------------------------

    fn is_true(&mut self, program: &Rc<Program>, ordinal: usize, condition: &Expression) -> Result<bool> {
        let Bound::Scalar(prepared) = self.bound_condition(program, ordinal, condition)? else {
            return Ok(false);
        };
        let holds = self.evaluate(&prepared)? == Value::Int(1);
        self.last_error = 0;
        Ok(holds)
    }

    /// An expression of a statement, converted as an assignment to a variable of that type would.
    pub(super) fn evaluate_as(
        &mut self,
        program: &Rc<Program>,
        (ordinal, index): (usize, usize),
        expression: &Expression,
        ty: SqlType,
    ) -> Result<Value> {
        let Bound::Scalar(prepared) = self.bound_scalar(program, ordinal, index, expression)? else {
            return Ok(Value::Null);
        };
        let value = self.evaluate(&prepared)?;
        if value != Value::Null {
            check_implicit(prepared.ty, ty)?;
        }
        assigned(value, prepared.ty, ty)
    }

    /// DECLARE and SET.
    pub(super) fn assign_expression(
        &mut self,
        program: &Rc<Program>,
        (ordinal, index): (usize, usize),
        variable: &str,
        value: &Expression,
    ) -> Result<()> {
        let name = variable.to_lowercase();
        let ty = program.variable(&name, ordinal).ok_or_else(|| {
            SqlError::syntax(137, format!("Must declare the scalar variable \"{variable}\"."))
        })?;
        let value = self.evaluate_as(program, (ordinal, index), value, ty)?;
        self.set_variable(&name, value)
    }

    // --- errors on purpose -------------------------------------------------------------------------------

    fn throw(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        arguments: Option<&[Expression; 3]>,
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        let error = match arguments {
            Some([number, message, state]) => self.thrown(program, ordinal, [number, message, state]),
            None => self.caught.last().map(|caught| caught.error.clone()).ok_or_else(|| {
                SqlError::syntax(
                    10704,
                    "To rethrow an error, a THROW statement must be used inside a CATCH \
                    block. Insert the THROW statement inside a CATCH block, or add error parameters to the \
                    THROW statement.",
                )
            }),
        };
        match error {
            Ok(error) => self.failed(error, Reach::Batch, sink),
            Err(error) => self.statement_failed(error, sink),
        }
    }

    fn thrown(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        [number, message, state]: [&Expression; 3],
    ) -> Result<SqlError> {
        let number = self.evaluate_as(program, (ordinal, 0), number, SqlType::Int)?;
        let message = self.evaluate_as(program, (ordinal, 1), message, SqlType::NVarChar(Some(2048)))?;
        let state = self.evaluate_as(program, (ordinal, 2), state, SqlType::TinyInt)?;
        let number = match number {
            Value::Int(number) if number >= 50_000 => i32::try_from(number).unwrap_or(i32::MAX),
            other => {
                let shown = if let Value::Int(number) = other { number } else { 0 };
                let text = format!(
                    "Error number {shown} in the THROW statement is outside the valid range. Specify an \
                        error number in the valid range of 50000 to 2147483647."
                );
                return Err(SqlError::new(35100, text));
            }
        };
        let state = if let Value::Int(state) = state { u8::try_from(state).unwrap_or(1) } else { 1 };
        Ok(SqlError { state, ..SqlError::new(number, text_of(message)) })
    }

    fn raised_error(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        [message, severity, state]: [&Expression; 3],
        arguments: &[Expression],
    ) -> Result<SqlError> {
        let message = self.evaluate_as(program, (ordinal, 0), message, SqlType::NVarChar(Some(2048)))?;
        let severity = self.evaluate_as(program, (ordinal, 1), severity, SqlType::Int)?;
        let state = self.evaluate_as(program, (ordinal, 2), state, SqlType::Int)?;
        let mut values = Vec::with_capacity(arguments.len());
        for (index, argument) in arguments.iter().enumerate() {
            values.push(text_of(self.evaluate_as(
                program,
                (ordinal, 3 + index),
                argument,
                SqlType::NVarChar(Some(2048)),
            )?));
        }
        let whole =
            |value: Value| if let Value::Int(number) = value { u8::try_from(number).unwrap_or(0) } else { 0 };
        let (class, state) = (whole(severity), whole(state));
        if class > 18 {
            return Err(SqlError::unsupported("RAISERROR with a severity above 18"));
        }
        let text = formatted(&text_of(message), &values)?;
        Ok(SqlError { class, state, ..SqlError::new(50_000, text) })
    }

    fn raise_error(&mut self, raised: Result<SqlError>, sink: &mut dyn ResultSink) -> Outcome {
        match raised {
            Ok(error) if error.class <= 10 => {
                self.last_error = 0;
                self.inform(&error, sink);
                Ok(Flow::Next)
            }
            Ok(error) => self.failed(error, Reach::Message, sink),
            Err(error) => self.statement_failed(error, sink),
        }
    }

    fn inform(&mut self, error: &SqlError, sink: &mut dyn ResultSink) {
        let line = self.frames.last().map_or(1, |frame| frame.line);
        sink.info(Message {
            number: error.number,
            state: error.state,
            class: error.class,
            text: error.text.clone(),
            line,
            procedure: String::new(),
        });
    }

    /// PRINT.
    pub(super) fn print(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        value: &Expression,
        sink: &mut dyn ResultSink,
    ) -> Result<()> {
        let text = text_of(self.evaluate_as(program, (ordinal, 0), value, SqlType::NVarChar(Some(4000)))?);
        self.inform(&SqlError { class: 0, state: 1, ..SqlError::new(0, text) }, sink);
        self.row_count = 0;
        Ok(())
    }

    /// WAITFOR DELAY 'hh:mm:ss[.mmm]'.
    pub(super) fn wait_for(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        delay: &Expression,
    ) -> Result<()> {
        let delay = self.evaluate_as(program, (ordinal, 0), delay, SqlType::Time(3))?;
        let Value::Ticks(ticks) = delay else { return Ok(()) };
        let wanted = Duration::from_micros(u64::try_from(ticks).unwrap_or_default() / 10);
        let started = Instant::now();
        while let Some(left) = wanted.checked_sub(started.elapsed()).filter(|left| !left.is_zero()) {
            if self.cancel.is_cancelled() {
                return Err(super::super::change::cancelled());
            }
            std::thread::park_timeout(left.min(WAIT_SLICE));
        }
        Ok(())
    }

    // --- texts -------------------------------------------------------------------------------------------

    /// `EXEC (N'…')`
    fn execute_text(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        text: &Expression,
        sink: &mut dyn ResultSink,
    ) -> Outcome {
        let text = match self.evaluate_as(program, (ordinal, 0), text, SqlType::NVarChar(None)) {
            Ok(text) => text_of(text),
            Err(error) => return self.statement_failed(error, sink),
        };
        let program = match self.compile(&text, "") {
            Ok(program) => program,
            Err(error) => return self.inner_syntax_error(error, sink),
        };
        let variables = program.fresh_variables();
        self.run_inner(program, variables, sink).map(|ended| ended.flow)
    }

    /// A text that cannot be parsed: an error of the statement that executes it, which a TRY around it
    /// catches.
    pub(super) fn inner_syntax_error(&mut self, error: SqlError, sink: &mut dyn ResultSink) -> Outcome {
        match self.failed(error, Reach::Statement, sink)? {
            Flow::EndScope => Ok(Flow::Next),
            other => Ok(other),
        }
    }

    /// Runs a text inside the one that runs: its options and its errors of scope end with it (266 if it
    /// leaves the number of transactions different).
    pub(super) fn run_inner(
        &mut self,
        program: Rc<Program>,
        variables: HashMap<String, Value>,
        sink: &mut dyn ResultSink,
    ) -> std::result::Result<Ended, Raised> {
        let options = self.options.clone();
        let transactions = self.transaction.count();
        let identity = self.scope_identity.take();
        let temporary: Vec<i32> = self.temporary.values().map(|table| table.id).collect();
        let ended = self.run_frame(program, variables, sink);
        self.drop_temporary_tables_but(&temporary);
        self.scope_identity = identity;
        self.options = options;
        let mut ended = ended?;
        if ended.flow != Flow::EndBatch {
            ended.flow = self.check_transaction_count(transactions, sink)?;
        }
        Ok(ended)
    }

    fn check_transaction_count(&mut self, before: u32, sink: &mut dyn ResultSink) -> Outcome {
        let now = self.transaction.count();
        if now == before {
            return Ok(Flow::Next);
        }
        let text = format!(
            "Transaction count after EXECUTE indicates a mismatching number of BEGIN and COMMIT statements. \
                Previous count = {before}, current count = {now}."
        );
        self.failed(SqlError { state: 2, ..SqlError::new(266, text) }, Reach::Statement, sink)
    }
}

/// A value as a variable of another type takes it: strings are cut, as SQL Server does in assignments to
/// variables.
pub(super) fn assigned(value: Value, from: SqlType, to: SqlType) -> Result<Value> {
    convert::convert(value, from, to, Overlong::Cut)
}

fn text_of(value: Value) -> String {
    match value {
        Value::Text(text) => text,
        _ => String::new(),
    }
}

/// RAISERROR's `%s`, `%d`, `%i`, `%u` and `%%`.
fn formatted(message: &str, values: &[String]) -> Result<String> {
    let mut values = values.iter();
    let mut text = String::new();
    let mut rest = message.chars();
    while let Some(character) = rest.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        match rest.next() {
            Some('%') | None => text.push('%'),
            Some('s' | 'd' | 'i' | 'u') => text.push_str(values.next().map_or("(null)", String::as_str)),
            Some(other) => return Err(SqlError::unsupported(format!("the RAISERROR format %{other}"))),
        }
    }
    Ok(text)
}
