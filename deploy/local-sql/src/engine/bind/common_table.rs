//! WITH: common table expressions, and the recursive ones among them, which are SQLite's own with one more column that
//! counts the levels.

use super::super::ast::{Cte, QueryBody, Select, SetOperator, Source};
use super::super::error::{Result, SqlError};
use super::query::{Tail, unequal_widths};
use super::{Binder, ScopeColumn, quoted_name};

/// A common table expression in sight.
#[derive(Debug, Clone)]
pub(in super::super) struct CommonTable {
    pub(super) name: String,
    pub(super) sqlite: String,
    pub(super) columns: Vec<ScopeColumn>,
}

/// Levels of a recursion without MAXRECURSION.
const MAX_RECURSION: u32 = 100;

/// The common table expression that is being defined while its recursive part is bound.
#[derive(Debug, Clone)]
pub(in super::super) struct Recursion {
    pub(super) sqlite: String,
    limit: u32,
    /// What the FROM that is being bound calls it.
    pub(super) source: Option<String>,
}

/// The two parts of an expression that names itself in FROM of the second.
fn recursive_parts(cte: &Cte) -> Option<(&QueryBody, &Select)> {
    let QueryBody::Set(SetOperator::UnionAll, anchor, step) = &cte.query.body else { return None };
    let QueryBody::Select(step) = step.as_ref() else { return None };
    step.from.as_ref().is_some_and(|from| reads(from, &cte.name)).then_some((anchor, step))
}

fn reads(source: &Source, name: &str) -> bool {
    match source {
        Source::Table { name: table, .. } => {
            table.parts.len() == 1 && table.object().eq_ignore_ascii_case(name)
        }
        Source::Join { left, right, .. } => reads(left, name) || reads(right, name),
        _ => false,
    }
}

impl Binder<'_> {
    /// `WITH …` for SQLite; each expression is in sight of the later ones and of the query.
    pub(super) fn common_tables(&mut self, ctes: &[Cte]) -> Result<String> {
        self.common_tables_within(ctes, None)
    }

    pub(super) fn common_tables_within(
        &mut self,
        ctes: &[Cte],
        max_recursion: Option<u32>,
    ) -> Result<String> {
        let mut texts = Vec::with_capacity(ctes.len());
        for cte in ctes {
            let sqlite = format!("{}_{}", self.new_alias(), cte.name);
            if let Some((anchor, step)) = recursive_parts(cte) {
                let limit = max_recursion.unwrap_or(MAX_RECURSION);
                texts.push(self.recursive_table(cte, &sqlite, (anchor, step), limit)?);
                continue;
            }
            let bound = self.query(&cte.query).map_err(|error| recursive(&cte.name, error))?;
            let columns = bound.source_columns((&cte.name, &sqlite), &cte.columns)?;
            texts.push(format!("{} AS ({})", quoted_name(&sqlite), bound.sql));
            self.ctes.push(CommonTable { name: cte.name.clone(), sqlite, columns });
        }
        Ok(if texts.is_empty() { String::new() } else { format!("WITH {} ", texts.join(", ")) })
    }

    /// An expression that reads itself: SQLite's own recursion, with one more column that counts the levels.
    fn recursive_table(
        &mut self,
        cte: &Cte,
        sqlite: &str,
        (anchor, step): (&QueryBody, &Select),
        limit: u32,
    ) -> Result<String> {
        let anchor = self.body(anchor, &Tail::NONE)?;
        let columns = anchor.source_columns((&cte.name, sqlite), &cte.columns)?;
        let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
        self.ctes.push(CommonTable { name: cte.name.clone(), sqlite: sqlite.to_owned(), columns });
        let outer = self.recursion.replace(Recursion { sqlite: sqlite.to_owned(), limit, source: None });
        let step = self.select(step, &Tail::NONE);
        self.recursion = outer;
        let step = step?;
        if step.columns.len() != anchor.columns.len() {
            return Err(unequal_widths());
        }
        for ((left, right), name) in anchor.columns.iter().zip(&step.columns).zip(&names) {
            if left.ty != right.ty {
                let text = format!(
                    "Types don't match between the anchor and the recursive part in column \"{name}\" of recursive query \
                     \"{}\".",
                    cte.name
                );
                return Err(SqlError::new(240, text));
            }
        }
        let list: Vec<String> = (0..names.len()).map(|index| format!("c{index}")).collect();
        let (list, table) = (list.join(", "), quoted_name(sqlite));
        Ok(format!(
            "{table} ({list}, level) AS (SELECT {list}, 0 FROM ({}) UNION ALL {})",
            anchor.sql, step.sql
        ))
    }

    /// In the query whose FROM has just named the expression that is being defined: the level of its rows.
    pub(super) fn level(&mut self) -> Option<String> {
        let recursion = self.recursion.as_mut()?;
        let level = format!("{}.level", quoted_name(&recursion.source.take()?));
        let limit = recursion.limit;
        if limit == 0 {
            return Some("0".to_owned());
        }
        Some(format!(
            "CASE WHEN {level} < {limit} THEN {level} + 1 ELSE ts_fail(530, 'The statement terminated. The maximum \
             recursion {limit} has been exhausted before statement completion.') END"
        ))
    }
}

/// Where an expression names itself in any other way, what would be an unknown table is a recursion.
fn recursive(name: &str, error: SqlError) -> SqlError {
    if error.number == 208 && error.text.eq_ignore_ascii_case(&format!("Invalid object name '{name}'.")) {
        return SqlError::unsupported("a recursive common table expression of this form").at(error.line);
    }
    error
}
