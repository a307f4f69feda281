//! Statements other than DDL.

use super::Parser;
use crate::engine::ast::{
    Argument, Assignment, BinaryOperator, Cte, Delete, Execute, Expression, Insert, InsertSource, Output,
    Source, Statement, StatementKind, Update,
};
use crate::engine::error::Result;
use crate::engine::lexer::Kind;

/// Statements of SQL Server that local-sql does not have; refused by their first word.
const UNSUPPORTED: &[&str] = &[
    "ADD",
    "BACKUP",
    "BULK",
    "CHECKPOINT",
    "CLOSE",
    "DBCC",
    "DEALLOCATE",
    "DISABLE",
    "ENABLE",
    "FETCH",
    "GOTO",
    "KILL",
    "MERGE",
    "MOVE",
    "OPEN",
    "RECEIVE",
    "RECONFIGURE",
    "RESTORE",
    "REVERT",
    "SEND",
    "SETUSER",
    "SHUTDOWN",
    "READTEXT",
    "WRITETEXT",
    "UPDATETEXT",
];

impl Parser<'_> {
    pub(super) fn statements_until_end(&mut self) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.accept_mark(";") {}
            if self.at_end() {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    fn statement(&mut self) -> Result<Statement> {
        self.nested(|parser| {
            let position = parser.position();
            let ordinal = parser.ordinal;
            parser.ordinal += 1;
            let kind = parser.statement_kind(ordinal)?;
            Ok(Statement { kind, position, ordinal })
        })
    }

    fn statement_kind(&mut self, ordinal: usize) -> Result<StatementKind> {
        let word = self.word_at(0).to_owned();
        match word.as_str() {
            "SELECT" => Ok(StatementKind::Select(self.query()?)),
            "WITH" => self.with_statement(),
            "INSERT" => self.insert(Vec::new()),
            "UPDATE" => self.update(Vec::new()),
            "DELETE" => self.delete(Vec::new()),
            "DECLARE" => self.declare(ordinal),
            "SET" => self.set(),
            "IF" => self.if_statement(),
            "WHILE" => self.while_statement(),
            "BEGIN" => self.begin(),
            "COMMIT" => self.commit(),
            "ROLLBACK" => self.rollback(),
            "SAVE" => self.save(),
            "BREAK" => self.single(StatementKind::Break),
            "CONTINUE" => self.single(StatementKind::Continue),
            "RETURN" => self.return_statement(),
            "THROW" => self.throw(),
            "RAISERROR" => self.raise_error(),
            "PRINT" => {
                self.advance();
                Ok(StatementKind::Print(self.scalar()?))
            }
            "EXEC" | "EXECUTE" => self.execute(),
            "WAITFOR" => self.wait_for(),
            "USE" => {
                self.advance();
                Ok(StatementKind::Use(self.name()?))
            }
            "CREATE" | "ALTER" | "DROP" | "TRUNCATE" => self.definition(&word),
            "GRANT" | "DENY" | "REVOKE" => self.permit(&word),
            _ if UNSUPPORTED.contains(&word.as_str()) => self.unsupported(word),
            _ if self.is_mark("(") => Ok(StatementKind::Select(self.query()?)),
            // The first statement of a batch may call a procedure without EXEC; a misspelt keyword does (2812).
            _ if self.ordinal == 1 && self.is_name() => self.procedure_call(None),
            _ => Err(self.unexpected()),
        }
    }

    fn single(&mut self, kind: StatementKind) -> Result<StatementKind> {
        self.advance();
        Ok(kind)
    }

    // --- variables and options ---------------------------------------------------------------------------

    fn declare(&mut self, ordinal: usize) -> Result<StatementKind> {
        self.advance();
        if self.is_name() {
            return self.unsupported("cursors");
        }
        let name = self.variable()?;
        self.accept_word("AS");
        if self.accept_word("TABLE") {
            let definition = self.table_definition()?;
            self.tables.push((name.clone(), definition.clone(), ordinal));
            return Ok(StatementKind::DeclareTable(name, definition));
        }
        let mut variables = vec![self.declared_variable(name, ordinal)?];
        while self.accept_mark(",") {
            let name = self.variable()?;
            self.accept_word("AS");
            if self.is_word("TABLE") {
                return self.unsupported("a table variable declared together with others");
            }
            variables.push(self.declared_variable(name, ordinal)?);
        }
        Ok(StatementKind::Declare(variables))
    }

    fn declared_variable(
        &mut self,
        name: String,
        ordinal: usize,
    ) -> Result<(String, crate::engine::types::SqlType, Option<Expression>)> {
        if self.is_word("CURSOR") {
            return self.unsupported("cursors");
        }
        let ty = self.data_type(1)?;
        self.variables.push((name.clone(), ty, ordinal));
        let value = if self.accept_mark("=") { Some(self.scalar()?) } else { None };
        Ok((name, ty, value))
    }

    /// The operator of `@v += …` some tokens ahead: `Some(None)` for a plain `=`.
    pub(super) fn assignment_operator_at(&self, ahead: usize) -> Option<Option<BinaryOperator>> {
        let Kind::Mark(mark) = self.token_at(ahead) else { return None };
        Some(match *mark {
            "=" => None,
            "+=" => Some(BinaryOperator::Add),
            "-=" => Some(BinaryOperator::Subtract),
            "*=" => Some(BinaryOperator::Multiply),
            "/=" => Some(BinaryOperator::Divide),
            "%=" => Some(BinaryOperator::Modulo),
            "&=" => Some(BinaryOperator::BitAnd),
            "|=" => Some(BinaryOperator::BitOr),
            "^=" => Some(BinaryOperator::BitXor),
            _ => return None,
        })
    }

    fn set(&mut self) -> Result<StatementKind> {
        self.advance();
        if matches!(self.kind(), Kind::Variable(_)) {
            let variable = self.variable()?;
            let Some(operator) = self.assignment_operator_at(0) else { return Err(self.unexpected()) };
            let position = self.position();
            self.advance();
            let value = self.scalar()?;
            let value = match operator {
                None => value,
                Some(operator) => {
                    let left = Box::new(Expression::Variable(variable.clone(), position));
                    Expression::Binary(operator, left, Box::new(value))
                }
            };
            return Ok(StatementKind::Set { variable, value });
        }
        if self.accept_words(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
            let mut level = self.option_word()?;
            if matches!(level.as_str(), "READ" | "REPEATABLE") {
                level = format!("{level} {}", self.option_word()?);
            }
            return Ok(StatementKind::SetOption { name: "ISOLATION".into(), value: level });
        }
        let mut name = self.option_word()?;
        if matches!(name.as_str(), "STATISTICS" | "OFFSETS" | "IDENTITY_INSERT") {
            return self.unsupported(format!("SET {name}"));
        }
        while self.accept_mark(",") {
            name = format!("{name},{}", self.option_word()?);
        }
        Ok(StatementKind::SetOption { name, value: self.option_value()? })
    }

    fn option_word(&mut self) -> Result<String> {
        let word = self.word_at(0).to_owned();
        if word.is_empty() {
            return Err(self.unexpected());
        }
        self.advance();
        Ok(word)
    }

    fn option_value(&mut self) -> Result<String> {
        match self.kind() {
            Kind::Word { .. } => self.option_word(),
            Kind::Integer(_) | Kind::Mark("-") => self.signed_integer().map(|number| number.to_string()),
            Kind::Text { text, .. } => {
                let text = text.clone();
                self.advance();
                Ok(text)
            }
            _ => Err(self.unexpected()),
        }
    }

    // --- control flow ------------------------------------------------------------------------------------

    fn if_statement(&mut self) -> Result<StatementKind> {
        self.advance();
        let condition = self.condition()?;
        let then = Box::new(self.statement()?);
        if self.is_mark(";") && self.word_at(1) == "ELSE" {
            self.advance();
        }
        let otherwise = if self.accept_word("ELSE") { Some(Box::new(self.statement()?)) } else { None };
        Ok(StatementKind::If { condition, then, otherwise })
    }

    fn while_statement(&mut self) -> Result<StatementKind> {
        self.advance();
        Ok(StatementKind::While { condition: self.condition()?, body: Box::new(self.statement()?) })
    }

    fn begin(&mut self) -> Result<StatementKind> {
        self.advance();
        match self.word_at(0) {
            "TRAN" | "TRANSACTION" => {
                let name = self.transaction_name()?;
                if self.is_word("WITH") && self.word_at(1) == "MARK" {
                    return self.unsupported("BEGIN TRANSACTION … WITH MARK");
                }
                Ok(StatementKind::Begin(name))
            }
            "DISTRIBUTED" | "DIALOG" | "CONVERSATION" => {
                self.unsupported(format!("BEGIN {}", self.word_at(0)))
            }
            "TRY" => self.try_catch(),
            _ => {
                let statements = self.block("END")?;
                self.expect_word("END")?;
                Ok(StatementKind::Block(statements))
            }
        }
    }

    fn block(&mut self, end: &str) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.accept_mark(";") {}
            if self.is_word(end) && !statements.is_empty() {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    fn try_catch(&mut self) -> Result<StatementKind> {
        self.advance();
        let body = self.try_block("TRY")?;
        self.expect_word("BEGIN")?;
        self.expect_word("CATCH")?;
        let handler = self.try_block("CATCH")?;
        Ok(StatementKind::TryCatch { body, handler })
    }

    /// Unlike BEGIN … END, the blocks of TRY and CATCH may be empty.
    fn try_block(&mut self, word: &str) -> Result<Vec<Statement>> {
        let mut statements = Vec::new();
        loop {
            while self.accept_mark(";") {}
            if self.accept_words(&["END", word]) {
                return Ok(statements);
            }
            statements.push(self.statement()?);
        }
    }

    /// `TRAN[SACTION] [name]`; the name of a transaction means nothing except to ROLLBACK.
    fn transaction_name(&mut self) -> Result<Option<String>> {
        if !(self.accept_word("TRAN") || self.accept_word("TRANSACTION") || self.accept_word("WORK")) {
            return Ok(None);
        }
        if matches!(self.kind(), Kind::Variable(_)) {
            return self.unsupported("a transaction name in a variable");
        }
        // A name follows on the same line or not at all; `COMMIT TRAN THROW …` does not occur without `;`.
        if self.is_name() && !matches!(self.word_at(0), "THROW") { self.name().map(Some) } else { Ok(None) }
    }

    fn commit(&mut self) -> Result<StatementKind> {
        self.advance();
        self.transaction_name()?;
        if self.is_word("WITH") && self.is_mark_at(1, "(") {
            self.table_hints()?;
        }
        Ok(StatementKind::Commit)
    }

    fn rollback(&mut self) -> Result<StatementKind> {
        self.advance();
        Ok(StatementKind::Rollback(self.transaction_name()?))
    }

    fn save(&mut self) -> Result<StatementKind> {
        self.advance();
        match self.transaction_name()? {
            Some(name) => Ok(StatementKind::Save(name)),
            None => Err(self.unexpected()),
        }
    }

    fn return_statement(&mut self) -> Result<StatementKind> {
        self.advance();
        let has_value = matches!(self.kind(), Kind::Integer(_) | Kind::Variable(_) | Kind::Mark("(" | "-"));
        Ok(StatementKind::Return(if has_value { Some(self.scalar()?) } else { None }))
    }

    fn throw(&mut self) -> Result<StatementKind> {
        self.advance();
        if !matches!(self.kind(), Kind::Integer(_) | Kind::Variable(_)) {
            return Ok(StatementKind::Throw(None));
        }
        let number = self.scalar()?;
        self.expect_mark(",")?;
        let message = self.scalar()?;
        self.expect_mark(",")?;
        Ok(StatementKind::Throw(Some([number, message, self.scalar()?])))
    }

    fn raise_error(&mut self) -> Result<StatementKind> {
        self.advance();
        self.expect_mark("(")?;
        let message = self.scalar()?;
        self.expect_mark(",")?;
        let severity = self.scalar()?;
        self.expect_mark(",")?;
        let state = self.scalar()?;
        let mut arguments = Vec::new();
        while self.accept_mark(",") {
            arguments.push(self.scalar()?);
        }
        self.expect_mark(")")?;
        if self.accept_word("WITH") {
            while matches!(self.word_at(0), "NOWAIT" | "SETERROR" | "LOG") {
                if !self.is_word("NOWAIT") {
                    return self.unsupported(format!("RAISERROR … WITH {}", self.word_at(0)));
                }
                self.advance();
                self.accept_mark(",");
            }
        }
        Ok(StatementKind::RaiseError { message, severity, state, arguments })
    }

    fn wait_for(&mut self) -> Result<StatementKind> {
        self.advance();
        if !self.accept_word("DELAY") {
            return self.unsupported("WAITFOR without DELAY");
        }
        Ok(StatementKind::WaitFor(self.scalar()?))
    }

    fn execute(&mut self) -> Result<StatementKind> {
        self.advance();
        if self.accept_mark("(") {
            let text = self.scalar()?;
            self.expect_mark(")")?;
            if self.is_word("AT") || self.is_word("AS") {
                return self.unsupported("EXECUTE … AT and EXECUTE … AS");
            }
            return Ok(StatementKind::ExecuteText(text));
        }
        if self.is_word("AS") {
            return self.unsupported("EXECUTE AS");
        }
        let mut status = None;
        if matches!(self.kind(), Kind::Variable(_)) {
            if !self.is_mark_at(1, "=") {
                return self.unsupported("a procedure name in a variable");
            }
            status = Some(self.variable()?);
            self.advance();
        }
        self.procedure_call(status)
    }

    fn procedure_call(&mut self, status: Option<String>) -> Result<StatementKind> {
        let procedure = self.object_name()?;
        let mut arguments = Vec::new();
        while matches!(
            self.kind(),
            Kind::Variable(_)
                | Kind::Text { .. }
                | Kind::Integer(_)
                | Kind::Decimal(_)
                | Kind::Float(_)
                | Kind::Binary(_)
                | Kind::System(_)
                | Kind::Mark("-")
        ) || matches!(self.word_at(0), "NULL" | "DEFAULT")
        {
            arguments.push(self.argument()?);
            if !self.accept_mark(",") {
                break;
            }
        }
        if self.is_word("WITH") && matches!(self.word_at(1), "RESULT" | "RECOMPILE") {
            return self.unsupported("EXECUTE … WITH");
        }
        Ok(StatementKind::Execute(Execute { status, procedure, arguments }))
    }

    fn argument(&mut self) -> Result<Argument> {
        let mut name = None;
        if matches!(self.kind(), Kind::Variable(_)) && self.is_mark_at(1, "=") {
            name = Some(self.variable()?);
            self.advance();
        }
        let value = self.argument_value()?;
        let output = self.accept_word("OUTPUT") || self.accept_word("OUT");
        Ok(Argument { name, value, output })
    }

    /// Arguments are constants or variables, never expressions.
    fn argument_value(&mut self) -> Result<Expression> {
        let value = self.scalar()?;
        let allowed = match &value {
            Expression::Unary(_, inner) => matches!(**inner, Expression::Literal(_)),
            Expression::Literal(_)
            | Expression::Variable(..)
            | Expression::System(..)
            | Expression::Default(_) => true,
            _ => false,
        };
        if allowed { Ok(value) } else { Err(self.unexpected()) }
    }

    // --- data modification -------------------------------------------------------------------------------

    fn with_statement(&mut self) -> Result<StatementKind> {
        let ctes = self.ctes()?;
        match self.word_at(0) {
            "INSERT" => self.insert(ctes),
            "UPDATE" => self.update(ctes),
            "DELETE" => self.delete(ctes),
            "MERGE" => self.unsupported("MERGE"),
            _ => Ok(StatementKind::Select(self.query_after_ctes(ctes)?)),
        }
    }

    fn insert(&mut self, ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance();
        if self.is_word("TOP") {
            return self.unsupported("INSERT TOP");
        }
        if self.is_word("BULK") {
            return self.unsupported("INSERT BULK");
        }
        self.accept_word("INTO");
        let table = self.object_name()?;
        self.table_hints()?;
        let columns = if self.is_mark("(") { self.name_list()? } else { Vec::new() };
        let output = self.output()?;
        let source = match self.word_at(0) {
            "VALUES" => {
                self.advance();
                InsertSource::Values(self.value_rows()?)
            }
            "DEFAULT" => {
                self.advance();
                self.expect_word("VALUES")?;
                InsertSource::Default
            }
            "EXEC" | "EXECUTE" => return self.unsupported("INSERT … EXEC"),
            _ => InsertSource::Query(self.query()?),
        };
        self.option_clause()?;
        Ok(StatementKind::Insert(Insert { ctes, table, columns, output, source }))
    }

    fn output(&mut self) -> Result<Option<Output>> {
        if !self.accept_word("OUTPUT") {
            return Ok(None);
        }
        let items = self.select_items()?;
        let mut into = None;
        if self.accept_word("INTO") {
            let table = self.object_name()?;
            // `INSERT … OUTPUT … INTO @t VALUES (…)`: a list of names here belongs to the table.
            let columns = if self.is_mark("(") && !matches!(self.word_at(1), "SELECT") {
                self.name_list()?
            } else {
                Vec::new()
            };
            into = Some((table, columns));
            if self.is_word("OUTPUT") {
                return self.unsupported("two OUTPUT clauses");
            }
        }
        Ok(Some(Output { items, into }))
    }

    fn update(&mut self, ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance();
        if self.is_word("STATISTICS") {
            return self.unsupported("UPDATE STATISTICS");
        }
        let top = self.top()?;
        let target = self.object_name()?;
        let hints = self.table_hints()?;
        self.expect_word("SET")?;
        let mut assignments = vec![self.assignment()?];
        while self.accept_mark(",") {
            assignments.push(self.assignment()?);
        }
        let output = self.output()?;
        let from = if self.accept_word("FROM") { Some(self.sources()?) } else { None };
        let filter = self.modification_filter()?;
        Ok(StatementKind::Update(Update { ctes, top, target, hints, assignments, output, from, filter }))
    }

    fn modification_filter(&mut self) -> Result<Option<Expression>> {
        if !self.accept_word("WHERE") {
            self.option_clause()?;
            return Ok(None);
        }
        if self.is_word("CURRENT") {
            return self.unsupported("WHERE CURRENT OF");
        }
        let filter = self.condition()?;
        self.option_clause()?;
        Ok(Some(filter))
    }

    fn assignment(&mut self) -> Result<Assignment> {
        let position = self.position();
        let (mut variable, mut column) = (None, None);
        if matches!(self.kind(), Kind::Variable(_)) {
            variable = Some(self.variable()?);
            let chained = self.is_mark("=")
                && matches!(self.token_at(1), Kind::Word { .. } | Kind::Quoted(_))
                && (self.assignment_operator_at(2).is_some() || self.is_mark_at(2, "."));
            if chained {
                let mark = self.at;
                self.advance();
                let name = self.object_name()?;
                if self.assignment_operator_at(0).is_some() {
                    column = Some(name);
                } else {
                    self.at = mark;
                }
            }
        } else {
            column = Some(self.object_name()?);
            if self.is_mark("(") {
                return self.unsupported(".WRITE and other methods in SET");
            }
        }
        let Some(operator) = self.assignment_operator_at(0) else { return Err(self.unexpected()) };
        self.advance();
        Ok(Assignment { variable, column, operator, value: self.scalar()?, position })
    }

    fn delete(&mut self, ctes: Vec<Cte>) -> Result<StatementKind> {
        self.advance();
        let top = self.top()?;
        self.accept_word("FROM");
        let target = self.object_name()?;
        let hints = self.table_hints()?;
        let output = self.output()?;
        let from: Option<Source> = if self.accept_word("FROM") { Some(self.sources()?) } else { None };
        let filter = self.modification_filter()?;
        Ok(StatementKind::Delete(Delete { ctes, top, target, hints, output, from, filter }))
    }
}
