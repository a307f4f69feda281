//! What local-sql does not do is refused by name: requests go on with the connection, logins end it.

use tokio::net::TcpStream;

use crate::raw::{
    BATCH, BULK_LOAD, LAST, Login, PRELOGIN, PRELOGIN_MARS, RPC, RawClient, TRANSACTION, batch, last_done,
    mentions, parameter,
};
use crate::support::{connect, scalar, server};
use crate::tokens::errors;

/// `sp_executesql` with one parameter of this type; nothing behind TYPE_INFO is looked at.
fn call_with(status: u8, type_info: &[u8]) -> Vec<u8> {
    [batch(0, ""), vec![0xFF, 0xFF, 10, 0, 0, 0], parameter("@v", status, type_info)].concat()
}

#[tokio::test]
async fn requests_that_local_sql_does_not_do_are_refused_by_name_and_the_connection_goes_on() {
    let server = server().await;
    let mut client = RawClient::log_in(server.address()).await;
    let headers = batch(0, "");
    let by_number = |number: u8| [&headers[..], &[0xFF, 0xFF, number, 0, 0, 0]].concat();
    let requests = [
        (BULK_LOAD, vec![0x81, 0, 0], "bulk load"),
        (RPC, by_number(2), "server cursors"),
        (RPC, by_number(14), "sp_prepexecrpc"),
        (RPC, [by_number(10), vec![0xFE]].concat(), "not executed"),
        (RPC, call_with(0, &[0xF3]), "table-valued parameters"),
        (RPC, call_with(0, &[0xF1]), "xml"),
        (RPC, call_with(0, &[0x62]), "sql_variant"),
        (RPC, call_with(0, &[0xF0]), "CLR user-defined types"),
        (RPC, call_with(8, &[0x26, 4, 0]), "Always Encrypted"),
        (RPC, call_with(2, &[0x26, 4, 0]), "default value"),
        (TRANSACTION, [&headers[..], &[1, 0]].concat(), "distributed transactions"),
        (BATCH, batch(0, "INSERT BULK T (Id int)"), "INSERT BULK"),
    ];
    for (kind, payload, name) in requests {
        client.packet(kind, LAST, &payload).await;
        let answer = client.answer().await.unwrap();
        assert!(mentions(&answer, name), "{name}: {:?}", crate::tokens::tokens(&answer));
        assert_eq!(errors(&answer), [40_000], "{name}");
    }
    client.batch(LAST, 0, "SET NOCOUNT ON").await;
    assert_eq!(last_done(&client.answer().await.unwrap()), 0);
    server.stop().await;
}

#[tokio::test]
async fn logins_that_local_sql_does_not_do_are_refused_by_name() {
    const INTEGRATED: u8 = 0x80;
    const CHANGE_PASSWORD: u8 = 0x01;
    const FEATURES: u8 = 0x10;
    let server = server().await;
    let plain = Login::default();
    let federated = vec![2, 1, 0, 0, 0, 1, 0xFF];
    let logins = [
        (&PRELOGIN[..], Login { options_2: INTEGRATED, ..plain.clone() }, "integrated (Windows)"),
        (&PRELOGIN, Login { options_3: CHANGE_PASSWORD, ..plain.clone() }, "changing the password"),
        (&PRELOGIN, Login { options_3: FEATURES, features: federated, ..plain.clone() }, "federated"),
        (&PRELOGIN, Login { tds_version: 0x7200_0902, ..plain.clone() }, "TDS before version 7.3"),
        (&PRELOGIN_MARS, plain, "MARS (MultipleActiveResultSets=True)"),
    ];
    for (prelogin, login, name) in logins {
        let (mut client, answer) = RawClient::log_in_with(server.address(), prelogin, &login).await;
        assert!(mentions(&answer, name), "{name}: {:?}", crate::tokens::tokens(&answer));
        assert_eq!(errors(&answer), [40_000], "{name}");
        assert_eq!(client.answer().await, None, "{name}");
    }
    server.stop().await;
}

/// TLS comes first, PRELOGIN and LOGIN7 inside it.
#[tokio::test]
async fn encrypt_strict_is_refused_by_name() {
    let server = server().await;
    let socket = TcpStream::connect(server.address()).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let stream = crate::support::trusting_anybody(b"tds/8.0").connect(name, socket).await.unwrap();
    let mut client = RawClient::over(stream);
    let login = Login { tds_version: 0x0800_0000, ..Login::default() };
    let answer = client.attempt(&PRELOGIN, &login).await;
    assert!(mentions(&answer, "Encrypt=Strict"), "{:?}", crate::tokens::tokens(&answer));
    assert_eq!(client.answer().await, None);
    assert_eq!(scalar::<i32>(&mut connect(&server).await, "SELECT 1").await, 1);
    server.stop().await;
}
