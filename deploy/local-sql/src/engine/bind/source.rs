//! FROM: tables, derived tables, VALUES, table functions, joins and APPLY.

use std::rc::Rc;

use super::super::ast::{Expression, JoinKind, ObjectName, Right, Source as Written};
use super::super::error::{Result, SqlError};
use super::scalar::common_type;
use super::{Binder, Scalar, ScopeColumn, Source, Table, quoted_name};

impl Binder<'_> {
    /// Binds a source, adds its columns to the innermost scope and returns its SQLite text.
    pub(super) fn source(&mut self, source: &Written) -> Result<String> {
        match source {
            Written::Table { name, alias, hints } => {
                self.locking |= hints.iter().any(|hint| is_locking(hint));
                self.named_source(name, alias.as_deref())
            }
            Written::Derived { query, alias, columns } => {
                let bound = self.hidden(|binder| binder.query(query))?;
                let sqlite = self.new_alias();
                let columns = bound.source_columns((alias, &sqlite), columns)?;
                self.add_source(Source { name: alias.clone(), schema: None, columns, table: None })?;
                Ok(format!("({}) AS {}", bound.sql, quoted_name(&sqlite)))
            }
            Written::Values { rows, alias, columns, position } => {
                let values = self.values(rows, alias, columns);
                values.map_err(|error| error.at(position.line))
            }
            Written::Function { call, with, alias } => {
                let name = alias.clone().unwrap_or_else(|| call.name.clone());
                let (text, source) = self.table_function(call, with.as_deref(), &name)?;
                self.add_source(source)?;
                Ok(text)
            }
            Written::Join { kind, left, right, on } => self.join(*kind, left, right, on.as_ref()),
        }
    }

    /// A common table expression or a table.
    fn named_source(&mut self, name: &ObjectName, alias: Option<&str>) -> Result<String> {
        let sqlite = self.new_alias();
        let shown = alias.unwrap_or_else(|| name.object()).to_owned();
        let cte = (name.parts.len() == 1)
            .then(|| self.ctes.iter().rev().find(|cte| cte.name.eq_ignore_ascii_case(name.object())))
            .flatten();
        if let Some(cte) = cte {
            if let Some(recursion) = &mut self.recursion
                && recursion.sqlite == cte.sqlite
            {
                recursion.source = Some(sqlite.clone());
            }
            let text = format!("{} AS {}", quoted_name(&cte.sqlite), quoted_name(&sqlite));
            let columns = cte.columns.iter().enumerate();
            let columns = columns
                .map(|(index, column)| ScopeColumn {
                    sql: format!("{}.c{index}", quoted_name(&sqlite)),
                    ..column.clone()
                })
                .collect();
            self.add_source(Source { name: shown, schema: None, columns, table: None })?;
            return Ok(text);
        }
        let table = self.environment.table(name)?;
        self.need(Right::Select, table.id);
        let source = table_source(&table, &sqlite, alias);
        self.add_source(source)?;
        Ok(format!("{} AS {}", table.sqlite, quoted_name(&sqlite)))
    }

    fn values(&mut self, rows: &[Vec<Expression>], alias: &str, names: &[String]) -> Result<String> {
        let mut bound: Vec<Vec<Scalar>> = Vec::with_capacity(rows.len());
        for row in rows {
            let row: Result<Vec<Scalar>> =
                self.hidden(|binder| row.iter().map(|value| binder.scalar(value)).collect());
            bound.push(row?);
        }
        let width = names.len();
        if bound.windows(2).any(|pair| pair[0].len() != pair[1].len()) {
            return Err(SqlError::new(
                10709,
                "The number of columns for each row in a table value constructor must be the same.",
            ));
        }
        if bound.iter().any(|row| row.len() != width) {
            return Err(SqlError::new(
                8158,
                format!("'{alias}' has more or fewer columns than were specified in the column list."),
            ));
        }
        let sqlite = self.new_alias();
        let mut columns = Vec::with_capacity(width);
        for (index, name) in names.iter().enumerate() {
            let values: Vec<Scalar> = bound.iter().filter_map(|row| row.get(index)).cloned().collect();
            let (ty, collation) = common_type(&values)?;
            let nullable = values.iter().any(|value| value.nullable);
            let sql = format!("{}.c{index}", quoted_name(&sqlite));
            columns.push(ScopeColumn { name: name.clone(), ty, nullable, collation, sql });
        }
        let rows: Result<Vec<String>> = bound
            .iter()
            .map(|row| {
                let cells = row.iter().zip(&columns).map(|(value, column)| value.implicitly_as(column.ty));
                Ok(format!("({})", cells.collect::<Result<Vec<String>>>()?.join(", ")))
            })
            .collect();
        let names: Vec<String> = (0..width).map(|index| format!("column{} AS c{index}", index + 1)).collect();
        self.add_source(Source { name: alias.to_owned(), schema: None, columns, table: None })?;
        let rows = rows?.join(", ");
        Ok(format!("(SELECT {} FROM (VALUES {rows})) AS {}", names.join(", "), quoted_name(&sqlite)))
    }

    fn join(
        &mut self,
        kind: JoinKind,
        left: &Written,
        right: &Written,
        on: Option<&Expression>,
    ) -> Result<String> {
        let first_left = self.sources_in_scope();
        let left = self.source(left)?;
        let first_right = self.sources_in_scope();
        let lateral = matches!(kind, JoinKind::CrossApply | JoinKind::OuterApply);
        if lateral && !matches!(right, Written::Function { .. }) {
            return Err(SqlError::unsupported("APPLY with anything but a table function"));
        }
        let nested = matches!(right, Written::Join { .. });
        let right = self.source(right)?;
        let right = if nested { format!("({right})") } else { right };
        if matches!(kind, JoinKind::Left | JoinKind::Full | JoinKind::OuterApply) {
            self.make_nullable(first_right, usize::MAX);
        }
        if matches!(kind, JoinKind::Right | JoinKind::Full) {
            self.make_nullable(first_left, first_right);
        }
        let on = match on {
            Some(on) => self.condition(on)?,
            None => "1".to_owned(),
        };
        let word = match kind {
            JoinKind::Inner | JoinKind::Cross | JoinKind::CrossApply => "JOIN",
            JoinKind::Left | JoinKind::OuterApply => "LEFT JOIN",
            JoinKind::Right => "RIGHT JOIN",
            JoinKind::Full => "FULL JOIN",
        };
        Ok(format!("{left} {word} {right} ON {on}"))
    }

    fn sources_in_scope(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.sources.len())
    }

    fn make_nullable(&mut self, from: usize, to: usize) {
        let sources = self.scopes.last_mut().map(|scope| scope.sources.as_mut_slice()).unwrap_or_default();
        let to = to.min(sources.len());
        for column in sources[from.min(to)..to].iter_mut().flat_map(|source| &mut source.columns) {
            column.nullable = true;
        }
    }

    /// Adds a source to the innermost scope.
    ///
    /// # Errors
    /// 1011 and 1013 for a name that is taken.
    pub(super) fn add_source(&mut self, source: Source) -> Result<()> {
        let Some(scope) = self.scopes.last_mut() else { return Ok(()) };
        let taken = scope.sources.iter().any(|known| {
            known.name.eq_ignore_ascii_case(&source.name)
                && (known.schema.is_none() || source.schema.is_none() || known.schema == source.schema)
        });
        if taken && let Some(schema) = &source.schema {
            let name = format!("{schema}.{}", source.name);
            let message = format!(
                "The objects \"{name}\" and \"{name}\" in the FROM clause have the same exposed names. Use correlation \
                 names to distinguish them."
            );
            return Err(SqlError::new(1013, message));
        }
        if taken {
            let message = format!(
                "The correlation name '{}' is specified multiple times in a FROM clause.",
                source.name
            );
            return Err(SqlError::new(1011, message));
        }
        scope.sources.push(source);
        Ok(())
    }

    /// Binds something that must not see the other sources of its FROM.
    fn hidden<T>(&mut self, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let scope = self.scopes.pop();
        let bound = bind(self);
        self.scopes.extend(scope);
        bound
    }
}

