//! Scalar expressions.

use super::super::ast::{Expression, Literal, ObjectName, UnaryOperator};
use super::super::convert::{check_allowed, shape_of};
use super::super::decimal::{self, Shape};
use super::super::error::{Result, SqlError};
use super::super::functions::DATE_STYLES;
use super::super::lexer::Position;
use super::super::storage_form::{decimal_bytes, type_code};
use super::super::types::SqlType;
use super::{Binder, Collation, Parameter, System, higher, quoted_text};

/// Styles whose text is one of the ISO forms.
const ISO_STYLES: &[i64] = &[20, 21, 23, 25, 112, 120, 121, 126, 127];

/// A bound scalar.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Scalar {
    /// The SQLite text; always safe to stand beside an operator.
    pub(in super::super) sql: String,
    pub(in super::super) ty: SqlType,
    pub(in super::super) nullable: bool,
    /// Only columns, and what is made of them, have one.
    pub(in super::super) collation: Option<Collation>,
    /// The literal NULL: takes the type of whatever it meets.
    pub(in super::super) is_null: bool,
    /// The value of an integer literal.
    pub(in super::super) whole: Option<i128>,
    /// The name of the column, if it is nothing else.
    pub(in super::super) column: Option<String>,
}

impl Scalar {
    /// A computed value.
    pub(in super::super) fn new(sql: String, ty: SqlType) -> Self {
        Self { sql, ty, nullable: true, collation: None, is_null: false, whole: None, column: None }
    }

    pub(super) fn not_null(self) -> Self {
        Self { nullable: false, ..self }
    }

    /// Precision and scale as an operand of a decimal operation: a literal has as many digits as were written; what is no
    /// number takes those of the other operand.
    pub(super) fn shape(&self, other: SqlType) -> Shape {
        let literal =
            self.whole.filter(|_| self.ty.is_integer()).map(|whole| Shape::new(decimal::digits(whole), 0));
        let known = if self.is_null { None } else { literal.or_else(|| shape_of(self.ty)) };
        known.or_else(|| shape_of(other)).unwrap_or(Shape::new(decimal::MAX_PRECISION, 0))
    }

    pub(super) fn collated(self, collation: Option<Collation>) -> Self {
        let collation = if self.ty.is_text() { collation } else { None };
        Self { collation, ..self }
    }
}

