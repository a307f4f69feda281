//! What `--print-config` and `--print-config-keys` write.

use std::fmt::Write;

use backplane::RedisOptions;
use sql::ConnectionString;

use super::form;
use super::keys::{self, Fallback, Form, Key};
use super::merge::Flat;
use super::reader::Reader;
use super::secret::HIDDEN;
use crate::Service;

/// Every key with the value it has and where that comes from, secrets hidden: one line a key.
pub fn values(flat: &Flat, service: Service) -> String {
    let reader = Reader::new(flat, service);
    let mut out = format!("# {service}, environment {}\n", flat.environment);
    for file in &flat.files {
        let _ = writeln!(out, "# read {}", file.display());
    }
    for key in keys::ALL {
        let (value, origin) = value(&reader, flat, key, service);
        let _ = writeln!(out, "{} = {value}  # {origin}", key.name);
    }
    out
}

/// The value of one key and where it comes from, as `true (appsettings.json:3:9)`.
pub fn one(flat: &Flat, key: &Key, service: Service) -> String {
    let (value, origin) = value(&Reader::new(flat, service), flat, key, service);
    format!("{} = {value} ({origin})", key.name)
}

fn value(reader: &Reader<'_>, flat: &Flat, key: &Key, service: Service) -> (String, String) {
    if matches!(key.form, Form::List(_)) {
        let found = flat.list(key.name);
        if let Some(first) = found.first() {
            let values: Vec<&str> = found.iter().map(|ranked| ranked.entry.value.as_str()).collect();
            return (values.join(", "), first.entry.origin.to_string());
        }
    }
    if let Some(found) = reader.find(key) {
        return (shown(key.form, &found.entry.value), found.entry.origin.to_string());
    }
    let shown = match key.fallback {
        Fallback::Value(text) => text.to_owned(),
        Fallback::PerService(choose, _) => choose(service).to_owned(),
        Fallback::Absent(meaning) => format!("({meaning})"),
        Fallback::Required => "(missing)".to_owned(),
    };
    (shown, "default".to_owned())
}

/// A value without what must not be shown. Connection strings are read and written again, so that only what was
/// understood is shown, and of that not the password.
fn shown(form: Form, value: &str) -> String {
    let read = match form {
        Form::SqlConnection => ConnectionString::parse(value).ok().map(|string| string.to_string()),
        Form::RedisConnection => RedisOptions::parse(value).ok().map(|options| options.to_string()),
        _ if form.is_secret() => None,
        _ => Some(value.to_owned()),
    };
    read.unwrap_or_else(|| HIDDEN.to_owned())
}

/// The configuration table of the README: Markdown, one row a key.
pub fn table() -> String {
    let mut out = String::from("| key | form | default | meaning |\n|---|---|---|---|\n");
    for key in keys::ALL {
        let mut names = format!("`{}`", key.name);
        for alias in key.aliases {
            let _ = write!(names, ", `{alias}`");
        }
        let form = match key.form {
            Form::Choice(words) => words.join(" \\| "),
            other => form::name(other).to_owned(),
        };
        let fallback = match key.fallback {
            Fallback::Value(text) => format!("`{text}`"),
            Fallback::Absent(meaning) | Fallback::PerService(_, meaning) => meaning.to_owned(),
            Fallback::Required => "required".to_owned(),
        };
        let _ = writeln!(out, "| {names} | {form} | {fallback} | {} |", key.meaning);
    }
    out
}
