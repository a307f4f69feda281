//! Every keyword works or is refused by name, and no password is ever shown.

use proptest::prelude::*;
use sql::ConnectionString;

const LEAST: &str = "Server=db;Database=shop;User ID=app;Password=s3cret";

fn refusal(pair: &str) -> String {
    ConnectionString::parse(&format!("{LEAST};{pair}")).expect_err(pair).to_string()
}

#[test]
fn the_forms_of_a_data_source_are_read() {
    let table = [
        ("db", "db", 1433),
        ("tcp:db.example.net,11003", "db.example.net", 11003),
        ("TCP: db , 1500", "db", 1500),
        (".", "localhost", 1433),
        ("(local),1500", "localhost", 1500),
        ("127.0.0.1,1", "127.0.0.1", 1),
        ("::1,1500", "::1", 1500),
        ("[::1],1500", "::1", 1500),
    ];
    for (value, host, port) in table {
        let text = format!("Data Source={value};Database=shop;UID=app;PWD=x");
        let string = ConnectionString::parse(&text).unwrap_or_else(|e| panic!("{value}: {e}"));
        assert_eq!((string.server(), string.port()), (host, port), "{value}");
    }
}

#[test]
fn other_data_sources_are_refused_with_what_was_expected() {
    let table = [
        ("np:db", "only TCP"),
        ("(localdb)\\v11.0", "LocalDB"),
        ("db\\instance", "named instances"),
        ("db\\instance,1433", "named instances"),
        ("db:1433", "after a comma"),
        ("db,0", "a port from 1"),
        ("db,http", "a port from 1"),
        ("a b", "host or host,port"),
    ];
    for (value, expected) in table {
        let error = refusal(&format!("Server={value}"));
        assert!(error.contains(expected) && error.contains("Server"), "{value}: {error}");
    }
}

/// What becomes of a keyword.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Keyword {
    /// It changes the connection.
    Works,
    /// What it asks for is so anyway.
    Holds,
    /// It is accepted, changes nothing, and a remark says so.
    Remarked,
    /// It is refused by name, with a reason that has these words.
    Refused(&'static str),
}
use Keyword::{Holds, Refused, Remarked, Works};

/// Every keyword of `Microsoft.Data.SqlClient` 7 and `System.Data.SqlClient`, with its synonyms (their classes
/// `DbConnectionStringKeywords` and `DbConnectionStringSynonyms`), a value, and what becomes of it.
const KEYWORDS: &[(&[&str], &str, Keyword)] = &[
    (&["Application Intent", "ApplicationIntent"], "ReadWrite", Holds),
    (&["Application Intent", "ApplicationIntent"], "ReadOnly", Refused("change feed")),
    (&["Application Name", "App"], "shop", Works),
    (&["Asynchronous Processing", "Async"], "True", Holds),
    (&["AttachDbFilename", "Extended Properties", "Initial File Name"], "x.mdf", Refused("not supported")),
    (&["Attestation Protocol"], "HGS", Refused("Always Encrypted")),
    (&["Authentication"], "Sql Password", Holds),
    (&["Authentication"], "Active Directory Default", Refused("SQL login")),
    (&["Client Certificate", "ClientCertificate"], "x.pfx", Refused("no client certificate")),
    (&["Client Key", "ClientKey"], "x.key", Refused("no client certificate")),
    (&["Client Key Password", "ClientKeyPassword"], "x", Refused("no client certificate")),
    (&["Column Encryption Setting", "ColumnEncryption"], "Disabled", Holds),
    (&["Column Encryption Setting", "ColumnEncryption"], "Enabled", Refused("Always Encrypted")),
    (&["Command Timeout"], "60", Works),
    (&["Connect Retry Count", "ConnectRetryCount"], "3", Remarked),
    (&["Connect Retry Interval", "ConnectRetryInterval"], "10", Remarked),
    (&["Connect Timeout", "ConnectTimeout", "Connection Timeout", "Timeout"], "77", Works),
    (&["Connection Reset"], "True", Holds),
    (&["Context Connection"], "False", Holds),
    (&["Context Connection"], "True", Refused("does not run inside SQL Server")),
    (&["Current Language", "Language"], "French", Refused("login's own language")),
    (&["Data Source", "Server", "Address", "Addr", "Network Address"], "tcp:other,1500", Works),
    (&["Enclave Attestation Url"], "https://a", Refused("Always Encrypted")),
    (&["Encrypt"], "False", Works),
    (&["Encrypt"], "Strict", Refused("TDS 8.0")),
    (&["Enlist"], "True", Remarked),
    (&["Failover Partner", "FailoverPartner"], "other", Refused("listener")),
    (&["Failover Partner SPN", "FailoverPartnerSPN"], "a/b", Refused("listener")),
    (&["Host Name In Certificate", "HostNameInCertificate"], "db", Works),
    (&["Initial Catalog", "Database"], "other", Works),
    (&["Integrated Security", "Trusted_Connection"], "False", Holds),
    (&["Integrated Security", "Trusted_Connection"], "SSPI", Refused("SQL login")),
    (&["IP Address Preference", "IPAddressPreference"], "IPv6First", Works),
    (&["Load Balance Timeout", "Connection Lifetime"], "60", Works),
    (&["Max Pool Size"], "77", Works),
    (&["Min Pool Size"], "7", Works),
    (&["Multiple Active Result Sets", "MultipleActiveResultSets"], "True", Remarked),
    (&["Multi Subnet Failover", "MultiSubnetFailover"], "True", Works),
    (&["Network Library", "Network", "Net"], "dbmssocn", Holds),
    (&["Network Library", "Network", "Net"], "dbnmpntw", Refused("TCP")),
    (&["Packet Size", "PacketSize"], "8192", Works),
    (&["Password", "PWD"], "other", Works),
    (&["Persist Security Info", "PersistSecurityInfo"], "True", Holds),
    (&["Pool Blocking Period", "PoolBlockingPeriod"], "Auto", Remarked),
    (&["Pooling"], "True", Holds),
    (&["Pooling"], "False", Refused("always a pool")),
    (&["Replication"], "False", Holds),
    (&["Replication"], "True", Refused("not supported")),
    (&["Server Certificate", "ServerCertificate"], "x.cer", Refused("TrustServerCertificateCA")),
    (&["Server SPN", "ServerSPN"], "a/b", Refused("integrated security")),
    (&["Transaction Binding"], "Implicit Unbind", Holds),
    (&["Transaction Binding"], "Explicit Unbind", Refused("Implicit Unbind")),
    (&["Transparent Network IP Resolution", "TransparentNetworkIPResolution"], "True", Remarked),
    (&["Trust Server Certificate", "TrustServerCertificate"], "True", Works),
    (&["TrustServerCertificateCA"], "/etc/ca.pem", Works),
    (&["Type System Version"], "Latest", Holds),
    (&["Type System Version"], "SQL Server 2008", Refused("Latest")),
    (&["User ID", "UID", "User"], "other", Works),
    (&["User Instance"], "False", Holds),
    (&["User Instance"], "True", Refused("not supported")),
    (&["Vector Type Support", "VectorTypeSupport"], "Off", Remarked),
    (&["Workstation ID", "WorkstationID", "WSID"], "desk", Works),
];

