//! Values of every type go to the server as parameters and come back as columns.

use tiberius::time::{Date, DateTime, DateTime2, DateTimeOffset, SmallDateTime, Time};
use tiberius::{ColumnData, ToSql, Uuid};

use crate::support::{Connection, connect, server};

/// The value of `SELECT CAST(@P1 AS ty)` as the driver received it.
async fn echo(client: &mut Connection, ty: &str, value: &dyn ToSql) -> ColumnData<'static> {
    let text = format!("SELECT CAST(@P1 AS {ty}) AS Echo");
    let stream = client.query(text, &[value]).await.unwrap_or_else(|error| panic!("{ty}: {error}"));
    let row = stream.into_row().await.unwrap_or_else(|error| panic!("{ty}: {error}")).unwrap();
    row.into_iter().next().unwrap()
}

fn noon() -> Time {
    Time::new(432_000_000_001, 7)
}

#[tokio::test]
async fn every_type_survives_the_round_trip() {
    let server = server().await;
    let mut client = connect(&server).await;
    let uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF);
    let day = Date::new(738_000);
    let moment = DateTime2::new(day, noon());
    let cases: Vec<(&str, ColumnData<'static>)> = vec![
        ("bit", ColumnData::Bit(Some(true))),
        ("tinyint", ColumnData::U8(Some(255))),
        ("smallint", ColumnData::I16(Some(i16::MIN))),
        ("int", ColumnData::I32(Some(i32::MIN))),
        ("bigint", ColumnData::I64(Some(i64::MIN))),
        ("real", ColumnData::F32(Some(0.25))),
        ("float", ColumnData::F64(Some(1.0e300))),
        ("nvarchar(100)", ColumnData::String(Some("Grüße 😀 𝄞 漢".into()))),
        ("nvarchar(max)", ColumnData::String(Some("😀".repeat(1 << 18).into()))),
        ("nvarchar(10)", ColumnData::String(Some("".into()))),
        ("varchar(100)", ColumnData::String(Some("naïve €".into()))),
        ("varchar(max)", ColumnData::String(Some("v".repeat(1 << 20).into()))),
        ("varbinary(16)", ColumnData::Binary(Some(vec![0, 1, 255].into()))),
        ("varbinary(16)", ColumnData::Binary(Some(vec![].into()))),
        ("varbinary(max)", ColumnData::Binary(Some(vec![0xA5; 1 << 20].into()))),
        ("uniqueidentifier", ColumnData::Guid(Some(uuid))),
        ("date", ColumnData::Date(Some(day))),
        ("time(7)", ColumnData::Time(Some(noon()))),
        ("datetime", ColumnData::DateTime(Some(DateTime::new(45_000, 12_345_678)))),
        ("smalldatetime", ColumnData::SmallDateTime(Some(SmallDateTime::new(45_000, 600)))),
        ("datetime2(7)", ColumnData::DateTime2(Some(moment))),
        ("datetimeoffset(7)", ColumnData::DateTimeOffset(Some(DateTimeOffset::new(moment, 0)))),
    ];
    for (ty, value) in cases {
        assert_eq!(echo(&mut client, ty, &value).await, value, "{ty}");
    }
    server.stop().await;
}

#[tokio::test]
async fn null_survives_the_round_trip_in_every_type() {
    let server = server().await;
    let mut client = connect(&server).await;
    let cases: Vec<(&str, ColumnData<'static>)> = vec![
        ("bit", ColumnData::Bit(None)),
        ("tinyint", ColumnData::U8(None)),
        ("smallint", ColumnData::I16(None)),
        ("int", ColumnData::I32(None)),
        ("bigint", ColumnData::I64(None)),
        ("real", ColumnData::F32(None)),
        ("float", ColumnData::F64(None)),
        ("nvarchar(100)", ColumnData::String(None)),
        ("nvarchar(max)", ColumnData::String(None)),
        ("varchar(100)", ColumnData::String(None)),
        ("varbinary(16)", ColumnData::Binary(None)),
        ("varbinary(max)", ColumnData::Binary(None)),
        ("uniqueidentifier", ColumnData::Guid(None)),
        ("date", ColumnData::Date(None)),
        ("time(7)", ColumnData::Time(None)),
        ("datetime", ColumnData::DateTime(None)),
        ("datetime2(7)", ColumnData::DateTime2(None)),
        ("datetimeoffset(7)", ColumnData::DateTimeOffset(None)),
    ];
    for (ty, value) in cases {
        assert_eq!(echo(&mut client, ty, &value).await, value, "{ty}");
    }
    server.stop().await;
}

#[tokio::test]
async fn the_driver_s_own_types_are_understood_without_a_cast() {
    let server = server().await;
    let mut client = connect(&server).await;
    let moment = time::macros::datetime!(2024-02-29 23:59:59.123_456_7);
    let row = client
        .query("SELECT @P1, @P2, @P3, @P4", &[&moment, &moment.assume_utc(), &true, &"text"])
        .await
        .unwrap()
        .into_row()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get(0), Some(moment));
    assert_eq!(row.get(1), Some(moment.assume_utc()));
    assert_eq!(row.get(2), Some(true));
    assert_eq!(row.get(3), Some("text"));
    server.stop().await;
}

/// The protocol carries them (see `tds/encode.rs`); the language does not compute with them yet.
#[tokio::test]
async fn decimals_and_offsets_come_back_as_they_were_sent() {
    let server = server().await;
    let mut client = connect(&server).await;
    let price = tiberius::numeric::Numeric::new_with_scale(-1_999, 2);
    let elsewhere = time::macros::datetime!(2024-02-29 12:00:00.5 +2);
    let rows = client.query("SELECT @P1, @P2", &[&price, &elsewhere]).await.unwrap();
    let row = rows.into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<tiberius::numeric::Numeric, _>(0), Some(price));
    assert_eq!(row.get::<time::OffsetDateTime, _>(1), Some(elsewhere));
    server.stop().await;
}
