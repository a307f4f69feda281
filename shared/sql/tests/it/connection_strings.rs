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

#[test]
fn synonyms_mean_the_same() {
    let servers = ["Data Source", "Server", "Address", "Addr", "Network Address"];
    let databases = ["Initial Catalog", "Database"];
    let users = ["User ID", "UID", "User"];
    let passwords = ["Password", "PWD"];
    for server in servers {
        for database in databases {
            for user in users {
                for password in passwords {
                    let text = format!("{server}=h,7;{database}=d;{user}=u;{password}=p");
                    let string = ConnectionString::parse(&text).unwrap();
                    let read = (string.server(), string.port(), string.database(), string.user());
                    assert_eq!(read, ("h", 7, "d", "u"));
                    assert!(string.to_secret_string().contains("Password=p;"));
                }
            }
        }
    }
}

#[test]
fn what_works_is_accepted() {
    let pairs = [
        "Encrypt=True",
        "encrypt=no",
        "ENCRYPT=Mandatory",
        "Encrypt=Optional",
        "TrustServerCertificate=True",
        "Trust Server Certificate=yes",
        "MultipleActiveResultSets=True",
        "Trusted_Connection=False",
        "Integrated Security=False",
        "Application Name=shop",
        "ApplicationIntent=ReadWrite",
        "Min Pool Size=1",
        "Max Pool Size=100",
        "Command Timeout=60",
        "Connect Timeout=30",
        "Connection Timeout=30",
        "Timeout=30",
        "Pooling=True",
        "Persist Security Info=False",
        "Packet Size=8192",
        "HostNameInCertificate=db",
        "MultiSubnetFailover=True",
        "ConnectRetryCount=3",
        "ConnectRetryInterval=10",
        "Enlist=True",
        "Load Balance Timeout=0",
        "Connection Lifetime=60",
        "Workstation ID=desk",
        "Current Language=",
        "Authentication=Sql Password",
        "Network Library=dbmssocn",
        "Pool Blocking Period=Auto",
        "Column Encryption Setting=Disabled",
        "IPAddressPreference=IPv6First",
        "Failover Partner=",
        "TrustServerCertificateCA=/etc/ca.pem",
        "Type System Version=Latest",
        "User Instance=false",
        "Replication=False",
        "Asynchronous Processing=True",
        "Context Connection=false",
        "Transaction Binding=Implicit Unbind",
        "Connection Reset=true",
    ];
    for pair in pairs {
        ConnectionString::parse(&format!("{LEAST};{pair};")).unwrap_or_else(|e| panic!("{pair}: {e}"));
    }
}

#[test]
fn what_does_not_work_is_refused_by_name_with_value_and_expectation() {
    let table = [
        ("Encrypt=Strict", "Strict", "TDS 8.0"),
        ("Encrypt=perhaps", "perhaps", "True, False, Mandatory or Optional"),
        ("Trusted_Connection=True", "True", "SQL login"),
        ("Integrated Security=SSPI", "SSPI", "SQL login"),
        ("ApplicationIntent=ReadOnly", "ReadOnly", "change feed"),
        ("Authentication=Active Directory Default", "Active Directory Default", "SQL login"),
        ("Pooling=False", "False", "always a pool"),
        ("Connect Timeout=0", "\"0\"", "wait for ever"),
        ("Command Timeout=-1", "-1", "seconds from 1"),
        ("Max Pool Size=0", "\"0\"", "from 1 to"),
        ("Packet Size=100", "100", "512"),
        ("TrustServerCertificate=maybe", "maybe", "True or False"),
        ("Failover Partner=other", "other", "listener"),
        ("AttachDBFilename=x.mdf", "x.mdf", "not supported"),
        ("Column Encryption Setting=Enabled", "Enabled", "Always Encrypted"),
        ("ServerCertificate=x.cer", "x.cer", "TrustServerCertificateCA"),
        ("Network Library=dbnmpntw", "dbnmpntw", "TCP"),
        ("Replication=True", "True", "not supported"),
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
