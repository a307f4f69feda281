//! Names and types: turns the syntax tree into SQLite text whose every column has one of SQL Server's types.
//!
//! `scalar` and `condition` bind expressions, `function` and `aggregate` the calls in them, `types` decides which type
//! wins where two meet, `scope` finds columns. Values never stand in the text: variables and what only the session
//! knows become numbered parameters, filled in when the statement runs. Start at [`Binder::scalar`].

mod aggregate;
mod condition;
mod function;
mod json;
mod query;
mod scalar;
mod scope;
mod types;

pub(super) use aggregate::with_collation;
pub(super) use scalar::Scalar;
pub(super) use scope::{Collation, Scope, ScopeColumn, Source};
pub(super) use types::{higher, implicitly_converts};

use super::error::{Result, SqlError};
use super::types::SqlType;

/// What a `?n` of the SQLite text stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Parameter {
    /// A variable, by its lower-case name with `@`.
    Variable(String),
    /// Something that only the session knows.
    System(System),
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
            Self::ScopeIdentity | Self::LastIdentity => SqlType::BigInt,
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
}

/// Binds one statement.
pub(super) struct Binder<'a> {
    pub(super) environment: &'a dyn Environment,
    /// The parameters collected so far; `?1` is the first.
    pub(super) parameters: Vec<Parameter>,
    /// The innermost scope last.
    pub(super) scopes: Vec<Scope>,
    /// Set by each aggregate call outside a window: the query groups even without GROUP BY.
    pub(super) saw_aggregate: bool,
    /// Counts names given to nameless things.
    pub(super) generated_names: usize,
}

impl<'a> Binder<'a> {
    /// A binder without any source in scope.
    pub(super) fn new(environment: &'a dyn Environment) -> Self {
        Self { environment, parameters: Vec::new(), scopes: Vec::new(), saw_aggregate: false, generated_names: 0 }
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
