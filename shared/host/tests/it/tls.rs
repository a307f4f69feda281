//! A whole process whose SQL Server and Redis both speak TLS with certificates of a company's own authority.

use backplane::testing::{RedisServer, RedisServerOptions};
use test_ca::{Certificates, Kind};

use crate::process::{Process, until_status};

const PASSWORD: &str = "Desk-only-1!";

async fn sql_server(kind: Kind) -> local_sql::Server {
    let certificates = Certificates::ready().unwrap();
    let options = local_sql::Options {
        sa_password: PASSWORD.to_owned(),
        certificate: local_sql::Certificate::Files {
            chain: certificates.chain(kind),
            key: certificates.key(kind),
        },
        ..local_sql::Options::default()
    };
    local_sql::Server::start(options).await.unwrap()
}

/// Both servers encrypted, their authority named once for both.
fn settings(sql: &local_sql::Server, redis: &RedisServer) -> String {
    let port = sql.address().port();
    serde_json::json!({
        "ConnectionStrings": {
            "VirtoCommerce":
                format!("Server=localhost,{port};Database=tls;User ID=sa;Password={PASSWORD};Encrypt=True"),
            "RedisConnectionString": redis.connection_string(),
        },
        "Tls": {"CertificateAuthorities": Certificates::ready().unwrap().authority()},
    })
    .to_string()
}

async fn redis_server(kind: Kind) -> RedisServer {
    RedisServer::start_with(RedisServerOptions { tls: Some(kind), ..RedisServerOptions::default() }).await
}

#[tokio::test]
async fn a_process_works_with_both_servers_encrypted_by_an_authority_of_ones_own() {
    let (sql, redis) = (sql_server(Kind::Good).await, redis_server(Kind::Good).await);
    let mut process = Process::start(&settings(&sql, &redis), &["--listen", "127.0.0.1:0"]);
    process.line("schema is up to date").await;
    let url = process.url().await;
    until_status(&format!("{url}/health/ready"), 200).await;
    loop {
        let health: serde_json::Value =
            reqwest::get(format!("{url}/health")).await.unwrap().json().await.unwrap();
        if health["redis"] == "connected" {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    process.signal("TERM");
    assert_eq!(process.end().await.0, 0);
    sql.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_ends_a_start_at_once_with_what_to_do() {
    let redis = redis_server(Kind::Good).await;
    for (kind, sentence) in [
        (Kind::OtherName, "the server's certificate is for another name"),
        (Kind::Expired, "the server's certificate has expired 3 days ago"),
        (Kind::Stranger, "signed by an authority that is not trusted here"),
    ] {
        let sql = sql_server(kind).await;
        let process = Process::start(&settings(&sql, &redis), &["--listen", "127.0.0.1:0"]);
        let (code, lines) = process.end_with_lines().await;
        assert!(code == 1 && lines.contains(sentence), "{code}: {lines}");
        assert!(!lines.contains("waiting for the database"), "{lines}");
        sql.stop().await;
    }
}
