//! Values byte by byte: NULLs, chunks, ticks, byte orders, surrogates.

use tiberius::time::{Date, DateTime, DateTime2, Time};
use tiberius::{ColumnData, Uuid};

use crate::raw::{BATCH, LAST, RPC, RawClient, batch, call, mentions, parameter, utf16};
use crate::support::{connect, server};
use crate::tokens::{Token, errors, only_value, tokens};

const NVARCHAR_MAX: [u8; 8] = [0xE7, 0xFF, 0xFF, 9, 4, 0xD0, 0, 0x34];
const VARCHAR_MAX: [u8; 8] = [0xA7, 0xFF, 0xFF, 9, 4, 0xD0, 0, 0x34];
const VARBINARY_MAX: [u8; 3] = [0xA5, 0xFF, 0xFF];
const UNKNOWN_TOTAL: u64 = u64::MAX - 1;

/// A value in chunks, of a total that the client knows or not.
fn chunked(total: u64, chunks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = total.to_le_bytes().to_vec();
    for chunk in chunks {
        bytes.extend((chunk.len() as u32).to_le_bytes());
        bytes.extend_from_slice(chunk);
    }
    bytes.extend([0; 4]);
    bytes
}

async fn echo(client: &mut RawClient, declaration: &str, type_and_value: &[u8]) -> Vec<u8> {
    let declarations = format!("@v {declaration}");
    client.execute_sql("SELECT @v AS Echo", &declarations, &parameter("@v", 0, type_and_value)).await
}

#[tokio::test]
async fn chunks_are_put_together_whether_their_total_is_known_or_not() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let text = utf16("häppchen 😀");
    let pieces = text.split_at(text.len() - 3); // Within a unit of the surrogate pair.
    for total in [text.len() as u64, UNKNOWN_TOTAL] {
        let value = chunked(total, &[pieces.0, pieces.1]);
        let answer = echo(&mut client, "nvarchar(max)", &[&NVARCHAR_MAX[..], &value].concat()).await;
        assert_eq!(only_value(&answer), Some(text.clone()), "{total}");
    }
    let value = chunked(UNKNOWN_TOTAL, &[b"na\xEF", b"ve \x80"]);
    let answer = echo(&mut client, "varchar(max)", &[&VARCHAR_MAX[..], &value].concat()).await;
    assert_eq!(only_value(&answer), Some(b"na\xEFve \x80".to_vec()));
    let large = vec![0xA5; 200_000];
    let value = chunked(UNKNOWN_TOTAL, &large.chunks(3_000).collect::<Vec<_>>());
    let answer = echo(&mut client, "varbinary(max)", &[&VARBINARY_MAX[..], &value].concat()).await;
    assert_eq!(only_value(&answer), Some(large));
    server.stop().await;
}

