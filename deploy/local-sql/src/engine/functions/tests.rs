//! Each function as SQLite sees it.

use rusqlite::Connection;
use rusqlite::types::Value as Stored;

use super::super::storage_form::{carried, type_code};
use super::super::types::SqlType;

fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    super::register(&connection).unwrap();
    connection
}

fn shown(expression: &str) -> String {
    let result: Result<Stored, _> =
        connection().query_row(&format!("SELECT {expression}"), [], |row| row.get(0));
    match result {
        Ok(Stored::Null) => "NULL".to_owned(),
        Ok(Stored::Integer(number)) => number.to_string(),
        Ok(Stored::Real(number)) => format!("{number:?}"),
        Ok(Stored::Text(text)) => text,
        Ok(Stored::Blob(bytes)) => format!("{bytes:02X?}"),
        Err(error) => {
            carried(&error.to_string()).map_or_else(|| error.to_string(), |error| error.number.to_string())
        }
    }
}

#[test]
fn integers_overflow_and_divide_as_sql_server_does() {
    let int = type_code(SqlType::Int);
    assert_eq!(shown(&format!("ts_add(2147483647, 1, {int})")), "8115");
    assert_eq!(shown(&format!("ts_divide(-7, 2, {int})")), "-3");
    assert_eq!(shown(&format!("ts_modulo(-7, 2, {int})")), "-1");
    assert_eq!(shown(&format!("ts_divide(1, 0, {int})")), "8134");
    assert_eq!(shown(&format!("ts_add(NULL, 1, {int})")), "NULL");
}

#[test]
fn strings_are_measured_in_utf16_units_without_trailing_blanks() {
    assert_eq!(shown("ts_len('ab  ')"), "2");
    assert_eq!(shown("ts_len('a😀')"), "3");
    assert_eq!(shown(&format!("ts_datalength('ab ', {})", type_code(SqlType::NVarChar(None)))), "6");
    assert_eq!(shown("ts_substring('abcdef', 2, 3)"), "bcd");
    assert_eq!(shown("ts_substring('abcdef', -1, 3)"), "a");
    assert_eq!(shown("ts_left('abc', -1)"), "537");
    assert_eq!(shown("ts_stuff('abcdef', 2, 3, 'X')"), "aXef");
}

#[test]
fn searching_follows_the_collation() {
    assert_eq!(shown("ts_charindex('C', 'abcabc', 4, 1)"), "6");
    assert_eq!(shown("ts_charindex('C', 'abcabc', 1, 0)"), "0");
    assert_eq!(shown("ts_replace('AbcaBC', 'bc', '-', 1)"), "A-a-");
    assert_eq!(shown("'Straße ' = 'STRASSE' COLLATE ts_ci"), "0");
    assert_eq!(shown("'Köln ' = 'KÖLN' COLLATE ts_ci"), "1");
    assert_eq!(shown("'a' = 'A ' COLLATE ts_bin"), "0");
}

#[test]
fn like_knows_wildcards_sets_and_escapes() {
    for (text, pattern, escape, expected) in [
        ("queue:12", "%:%", "NULL", "1"),
        ("abc", "a_c", "NULL", "1"),
        ("abc", "[^b-z]%", "NULL", "1"),
        ("a%c", "a!%c", "'!'", "1"),
        ("abc", "a!%c", "'!'", "0"),
        ("ABC", "abc", "NULL", "1"),
        ("mississippi", "%iss%ppi", "NULL", "1"),
        ("mississippi", "%iss%pqi", "NULL", "0"),
    ] {
        assert_eq!(
            shown(&format!("ts_like('{text}', '{pattern}', {escape}, 1)")),
            expected,
            "{text} {pattern}"
        );
    }
}

#[test]
fn dates_count_boundaries_and_clamp_months() {
    let cast = |text: &str, ty| {
        format!("ts_cast('{text}', {}, {}, 0)", type_code(SqlType::NVarChar(None)), type_code(ty))
    };
    let precise = SqlType::DateTime2(7);
    let back = |expression: &str, ty| {
        shown(&format!("ts_cast({expression}, {}, {}, 0)", type_code(ty), type_code(SqlType::NVarChar(None))))
    };
    let january = cast("2024-01-31T10:00:00", precise);
    assert_eq!(
        back(&format!("ts_dateadd(2, 1, {january}, {})", type_code(precise)), precise),
        "2024-02-29 10:00:00.0000000"
    );
    let (evening, morning) = (cast("2024-12-31 23:59:59", precise), cast("2025-01-01", precise));
    assert_eq!(shown(&format!("ts_datediff(0, {evening}, {morning}, 0)")), "1");
    assert_eq!(shown(&format!("ts_datediff(9, {}, {morning}, 0)", cast("1900-01-01", precise))), "535");
    assert_eq!(
        back(&cast("2024-05-05T01:02:03.005", SqlType::DateTime), SqlType::DateTime2(3)),
        "2024-05-05 01:02:03.007"
    );
}

#[test]
fn json_keeps_the_text_of_values_and_finds_members_exactly() {
    assert_eq!(shown("ts_isjson('{\"a\":1}')"), "1");
    assert_eq!(shown("ts_isjson('1')"), "0");
    assert_eq!(shown("ts_json_value('{\"a\":{\"b\":[1.50,\"x\\u0041\"]}}', '$.a.b[0]')"), "1.50");
    assert_eq!(shown("ts_json_value('{\"a\":{\"b\":[1.50,\"x\\u0041\"]}}', '$.a.b[1]')"), "xA");
    assert_eq!(shown("ts_json_value('{\"A\":1}', '$.a')"), "NULL");
    assert_eq!(shown("ts_json_query('{\"a\":[1, 2]}', '$.a')"), "[1, 2]");
    assert_eq!(shown("ts_json_value('{', '$.a')"), "13609");
    assert_eq!(
        shown("ts_openjson_pairs('[11,null,\"x\",{\"y\":1}]', '$')"),
        r#"[["0","11",2],["1",null,0],["2","x",1],["3","{\"y\":1}",5]]"#
    );
    let text = type_code(SqlType::NVarChar(None));
    let number = type_code(SqlType::BigInt);
    assert_eq!(
        shown(&format!(
            r#"(SELECT json_group_array(json_array(ts_openjson_cell(value, 0, {number}), ts_openjson_cell(value, 1, {text}),
                ts_openjson_cell(value, 2, {text}))) FROM json_each(ts_openjson_rows(
                '[{{"o":1,"t":"a","x":[2]}},{{"o":9007199254740993}}]', '$', '["$.o","$.t","!$.x"]')))"#
        )),
        r#"[[1,"a","[2]"],[9007199254740993,null,null]]"#
    );
    // Each document has rows of its own, also where a join opens one for every row of another.
    let of = |list: &str, paths: &str| format!("json_each(ts_openjson_rows({list}, '$', '{paths}'))");
    assert_eq!(
        shown(&format!(
            "(SELECT group_concat(ts_openjson_cell(b.value, 0, {text})) FROM {} AS a, {} AS b)",
            of("'[[1],[2,3],[]]'", r#"["!$"]"#),
            of(&format!("ts_openjson_cell(a.value, 0, {text})"), r#"["$"]"#),
        )),
        "1,2,3"
    );
}
