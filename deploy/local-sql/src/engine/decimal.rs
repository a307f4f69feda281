//! Arithmetic of `decimal`: digits and a scale, at most 38 digits, with SQL Server's rules for the precision and scale of
//! results ("Precision, scale, and length"). It knows no types but these two numbers. `money` is a decimal of scale 4 here.

use num_bigint::BigInt;

/// The most digits of a decimal.
pub(super) const MAX_PRECISION: u8 = 38;
/// The fewest decimals of a quotient or an average.
pub(super) const MIN_QUOTIENT_SCALE: u8 = 6;

/// Precision and scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) precision: u8,
    pub(super) scale: u8,
}

/// The operators of two decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
}

/// What happens to digits beyond the scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// Half away from zero.
    Rounded,
    Cut,
}

impl Shape {
    pub(super) fn new(precision: u8, scale: u8) -> Self {
        Self { precision, scale }
    }

    /// Digits before the point.
    fn integral(self) -> u8 {
        self.precision.saturating_sub(self.scale)
    }

    /// The shape that holds every value of both; decimals give way to digits before the point.
    pub(super) fn covering(self, other: Self) -> Self {
        let integral = self.integral().max(other.integral());
        let scale = self.scale.max(other.scale).min(MAX_PRECISION - integral);
        Self::new(integral + scale, scale)
    }

    /// The shape of the result of an operation.
    pub(super) fn after(self, operation: Operation, other: Self) -> Self {
        let (left, right) = (self, other);
        let integral = left.integral().max(right.integral());
        let scale = left.scale.max(right.scale);
        match operation {
            Operation::Add | Operation::Subtract => {
                let precision = (integral + scale + 1).min(MAX_PRECISION);
                Self::new(precision, scale.min(precision - integral))
            }
            Operation::Multiply => reduced(left.integral() + right.integral() + 1, left.scale + right.scale),
            Operation::Divide => {
                let scale = (left.scale + right.precision + 1).max(MIN_QUOTIENT_SCALE);
                reduced(left.integral() + right.scale, scale)
            }
            Operation::Modulo => Self::new(left.integral().min(right.integral()) + scale, scale),
        }
    }
}

/// The shape of a product or quotient: where both parts do not fit, up to 32 digits before the point and then six
/// after it are kept.
fn reduced(integral: u8, scale: u8) -> Shape {
    if integral + scale <= MAX_PRECISION {
        return Shape::new(integral + scale, scale);
    }
    let kept = if integral < MAX_PRECISION - MIN_QUOTIENT_SCALE {
        scale.min(MAX_PRECISION - integral)
    } else {
        scale.min(MIN_QUOTIENT_SCALE)
    };
    Shape::new(MAX_PRECISION, kept)
}

/// `left operation right`, at the scale of the result; `None` if it has too many digits. The divisor is not zero.
pub(super) fn operate(
    operation: Operation,
    (left, left_scale): (i128, u8),
    (right, right_scale): (i128, u8),
    result: Shape,
) -> Option<i128> {
    let common = left_scale.max(right_scale);
    let at_common = |units: i128, scale: u8| BigInt::from(units) * power(common - scale);
    let units = match operation {
        Operation::Add => scaled(
            at_common(left, left_scale) + at_common(right, right_scale),
            common,
            result.scale,
            Rest::Rounded,
        ),
        Operation::Subtract => scaled(
            at_common(left, left_scale) - at_common(right, right_scale),
            common,
            result.scale,
            Rest::Rounded,
        ),
        Operation::Modulo => scaled(
            at_common(left, left_scale) % at_common(right, right_scale),
            common,
            result.scale,
            Rest::Cut,
        ),
        Operation::Multiply => {
            let product = BigInt::from(left) * BigInt::from(right);
            scaled(product, left_scale + right_scale, result.scale, Rest::Rounded)
        }
        // Quotients are cut: 2.0 / 3 is 0.666666.
        Operation::Divide => {
            BigInt::from(left) * power(result.scale + right_scale) / (BigInt::from(right) * power(left_scale))
        }
    };
    narrow(&units, result.precision)
}

/// The same number at another scale; `None` if it has more digits than the precision.
pub(super) fn rescaled(units: i128, from: u8, to: Shape, rest: Rest) -> Option<i128> {
    narrow(&scaled(BigInt::from(units), from, to.scale, rest), to.precision)
}

/// Rounded or cut to so many decimals (negative: to tens, hundreds …), still at its own scale.
pub(super) fn round(units: i128, shape: Shape, digits: i64, rest: Rest) -> Option<i128> {
    let lost = i64::from(shape.scale).saturating_sub(digits);
    let Some(lost) = u8::try_from(lost).ok().filter(|lost| *lost > 0) else {
        return if lost <= 0 { Some(units) } else { Some(0) };
    };
    narrow(&(scaled(BigInt::from(units), lost, 0, rest) * power(lost)), shape.precision)
}

fn power(exponent: u8) -> BigInt {
    BigInt::from(10).pow(exponent.into())
}

