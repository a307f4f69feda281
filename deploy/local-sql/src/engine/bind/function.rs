//! Calls of scalar functions. A table of the plain ones, and a method for each that is more than a name.

use super::super::ast::{Call, Comparison, Expression};
use super::super::error::{Result, SqlError};
use super::super::functions::{DatePart, date_part};
use super::super::storage_form::type_code;
use super::super::types::SqlType;
use super::aggregate::is_aggregate;
use super::condition::compared;
use super::scalar::{common_type, merged_collation};
use super::{Binder, Collation, Scalar, System};

/// `nvarchar(max)`.
const UNBOUNDED: SqlType = SqlType::NVarChar(None);

/// What an argument of a plain function is converted to, and what the function returns.
struct Plain {
    name: &'static str,
    sqlite: &'static str,
    arguments: &'static [SqlType],
    returns: Returns,
}

enum Returns {
    Type(SqlType),
    /// The type and collation of the first argument.
    First,
}

const TEXT: SqlType = UNBOUNDED;
const INT: SqlType = SqlType::Int;
const NAME: SqlType = SqlType::NVarChar(Some(128));

/// Functions whose arguments simply have types. `ts_object_id` and its neighbours are registered by the
/// session.
const PLAIN: &[Plain] = &[
    Plain { name: "LEN", sqlite: "ts_len", arguments: &[TEXT], returns: Returns::Type(INT) },
    Plain { name: "UPPER", sqlite: "ts_upper", arguments: &[TEXT], returns: Returns::First },
    Plain { name: "LOWER", sqlite: "ts_lower", arguments: &[TEXT], returns: Returns::First },
    Plain { name: "LTRIM", sqlite: "ltrim", arguments: &[TEXT], returns: Returns::First },
    Plain { name: "RTRIM", sqlite: "rtrim", arguments: &[TEXT], returns: Returns::First },
    Plain { name: "TRIM", sqlite: "trim", arguments: &[TEXT], returns: Returns::First },
    Plain { name: "LEFT", sqlite: "ts_left", arguments: &[TEXT, INT], returns: Returns::First },
    Plain { name: "RIGHT", sqlite: "ts_right", arguments: &[TEXT, INT], returns: Returns::First },
    Plain { name: "REVERSE", sqlite: "ts_reverse", arguments: &[TEXT], returns: Returns::First },
    Plain {
        name: "STUFF",
        sqlite: "ts_stuff",
        arguments: &[TEXT, INT, INT, TEXT],
        returns: Returns::Type(TEXT),
    },
    Plain {
        name: "REPLICATE",
        sqlite: "ts_replicate",
        arguments: &[TEXT, INT],
        returns: Returns::Type(TEXT),
    },
    Plain { name: "UNICODE", sqlite: "ts_unicode", arguments: &[TEXT], returns: Returns::Type(INT) },
    Plain {
        name: "NCHAR",
        sqlite: "ts_nchar",
        arguments: &[INT],
        returns: Returns::Type(SqlType::NVarChar(Some(2))),
    },
    Plain { name: "ISJSON", sqlite: "ts_isjson", arguments: &[TEXT], returns: Returns::Type(INT) },
    Plain {
        name: "JSON_VALUE",
        sqlite: "ts_json_value",
        arguments: &[TEXT, TEXT],
        returns: Returns::Type(SqlType::NVarChar(Some(4000))),
    },
    Plain {
        name: "JSON_QUERY",
        sqlite: "ts_json_query",
        arguments: &[TEXT, TEXT],
        returns: Returns::Type(TEXT),
    },
    Plain {
        name: "OBJECT_ID",
        sqlite: "ts_object_id",
        arguments: &[TEXT, TEXT],
        returns: Returns::Type(INT),
    },
    Plain { name: "SCHEMA_ID", sqlite: "ts_schema_id", arguments: &[TEXT], returns: Returns::Type(INT) },
    Plain {
        name: "COL_LENGTH",
        sqlite: "ts_col_length",
        arguments: &[TEXT, TEXT],
        returns: Returns::Type(SqlType::SmallInt),
    },
    Plain {
        name: "DB_ID",
        sqlite: "ts_db_id",
        arguments: &[TEXT],
        returns: Returns::Type(SqlType::SmallInt),
    },
    Plain {
        name: "SERVERPROPERTY",
        sqlite: "ts_server_property",
        arguments: &[TEXT],
        returns: Returns::Type(NAME),
    },
    Plain {
        name: "DATABASEPROPERTYEX",
        sqlite: "ts_database_property",
        arguments: &[TEXT, TEXT],
        returns: Returns::Type(NAME),
    },
    Plain {
        name: "SESSIONPROPERTY",
        sqlite: "ts_session_property",
        arguments: &[TEXT],
        returns: Returns::Type(INT),
    },
];