impl Binder<'_> {
    /// Binds an expression that yields a value.
    pub(in super::super) fn scalar(&mut self, expression: &Expression) -> Result<Scalar> {
        let Some(groups) = self.scopes.last_mut().and_then(|scope| scope.groups.take()) else {
            return self.ungrouped(expression);
        };
        let bound = self.grouped(expression, &groups);
        if let Some(scope) = self.scopes.last_mut() {
            scope.groups = Some(groups);
        }
        match bound? {
            Some(bound) => Ok(bound),
            None => self.ungrouped(expression),
        }
    }

    /// In a grouped query: the expression itself if it is grouped by, `None` if its parts have to be looked
    /// at.
    fn grouped(&mut self, expression: &Expression, groups: &[String]) -> Result<Option<Scalar>> {
        let bound = self.ungrouped(expression)?;
        if groups.contains(&bound.sql) || is_aggregate(expression) {
            return Ok(Some(bound));
        }
        if let Expression::Column(name) = expression
            && self.find_column(name)?.depth == 0
        {
            let message = format!(
                "Column '{}' is invalid in the select list because it is not contained in either an aggregate function \
                 or the GROUP BY clause.",
                self.shown_column(name)
            );
            return Err(SqlError::new(8120, message).at(name.position.line));
        }
        Ok(None)
    }

    fn ungrouped(&mut self, expression: &Expression) -> Result<Scalar> {
        match expression {
            Expression::Literal(literal) => bound_literal(literal),
            Expression::Variable(name, position) => self.variable(name, *position),
            Expression::System(name, position) => self.system(name, *position),
            Expression::Column(name) => self.column(name),
            Expression::Unary(operator, operand) => self.unary(*operator, operand),
            Expression::Binary(operator, left, right) => self.binary(*operator, left, right),
            Expression::Function(call) => self.function(call),
            Expression::Case { operand, branches, otherwise } => {
                self.case(operand.as_deref(), branches, otherwise.as_deref())
            }
            Expression::Cast { value, ty, tolerant, .. } => self.cast(value, *ty, *tolerant),
            Expression::Convert { ty, value, style: Some(style), tolerant, position } => {
                let bound = self.convert_with_style(value, *ty, style, *tolerant);
                bound.map_err(|error| error.at(position.line))
            }
            Expression::Convert { ty, value, tolerant, .. } => self.cast(value, *ty, *tolerant),
            Expression::Collate(value, name, _) => {
                let value = self.scalar(value)?;
                let collation = Collation::named(name)?;
                Ok(Scalar { column: None, ..value }.collated(Some(collation)))
            }
            Expression::Subquery(query) => self.scalar_subquery(query),
            Expression::Default(position) => Err(SqlError::near("DEFAULT").at(position.line)),
            _ => {
                Err(SqlError::syntax(102, "An expression of boolean type stands where a value is expected."))
            }
        }
    }

    fn variable(&mut self, name: &str, position: Position) -> Result<Scalar> {
        let name = name.to_lowercase();
        let ty = self.environment.variable(&name).ok_or_else(|| {
            let text = format!("Must declare the scalar variable \"{name}\".");
            SqlError::syntax(137, text).with_state(2).at(position.line)
        })?;
        Ok(Scalar::new(self.parameter(Parameter::Variable(name)), ty))
    }

    /// A value of the session as a parameter.
    pub(super) fn system_value(&mut self, value: System) -> Scalar {
        Scalar::new(self.parameter(Parameter::System(value)), value.ty())
    }

    fn system(&mut self, name: &str, position: Position) -> Result<Scalar> {
        let value = match name.to_ascii_uppercase().as_str() {
            "@@ROWCOUNT" => System::RowCount,
            "@@TRANCOUNT" => System::TransactionCount,
            "@@ERROR" => System::LastError,
            "@@IDENTITY" => System::LastIdentity,
            "@@SPID" => System::SessionId,
            "@@LOCK_TIMEOUT" => System::LockTimeout,
            "@@VERSION" => {
                let version =
                    concat!("local-sql ", env!("CARGO_PKG_VERSION"), ", a stand-in for SQL Server, not one");
                return Ok(Scalar::new(quoted_text(version)?, SqlType::NVarChar(Some(300))).not_null());
            }
            _ => return Err(SqlError::unsupported_at(name, position)),
        };
        Ok(self.system_value(value).not_null())
    }

    fn column(&mut self, name: &ObjectName) -> Result<Scalar> {
        let found = self.find_column(name)?.column;
        Ok(Scalar {
            sql: found.sql,
            ty: found.ty,
            nullable: found.nullable,
            collation: found.collation,
            is_null: false,
            whole: None,
            column: Some(name.object().to_owned()),
        })
    }

    /// A column with the name of its source, as messages show it.
    fn shown_column(&self, name: &ObjectName) -> String {
        let has = |source: &&super::Source| {
            source.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name.object()))
        };
        let source = self.scopes.last().and_then(|scope| scope.sources.iter().find(has));
        match (source, name.schema()) {
            (Some(source), None) => format!("{}.{}", source.name, name.object()),
            _ => name.shown(),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expression) -> Result<Scalar> {
        if let (
            UnaryOperator::Minus,
            Expression::Literal(Literal::Integer(digits) | Literal::Decimal(digits)),
        ) = (operator, operand)
        {
            return number_literal(&format!("-{digits}"));
        }
        let value = self.scalar(operand)?;
        if !value.ty.is_number() || (operator == UnaryOperator::BitNot && !value.ty.is_integer()) {
            let message = format!("Operand data type {} is invalid for minus operator.", value.ty.name());
            return Err(SqlError::new(8117, message));
        }
        let sql = match operator {
            UnaryOperator::Plus => return Ok(value),
            UnaryOperator::Minus => format!("ts_negate({}, {})", value.sql, type_code(value.ty)),
            UnaryOperator::BitNot if value.ty == SqlType::Bit => format!("(1 - {})", value.sql),
            UnaryOperator::BitNot => format!("(~{})", value.sql),
        };
        Ok(Scalar { nullable: value.nullable, ..Scalar::new(sql, value.ty) })
    }

    fn cast(&mut self, value: &Expression, ty: SqlType, tolerant: bool) -> Result<Scalar> {
        let value = self.scalar(value)?;
        if !value.is_null {
            check_allowed(value.ty, ty)?;
        }
        let sql = if tolerant { value.try_cast_to(ty) } else { value.cast_to(ty) };
        let nullable = value.nullable || tolerant;
        Ok(Scalar { nullable, ..Scalar::new(sql, ty) }.collated(value.collation))
    }

    /// CONVERT with a style, where it makes a difference: dates and binaries from and to text.
    fn convert_with_style(
        &mut self,
        value: &Expression,
        ty: SqlType,
        style: &Expression,
        tolerant: bool,
    ) -> Result<Scalar> {
        let Expression::Literal(Literal::Integer(digits)) = style else {
            return Err(SqlError::unsupported("CONVERT with a style that is not a number"));
        };
        let number: i64 = digits.parse().map_err(|_| SqlError::near(digits))?;
        let bound = self.scalar(value)?;
        let from = bound.ty;
        let refused = || {
            SqlError::unsupported(format!(
                "CONVERT from {} to {} with style {number}",
                from.name(),
                ty.name()
            ))
        };
        let sql = if from.is_date_or_time() && ty.is_text() {
            if !DATE_STYLES.contains(&number) {
                return Err(refused());
            }
            format!("ts_date_text({}, {}, {number})", bound.sql, type_code(from))
        } else if matches!(from, SqlType::Money | SqlType::SmallMoney)
            && ty.is_text()
            && matches!(number, 0..=2)
        {
            format!("ts_money_text({}, {}, {number})", bound.sql, type_code(from))
        } else if from.is_binary() && ty.is_text() && matches!(number, 1 | 2) {
            format!("ts_hex({}, {number})", bound.sql)
        } else if from.is_text() && ty.is_binary() && matches!(number, 1 | 2) && !tolerant {
            let sql = format!("ts_unhex({}, {number})", bound.sql);
            let bytes = Scalar { nullable: bound.nullable, ..Scalar::new(sql, SqlType::VarBinary(None)) };
            return Ok(Scalar { nullable: bound.nullable, ..Scalar::new(bytes.cast_to(ty), ty) });
        } else if (from.is_number()
            && !matches!(from, SqlType::Float | SqlType::Real)
            && (ty.is_text() || ty.is_number()))
            || (from.is_text() && ty.is_text())
            || number == 0
        {
            return self.cast(value, ty, tolerant);
        } else if from.is_text() && ty.is_date_or_time() && ISO_STYLES.contains(&number) {
            // Only the ISO forms are read at all, and these styles are among them.
            return self.cast(value, ty, tolerant);
        } else {
            return Err(refused());
        };
        let text = Scalar { nullable: bound.nullable, ..Scalar::new(sql, SqlType::NVarChar(None)) };
        Ok(Scalar { nullable: bound.nullable, ..Scalar::new(text.cast_to(ty), ty) })
    }

    fn case(
        &mut self,
        operand: Option<&Expression>,
        branches: &[(Expression, Expression)],
        otherwise: Option<&Expression>,
    ) -> Result<Scalar> {
        let mut conditions = Vec::with_capacity(branches.len());
        let mut values = Vec::with_capacity(branches.len() + 1);
        for (when, then) in branches {
            conditions.push(match operand {
                Some(operand) => self.equality(operand, when)?,
                None => self.condition(when)?,
            });
            values.push(self.scalar(then)?);
        }
        if let Some(otherwise) = otherwise {
            values.push(self.scalar(otherwise)?);
        }
        let (ty, collation) = common_type(&values)?;
        let mut sql = String::from("(CASE");
        for (condition, value) in conditions.iter().zip(&values) {
            sql += &format!(" WHEN {condition} THEN {}", value.implicitly_as(ty)?);
        }
        if let (true, Some(value)) = (otherwise.is_some(), values.last()) {
            sql += &format!(" ELSE {}", value.implicitly_as(ty)?);
        }
        sql += " END)";
        let nullable = otherwise.is_none() || values.iter().any(|value| value.nullable);
        Ok(Scalar { nullable, ..Scalar::new(sql, ty) }.collated(collation))
    }
}

