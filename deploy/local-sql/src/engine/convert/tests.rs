//! Conversions and their errors, as SQL Server documents them.

use super::*;

const TEXT: SqlType = SqlType::NVarChar(Some(100));

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn number_of(value: Value, from: SqlType, to: SqlType) -> i32 {
    convert(value, from, to, Overlong::Refuse).expect_err("an error").number
}

#[test]
fn integers_out_of_range_are_refused_with_the_number_of_their_type() {
    assert_eq!(number_of(Value::Int(256), SqlType::Int, SqlType::TinyInt), 220);
    assert_eq!(number_of(Value::Int(1 << 40), SqlType::BigInt, SqlType::Int), 8115);
    assert_eq!(number_of(text("x1"), TEXT, SqlType::Int), 245);
    assert_eq!(number_of(text("9999999999"), TEXT, SqlType::Int), 248);
    assert_eq!(number_of(text("1x"), TEXT, SqlType::BigInt), 8114);
    assert_eq!(convert(text(" -12 "), TEXT, SqlType::Int, Overlong::Cut), Ok(Value::Int(-12)));
    assert_eq!(convert(text("true"), TEXT, SqlType::Bit, Overlong::Cut), Ok(Value::Int(1)));
}

#[test]
fn strings_are_cut_by_casts_and_refused_by_columns() {
    let short = SqlType::NVarChar(Some(2));
    assert_eq!(convert(text("abc"), TEXT, short, Overlong::Cut), Ok(text("ab")));
    assert_eq!(number_of(text("abc"), TEXT, short), 8152);
    assert_eq!(convert(text("ab  "), TEXT, short, Overlong::Refuse), Ok(text("ab")));
    assert_eq!(convert(text("a"), TEXT, SqlType::NChar(3), Overlong::Refuse), Ok(text("a  ")));
}

#[test]
fn dates_go_through_text_and_back_at_the_precision_of_their_type() {
    for (written, ty, shown) in [
        ("2024-02-29T23:59:59.9999999", SqlType::DateTime2(7), "2024-02-29 23:59:59.9999999"),
        ("20240229", SqlType::Date, "2024-02-29"),
        ("2024-02-29 10:20", SqlType::DateTime2(0), "2024-02-29 10:20:00"),
        ("0001-01-01", SqlType::DateTime2(3), "0001-01-01 00:00:00.000"),
        ("9999-12-31T23:59:59", SqlType::DateTime2(3), "9999-12-31 23:59:59.000"),
        ("10:20:30.5", SqlType::Time(1), "10:20:30.5"),
        ("2024-12-05 09:05", SqlType::DateTime, "Dec  5 2024  9:05AM"),
    ] {
        let value = convert(text(written), TEXT, ty, Overlong::Cut).unwrap();
        assert_eq!(convert(value, ty, SqlType::NVarChar(None), Overlong::Cut), Ok(text(shown)), "{written}");
    }
    assert_eq!(number_of(text("2023-02-29"), TEXT, SqlType::Date), 241);
    assert_eq!(number_of(text("0001-01-01"), TEXT, SqlType::DateTime), 242);
}

#[test]
fn datetime_keeps_three_hundredths_of_a_second() {
    for (written, kept) in [(0, 0), (1, 0), (2, 3), (3, 3), (4, 3), (5, 7), (6, 7), (7, 7), (8, 7), (9, 10)] {
        let ticks =
            ticks::rounded(ticks::of_1900() + written * ticks::PER_MILLISECOND, SqlType::DateTime).unwrap();
        assert_eq!((ticks - ticks::of_1900()) / ticks::PER_MILLISECOND, kept, ".00{written}");
    }
    for units in 0..300 {
        assert_eq!(ticks::ticks_to_datetime_units(ticks::datetime_units_to_ticks(units)), units);
    }
}

#[test]
fn guids_go_through_text_in_both_forms() {
    let written = "6F9619FF-8B86-D011-B42D-00C04FC964FF";
    let guid = convert(
        text(&format!("{{{}}}", written.to_lowercase())),
        TEXT,
        SqlType::UniqueIdentifier,
        Overlong::Cut,
    );
    assert_eq!(convert(guid.unwrap(), SqlType::UniqueIdentifier, TEXT, Overlong::Cut), Ok(text(written)));
    assert_eq!(number_of(text("6F9619FF"), TEXT, SqlType::UniqueIdentifier), 8169);
}

#[test]
fn floats_are_shown_with_six_digits() {
    for (number, shown) in
        [(1.5, "1.5"), (1_234_567.0, "1.23457e+006"), (0.1, "0.1"), (1e-7, "1e-007"), (100.0, "100")]
    {
        assert_eq!(convert(Value::Float(number), SqlType::Float, TEXT, Overlong::Cut), Ok(text(shown)));
    }
    assert_eq!(number_of(Value::Float(1e300), SqlType::Float, SqlType::BigInt), 232);
}
