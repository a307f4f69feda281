//! Aggregates and window functions. Sums are checked against the range of their type, averages divide as
//! integers.

use super::super::ast::{Call, Expression, OrderItem, Over};
use super::super::decimal::{MAX_PRECISION, MIN_QUOTIENT_SCALE, Operation};
use super::super::error::{Result, SqlError};
use super::super::storage_form::type_code;
use super::super::types::SqlType;
use super::{Binder, Collation, Scalar};

const AGGREGATES: &[&str] = &["COUNT", "COUNT_BIG", "SUM", "AVG", "MIN", "MAX", "STRING_AGG"];

/// Whether the call aggregates the rows of its query (a window function does not).
pub(super) fn is_aggregate(call: &Call) -> bool {
    call.over.is_none() && AGGREGATES.contains(&call.name.as_str())
}

impl Binder<'_> {
    /// Binds an aggregate or, with OVER, a window function.
    pub(super) fn aggregate(&mut self, call: &Call) -> Result<Scalar> {
        // Inside an aggregate every column may be named, grouped by or not.
        let groups = self.scopes.last_mut().and_then(|scope| scope.groups.take());
        let bound = self.aggregate_of_columns(call).map_err(|error| error.at(call.position.line));
        if let Some(scope) = self.scopes.last_mut() {
            scope.groups = groups;
        }
        if call.over.is_none() {
            self.saw_aggregate = true;
        }
        bound
    }

    fn aggregate_of_columns(&mut self, call: &Call) -> Result<Scalar> {
        let over = match &call.over {
            Some(over) => self.over(over)?,
            None => String::new(),
        };
        let distinct = if call.distinct { "DISTINCT " } else { "" };
        match (call.name.as_str(), call.arguments.as_slice()) {
            ("COUNT" | "COUNT_BIG", arguments) => self.count(call, arguments, distinct, &over),
            ("SUM" | "AVG", [value]) => self.sum(value, distinct, &over, call.name == "AVG"),
            ("MIN" | "MAX", [value]) => {
                let value = self.scalar(value)?;
                let sql = format!("{}({}){over}", call.name.to_lowercase(), with_collation(&value));
                Ok(Scalar::new(sql, value.ty).collated(value.collation))
            }
            ("STRING_AGG", [value, separator]) if over.is_empty() && !call.distinct => {
                let order = self.order_by(&call.within_group)?;
                let (value, separator) = (self.scalar(value)?, self.scalar(separator)?);
                let unbounded = SqlType::NVarChar(None);
                let sql = format!(
                    "group_concat({}, {}{order})",
                    value.implicitly_as(unbounded)?,
                    separator.implicitly_as(unbounded)?
                );
                let ty = if value.ty.length().is_some() { SqlType::NVarChar(Some(4000)) } else { unbounded };
                Ok(Scalar::new(sql, ty).collated(value.collation))
            }
            ("ROW_NUMBER" | "RANK" | "DENSE_RANK", []) if !over.is_empty() => {
                let sql = format!("{}(){over}", call.name.to_lowercase());
                Ok(Scalar::new(sql, SqlType::BigInt).not_null())
            }
            ("LAG" | "LEAD", [value, rest @ ..]) if !over.is_empty() && rest.len() < 3 => {
                let value = self.scalar(value)?;
                let mut arguments = vec![value.sql.clone()];
                for (argument, ty) in rest.iter().zip([SqlType::BigInt, value.ty]) {
                    arguments.push(self.scalar(argument)?.implicitly_as(ty)?);
                }
                let sql = format!("{}({}){over}", call.name.to_lowercase(), arguments.join(", "));
                Ok(Scalar::new(sql, value.ty).collated(value.collation))
            }
            _ => Err(SqlError::unsupported_at(format!("this use of {}", call.name), call.position)),
        }
    }

    fn count(&mut self, call: &Call, arguments: &[Expression], distinct: &str, over: &str) -> Result<Scalar> {
        let ty = if call.name == "COUNT" { SqlType::Int } else { SqlType::BigInt };
        let counted = match arguments {
            [] if call.star => "*".to_owned(),
            [value] => {
                let value = self.scalar(value)?;
                format!("{distinct}{}", with_collation(&value))
            }
            _ => return Err(SqlError::near("COUNT")),
        };
        Ok(Scalar::new(format!("ts_in_range(count({counted}){over}, {})", type_code(ty)), ty).not_null())
    }

    fn sum(&mut self, value: &Expression, distinct: &str, over: &str, average: bool) -> Result<Scalar> {
        let value = self.scalar(value)?;
        let ty = match value.ty {
            SqlType::TinyInt | SqlType::SmallInt | SqlType::Int => SqlType::Int,
            SqlType::BigInt => SqlType::BigInt,
            SqlType::Float | SqlType::Real => SqlType::Float,
            SqlType::Decimal(_, scale) => SqlType::Decimal(MAX_PRECISION, scale),
            SqlType::Money | SqlType::SmallMoney => SqlType::Money,
            other => {
                let name = if average { "avg" } else { "sum" };
                let message = format!("Operand data type {} is invalid for {name} operator.", other.name());
                return Err(SqlError::new(8117, message));
            }
        };
        if ty.is_decimal() {
            return Ok(decimal_sum(&value, ty, distinct, over, average));
        }
        let code = type_code(ty);
        let sum = format!("sum({distinct}{}){over}", value.sql);
        let sql = match (ty, average) {
            (SqlType::Float, true) => format!("avg({distinct}{}){over}", value.sql),
            (SqlType::Float, false) => sum,
            (_, false) => format!("ts_in_range({sum}, {code})"),
            (_, true) => format!("ts_divide({sum}, count({distinct}{}){over}, {code})", value.sql),
        };
        Ok(Scalar::new(sql, ty))
    }

    fn over(&mut self, over: &Over) -> Result<String> {
        let mut text = String::from(" OVER (");
        if !over.partition_by.is_empty() {
            let parts: Result<Vec<String>> = over
                .partition_by
                .iter()
                .map(|part| {
                    let part = self.scalar(part)?;
                    Ok(with_collation(&part))
                })
                .collect();
            text += &format!("PARTITION BY {}", parts?.join(", "));
        }
        text += &self.order_by(&over.order_by)?;
        if let Some(frame) = &over.frame {
            text += &format!(" {frame}");
        }
        Ok(text + ")")
    }

    /// ` ORDER BY …`, or nothing.
    pub(in super::super) fn order_by(&mut self, items: &[OrderItem]) -> Result<String> {
        if items.is_empty() {
            return Ok(String::new());
        }
        let items: Result<Vec<String>> = items
            .iter()
            .map(|item| {
                let value = self.scalar(&item.expression)?;
                let direction = if item.descending { " DESC" } else { "" };
                Ok(format!("{}{direction}", with_collation(&value)))
            })
            .collect();
        Ok(format!(" ORDER BY {}", items?.join(", ")))
    }
}

