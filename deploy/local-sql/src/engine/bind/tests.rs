//! Expressions bound and then evaluated by SQLite: the value and the type that SQL Server gives.

use rusqlite::Connection;

use super::super::ast::{QueryBody, SelectItem, StatementKind};
use super::super::storage_form::{carried, from_stored};
use super::super::types::Value;
use super::*;

struct Nothing;

impl Environment for Nothing {
    fn variable(&self, name: &str) -> Option<SqlType> {
        (name == "@n").then_some(SqlType::Int)
    }

    fn table(&self, name: &ObjectName) -> Result<Rc<Table>> {
        Err(SqlError::new(208, format!("Invalid object name '{}'.", name.shown())))
    }
}

fn bound(expression: &str) -> Result<Scalar> {
    let batch = super::super::parser::parse(&format!("SELECT {expression}"))?;
    let StatementKind::Select(query) = &batch.statements[0].kind else { panic!("a query") };
    let QueryBody::Select(select) = &query.body else { panic!("a select") };
    let SelectItem::Expression { value, .. } = &select.items[0] else { panic!("an expression") };
    Binder::new(&Nothing).scalar(value)
}

/// The value as text, and the type.
fn evaluated(expression: &str) -> (String, SqlType) {
    let scalar = match bound(expression) {
        Ok(scalar) => scalar,
        Err(error) => return (error.number.to_string(), SqlType::Bit),
    };
    let connection = Connection::open_in_memory().unwrap();
    super::super::functions::register(&connection).unwrap();
    let value = connection.query_row(&format!("SELECT {}", scalar.sql), [], |row| {
        Ok(from_stored(row.get_ref(0)?, scalar.ty).expect("the promised type"))
    });
    let shown = match value {
        Ok(Value::Null) => "NULL".to_owned(),
        Ok(Value::Int(number)) => number.to_string(),
        Ok(Value::Text(text)) => text,
        Ok(other) => format!("{other:?}"),
        Err(error) => {
            carried(&error.to_string()).map_or_else(|| error.to_string(), |error| error.number.to_string())
        }
    };
    (shown, scalar.ty)
}

#[track_caller]
fn check(expression: &str, value: &str, ty: SqlType) {
    assert_eq!(evaluated(expression), (value.to_owned(), ty), "{expression}");
}

#[track_caller]
fn refused(expression: &str, number: i32) {
    assert_eq!(evaluated(expression).0, number.to_string(), "{expression}");
}

#[test]
fn integers_keep_their_type_and_divide_without_remainder() {
    check("7 / 2", "3", SqlType::Int);
    check("-7 % 3", "-1", SqlType::Int);
    check("CAST(7 AS bigint) * 2", "14", SqlType::BigInt);
    check("CAST(1 AS bit) + 1", "2", SqlType::Int);
    check("1 + N'2'", "3", SqlType::Int);
    refused("2147483647 + 1", 8115);
    refused("1 / 0", 8134);
    refused("1 + N'x'", 245);
    refused("@missing", 137);
}

#[test]
fn strings_join_and_null_spreads() {
    check("N'a' + N'b'", "ab", SqlType::NVarChar(Some(2)));
    check("N'a' + NULL", "NULL", SqlType::NVarChar(Some(1)));
    check("CONCAT(N'a', NULL, 1)", "a1", SqlType::NVarChar(Some(42)));
    check("LEFT(N'abc', 2)", "ab", SqlType::NVarChar(Some(3)));
    check("CHARINDEX(N',', N'a,b')", "2", SqlType::Int);
    refused("N'a' - N'b'", 8117);
    refused("N'x' + 0x01", 402);
}

#[test]
fn case_and_its_relatives_take_the_higher_type() {
    check("CASE WHEN 1 = 2 THEN 1 ELSE CAST(2 AS bigint) END", "2", SqlType::BigInt);
    check("CASE N'a' WHEN N'A ' THEN 1 END", "1", SqlType::Int);
    check("COALESCE(NULL, N'x', N'yz')", "x", SqlType::NVarChar(Some(2)));
    check("ISNULL(CAST(NULL AS tinyint), 5)", "5", SqlType::TinyInt);
    check("NULLIF(1, 1)", "NULL", SqlType::Int);
    check("IIF(2 BETWEEN 1 AND 3, N'in', N'out')", "in", SqlType::NVarChar(Some(3)));
    refused("CASE WHEN 1 = 1 THEN NULL END", 8133);
}

#[test]
fn comparisons_convert_the_lower_type_and_ignore_case_and_trailing_blanks() {
    check("IIF(N'10' = 10, 1, 0)", "1", SqlType::Int);
    check("IIF(N'Ab ' = N'aB', 1, 0)", "1", SqlType::Int);
    check("IIF(N'a' COLLATE Latin1_General_100_BIN2 = N'A', 1, 0)", "0", SqlType::Int);
    check("IIF(NULL = NULL, 1, 0)", "0", SqlType::Int);
    check("IIF(NOT (1 IN (2, NULL)), 1, 0)", "0", SqlType::Int);
    check("IIF(N'queue:1' LIKE N'%:%', 1, 0)", "1", SqlType::Int);
    refused("IIF(N'a' COLLATE Latin1_General_CS_AS = N'A', 1, 0)", 40000);
    refused("IIF(1, 1, 0)", 4145);
}

#[test]
fn unknown_and_unbuilt_functions_are_told_apart() {
    refused("NO_SUCH(1)", 195);
    refused("SOUNDEX(N'x')", 40000);
    refused("LEN()", 174);
}

#[test]
fn variables_and_session_values_become_parameters() {
    let batch = super::super::parser::parse("SELECT @n + @N + @@ROWCOUNT").unwrap();
    let StatementKind::Select(query) = &batch.statements[0].kind else { panic!("a query") };
    let QueryBody::Select(select) = &query.body else { panic!("a select") };
    let SelectItem::Expression { value, .. } = &select.items[0] else { panic!("an expression") };
    let mut binder = Binder::new(&Nothing);
    let scalar = binder.scalar(value).unwrap();
    assert_eq!(binder.parameters, [Parameter::Variable("@n".into()), Parameter::System(System::RowCount)]);
    assert!(scalar.sql.contains("?1, ?1") && scalar.sql.contains("?2"), "{}", scalar.sql);
}
