//! Arithmetic of decimals and money, and the functions of numbers of every kind: ROUND, FLOOR, CEILING, SIGN.

use num_bigint::BigInt;
use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::{Value as Stored, ValueRef};

use super::super::convert::text::of_money;
use super::super::convert::{decimal_value, in_range, overflow_of_expression, shape_of};
use super::super::decimal::{self, Operation, Rest, Shape};
use super::super::error::{Result, SqlError};
use super::super::storage_form::{Carried, from_stored, to_stored};
use super::super::types::{SqlType, Value};
use super::numbers::divided_by_zero;
use super::{Arguments, pure};

const OPERATIONS: [Operation; 5] =
    [Operation::Add, Operation::Subtract, Operation::Multiply, Operation::Divide, Operation::Modulo];

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // ts_decimal(operation, a, b, type of a, type of b, type of the result)
    pure(connection, "ts_decimal", 6, |arguments| {
        let code = arguments.integer(0)?.unwrap_or_default();
        let operation = OPERATIONS.into_iter().find(|operation| *operation as i64 == code);
        let (Some(operation), Value::Decimal(left, left_scale), Value::Decimal(right, right_scale)) =
            (operation, arguments.value(1, 3)?, arguments.value(2, 4)?)
        else {
            return Ok(Stored::Null);
        };
        if right == 0 && matches!(operation, Operation::Divide | Operation::Modulo) {
            return Err(divided_by_zero());
        }
        let ty = arguments.ty(5)?;
        let units = shape_of(ty).and_then(|result| {
            decimal::operate(operation, (left, left_scale), (right, right_scale), held(ty, result))
        });
        decimal_value(units, ty, || overflow_of_expression(ty)).map(to_stored)
    })?;
    // ts_round(number, digits, cut, type)
    pure(connection, "ts_round", 4, |arguments| {
        let (Some(digits), Some(cut)) = (arguments.integer(1)?, arguments.integer(2)?) else {
            return Ok(Stored::Null);
        };
        let rest = if cut == 0 { Rest::Rounded } else { Rest::Cut };
        exact(arguments, 3, |units, shape| decimal::round(units, shape, digits, rest))
    })?;
    // ts_floor(number, type), ts_ceiling(number, type): still at the scale of the type.
    for (name, up) in [("ts_floor", false), ("ts_ceiling", true)] {
        pure(connection, name, 2, move |arguments| {
            if let Some(number) = floating(arguments, 1)? {
                return Ok(Stored::Real(if up { number.ceil() } else { number.floor() }));
            }
            exact(arguments, 1, |units, shape| {
                let one = 10_i128.checked_pow(shape.scale.into())?;
                let floor = units.div_euclid(one).checked_mul(one)?;
                if up && floor != units { floor.checked_add(one) } else { Some(floor) }
            })
        })?;
    }
    // ts_sign(number, type)
    pure(connection, "ts_sign", 2, |arguments| {
        if let Some(number) = floating(arguments, 1)? {
            return Ok(Stored::Real(if number == 0.0 { 0.0 } else { number.signum() }));
        }
        exact(arguments, 1, |units, shape| {
            10_i128.checked_pow(shape.scale.into())?.checked_mul(units.signum())
        })
    })?;
    // ts_money_text(money, type, style)
    pure(connection, "ts_money_text", 3, |arguments| match arguments.value(0, 1)? {
        Value::Decimal(units, _) => {
            Ok(Stored::Text(of_money(units, arguments.integer(2)?.unwrap_or_default())))
        }
        _ => Ok(Stored::Null),
    })?;
    connection.create_window_function("ts_sum", 1, FunctionFlags::SQLITE_UTF8, Sum)
}

/// Money may use all that its bytes hold: more than its precision says.
fn held(ty: SqlType, shape: Shape) -> Shape {
    if matches!(ty, SqlType::Decimal(..)) { shape } else { Shape::new(decimal::MAX_PRECISION, shape.scale) }
}

fn floating(arguments: &Arguments<'_, '_>, ty: usize) -> Result<Option<f64>> {
    if matches!(arguments.ty(ty)?, SqlType::Float | SqlType::Real) { arguments.float(0) } else { Ok(None) }
}

/// Computes with the digits of the first argument, a whole number or a decimal; the result has the same type.
pub(super) fn exact(
    arguments: &Arguments<'_, '_>,
    ty: usize,
    operation: impl FnOnce(i128, Shape) -> Option<i128>,
) -> Result<Stored> {
    let value = arguments.value(0, ty)?;
    let ty = arguments.ty(ty)?;
    let Some(shape) = shape_of(ty) else { return Ok(Stored::Null) };
    let overflow = || overflow_of_expression(ty);
    match value {
        Value::Int(number) => {
            let number =
                operation(number.into(), Shape::new(decimal::MAX_PRECISION, 0)).ok_or_else(overflow)?;
            in_range(i64::try_from(number).map_err(|_| overflow())?, ty).map(Stored::Integer)
        }
        Value::Decimal(units, _) => {
            let shape = held(ty, shape);
            let units = operation(units, shape).filter(|units| decimal::fits(*units, shape.precision));
            decimal_value(units, ty, overflow).map(to_stored)
        }
        _ => Ok(Stored::Null),
    }
}

/// ts_sum(decimal): the sum at the same scale, NULL of nothing.
struct Sum;

/// The sum so far and the number of values in it.
#[derive(Default)]
struct Running(BigInt, i64);

impl Running {
    fn take(&mut self, context: &Context<'_>, sign: i8) -> rusqlite::Result<()> {
        if context.get_raw(0) == ValueRef::Null {
            return Ok(());
        }
        // The scale does not matter to a sum.
        if let Value::Decimal(units, _) =
            from_stored(context.get_raw(0), SqlType::Decimal(decimal::MAX_PRECISION, 0)).map_err(carried)?
        {
            self.0 += BigInt::from(units) * sign;
            self.1 += i64::from(sign);
        }
        Ok(())
    }

    fn value(&self) -> rusqlite::Result<Stored> {
        if self.1 == 0 {
            return Ok(Stored::Null);
        }
        let units =
            i128::try_from(&self.0).ok().filter(|units| decimal::fits(*units, decimal::MAX_PRECISION));
        let ty = SqlType::Decimal(decimal::MAX_PRECISION, 0);
        decimal_value(units, ty, || overflow_of_expression(ty)).map(to_stored).map_err(carried)
    }
}

fn carried(error: SqlError) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(Carried(error)))
}

impl Aggregate<Running, Stored> for Sum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Running> {
        Ok(Running::default())
    }

    fn step(&self, context: &mut Context<'_>, running: &mut Running) -> rusqlite::Result<()> {
        running.take(context, 1)
    }

    fn finalize(&self, _: &mut Context<'_>, running: Option<Running>) -> rusqlite::Result<Stored> {
        running.unwrap_or_default().value()
    }
}

impl WindowAggregate<Running, Stored> for Sum {
    fn value(&self, running: Option<&mut Running>) -> rusqlite::Result<Stored> {
        running.map_or(Ok(Stored::Null), |running| running.value())
    }

    fn inverse(&self, context: &mut Context<'_>, running: &mut Running) -> rusqlite::Result<()> {
        running.take(context, -1)
    }
}