fn is_aggregate(expression: &Expression) -> bool {
    matches!(expression, Expression::Function(call) if super::aggregate::is_aggregate(call))
}

/// The type that all values take, and their collation.
///
/// # Errors
/// 468 if their collations conflict, 8133 if all are NULL.
pub(super) fn common_type(values: &[Scalar]) -> Result<(SqlType, Option<Collation>)> {
    let mut typed = values.iter().filter(|value| !value.is_null);
    let Some(first) = typed.next() else {
        return Err(SqlError::new(
            8133,
            "At least one of the result expressions in a CASE specification must be an expression other \
                than the NULL constant.",
        ));
    };
    let mut merged = first.clone();
    for value in typed {
        let collation = merged_collation(&merged, value)?;
        merged.ty = higher(merged.ty, value.ty);
        merged.collation = collation;
    }
    Ok((merged.ty, merged.collation))
}

/// The collation under which two strings meet.
///
/// # Errors
/// 468 where both have one and they differ.
pub(super) fn merged_collation(left: &Scalar, right: &Scalar) -> Result<Option<Collation>> {
    match (left.collation, right.collation) {
        (Some(left), Some(right)) if left != right => Err(SqlError::new(
            468,
            "Cannot resolve the collation conflict between the default collation and a binary collation in \
                this operation.",
        )
        .with_state(9)),
        (left, right) => Ok(left.or(right)),
    }
}