/// Hints that make SQL Server lock what it reads as a writer would, or until the end of the transaction.
fn is_locking(hint: &str) -> bool {
    const LOCKING: [&str; 6] = ["UPDLOCK", "XLOCK", "TABLOCKX", "HOLDLOCK", "SERIALIZABLE", "REPEATABLEREAD"];
    LOCKING.iter().any(|locking| locking.eq_ignore_ascii_case(hint))
}

/// A table as a source under a SQLite alias.
pub(super) fn table_source(table: &Rc<Table>, sqlite: &str, alias: Option<&str>) -> Source {
    let columns = table.columns.iter().map(|column| ScopeColumn {
        name: column.name.clone(),
        ty: column.ty,
        nullable: column.nullable,
        collation: column.collation,
        sql: format!("{}.{}", quoted_name(sqlite), quoted_name(&column.name)),
    });
    let schema = if alias.is_some() { None } else { table.schema.clone() };
    Source {
        name: alias.unwrap_or(&table.name).to_owned(),
        schema,
        columns: columns.collect(),
        table: Some((Rc::clone(table), sqlite.to_owned())),
    }
}

/// A source whose columns are read by other means, for `inserted` and `deleted`.
pub(super) fn row_source(table: &Table, name: &str, sql: impl Fn(usize) -> String) -> Source {
    let columns = table.columns.iter().enumerate().map(|(index, column)| ScopeColumn {
        name: column.name.clone(),
        ty: column.ty,
        nullable: column.nullable,
        collation: column.collation,
        sql: sql(index),
    });
    Source { name: name.to_owned(), schema: None, columns: columns.collect(), table: None }
}