/// SUM and AVG of decimals and money, `ty` being the type of the sum.
fn decimal_sum(value: &Scalar, ty: SqlType, distinct: &str, over: &str, average: bool) -> Scalar {
    let sum = format!("ts_in_range(ts_sum({distinct}{}){over}, {})", value.sql, type_code(ty));
    if !average {
        return Scalar::new(sum, ty);
    }
    let result = match ty {
        SqlType::Decimal(precision, scale) => SqlType::Decimal(precision, scale.max(MIN_QUOTIENT_SCALE)),
        other => other,
    };
    let whole = SqlType::Decimal(19, 0);
    let count = Scalar::new(format!("count({distinct}{}){over}", value.sql), SqlType::BigInt);
    let sql = format!(
        "ts_decimal({}, {sum}, {}, {}, {}, {})",
        Operation::Divide as i64,
        count.cast_to(whole),
        type_code(ty),
        type_code(whole),
        type_code(result)
    );
    Scalar::new(sql, result)
}

/// The text of a value with its collation, for ORDER BY, GROUP BY, PARTITION BY and DISTINCT.
pub(in super::super) fn with_collation(value: &Scalar) -> String {
    match Collation::of_type(value.ty, value.collation) {
        Some(collation) => format!("{} COLLATE {collation}", value.sql),
        None => value.sql.clone(),
    }
}
