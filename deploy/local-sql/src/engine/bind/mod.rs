//! Names and types: turns the syntax tree into SQLite text whose every column has one of SQL Server's types.
//!
//! `query` and `change` bind statements, `scalar` and `condition` expressions, `function` and `aggregate` the
//! calls in them, `types` decides which type wins where two meet, `scope` finds columns. Values never stand
//! in the text: variables and what only the session knows become numbered parameters, filled in when the
//! statement runs. Start at [`Binder::scalar`].

mod aggregate;
pub(super) mod change;
mod common_table;
mod condition;
mod function;
mod json;
mod operator;
mod query;
mod scalar;
mod scope;
mod source;
mod types;

pub(super) use aggregate::with_collation;
pub(super) use query::BoundQuery;
pub(super) use scalar::Scalar;
pub(super) use scope::{Collation, Scope, ScopeColumn, Source};
pub(super) use types::{check_implicit, higher};

use std::rc::Rc;

use super::ast::{ObjectName, Right};
use super::error::{Result, SqlError};
use super::types::SqlType;

/// What a `?n` of the SQLite text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parameter {
    /// A variable, by its lower-case name with `@`.
    Variable(String),
    /// Something that only the session knows.
    System(System),
    /// In OUTPUT: a column of the new row, of the old row, or the n-th value of the other sources.
    Inserted(usize),
    Deleted(usize),
    Extra(usize),
}

/// Values of the session and of the statement that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum System {
    /// The time of the statement's start: SYSUTCDATETIME() and its relatives are constant within a statement.
    Now,
    RowCount,
    TransactionCount,
    LastError,
    ScopeIdentity,
    LastIdentity,
    TransactionState,
    SessionId,
    LockTimeout,
    Database,
    Login,
    ApplicationName,
    HostName,
    ErrorNumber,
    ErrorSeverity,
    ErrorState,
    ErrorLine,
    ErrorMessage,
    ErrorProcedure,
}

impl System {
    /// The type of the value; [`System::Now`] is `datetime2(7)`.
    pub(super) fn ty(self) -> SqlType {
        match self {
            Self::Now => SqlType::DateTime2(7),
            Self::ScopeIdentity | Self::LastIdentity => SqlType::Decimal(38, 0),
            Self::TransactionState | Self::SessionId => SqlType::SmallInt,
            Self::Database | Self::Login | Self::ApplicationName | Self::HostName | Self::ErrorProcedure => {
                SqlType::NVarChar(Some(128))
            }
            Self::ErrorMessage => SqlType::NVarChar(Some(4000)),
            _ => SqlType::Int,
        }
    }
}

/// What binding needs to know of the session and its catalog.
pub(super) trait Environment {
    /// The type of a declared scalar variable; the name is lower case with `@`.
    fn variable(&self, name: &str) -> Option<SqlType>;
    /// A table, temporary table, table variable or catalog view.
    ///
    /// # Errors
    /// 208 and 1087 where there is none.
    fn table(&self, name: &ObjectName) -> Result<Rc<Table>>;
}

/// A table as binding sees it. Every one has SQLite's `_rowid_`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// The quoted name in SQLite, ready for FROM and INSERT INTO.
    pub(super) sqlite: String,
    /// The object id; negative for table variables and temporary tables, 0 for views.
    pub(super) id: i32,
    pub(super) name: String,
    pub(super) schema: Option<String>,
    pub(super) columns: Vec<TableColumn>,
    /// A unique index or key of it has IGNORE_DUP_KEY: duplicates are left out with message 3604.
    pub(super) ignore_duplicates: bool,
    /// Positions of the columns of unique keys.
    pub(super) unique_columns: Vec<usize>,
    /// The position of the column that is SQLite's `_rowid_`.
    pub(super) row_id: Option<usize>,
}

/// A column of a [`Table`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TableColumn {
    pub(super) name: String,
    pub(super) ty: SqlType,
    pub(super) nullable: bool,
    pub(super) collation: Option<Collation>,
    pub(super) identity: bool,
    /// The text of the default expression.
    pub(super) default: Option<String>,
}

impl Table {
    /// A temporary table or table variable: only its session sees it.
    pub(super) fn is_temporary(&self) -> bool {
        self.name.starts_with(['#', '@'])
    }

    /// The position of a column by name.
    ///
    /// # Errors
    /// 207.
    pub(super) fn position(&self, column: &str) -> Result<usize> {
        self.columns
            .iter()
            .position(|known| known.name.eq_ignore_ascii_case(column))
            .ok_or_else(|| SqlError::new(207, format!("Invalid column name '{column}'.")))
    }
}

/// A right that a statement needs, and the id of the table.
pub(super) type Need = (Right, i32);

/// Binds one statement.
pub(super) struct Binder<'a> {
    pub(super) environment: &'a dyn Environment,
    /// The parameters collected so far; `?1` is the first.
    pub(super) parameters: Vec<Parameter>,
    /// The innermost scope last.
    pub(super) scopes: Vec<Scope>,
    /// Set by each aggregate call outside a window: the query groups even without GROUP BY.
    pub(super) saw_aggregate: bool,
    /// A hint asked for more than a read lock: in an explicit transaction the query takes the write lock.
    pub(super) locking: bool,
    /// Common table expressions in sight, the innermost last.
    pub(super) ctes: Vec<common_table::CommonTable>,
    /// The expression among them that is being defined.
    pub(super) recursion: Option<common_table::Recursion>,
    /// Counts names given to nameless things.
    pub(super) generated_names: usize,
    /// What the session's user must be allowed to.
    pub(super) needs: Vec<Need>,
}

impl<'a> Binder<'a> {
    /// A binder without any source in scope.
    pub(super) fn new(environment: &'a dyn Environment) -> Self {
        Self {
            environment,
            parameters: Vec::new(),
            scopes: Vec::new(),
            saw_aggregate: false,
            locking: false,
            ctes: Vec::new(),
            recursion: None,
            generated_names: 0,
            needs: Vec::new(),
        }
    }

    /// Notes a right that is needed. Nobody needs one to a temporary table or a system view.
    pub(super) fn need(&mut self, right: Right, table: i32) {
        if table > 0 && !self.needs.contains(&(right, table)) {
            self.needs.push((right, table));
        }
    }

    /// The parameters and the rights that were collected.
    pub(super) fn take(&mut self) -> (Vec<Parameter>, Vec<Need>) {
        (std::mem::take(&mut self.parameters), std::mem::take(&mut self.needs))
    }

    /// `?n` for a parameter; the same parameter gets the same number.
    pub(super) fn parameter(&mut self, parameter: Parameter) -> String {
        let index = self.parameters.iter().position(|known| *known == parameter).unwrap_or_else(|| {
            self.parameters.push(parameter);
            self.parameters.len() - 1
        });
        format!("?{}", index + 1)
    }
}

/// A string as a SQLite literal.
///
/// # Errors
/// 40000 for a NUL character, which would end the literal early.
pub(super) fn quoted_text(text: &str) -> Result<String> {
    if text.contains('\0') {
        return Err(SqlError::unsupported("NUL characters in literals"));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// A name as a SQLite identifier.
pub(super) fn quoted_name(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests;