#[tokio::test]
async fn a_value_without_chunks_is_empty_and_the_null_of_max_types_is_null() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let types = [
        ("nvarchar(max)", &NVARCHAR_MAX[..]),
        ("varchar(max)", &VARCHAR_MAX),
        ("varbinary(max)", &VARBINARY_MAX),
    ];
    for (name, type_info) in types {
        for total in [0, UNKNOWN_TOTAL] {
            let answer = echo(&mut client, name, &[type_info, &chunked(total, &[])].concat()).await;
            assert_eq!(only_value(&answer), Some(vec![]), "{name}");
        }
        let answer = echo(&mut client, name, &[type_info, &u64::MAX.to_le_bytes()].concat()).await;
        assert_eq!(only_value(&answer), None, "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn chunks_that_lie_about_their_lengths_close_the_connection() {
    let server = server().await;
    let past_the_end = [&8u64.to_le_bytes()[..], &[0xFF; 4], &[1, 2]].concat();
    for lie in [chunked(5, &[&[1, 2]]), past_the_end, 2u64.to_le_bytes().to_vec()] {
        let mut client = RawClient::log_in(server.address()).await;
        let value = parameter("@v", 0, &[&VARBINARY_MAX[..], &lie].concat());
        let message = [call("SELECT @v AS Echo", "@v varbinary(max)"), value].concat();
        client.packet(RPC, LAST, &message).await;
        assert_eq!(client.answer().await, None, "{lie:?}");
    }
    server.stop().await;
}

/// As SQL Server, every type has its own way to say NULL; columns are described in the form that can.
#[tokio::test]
async fn the_null_of_every_type_is_its_own() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let types = [
        ("bit", 0x68),
        ("tinyint", 0x26),
        ("smallint", 0x26),
        ("int", 0x26),
        ("bigint", 0x26),
        ("real", 0x6D),
        ("float", 0x6D),
        ("char(3)", 0xAF),
        ("varchar(3)", 0xA7),
        ("varchar(max)", 0xA7),
        ("nchar(3)", 0xEF),
        ("nvarchar(3)", 0xE7),
        ("nvarchar(max)", 0xE7),
        ("binary(3)", 0xAD),
        ("varbinary(3)", 0xA5),
        ("varbinary(max)", 0xA5),
        ("uniqueidentifier", 0x24),
        ("date", 0x28),
        ("time(3)", 0x29),
        ("smalldatetime", 0x6F),
        ("datetime", 0x6F),
        ("datetime2(3)", 0x2A),
        ("datetimeoffset(3)", 0x2B),
    ];
    for (name, token) in types {
        let answer = client.ask(&format!("SELECT CAST(NULL AS {name}) AS Nothing")).await;
        let Token::Columns(columns) = &tokens(&answer)[0] else { panic!("{name}: {:?}", tokens(&answer)) };
        assert_eq!(
            (columns[0].ty[0], columns[0].nullable, columns[0].name.as_str()),
            (token, true, "Nothing")
        );
        assert_eq!(only_value(&answer), None, "{name}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_guid_travels_with_its_first_three_groups_reversed() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let wire: Vec<u8> =
        vec![0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xAA, 0xBB, 0xCC, 0xDD, 0xEE, 0xFF];
    let guid = [&[0x24, 16, 16][..], &wire].concat();
    let answer = client
        .execute_sql(
            "SELECT CAST(@v AS nvarchar(36)) AS Shown",
            "@v uniqueidentifier",
            &parameter("@v", 0, &guid),
        )
        .await;
    assert_eq!(only_value(&answer), Some(utf16("00112233-4455-6677-8899-AABBCCDDEEFF")));
    let answer =
        client.ask("SELECT CAST('00112233-4455-6677-8899-aabbccddeeff' AS uniqueidentifier) AS G").await;
    assert_eq!(only_value(&answer), Some(wire));
    let mut driver = connect(&server).await;
    let uuid = Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF);
    let row = driver.query("SELECT CAST(@P1 AS nvarchar(36))", &[&uuid]).await.unwrap();
    let row = row.into_row().await.unwrap().unwrap();
    assert_eq!(row.get::<&str, _>(0), Some("00112233-4455-6677-8899-AABBCCDDEEFF"));
    server.stop().await;
}

#[tokio::test]
async fn each_three_hundredth_of_a_second_keeps_its_tick_and_shows_sql_servers_milliseconds() {
    let server = server().await;
    let mut client = connect(&server).await;
    let last_of_a_day = 25_919_999;
    for ticks in (0..300).chain([last_of_a_day]) {
        let sent = ColumnData::DateTime(Some(DateTime::new(45_000, ticks)));
        let rows = client
            .query("SELECT CAST(@P1 AS datetime) AS Echo, CONVERT(nvarchar(23), CAST(@P1 AS datetime), 121) AS Shown", &[&sent])
            .await
            .unwrap();
        let row = rows.into_row().await.unwrap().unwrap();
        let milliseconds = (u64::from(ticks % 300) * 10 + 1) / 3;
        assert!(row.get::<&str, _>(1).unwrap().ends_with(&format!(".{milliseconds:03}")), "{ticks}: {row:?}");
        assert_eq!(row.into_iter().next(), Some(sent), "{ticks}");
    }
    server.stop().await;
}

#[tokio::test]
async fn times_keep_every_digit_of_their_scale() {
    let server = server().await;
    let mut client = connect(&server).await;
    let day = Date::new(738_000);
    for scale in 0..=7u8 {
        // 23:59:59 and as many nines as the scale has.
        let increments = 86_400 * 10u64.pow(scale.into()) - 1;
        let time = Time::new(increments, scale);
        let moment = DateTime2::new(day, time);
        let cases = [
            (format!("time({scale})"), ColumnData::Time(Some(time))),
            (format!("datetime2({scale})"), ColumnData::DateTime2(Some(moment))),
        ];
        for (ty, sent) in cases {
            let rows = client.query(format!("SELECT CAST(@P1 AS {ty}) AS Echo"), &[&sent]).await.unwrap();
            let row = rows.into_row().await.unwrap().unwrap();
            assert_eq!(row.into_iter().next(), Some(sent), "{ty}");
        }
    }
    server.stop().await;
}

/// SQL Server would keep it; local-sql's text is UTF-8, which cannot.
#[tokio::test]
async fn an_unpaired_surrogate_is_refused_and_never_replaced() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let lone = [0x61, 0, 0x3D, 0xD8];
    let refused = |answer: &[u8]| errors(answer) == [40_000] && mentions(answer, "unpaired surrogate");
    let short = [&[0xE7, 20, 0, 9, 4, 0xD0, 0, 0x34, 4, 0][..], &lone].concat();
    assert!(refused(&echo(&mut client, "nvarchar(10)", &short).await));
    let long = [&NVARCHAR_MAX[..], &chunked(UNKNOWN_TOTAL, &[&lone])].concat();
    assert!(refused(&echo(&mut client, "nvarchar(max)", &long).await));
    client.packet(BATCH, LAST, &[batch(0, "SELECT N'"), lone.to_vec(), utf16("'")].concat()).await;
    assert!(refused(&client.answer().await.unwrap()));
    assert!(refused(&client.ask("SELECT CAST(0x3DD8 AS nvarchar(2))").await));
    let pair = [&[0xE7, 20, 0, 9, 4, 0xD0, 0, 0x34, 4, 0, 0x3D, 0xD8, 0, 0xDE][..]].concat();
    assert_eq!(only_value(&echo(&mut client, "nvarchar(10)", &pair).await), Some(vec![0x3D, 0xD8, 0, 0xDE]));
    server.stop().await;
}
