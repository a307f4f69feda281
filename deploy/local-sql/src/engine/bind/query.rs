//! Queries: FROM, joins, common table expressions, TOP, set operators, subqueries.

use super::super::ast::{Expression, Query};
use super::super::error::{Result, SqlError};
use super::{Binder, Scalar};

impl Binder<'_> {
    /// A query that yields one value.
    pub(super) fn scalar_subquery(&mut self, query: &Query) -> Result<Scalar> {
        Err(SqlError::unsupported_at("subqueries", query.position))
    }

    /// `EXISTS (…)`
    pub(super) fn exists(&mut self, query: &Query) -> Result<String> {
        Err(SqlError::unsupported_at("subqueries", query.position))
    }

    /// `value [NOT] IN (SELECT …)`
    pub(super) fn in_query(&mut self, _value: &Expression, query: &Query, _negated: bool) -> Result<String> {
        Err(SqlError::unsupported_at("subqueries", query.position))
    }
}