fn scaled(units: BigInt, from: u8, to: u8, rest: Rest) -> BigInt {
    if to >= from {
        return units * power(to - from);
    }
    let factor = power(from - to);
    let half = BigInt::from(if units < BigInt::ZERO { -5 } else { 5 }) * power(from - to - 1);
    if rest == Rest::Cut { units / factor } else { (units + half) / factor }
}

fn narrow(units: &BigInt, precision: u8) -> Option<i128> {
    let units = i128::try_from(units).ok()?;
    fits(units, precision).then_some(units)
}

/// Whether a number has no more digits than that.
pub(super) fn fits(units: i128, precision: u8) -> bool {
    10_u128.checked_pow(precision.into()).is_some_and(|limit| units.unsigned_abs() < limit)
}

/// The number of digits, at least 1.
pub(super) fn digits(units: i128) -> u8 {
    (1..MAX_PRECISION).find(|precision| fits(units, *precision)).unwrap_or(MAX_PRECISION)
}

/// Sign, digits and at most one point: the digits without it, and how many stood behind it. `None` for anything else.
fn parsed(text: &str) -> Option<(BigInt, u8)> {
    let (negative, rest) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let all = format!("{whole}{fraction}");
    if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let units = BigInt::parse_bytes(all.as_bytes(), 10)?;
    Some((if negative { -units } else { units }, u8::try_from(fraction.len()).ok()?))
}

/// A number written with digits and perhaps a point, rounded to a shape. The outer `None`: it is no number; the inner
/// one: it does not fit.
pub(super) fn parse(text: &str, to: Shape) -> Option<Option<i128>> {
    let (units, scale) = parsed(text)?;
    Some(narrow(&scaled(units, scale, to.scale, Rest::Rounded), to.precision))
}

/// A literal with all its digits; `None` if it has more than 38.
pub(super) fn literal(text: &str) -> Option<(i128, Shape)> {
    let (units, scale) = parsed(text)?;
    let units = narrow(&units, MAX_PRECISION)?;
    let precision = digits(units).max(scale).max(1);
    (scale <= MAX_PRECISION).then_some((units, Shape::new(precision, scale)))
}

/// The nearest decimal to a float.
pub(super) fn of_float(number: f64, to: Shape) -> Option<i128> {
    // Enough digits to see on which side of a half the exact value of the float lies.
    const EXACT: usize = 120;
    parse(&format!("{number:.EXACT$}"), to).flatten()
}

/// `-12.50`
pub(super) fn shown(units: i128, scale: u8) -> String {
    let scale = usize::from(scale);
    let digits = format!("{:0>width$}", units.unsigned_abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if units < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(precision: u8, scale: u8) -> Shape {
        Shape::new(precision, scale)
    }

    #[test]
    fn results_have_the_shapes_of_the_documentation() {
        use Operation::{Add, Divide, Modulo, Multiply};
        let cases = [
            (shape(2, 1), Add, shape(3, 2), shape(4, 2)),
            (shape(38, 10), Add, shape(38, 10), shape(38, 10)),
            (shape(38, 0), Add, shape(38, 38), shape(38, 0)),
            (shape(30, 20), Multiply, shape(30, 20), shape(38, 17)),
            (shape(30, 10), Multiply, shape(30, 10), shape(38, 6)),
            (shape(2, 1), Divide, shape(1, 0), shape(7, 6)),
            (shape(2, 1), Divide, shape(10, 0), shape(13, 12)),
            (shape(38, 2), Divide, shape(38, 2), shape(38, 6)),
            (shape(5, 2), Modulo, shape(3, 1), shape(4, 2)),
        ];
        for (left, operation, right, expected) in cases {
            assert_eq!(left.after(operation, right), expected, "{left:?} {operation:?} {right:?}");
        }
    }

    #[test]
    fn numbers_are_rounded_half_away_from_zero() {
        assert_eq!(parse("1.555", shape(3, 2)), Some(Some(156)));
        assert_eq!(parse("-1.555", shape(3, 2)), Some(Some(-156)));
        assert_eq!(parse("9.999", shape(3, 2)), Some(None));
        assert_eq!(parse("1e2", shape(3, 2)), None);
        assert_eq!(of_float(1.25, shape(2, 1)), Some(13));
        assert_eq!(of_float(f64::MAX, shape(38, 0)), None);
        assert_eq!(round(74_858, shape(5, 2), -1, Rest::Rounded), Some(75_000));
        assert_eq!(round(74_858, shape(5, 2), -3, Rest::Rounded), None);
        assert_eq!(round(15_075, shape(5, 2), 0, Rest::Cut), Some(15_000));
    }

    #[test]
    fn literals_keep_their_digits() {
        assert_eq!(literal("10.500"), Some((10_500, shape(5, 3))));
        assert_eq!(literal(".25"), Some((25, shape(2, 2))));
        assert_eq!(literal("0.0"), Some((0, shape(1, 1))));
        assert_eq!(literal(&"9".repeat(39)), None);
    }
}
