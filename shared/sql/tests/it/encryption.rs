//! TLS as the connection string asks for it. Always against local-sql: its certificate is ours to choose.

use local_sql::{Action, Fault};
use sql::{CertificateProblem, ConnectFailure, ConnectionString, Database, Error, Options};
use test_ca::{Certificates, Kind, OTHER_NAME};

const PASSWORD: &str = "pass;word='1'";

async fn server_with(kind: Kind, faults: Vec<Fault>) -> local_sql::Server {
    let certificates = Certificates::ready().unwrap();
    let options = local_sql::Options {
        sa_password: PASSWORD.to_owned(),
        certificate: local_sql::Certificate::Files {
            chain: certificates.chain(kind),
            key: certificates.key(kind),
        },
        faults,
        ..local_sql::Options::default()
    };
    local_sql::Server::start(options).await.unwrap()
}

async fn server(kind: Kind) -> local_sql::Server {
    server_with(kind, Vec::new()).await
}

/// The pair that trusts the authority of the tests.
fn trusting() -> String {
    format!("TrustServerCertificateCA={}", Certificates::ready().unwrap().authority().display())
}

async fn connect(server: &local_sql::Server, host: &str, pairs: &str) -> Result<Database, Error> {
    let port = server.address().port();
    let quoted = format!("\"{PASSWORD}\"");
    let text = format!("Server={host},{port};Database=tls;UID=sa;PWD={quoted};{pairs}");
    Database::connect(&ConnectionString::parse(&text).unwrap(), Options::default()).await
}

/// What is wrong with the certificate, and the whole message.
fn problem(result: Result<Database, Error>) -> (CertificateProblem, String) {
    let error = result.map(drop).unwrap_err();
    assert!(error.needs_mending() && !error.is_transient(), "{error}");
    let message = error.to_string();
    match error {
        Error::Connect { reason, .. } => match reason.as_ref() {
            ConnectFailure::Certificate(problem) => (problem.clone(), message),
            other => panic!("{other}"),
        },
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn encryption_is_used_as_asked_for() {
    let server = server(Kind::Good).await;
    let trusting = trusting();
    for (host, pairs) in [
        ("localhost", "Encrypt=False".to_owned()),
        ("localhost", "Encrypt=True;TrustServerCertificate=True".to_owned()),
        ("localhost", trusting.clone()),
        ("localhost", format!("Encrypt=True;{trusting}")),
        ("127.0.0.1", format!("{trusting};HostNameInCertificate=localhost")),
    ] {
        let database = connect(&server, host, &pairs).await.unwrap_or_else(|e| panic!("{pairs}: {e}"));
        database.query("SELECT 1 AS A", &[]).await.unwrap();
        database.close().await;
    }
    let missing =
        connect(&server, "localhost", "TrustServerCertificateCA=/nowhere.pem").await.map(drop).unwrap_err();
    assert!(missing.to_string().contains("cannot read /nowhere.pem"), "{missing}");
    server.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_refused_with_the_reason_and_the_remedy() {
    for (kind, reason) in [
        (Kind::OtherName, "is for another name (certificate not valid for name \"localhost\""),
        (Kind::Expired, "has expired 3 days ago: give the server a new one"),
        (Kind::Stranger, "signed by an authority that is not trusted here: name the authority's PEM file"),
    ] {
        let server = server(kind).await;
        let (found, message) = problem(connect(&server, "localhost", &trusting()).await);
        assert!(message.starts_with("cannot connect to localhost,") && message.contains(reason), "{message}");
        let expected = match found {
            CertificateProblem::WrongName { .. } => Kind::OtherName,
            CertificateProblem::Expired { .. } => Kind::Expired,
            CertificateProblem::UnknownAuthority => Kind::Stranger,
            other => panic!("{other}"),
        };
        assert_eq!(kind, expected);
        // Without mandatory encryption, and where anybody is trusted, nobody looks at it.
        for pairs in ["Encrypt=False", "TrustServerCertificate=True"] {
            connect(&server, "localhost", pairs).await.unwrap().close().await;
        }
        server.stop().await;
    }
    let server = server(Kind::Good).await;
    assert_eq!(problem(connect(&server, "localhost", "").await).0, CertificateProblem::UnknownAuthority);
    let (by_address, _) = problem(connect(&server, "127.0.0.1", &trusting()).await);
    assert!(matches!(by_address, CertificateProblem::WrongName { .. }));
    server.stop().await;
}

#[tokio::test]
async fn after_a_redirect_the_certificate_must_carry_the_name_of_the_new_host() {
    let node = server(Kind::Good).await;
    let gateway = async |host: &str| {
        server_with(Kind::OtherName, vec![Fault::new(Action::Route).to(host, node.address().port())]).await
    };
    let pairs = format!("{};HostNameInCertificate={OTHER_NAME}", trusting());
    let right = gateway("localhost").await;
    connect(&right, "127.0.0.1", &pairs).await.unwrap().close().await;
    let wrong = gateway("127.0.0.1").await;
    let (found, _) = problem(connect(&wrong, "127.0.0.1", &pairs).await);
    assert!(matches!(found, CertificateProblem::WrongName { .. }));
    for server in [right, wrong, node] {
        server.stop().await;
    }
}