#[test]
fn every_keyword_of_ado_net_and_each_of_its_synonyms_works_or_is_refused_by_name() {
    let least = ConnectionString::parse(LEAST).unwrap();
    for (names, value, expected) in KEYWORDS {
        for name in *names {
            let pair = format!("{name}={value}");
            let read = ConnectionString::parse(&format!("{LEAST};{pair};"));
            let found = match &read {
                Err(error) => {
                    let Refused(reason) = expected else { panic!("{pair}: {error}") };
                    assert_eq!(error.keyword, *name, "{pair}");
                    assert!(error.expected.contains(reason), "{pair}: {error}");
                    *expected
                }
                Ok(string) if string.to_secret_string() != least.to_secret_string() => Works,
                Ok(string) if string.remarks().iter().any(|remark| remark.starts_with(&pair)) => Remarked,
                Ok(_) => Holds,
            };
            assert_eq!(found, *expected, "{pair}");
            // In any case, and without the blanks.
            let other =
                ConnectionString::parse(&format!("{LEAST};{}={value}", name.to_uppercase().replace(' ', "")));
            let shown = |read: &Result<ConnectionString, _>| {
                read.as_ref().map(ConnectionString::to_secret_string).ok()
            };
            assert_eq!(shown(&other), shown(&read), "{pair}");
        }
    }
}

#[test]
fn trusting_any_certificate_works_and_leaves_a_remark() {
    let remarks =
        |pairs: &str| ConnectionString::parse(&format!("{LEAST};{pairs}")).unwrap().remarks().to_vec();
    let said = remarks("Encrypt=True;TrustServerCertificate=True");
    assert!(
        matches!(&said[..], [one] if one.contains("whoever answers at this address is believed")),
        "{said:?}"
    );
    assert!(remarks("TrustServerCertificate=True;TrustServerCertificate=False").is_empty());
}

#[test]
fn a_file_of_authorities_from_elsewhere_gives_way_to_what_the_string_says() {
    let with = |pairs: &str| {
        let string = ConnectionString::parse(&format!("{LEAST};{pairs}")).unwrap();
        string.with_certificate_authorities("/etc/company.pem".as_ref()).to_secret_string()
    };
    assert!(with("Encrypt=True").contains("TrustServerCertificateCA=/etc/company.pem"));
    assert!(with("TrustServerCertificateCA=/etc/own.pem").contains("TrustServerCertificateCA=/etc/own.pem"));
    assert!(!with("TrustServerCertificate=True").contains("company"));
}