/// Functions of the session without arguments.
fn session_value(name: &str) -> Option<System> {
    Some(match name {
        "SCOPE_IDENTITY" => System::ScopeIdentity,
        "XACT_STATE" => System::TransactionState,
        "ERROR_NUMBER" => System::ErrorNumber,
        "ERROR_SEVERITY" => System::ErrorSeverity,
        "ERROR_STATE" => System::ErrorState,
        "ERROR_LINE" => System::ErrorLine,
        "ERROR_MESSAGE" => System::ErrorMessage,
        "ERROR_PROCEDURE" => System::ErrorProcedure,
        "SUSER_SNAME" | "SUSER_NAME" | "ORIGINAL_LOGIN" => System::Login,
        "APP_NAME" => System::ApplicationName,
        "HOST_NAME" => System::HostName,
        _ => return None,
    })
}

impl Binder<'_> {
    /// Binds a call of a scalar function, an aggregate or a window function.
    pub(super) fn function(&mut self, call: &Call) -> Result<Scalar> {
        if is_aggregate(call) || call.over.is_some() {
            return self.aggregate(call);
        }
        let bound = self.scalar_function(call);
        bound.map_err(|error| error.at(call.position.line))
    }

    fn scalar_function(&mut self, call: &Call) -> Result<Scalar> {
        let arguments = call.arguments.as_slice();
        if let Some(value) = session_value(&call.name).filter(|_| arguments.is_empty()) {
            return Ok(self.system_value(value));
        }
        match (call.name.as_str(), arguments) {
            ("SYSUTCDATETIME", []) => self.now(SqlType::DateTime2(7)),
            // The server's clock is UTC: local-sql has no other time zone.
            ("SYSDATETIME", []) => self.now(SqlType::DateTime2(7)),
            ("GETUTCDATE" | "GETDATE" | "CURRENT_TIMESTAMP", []) => self.now(SqlType::DateTime),
            ("NEWID", []) => Ok(Scalar::new("ts_newid()".to_owned(), SqlType::UniqueIdentifier).not_null()),
            ("DB_NAME", []) => Ok(self.system_value(System::Database)),
            ("COALESCE", [_, _, ..]) => self.coalesce(arguments),
            ("ISNULL", [value, replacement]) => self.is_null(value, replacement),
            ("NULLIF", [left, right]) => self.null_if(left, right),
            ("IIF", [condition, then, otherwise]) => self.iif(condition, then, otherwise),
            ("CHOOSE", [index, values @ ..]) if !values.is_empty() => self.choose(index, values),
            ("CONCAT", [_, _, ..]) => self.concatenation("ts_concat", arguments),
            ("CONCAT_WS", [_, _, _, ..]) => self.concatenation("ts_concat_ws", arguments),
            ("SUBSTRING", [value, start, length]) => self.substring(value, start, length),
            ("REPLACE", [value, from, to]) => self.replace(value, from, to),
            ("CHARINDEX", [needle, value]) => self.charindex(needle, value, None),
            ("CHARINDEX", [needle, value, start]) => self.charindex(needle, value, Some(start)),
            ("DATALENGTH", [value]) => {
                let value = self.scalar(value)?;
                Ok(Scalar::new(
                    format!("ts_datalength({}, {})", value.sql, type_code(value.ty)),
                    SqlType::Int,
                ))
            }
            ("ABS", [value]) => self.absolute(value),
            ("ROUND", [value, digits]) => self.round(value, digits, None),
            ("ROUND", [value, digits, cut]) => self.round(value, digits, Some(cut)),
            ("FLOOR", [value]) => self.whole("ts_floor", value),
            ("CEILING", [value]) => self.whole("ts_ceiling", value),
            ("SIGN", [value]) => {
                let value = self.number(value, "SIGN")?;
                Ok(Scalar::new(format!("ts_sign({}, {})", value.sql, type_code(value.ty)), value.ty))
            }
            ("SYSDATETIMEOFFSET", []) => self.now(SqlType::DateTimeOffset(7)),
            ("SWITCHOFFSET", [value, offset]) => self.with_offset("ts_switchoffset", value, offset),
            ("TODATETIMEOFFSET", [value, offset]) => self.with_offset("ts_todatetimeoffset", value, offset),
            ("DATEADD", [part, number, value]) => self.dateadd(part, number, value),
            ("DATEDIFF", [part, from, to]) => self.datediff(part, from, to, false),
            ("DATEDIFF_BIG", [part, from, to]) => self.datediff(part, from, to, true),
            ("DATEPART", [part, value]) => self.datepart(part_named("datepart", part)?, value),
            ("YEAR", [value]) => self.datepart(DatePart::Year, value),
            ("MONTH", [value]) => self.datepart(DatePart::Month, value),
            ("DAY", [value]) => self.datepart(DatePart::Day, value),
            ("HASHBYTES", [algorithm, value]) => {
                let (algorithm, value) = (self.scalar(algorithm)?, self.scalar(value)?);
                if !value.ty.is_binary() && !value.ty.is_text() {
                    return Err(SqlError::unsupported("HASHBYTES of anything but strings and binaries"));
                }
                let bytes = value.cast_to(SqlType::VarBinary(None));
                let sql = format!("ts_hashbytes({}, {bytes})", algorithm.implicitly_as(TEXT)?);
                Ok(Scalar::new(sql, SqlType::VarBinary(Some(8000))))
            }
            _ => self.plain(call),
        }
    }

    fn plain(&mut self, call: &Call) -> Result<Scalar> {
        let Some(plain) = PLAIN.iter().find(|plain| plain.name == call.name) else {
            return Err(unknown(call));
        };
        // Trailing arguments of the catalog functions may be left out.
        let optional = usize::from(matches!(plain.name, "OBJECT_ID" | "DB_ID" | "SCHEMA_ID"));
        let given = call.arguments.len();
        let wanted = plain.arguments.len();
        if given > wanted || given + optional < wanted {
            return Err(SqlError::syntax(
                174,
                format!("The {} function requires {wanted} argument(s).", plain.name.to_lowercase()),
            ));
        }
        let mut bound = Vec::with_capacity(wanted);
        let mut first: Option<Scalar> = None;
        for (argument, ty) in call.arguments.iter().zip(plain.arguments) {
            let argument = self.scalar(argument)?;
            bound.push(argument.implicitly_as(*ty)?);
            first.get_or_insert(argument);
        }
        bound.resize(wanted, "NULL".to_owned());
        let sql = format!("{}({})", plain.sqlite, bound.join(", "));
        Ok(match (&plain.returns, first) {
            (Returns::Type(ty), _) => Scalar::new(sql, *ty),
            (Returns::First, Some(first)) => {
                let ty = if first.ty.is_text() { variable_length(first.ty) } else { TEXT };
                Scalar { nullable: first.nullable, ..Scalar::new(sql, ty) }.collated(first.collation)
            }
            (Returns::First, None) => Scalar::new(sql, TEXT),
        })
    }

    fn now(&mut self, ty: SqlType) -> Result<Scalar> {
        let now = self.system_value(System::Now);
        Ok(Scalar::new(now.cast_to(ty), ty).not_null())
    }

    fn coalesce(&mut self, arguments: &[Expression]) -> Result<Scalar> {
        let values = self.all(arguments)?;
        let (ty, collation) = common_type(&values)?;
        let texts: Result<Vec<String>> = values.iter().map(|value| value.implicitly_as(ty)).collect();
        let nullable = values.iter().all(|value| value.nullable);
        Ok(Scalar { nullable, ..Scalar::new(format!("coalesce({})", texts?.join(", ")), ty) }
            .collated(collation))
    }

    fn all(&mut self, arguments: &[Expression]) -> Result<Vec<Scalar>> {
        arguments.iter().map(|argument| self.scalar(argument)).collect()
    }

    fn is_null(&mut self, value: &Expression, replacement: &Expression) -> Result<Scalar> {
        let (value, replacement) = (self.scalar(value)?, self.scalar(replacement)?);
        let ty = if value.is_null { replacement.ty } else { value.ty };
        let sql = format!("coalesce({}, {})", value.sql, replacement.implicitly_as(ty)?);
        let nullable = value.nullable && replacement.nullable;
        Ok(Scalar { nullable, ..Scalar::new(sql, ty) }.collated(value.collation))
    }

    fn null_if(&mut self, left: &Expression, right: &Expression) -> Result<Scalar> {
        let (left, right) = (self.scalar(left)?, self.scalar(right)?);
        let equal = compared(Comparison::Equal, &left, &right)?;
        let sql = format!("(CASE WHEN {equal} THEN NULL ELSE {} END)", left.sql);
        Ok(Scalar::new(sql, left.ty).collated(left.collation))
    }

    fn choose(&mut self, index: &Expression, values: &[Expression]) -> Result<Scalar> {
        let index = self.scalar(index)?.implicitly_as(INT)?;
        let values = self.all(values)?;
        let (ty, collation) = common_type(&values)?;
        let mut sql = format!("(CASE {index}");
        for (number, value) in values.iter().enumerate() {
            sql += &format!(" WHEN {} THEN {}", number + 1, value.implicitly_as(ty)?);
        }
        Ok(Scalar::new(sql + " END)", ty).collated(collation))
    }

    fn iif(&mut self, condition: &Expression, then: &Expression, otherwise: &Expression) -> Result<Scalar> {
        let condition = self.condition(condition)?;
        let values = [self.scalar(then)?, self.scalar(otherwise)?];
        let (ty, collation) = common_type(&values)?;
        let [then, otherwise] = &values;
        let sql = format!(
            "(CASE WHEN {condition} THEN {} ELSE {} END)",
            then.implicitly_as(ty)?,
            otherwise.implicitly_as(ty)?
        );
        let nullable = then.nullable || otherwise.nullable;
        Ok(Scalar { nullable, ..Scalar::new(sql, ty) }.collated(collation))
    }

    fn concatenation(&mut self, function: &str, arguments: &[Expression]) -> Result<Scalar> {
        let values = self.all(arguments)?;
        let texts: Result<Vec<String>> = values.iter().map(|value| value.implicitly_as(TEXT)).collect();
        let mut total: Option<u16> = Some(0);
        for value in &values {
            // What is not a string takes at most this much as text.
            let length = match value {
                _ if value.is_null => Some(1),
                _ if value.ty.is_text() => value.ty.length(),
                _ => Some(40),
            };
            total = total.zip(length).map(|(total, length)| total.saturating_add(length).min(4_000));
        }
        let sql = format!("{function}({})", texts?.join(", "));
        Ok(Scalar::new(sql, SqlType::NVarChar(total)).not_null())
    }

    fn substring(&mut self, value: &Expression, start: &Expression, length: &Expression) -> Result<Scalar> {
        let value = self.scalar(value)?;
        let (start, length) =
            (self.scalar(start)?.implicitly_as(INT)?, self.scalar(length)?.implicitly_as(INT)?);
        if value.ty.is_binary() {
            return Ok(Scalar::new(
                format!("ts_substring_bytes({}, {start}, {length})", value.sql),
                value.ty,
            ));
        }
        let sql = format!("ts_substring({}, {start}, {length})", value.implicitly_as(TEXT)?);
        Ok(Scalar::new(sql, variable_length(value.ty)).collated(value.collation))
    }

    fn replace(&mut self, value: &Expression, from: &Expression, to: &Expression) -> Result<Scalar> {
        let (value, from, to) = (self.scalar(value)?, self.scalar(from)?, self.scalar(to)?);
        let ignore_case = i32::from(merged_collation(&value, &from)? != Some(Collation::Binary));
        let (text, from, to) =
            (value.implicitly_as(TEXT)?, from.implicitly_as(TEXT)?, to.implicitly_as(TEXT)?);
        let ty = if value.ty.length().is_some() { SqlType::NVarChar(Some(4000)) } else { TEXT };
        Ok(Scalar::new(format!("ts_replace({text}, {from}, {to}, {ignore_case})"), ty)
            .collated(value.collation))
    }

    fn charindex(
        &mut self,
        needle: &Expression,
        value: &Expression,
        start: Option<&Expression>,
    ) -> Result<Scalar> {
        let (needle, value) = (self.scalar(needle)?, self.scalar(value)?);
        let start = match start {
            Some(start) => self.scalar(start)?.implicitly_as(INT)?,
            None => "1".to_owned(),
        };
        let ignore_case = i32::from(merged_collation(&needle, &value)? != Some(Collation::Binary));
        let ty = if value.ty.length().is_some() { INT } else { SqlType::BigInt };
        let (needle, value) = (needle.implicitly_as(TEXT)?, value.implicitly_as(TEXT)?);
        Ok(Scalar::new(format!("ts_charindex({needle}, {value}, {start}, {ignore_case})"), ty))
    }

    fn absolute(&mut self, value: &Expression) -> Result<Scalar> {
        let value = self.number(value, "ABS")?;
        Ok(Scalar::new(format!("ts_absolute({}, {})", value.sql, type_code(value.ty)), value.ty))
    }

    fn round(&mut self, value: &Expression, digits: &Expression, cut: Option<&Expression>) -> Result<Scalar> {
        let (value, digits) = (self.number(value, "ROUND")?, self.scalar(digits)?.implicitly_as(INT)?);
        if matches!(value.ty, SqlType::Float | SqlType::Real) {
            return match cut {
                None => Ok(Scalar::new(format!("ts_decimals({}, {digits})", value.sql), SqlType::Float)),
                Some(_) => Err(SqlError::unsupported("ROUND of a float with a third argument")),
            };
        }
        let cut = match cut {
            Some(cut) => self.scalar(cut)?.implicitly_as(INT)?,
            None => "0".to_owned(),
        };
        let ty = if matches!(value.ty, SqlType::TinyInt | SqlType::SmallInt) { INT } else { value.ty };
        let (code, sql) = (type_code(ty), value.cast_to(ty));
        Ok(Scalar::new(format!("ts_round({sql}, {digits}, {cut}, {code})"), ty))
    }

    /// FLOOR and CEILING.
    fn whole(&mut self, function: &str, value: &Expression) -> Result<Scalar> {
        let value = self.number(value, "FLOOR and CEILING")?;
        let found = Scalar::new(format!("{function}({}, {})", value.sql, type_code(value.ty)), value.ty);
        // A decimal loses its decimals, not its digits before the point.
        let SqlType::Decimal(precision, _) = value.ty else { return Ok(found) };
        let whole = SqlType::Decimal(precision, 0);
        Ok(Scalar::new(found.cast_to(whole), whole))
    }

    fn number(&mut self, value: &Expression, function: &str) -> Result<Scalar> {
        let value = self.scalar(value)?;
        if value.ty.is_number() && value.ty != SqlType::Bit {
            return Ok(value);
        }
        Err(SqlError::unsupported(format!("{function} of {}", value.ty.name())))
    }

    /// SWITCHOFFSET and TODATETIMEOFFSET: the offset is text or a number of minutes.
    fn with_offset(&mut self, function: &str, value: &Expression, offset: &Expression) -> Result<Scalar> {
        let (value, offset) = (self.scalar(value)?, self.scalar(offset)?);
        let scale = match value.ty {
            SqlType::DateTimeOffset(scale) | SqlType::DateTime2(scale) => scale,
            SqlType::DateTime => 3,
            SqlType::SmallDateTime | SqlType::Date => 0,
            _ => 7,
        };
        let ty = SqlType::DateTimeOffset(scale);
        let offset = if offset.ty.is_text() {
            format!("ts_offset_minutes({})", offset.sql)
        } else {
            offset.implicitly_as(INT)?
        };
        Ok(Scalar::new(format!("{function}({}, {offset})", value.implicitly_as(ty)?), ty))
    }

    fn dateadd(&mut self, part: &Expression, number: &Expression, value: &Expression) -> Result<Scalar> {
        let part = part_named("dateadd", part)?;
        let number = self.scalar(number)?;
        let value = self.scalar(value)?;
        // A string is a datetime here; the other date functions keep its precision.
        let value = if value.ty.is_text() {
            Scalar::new(value.implicitly_as(SqlType::DateTime)?, SqlType::DateTime)
        } else {
            dated(value)?
        };
        // SQL Server takes an int here up to 2022 and refuses more with 8115.
        let number = number.implicitly_as(SqlType::Int)?;
        let (code, sql) = (type_code(value.ty), &value.sql);
        Ok(Scalar::new(format!("ts_dateadd({}, {number}, {sql}, {code})", part as i64), value.ty))
    }

    fn datediff(
        &mut self,
        part: &Expression,
        from: &Expression,
        to: &Expression,
        big: bool,
    ) -> Result<Scalar> {
        let part = part_named("datediff", part)?;
        let (from, to) = (dated(self.scalar(from)?)?, dated(self.scalar(to)?)?);
        let ty = if big { SqlType::BigInt } else { SqlType::Int };
        let sql =
            format!("ts_datediff({}, {}, {}, {})", part as i64, instant(&from), instant(&to), i32::from(big));
        Ok(Scalar::new(sql, ty))
    }

    fn datepart(&mut self, part: DatePart, value: &Expression) -> Result<Scalar> {
        let value = dated(self.scalar(value)?)?;
        Ok(Scalar::new(
            format!("ts_datepart({}, {}, {})", part as i64, value.sql, type_code(value.ty)),
            SqlType::Int,
        ))
    }
}

