//! Conditions: what stands in WHERE, ON, HAVING, IF, WHILE, CHECK and WHEN. Three-valued, as in SQLite.

use super::super::ast::{Comparison, Expression};
use super::super::error::{Result, SqlError};
use super::scalar::merged_collation;
use super::{Binder, Collation, Scalar, higher};

impl Binder<'_> {
    /// Binds an expression that is true, false or unknown.
    pub(in super::super) fn condition(&mut self, expression: &Expression) -> Result<String> {
        match expression {
            Expression::And(parts) => self.connected(parts, " AND "),
            Expression::Or(parts) => self.connected(parts, " OR "),
            Expression::Not(part) => Ok(format!("(NOT {})", self.condition(part)?)),
            Expression::Compare(comparison, left, right) => self.compare(*comparison, left, right),
            Expression::IsNull { value, negated } => {
                let not = if *negated { "NOT " } else { "" };
                Ok(format!("({} IS {not}NULL)", self.scalar(value)?.sql))
            }
            Expression::Between { value, low, high, negated } => {
                let low = self.compare(Comparison::GreaterOrEqual, value, low)?;
                let high = self.compare(Comparison::LessOrEqual, value, high)?;
                Ok(format!("({}({low} AND {high}))", not(*negated)))
            }
            Expression::InList { value, list, negated } => {
                let equalities: Result<Vec<String>> =
                    list.iter().map(|item| self.equality(value, item)).collect();
                Ok(format!("({}({}))", not(*negated), equalities?.join(" OR ")))
            }
            Expression::InQuery { value, query, negated } => self.in_query(value, query, *negated),
            Expression::Like { value, pattern, escape, negated } => {
                self.like(value, pattern, escape.as_deref(), *negated)
            }
            Expression::Exists(query) => self.exists(query),
            _ => Err(SqlError::syntax(
                4145,
                "An expression of non-boolean type specified in a context where a condition is expected.",
            )),
        }
    }

    /// `left = right` with SQL Server's conversions.
    pub(super) fn equality(&mut self, left: &Expression, right: &Expression) -> Result<String> {
        self.compare(Comparison::Equal, left, right)
    }

    fn connected(&mut self, parts: &[Expression], connective: &str) -> Result<String> {
        let parts: Result<Vec<String>> = parts.iter().map(|part| self.condition(part)).collect();
        Ok(format!("({})", parts?.join(connective)))
    }

    fn compare(&mut self, comparison: Comparison, left: &Expression, right: &Expression) -> Result<String> {
        let (left, right) = (self.scalar(left)?, self.scalar(right)?);
        compared(comparison, &left, &right)
    }

    fn like(
        &mut self,
        value: &Expression,
        pattern: &Expression,
        escape: Option<&Expression>,
        negated: bool,
    ) -> Result<String> {
        let unbounded = super::SqlType::NVarChar(None);
        let (value, pattern) = (self.scalar(value)?, self.scalar(pattern)?);
        let ignore_case = i32::from(merged_collation(&value, &pattern)? != Some(Collation::Binary));
        let escape = match escape {
            Some(escape) => self.scalar(escape)?.sql,
            None => "NULL".to_owned(),
        };
        let (value, pattern) = (value.implicitly_as(unbounded)?, pattern.implicitly_as(unbounded)?);
        Ok(format!("({}ts_like({value}, {pattern}, {escape}, {ignore_case}))", not(negated)))
    }
}

fn not(negated: bool) -> &'static str {
    if negated { "NOT " } else { "" }
}

/// Compares two bound values: the lower type is converted to the higher, strings by their collation.
pub(in super::super) fn compared(comparison: Comparison, left: &Scalar, right: &Scalar) -> Result<String> {
    let ty = match (left.is_null, right.is_null) {
        (true, false) => right.ty,
        (false, true) => left.ty,
        _ => higher(left.ty, right.ty),
    };
    let operator = match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    };
    if ty.is_text() {
        // Lengths do not matter to a comparison: a cast to a shorter type must not cut.
        let unbounded = super::SqlType::NVarChar(None);
        let collation = merged_collation(left, right)?.unwrap_or(Collation::Default).sqlite_name();
        let (left, right) = (left.implicitly_as(unbounded)?, right.implicitly_as(unbounded)?);
        return Ok(format!("({left} COLLATE {collation} {operator} {right})"));
    }
    // A literal beyond int is numeric, but a column of whole numbers compares with it as it is, and by its index.
    let whole = |literal: &Scalar, other: &Scalar| {
        literal.whole.is_some_and(|whole| i64::try_from(whole).is_ok()) && other.ty.is_integer()
    };
    let ty = if whole(left, right) || whole(right, left) { super::SqlType::BigInt } else { ty };
    let collation = Collation::of_type(ty, None).map(|collation| format!(" COLLATE {collation}"));
    let (left, right) = (left.implicitly_as(ty)?, right.implicitly_as(ty)?);
    Ok(format!("({left}{} {operator} {right})", collation.unwrap_or_default()))
}
