//! Each source wins over the one before it, for every key and every spelling of it.

use host::configuration::keys_table;
use tempfile::NamedTempFile;

use crate::configuration::{CONNECTION, Setup};

/// A row of the table of keys.
struct Row {
    spellings: Vec<String>,
    form: String,
    fallback: String,
}

fn rows() -> Vec<Row> {
    let cells = |line: &str| -> Vec<String> {
        let line = line.replace("\\|", "/");
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect()
    };
    let table = keys_table();
    let rows = table.lines().skip(2).map(cells).map(|cells| Row {
        spellings: cells[0].split(", ").map(|name| name.trim_matches('`').to_owned()).collect(),
        form: cells[1].clone(),
        fallback: cells[2].clone(),
    });
    rows.collect()
}

fn is_array(row: &Row) -> bool {
    row.form.starts_with("array")
}

/// A value that the key takes.
fn sample(row: &Row, pem: &str) -> String {
    if let Some(value) = row.fallback.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'))
        && !is_array(row)
    {
        return value.to_owned();
    }
    match row.form.as_str() {
        "true or false" => "true",
        "number" => "2",
        "bytes" => "2MiB",
        "time span" => "00:00:10",
        "text" => "some-text",
        "array" => "critical",
        "array of origins" => "https://shop.example",
        "array of header names" => "x-tenant",
        "address:port" => "127.0.0.1:9000",
        "ADO.NET string" => CONNECTION,
        "StackExchange.Redis string" => "localhost:6379",
        "secret" => "a-secret-that-is-long-enough-for-every-key",
        "PEM file" => pem,
        words if words.contains(" / ") => words.split(" / ").next().unwrap_or_default(),
        other => panic!("{}: no sample for the form {other:?}", row.spellings[0]),
    }
    .to_owned()
}

/// JSON that sets one key.
fn json(key: &str, value: &str) -> String {
    let mut root = serde_json::json!({});
    let mut at = &mut root;
    for part in key.split(':') {
        at = &mut at[part];
    }
    *at = value.into();
    root.to_string()
}

#[test]
fn file_environment_file_variable_and_flag_win_in_this_order_for_every_spelling_of_every_key() {
    let pem = NamedTempFile::new().unwrap();
    std::fs::write(pem.path(), "-----BEGIN CERTIFICATE-----\n").unwrap();
    for row in rows() {
        let value = sample(&row, pem.path().to_str().unwrap());
        for spelling in &row.spellings {
            // A list is set by its elements.
            let key = if is_array(&row) { format!("{spelling}:0") } else { spelling.clone() };
            let origin = |setup: &Setup| {
                let printed = setup.loaded().print();
                let start = format!("{} = ", row.spellings[0]);
                let line =
                    printed.lines().find(|line| line.starts_with(&start)).unwrap_or_default().to_owned();
                line.rsplit_once("  # ").unwrap_or_default().1.to_owned()
            };
            // The connection string that every service needs comes from below all others, unless it is the key itself.
            let setup = match row.fallback.as_str() {
                "required" => Setup::with_file(&json(&key, &value)),
                _ => Setup::with_file(&json(&key, &value))
                    .variable("ConnectionStrings__VirtoCommerce", CONNECTION),
            };
            assert!(origin(&setup).contains("/appsettings.json:1:"), "{key}: {}", origin(&setup));
            let setup = setup.file("appsettings.Production.json", &json(&key.to_uppercase(), &value));
            assert!(origin(&setup).contains("/appsettings.Production.json:1:"), "{key}: {}", origin(&setup));
            let variable = key.to_lowercase().replace(':', "__");
            let setup = setup.variable(&variable, &value);
            assert_eq!(origin(&setup), format!("environment variable {variable}"), "{key}");
            let setup = setup.flag(&key, &value);
            assert_eq!(origin(&setup), "flag --set", "{key}");
        }
    }
}

#[test]
fn the_variables_of_dotnet_containers_win_over_files_and_give_way_to_our_own() {
    let listen = |setup: &Setup| setup.loaded().settings.http.listen.to_string();
    let setup = Setup::with_members(r#""Http": {"Listen": "127.0.0.1:1"},"#)
        .variable("ASPNETCORE_HTTP_PORTS", "8080");
    assert_eq!(listen(&setup), "0.0.0.0:8080");
    let setup = setup.variable("ASPNETCORE_URLS", "http://+:8081");
    assert_eq!(listen(&setup), "0.0.0.0:8081");
    assert!(setup.loaded().print().contains("# environment variable ASPNETCORE_URLS"));
    let setup = setup.variable("Listen", "127.0.0.1:2");
    assert_eq!(listen(&setup), "127.0.0.1:2");
    let refused = Setup::with_members("").variable("ASPNETCORE_URLS", "https://+:443").mistakes();
    assert!(matches!(&refused[..], [one] if one.contains("it ends at the proxy")), "{refused:?}");
}