/// A date or time; strings are converted to `datetime2`.
fn dated(value: Scalar) -> Result<Scalar> {
    if value.ty.is_date_or_time() || matches!(value.ty, SqlType::DateTimeOffset(_)) {
        return Ok(value);
    }
    let ty = SqlType::DateTime2(7);
    if value.ty.is_text() || value.is_null {
        return Ok(Scalar::new(value.implicitly_as(ty)?, ty));
    }
    Err(SqlError::unsupported(format!("a date function on {}", value.ty.name())))
}

/// The ticks of a date or time: of an offset those in UTC.
fn instant(value: &Scalar) -> String {
    match value.ty {
        SqlType::DateTimeOffset(_) => format!("ts_instant_ticks({})", value.sql),
        _ => value.sql.clone(),
    }
}

/// `varchar(n)` instead of `char(n)`.
fn variable_length(ty: SqlType) -> SqlType {
    match ty {
        SqlType::NChar(length) => SqlType::NVarChar(Some(length)),
        SqlType::Char(length) => SqlType::VarChar(Some(length)),
        other if other.is_text() => other,
        _ => UNBOUNDED,
    }
}

/// The date part, which is written as a bare word.
fn part_named(function: &str, expression: &Expression) -> Result<DatePart> {
    let Expression::Column(name) = expression else {
        return Err(SqlError::syntax(1023, "Invalid parameter 1 specified for a date function."));
    };
    let word = name.object();
    date_part(word).ok_or_else(|| {
        SqlError::syntax(155, format!("'{word}' is not a recognized {function} option."))
            .at(name.position.line)
    })
}

