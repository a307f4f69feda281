//! Where a column name is looked up: the sources of FROM, innermost query first.

use std::rc::Rc;

use super::super::ast::{ObjectName, Right};
use super::super::error::{Result, SqlError};
use super::super::types::SqlType;
use super::{Binder, Table};

/// How strings of a column compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Collation {
    /// The default: case-insensitive, accent-sensitive.
    Default,
    /// A BIN2 collation.
    Binary,
}

impl Collation {
    /// The name under which `functions` registers it.
    pub(in super::super) fn sqlite_name(self) -> &'static str {
        match self {
            Self::Default => "ts_ci",
            Self::Binary => "ts_bin",
        }
    }

    /// The SQLite collation under which values of a type compare, where bytes alone do not decide: strings by theirs,
    /// offsets by their instant.
    pub(in super::super) fn of_type(ty: SqlType, collation: Option<Self>) -> Option<&'static str> {
        match ty {
            SqlType::DateTimeOffset(_) => Some("ts_instant"),
            _ if ty.is_text() => Some(collation.unwrap_or(Self::Default).sqlite_name()),
            _ => None,
        }
    }

    /// One of SQL Server's collation names.
    ///
    /// # Errors
    /// 40000 for a collation that compares in a way that local-sql does not have.
    pub(in super::super) fn named(name: &str) -> Result<Self> {
        let upper = name.to_ascii_uppercase();
        if upper.ends_with("_BIN2") || upper.ends_with("_BIN") || upper.ends_with("_BIN2_UTF8") {
            return Ok(Self::Binary);
        }
        let default = upper == "DATABASE_DEFAULT" || upper.contains("_CI_AS");
        if default { Ok(Self::Default) } else { Err(SqlError::unsupported(format!("collation {name}"))) }
    }
}

/// A column that can be named.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct ScopeColumn {
    pub(in super::super) name: String,
    pub(in super::super) ty: SqlType,
    pub(in super::super) nullable: bool,
    /// `None` where strings have no collation of their own (and for all other types).
    pub(in super::super) collation: Option<Collation>,
    /// The SQLite text that reads it.
    pub(in super::super) sql: String,
}

/// A table, derived table or function in FROM; also `inserted` and `deleted`.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Source {
    /// The alias, or the table's own name.
    pub(in super::super) name: String,
    /// The schema, where the table was named without an alias.
    pub(in super::super) schema: Option<String>,
    pub(in super::super) columns: Vec<ScopeColumn>,
    /// The table and its SQLite alias, where it is one that can be changed.
    pub(in super::super) table: Option<(Rc<Table>, String)>,
}

/// The sources of one query.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Scope {
    pub(in super::super) sources: Vec<Source>,
    /// The SQLite texts of GROUP BY while the select list, HAVING and ORDER BY of a grouped query are bound.
    pub(in super::super) groups: Option<Vec<String>>,
}

/// A resolved column and how many queries further out it was found.
pub(super) struct Found {
    pub(super) column: ScopeColumn,
    pub(super) depth: usize,
}

impl Binder<'_> {
    /// Finds a column by a name of one to three parts.
    ///
    /// # Errors
    /// 207, 209 and 4104, as SQL Server.
    pub(super) fn find_column(&mut self, name: &ObjectName) -> Result<Found> {
        let same = |left: &str, right: &str| left.eq_ignore_ascii_case(right);
        let column = name.object();
        let source = name.schema();
        let schema = name.parts.len().checked_sub(3).and_then(|index| name.parts.get(index));
        for (depth, scope) in self.scopes.iter().rev().enumerate() {
            let mut matches = scope
                .sources
                .iter()
                .filter(|candidate| source.is_none_or(|source| same(source, &candidate.name)))
                .filter(|candidate| {
                    schema.is_none_or(|schema| {
                        candidate.schema.as_deref().is_some_and(|known| same(known, schema))
                    })
                })
                .filter_map(|candidate| {
                    let found = candidate.columns.iter().find(|known| same(&known.name, column))?;
                    Some((found, candidate.table.as_ref().map(|(table, _)| table.id)))
                });
            if let Some((first, table)) = matches.next() {
                if matches.next().is_some() {
                    let message = format!("Ambiguous column name '{column}'.");
                    return Err(SqlError::new(209, message).at(name.position.line));
                }
                let found = Found { column: first.clone(), depth };
                if let Some(table) = table {
                    self.need(Right::Select, table);
                }
                return Ok(found);
            }
        }
        let known_source = source.is_none_or(|source| {
            self.scopes.iter().flat_map(|scope| &scope.sources).any(|candidate| same(source, &candidate.name))
        });
        Err(if known_source {
            SqlError::new(207, format!("Invalid column name '{column}'."))
        } else {
            SqlError::new(4104, format!("The multi-part identifier \"{}\" could not be bound.", name.shown()))
        }
        .at(name.position.line))
    }
}