fn bound_literal(literal: &Literal) -> Result<Scalar> {
    Ok(match literal {
        Literal::Null => Scalar { is_null: true, ..Scalar::new("NULL".to_owned(), SqlType::Int) },
        Literal::Integer(digits) | Literal::Decimal(digits) => return number_literal(digits),
        Literal::Float(number) => Scalar::new(format!("{number:?}"), SqlType::Float).not_null(),
        Literal::Text { text, national } => {
            let units = text.encode_utf16().count().max(1);
            let limit = if *national { 4_000 } else { 8_000 };
            let length = u16::try_from(units).ok().filter(|length| *length <= limit);
            let ty = if *national { SqlType::NVarChar(length) } else { SqlType::VarChar(length) };
            Scalar::new(quoted_text(text)?, ty).not_null()
        }
        Literal::Binary(bytes) => {
            let length = u16::try_from(bytes.len().max(1)).ok().filter(|length| *length <= 8_000);
            let digits: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            Scalar::new(format!("X'{digits}'"), SqlType::VarBinary(length)).not_null()
        }
    })
}

/// A number as written: `int` where it fits, else `numeric` with just the digits that it has.
fn number_literal(digits: &str) -> Result<Scalar> {
    let (units, shape) = decimal::literal(digits).ok_or_else(|| {
        let text = format!(
            "The number '{digits}' is out of the range for numeric representation (maximum precision 38)."
        );
        SqlError::syntax(1007, text)
    })?;
    let is_whole = !digits.contains('.');
    if let (true, Ok(number)) = (is_whole, i32::try_from(units)) {
        let sql = if number < 0 { format!("({number})") } else { number.to_string() };
        return Ok(Scalar { whole: Some(units), ..Scalar::new(sql, SqlType::Int).not_null() });
    }
    let bytes: String = decimal_bytes(units).iter().map(|byte| format!("{byte:02X}")).collect();
    let literal = Scalar::new(format!("X'{bytes}'"), SqlType::Decimal(shape.precision, shape.scale));
    Ok(Scalar { whole: is_whole.then_some(units), ..literal.not_null() })
}