#[test]
fn a_bad_value_is_refused_by_name_with_value_and_expectation() {
    let table = [
        ("Encrypt=perhaps", "perhaps", "True, False, Mandatory or Optional"),
        ("Trusted_Connection=True", "True", "SQL login"),
        ("Connect Timeout=0", "\"0\"", "wait for ever"),
        ("Command Timeout=-1", "-1", "seconds from 1"),
        ("Max Pool Size=0", "\"0\"", "from 1 to"),
        ("Packet Size=100", "100", "512"),
        ("TrustServerCertificate=maybe", "maybe", "True or False"),
    ];
    for (pair, value, expected) in table {
        let error = refusal(pair);
        let keyword = pair.split('=').next().unwrap();
        assert!(
            error.contains(keyword) && error.contains(value) && error.contains(expected),
            "{pair}: {error}"
        );
    }
}

#[test]
fn unknown_keywords_are_named_except_behind_the_password() {
    let error = ConnectionString::parse("Serwer=db;Database=shop").unwrap_err();
    assert_eq!(error.keyword, "Serwer");
    assert_eq!(error.value, "***");
    // A password with an unquoted semicolon: what follows is a part of it.
    let error = ConnectionString::parse("Server=db;Password=hun;ter2=x;Database=shop").unwrap_err();
    assert!(!error.to_string().contains("ter2"), "{error}");
    assert!(error.to_string().contains("needs quotes"), "{error}");
}

#[test]
fn what_is_missing_or_contradicts_itself_is_said() {
    let table = [
        ("Database=d;UID=u;PWD=p", "Data Source"),
        ("Server=s;UID=u;PWD=p", "Initial Catalog"),
        ("Server=s;Database=d;PWD=p", "User ID"),
        ("Server=s;Database=d;UID=u", "Password"),
        (
            "Server=s;Database=d;UID=u;PWD=p;TrustServerCertificate=True;TrustServerCertificateCA=x",
            "only one",
        ),
        ("Server=s;Database=d;UID=u;PWD=p;Min Pool Size=9;Max Pool Size=3", "Min Pool Size"),
    ];
    for (text, expected) in table {
        let error = ConnectionString::parse(text).expect_err(text).to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn an_accepted_pair_without_effect_leaves_a_remark() {
    let string = ConnectionString::parse(&format!("{LEAST};MultipleActiveResultSets=True")).unwrap();
    assert_eq!(string.remarks().len(), 1);
    assert!(string.remarks()[0].contains("never asked for"));
}

#[test]
fn a_string_survives_being_written_and_read_again() {
    let text = format!(
        "{LEAST};Password=\"a;b'c\"\"d=\";Encrypt=False;Max Pool Size=7;Packet Size=8000;Command Timeout=9;\
         Application Name=' x ';HostNameInCertificate=h;IPAddressPreference=UsePlatformDefault"
    );
    let string = ConnectionString::parse(&text).unwrap();
    assert_eq!(ConnectionString::parse(&string.to_secret_string()).unwrap(), string);
    assert_eq!(string.with_database("other").database(), "other");
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC{0,80}") {
        let _ = ConnectionString::parse(&text);
    }

    #[test]
    fn reading_never_panics_on_almost_good_strings(
        pairs in prop::collection::vec(("(Server|Database|UID|PWD|Encrypt|Timeout|Max Pool Size| )", "[ -~]{0,8}"), 0..8)
    ) {
        let text: Vec<String> = pairs.iter().map(|(keyword, value)| format!("{keyword}={value}")).collect();
        let _ = ConnectionString::parse(&text.join(";"));
    }

    #[test]
    fn the_password_is_read_exactly_and_never_shown(password in "[!-~]{6,20}", extra in "(|;Encrypt=x|;Colour=red|;loose)") {
        let quoted = format!("'{}'", password.replace('\'', "''"));
        let text = format!("Server=db;Database=d;User ID=u;Password={quoted}{extra}");
        let shown = match ConnectionString::parse(&text) {
            Ok(string) => {
                prop_assert_eq!(&ConnectionString::parse(&string.to_secret_string()).unwrap(), &string);
                format!("{string} {string:?}")
            }
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(&password), "{}", shown);
    }

    #[test]
    fn a_password_without_quotes_is_never_shown_either(password in "[!-~]{6,20}") {
        let text = format!("Server=db;Database=d;User ID=u;Password={password};Encrypt=maybe");
        let shown = match ConnectionString::parse(&text) {
            Ok(string) => format!("{string} {string:?}"),
            Err(error) => format!("{error} {error:?}"),
        };
        prop_assert!(!shown.contains(&password), "{}", shown);
    }
}