fn unknown(call: &Call) -> SqlError {
    const KNOWN_ELSEWHERE: &[&str] = &[
        "DB_NAME",
        "FORMAT",
        "PARSE",
        "TRY_PARSE",
        "EOMONTH",
        "DATEFROMPARTS",
        "DATENAME",
        "DATETRUNC",
        "RAND",
        "SQRT",
        "POWER",
        "CHECKSUM",
        "BINARY_CHECKSUM",
        "STR",
        "SPACE",
        "ASCII",
        "CHAR",
        "PATINDEX",
        "QUOTENAME",
        "TRANSLATE",
        "SOUNDEX",
        "DIFFERENCE",
        "JSON_MODIFY",
        "JSON_OBJECT",
        "JSON_ARRAY",
        "COMPRESS",
        "DECOMPRESS",
        "NEWSEQUENTIALID",
        "OBJECT_NAME",
        "SCHEMA_NAME",
        "TYPE_ID",
        "TYPE_NAME",
        "COLUMNPROPERTY",
        "OBJECTPROPERTY",
        "INDEXPROPERTY",
        "USER_NAME",
        "CURRENT_USER",
        "ISDATE",
        "ISNUMERIC",
        "GREATEST",
        "LEAST",
        "SESSION_CONTEXT",
        "CONTEXT_INFO",
        "STRING_ESCAPE",
        "IDENT_CURRENT",
        "PARSENAME",
    ];
    if KNOWN_ELSEWHERE.contains(&call.name.as_str()) {
        return SqlError::unsupported_at(format!("the function {}", call.name), call.position);
    }
    SqlError::syntax(195, format!("'{}' is not a recognized built-in function name.", call.written))
        .with_state(10)
        .at(call.position.line)
}
