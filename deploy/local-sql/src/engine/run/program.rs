//! Compiled batches: parsed once by text, each statement bound once per catalog.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;

use super::super::ast::{Batch, Expression, Statement, StatementKind};
use super::super::bind::change::{self, Change};
use super::super::bind::{Binder, BoundQuery, Need, Parameter};
use super::super::error::{Result, SqlError};
use super::super::parser::{parse, parse_parameters};
use super::super::types::{SqlType, Value};
use super::Session;

/// Batches kept parsed per session.
const CACHED_PROGRAMS: usize = 256;
/// Texts longer than this are not kept: data written into a batch does not come back.
const CACHED_TEXT_BYTES: usize = 64 * 1024;

/// A batch, or a text with the parameters of `sp_executesql`.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) batch: Batch,
    /// Declared parameters: lower-case name with `@`, and type.
    pub(super) parameters: Vec<(String, SqlType)>,
    /// Distinguishes table variables of the same name in different texts.
    pub(super) fingerprint: u64,
    bound: RefCell<HashMap<(usize, usize), (Stamp, Bound)>>,
    /// With which catalog all statements were last bound ahead of running.
    checked: RefCell<Option<Stamp>>,
}

/// The catalogs that a statement was bound with: the database's and the session's temporary tables.
pub(super) type Stamp = (u64, u64);

/// A bound part of a statement.
#[derive(Debug, Clone)]
pub(super) enum Bound {
    Query(Rc<PreparedQuery>),
    Change(Rc<Change>),
    Scalar(Rc<PreparedScalar>),
}

/// A bound SELECT.
#[derive(Debug)]
pub(super) struct PreparedQuery {
    pub(super) query: BoundQuery,
    pub(super) parameters: Vec<Parameter>,
    /// A hint asks for locks that last to the end of the transaction.
    pub(super) locking: bool,
    /// What the session's user must be allowed to.
    pub(super) needs: Vec<Need>,
}

/// A bound expression or condition as a SELECT of one value.
#[derive(Debug)]
pub(super) struct PreparedScalar {
    pub(super) sql: String,
    pub(super) ty: SqlType,
    pub(super) parameters: Vec<Parameter>,
    /// What the session's user must be allowed to.
    pub(super) needs: Vec<Need>,
}

/// The programs that a session has compiled, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Programs {
    by_text: HashMap<(String, String), Rc<Program>>,
    order: VecDeque<(String, String)>,
}

impl Programs {
    fn put(&mut self, key: (String, String), program: &Rc<Program>) {
        if key.0.len() + key.1.len() > CACHED_TEXT_BYTES {
            return;
        }
        if self.order.len() >= CACHED_PROGRAMS
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_text.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.by_text.insert(key, Rc::clone(program));
    }
}

impl Program {
    fn new(text: &str, declarations: &str) -> Result<Self> {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let parameters = parse_parameters(declarations)?;
        let parameters =
            parameters.into_iter().map(|(name, ty)| (name.to_lowercase(), ty)).collect::<Vec<_>>();
        let batch = parse(text)?;
        let mut hasher = DefaultHasher::new();
        (text, declarations).hash(&mut hasher);
        let program = Self {
            batch,
            parameters,
            fingerprint: hasher.finish(),
            bound: RefCell::default(),
            checked: RefCell::default(),
        };
        program.check_declarations()?;
        Ok(program)
    }

    /// 134: a variable may be declared once.
    fn check_declarations(&self) -> Result<()> {
        let scalars = self.batch.variables.iter().map(|(name, ..)| name);
        let tables = self.batch.tables.iter().map(|(name, ..)| name);
        let mut seen: Vec<String> = self.parameters.iter().map(|(name, _)| name.clone()).collect();
        for name in scalars.chain(tables) {
            if seen.contains(&name.to_lowercase()) {
                let text = format!(
                    "The variable name '{name}' has already been declared. Variable names must be unique \
                        within a query batch or stored procedure."
                );
                return Err(SqlError::syntax(134, text).with_state(2));
            }
            seen.push(name.to_lowercase());
        }
        Ok(())
    }

    /// The declared variables, all NULL. Parameters are the caller's to fill in.
    pub(super) fn fresh_variables(&self) -> HashMap<String, Value> {
        let declared = self.batch.variables.iter().map(|(name, ..)| name.to_lowercase());
        let all = declared.chain(self.parameters.iter().map(|(name, _)| name.clone()));
        all.map(|name| (name, Value::Null)).collect()
    }

    /// The type of a variable that is declared at or before a statement.
    pub(super) fn variable(&self, name: &str, ordinal: usize) -> Option<SqlType> {
        let declared =
            self.batch.variables.iter().find(|(known, _, at)| *at <= ordinal && known.to_lowercase() == name);
        let parameter = || self.parameters.iter().find(|(known, _)| known == name).map(|(_, ty)| *ty);
        declared.map(|(_, ty, _)| *ty).or_else(parameter)
    }
}

impl Session {
    /// Parses a text, or finds it parsed.
    pub(super) fn compile(&mut self, text: &str, declarations: &str) -> Result<Rc<Program>> {
        let key = (text.to_owned(), declarations.to_owned());
        if let Some(program) = self.programs.by_text.get(&key) {
            return Ok(Rc::clone(program));
        }
        let program = Rc::new(Program::new(text, declarations)?);
        self.programs.put(key, &program);
        Ok(program)
    }

    pub(super) fn stamp(&self) -> Stamp {
        (self.catalog_version(), self.temporary_version)
    }

