//! Operators of two values: numbers of every kind, joined strings and binaries.

use super::super::ast::{BinaryOperator, Expression};
use super::super::decimal::{Operation, Shape};
use super::super::error::{Result, SqlError};
use super::super::storage_form::type_code;
use super::super::types::SqlType;
use super::scalar::merged_collation;
use super::types::concatenated;
use super::{Binder, Scalar, higher};

impl Binder<'_> {
    pub(super) fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &Expression,
        right: &Expression,
    ) -> Result<Scalar> {
        let (left, right) = (self.scalar(left)?, self.scalar(right)?);
        let mut ty = match (left.is_null, right.is_null) {
            (true, false) => right.ty,
            (false, true) => left.ty,
            _ => higher(left.ty, right.ty),
        };
        let nullable = left.nullable || right.nullable;
        if ty.is_text() {
            return self.joined(operator, &left, &right, nullable);
        }
        if ty.is_binary() && operator == BinaryOperator::Add {
            let length = left
                .ty
                .length()
                .zip(right.ty.length())
                .map(|(left, right)| left.saturating_add(right).min(8_000));
            let sql = format!("CAST({} || {} AS BLOB)", left.sql, right.sql);
            return Ok(Scalar { nullable, ..Scalar::new(sql, SqlType::VarBinary(length)) });
        }
        if ty == SqlType::DateTime && matches!(operator, BinaryOperator::Add | BinaryOperator::Subtract) {
            return Err(SqlError::unsupported(
                "arithmetic with datetime operators; use DATEADD and DATEDIFF",
            ));
        }
        if ty == SqlType::Bit && operator == BinaryOperator::Add && !left.is_null && !right.is_null {
            return Err(incompatible(left.ty, right.ty, operator));
        }
        if ty == SqlType::Bit {
            ty = SqlType::Int;
        }
        if ty.is_decimal() {
            return self.decimal_binary(operator, &left, &right, ty, nullable);
        }
        let floating = matches!(ty, SqlType::Float | SqlType::Real);
        if !floating && !ty.is_integer() {
            let message = format!(
                "Operand data type {} is invalid for {} operator.",
                ty.name(),
                operator_name(operator)
            );
            return Err(SqlError::new(8117, message));
        }
        let (left, right) = (left.implicitly_as(ty)?, right.implicitly_as(ty)?);
        let sql = if floating {
            float_operation(operator, &left, &right)?
        } else {
            integer_operation(operator, &left, &right, ty)
        };
        Ok(Scalar { nullable, ..Scalar::new(sql, ty) })
    }

    /// An operator of two exact numbers of which one is a decimal or money.
    fn decimal_binary(
        &mut self,
        operator: BinaryOperator,
        left: &Scalar,
        right: &Scalar,
        ty: SqlType,
        nullable: bool,
    ) -> Result<Scalar> {
        let operation = match operator {
            BinaryOperator::Add => Operation::Add,
            BinaryOperator::Subtract => Operation::Subtract,
            BinaryOperator::Multiply => Operation::Multiply,
            BinaryOperator::Divide => Operation::Divide,
            BinaryOperator::Modulo => Operation::Modulo,
            _ => return Err(incompatible(left.ty, right.ty, operator)),
        };
        // Money stays money; decimals have a type of their own for every operator.
        let (left_ty, right_ty, result) = if let SqlType::Decimal(..) = ty {
            let (left, right) = (left.shape(ty), right.shape(ty));
            let decimal = |shape: Shape| SqlType::Decimal(shape.precision, shape.scale);
            (decimal(left), decimal(right), decimal(left.after(operation, right)))
        } else {
            (ty, ty, ty)
        };
        let sql = format!(
            "ts_decimal({}, {}, {}, {}, {}, {})",
            operation as i64,
            left.implicitly_as(left_ty)?,
            right.implicitly_as(right_ty)?,
            type_code(left_ty),
            type_code(right_ty),
            type_code(result)
        );
        Ok(Scalar { nullable, ..Scalar::new(sql, result) })
    }

    fn joined(
        &mut self,
        operator: BinaryOperator,
        left: &Scalar,
        right: &Scalar,
        nullable: bool,
    ) -> Result<Scalar> {
        if left.ty.is_binary() || right.ty.is_binary() {
            return Err(incompatible(left.ty, right.ty, operator));
        }
        if operator != BinaryOperator::Add {
            let message = format!(
                "Operand data type {} is invalid for {} operator.",
                left.ty.name(),
                operator_name(operator)
            );
            return Err(SqlError::new(8117, message));
        }
        let known = if left.is_null { right.ty } else { left.ty };
        let ty = if left.is_null || right.is_null { known } else { concatenated(left.ty, right.ty) };
        let unbounded = match ty {
            SqlType::NVarChar(_) => SqlType::NVarChar(None),
            _ => SqlType::VarChar(None),
        };
        let together = format!("({} || {})", left.implicitly_as(unbounded)?, right.implicitly_as(unbounded)?);
        let longest =
            left.ty.length().zip(right.ty.length()).map(|(left, right)| u32::from(left) + u32::from(right));
        let sql = match (ty.length(), longest) {
            (Some(limit), Some(longest)) if longest > u32::from(limit) => {
                format!("ts_left({together}, {limit})")
            }
            _ => together,
        };
        let collation = merged_collation(left, right)?;
        Ok(Scalar { nullable, ..Scalar::new(sql, ty) }.collated(collation))
    }
}

/// 402.
fn incompatible(left: SqlType, right: SqlType, operator: BinaryOperator) -> SqlError {
    let operator = operator_name(operator);
    let (left, right) = (left.name(), right.name());
    let text = format!("The data types {left} and {right} are incompatible in the {operator} operator.");
    SqlError::new(402, text)
}

fn operator_name(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Add => "add",
        BinaryOperator::Subtract => "subtract",
        BinaryOperator::Multiply => "multiply",
        BinaryOperator::Divide => "divide",
        BinaryOperator::Modulo => "modulo",
        BinaryOperator::BitAnd => "'&'",
        BinaryOperator::BitOr => "'|'",
        BinaryOperator::BitXor => "'^'",
    }
}

fn integer_operation(operator: BinaryOperator, left: &str, right: &str, ty: SqlType) -> String {
    let function = match operator {
        BinaryOperator::Add => "ts_add",
        BinaryOperator::Subtract => "ts_subtract",
        BinaryOperator::Multiply => "ts_multiply",
        BinaryOperator::Divide => "ts_divide",
        BinaryOperator::Modulo => "ts_modulo",
        BinaryOperator::BitXor => "ts_xor",
        BinaryOperator::BitAnd => return format!("({left} & {right})"),
        BinaryOperator::BitOr => return format!("({left} | {right})"),
    };
    format!("{function}({left}, {right}, {})", type_code(ty))
}

fn float_operation(operator: BinaryOperator, left: &str, right: &str) -> Result<String> {
    let sign = match operator {
        BinaryOperator::Add => '+',
        BinaryOperator::Subtract => '-',
        BinaryOperator::Multiply => '*',
        BinaryOperator::Divide => return Ok(format!("ts_divide_float({left}, {right})")),
        _ => return Err(incompatible(SqlType::Float, SqlType::Float, operator)),
    };
    Ok(format!("({left} {sign} {right})"))
}