    /// Binds every statement whose tables exist, so that a wrong name stops the batch before anything ran.
    /// Statements on tables that a batch makes itself are bound when they are reached, as SQL Server's
    /// deferred resolution does.
    pub(super) fn check_ahead(&mut self, program: &Rc<Program>) -> Result<()> {
        let stamp = self.stamp();
        if *program.checked.borrow() == Some(stamp) {
            return Ok(());
        }
        self.check_statements(program, &program.batch.statements)?;
        *program.checked.borrow_mut() = Some(stamp);
        Ok(())
    }

    fn check_statements(&mut self, program: &Rc<Program>, statements: &[Statement]) -> Result<()> {
        statements.iter().try_for_each(|statement| self.check_statement(program, statement))
    }

    fn check_statement(&mut self, program: &Rc<Program>, statement: &Statement) -> Result<()> {
        let deferred = |bound: Result<Bound>| match bound {
            // 544 is found when the statement runs.
            Err(error) if matches!(error.number, 208 | 544) => Ok(()),
            other => other.map(drop).map_err(|error| error.at_position(statement.position)),
        };
        if let Some(frame) = self.frames.last_mut() {
            frame.ordinal = statement.ordinal;
        }
        match &statement.kind {
            StatementKind::Select(_)
            | StatementKind::Insert(_)
            | StatementKind::Update(_)
            | StatementKind::Delete(_) => deferred(self.bound_statement(program, statement)),
            StatementKind::Declare(variables) => {
                variables.iter().enumerate().try_for_each(|(index, (.., value))| {
                    value.as_ref().map_or(Ok(()), |value| {
                        deferred(self.bound_scalar(program, statement.ordinal, index, value))
                    })
                })
            }
            StatementKind::Set { variable, value } => {
                if program.variable(&variable.to_lowercase(), statement.ordinal).is_none() {
                    let text = format!("Must declare the scalar variable \"{variable}\".");
                    return Err(SqlError::syntax(137, text).at(statement.position.line));
                }
                deferred(self.bound_scalar(program, statement.ordinal, 0, value))
            }
            StatementKind::If { condition, then, otherwise } => {
                deferred(self.bound_condition(program, statement.ordinal, condition))?;
                self.check_statement(program, then)?;
                otherwise.as_ref().map_or(Ok(()), |otherwise| self.check_statement(program, otherwise))
            }
            StatementKind::While { condition, body } => {
                deferred(self.bound_condition(program, statement.ordinal, condition))?;
                self.check_statement(program, body)
            }
            StatementKind::Block(statements) => self.check_statements(program, statements),
            StatementKind::TryCatch { body, handler } => {
                self.check_statements(program, body)?;
                self.check_statements(program, handler)
            }
            _ => Ok(()),
        }
    }

    fn cached(
        &mut self,
        program: &Rc<Program>,
        key: (usize, usize),
        bind: impl FnOnce(&mut Binder<'_>) -> Result<Bound>,
    ) -> Result<Bound> {
        let stamp = self.stamp();
        if let Some((known, bound)) = program.bound.borrow().get(&key)
            && *known == stamp
        {
            return Ok(bound.clone());
        }
        let environment = self.environment(program, key.0);
        let bound = bind(&mut Binder::new(&environment))?;
        program.bound.borrow_mut().insert(key, (stamp, bound.clone()));
        Ok(bound)
    }

    /// A SELECT, INSERT, UPDATE or DELETE, bound.
    pub(super) fn bound_statement(&mut self, program: &Rc<Program>, statement: &Statement) -> Result<Bound> {
        self.cached(program, (statement.ordinal, 0), |binder| match &statement.kind {
            StatementKind::Select(query) => {
                let query = binder.query(query)?;
                let (parameters, needs) = binder.take();
                Ok(Bound::Query(Rc::new(PreparedQuery { query, parameters, locking: binder.locking, needs })))
            }
            StatementKind::Insert(insert) => Ok(Bound::Change(Rc::new(change::insert(binder, insert)?))),
            StatementKind::Update(update) => Ok(Bound::Change(Rc::new(change::update(binder, update)?))),
            StatementKind::Delete(delete) => Ok(Bound::Change(Rc::new(change::delete(binder, delete)?))),
            _ => Err(SqlError::unsupported("this statement here")),
        })
    }

    /// The `index`-th expression of a statement, bound.
    pub(super) fn bound_scalar(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        index: usize,
        expression: &Expression,
    ) -> Result<Bound> {
        self.cached(program, (ordinal, index), |binder| {
            let scalar = binder.scalar(expression)?;
            let (parameters, needs) = binder.take();
            let sql = format!("SELECT {}", scalar.sql);
            Ok(Bound::Scalar(Rc::new(PreparedScalar { sql, ty: scalar.ty, parameters, needs })))
        })
    }

    /// The condition of an IF or WHILE, bound as 1 or 0.
    pub(super) fn bound_condition(
        &mut self,
        program: &Rc<Program>,
        ordinal: usize,
        condition: &Expression,
    ) -> Result<Bound> {
        self.cached(program, (ordinal, 0), |binder| {
            let condition = binder.condition(condition)?;
            let (parameters, needs) = binder.take();
            let sql = format!("SELECT CASE WHEN {condition} THEN 1 ELSE 0 END");
            Ok(Bound::Scalar(Rc::new(PreparedScalar { sql, ty: SqlType::Int, parameters, needs })))
        })
    }
}
