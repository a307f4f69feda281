//! ISJSON, JSON_VALUE, JSON_QUERY and what OPENJSON stands on. Values keep their text: a number is never
//! reformatted.
//!
//! OPENJSON without WITH becomes SQLite's `json_each` over what [`pairs`] returns: arrays of strings, read back with
//! `->>`. With WITH it becomes `json_each` over numbers of rows that are kept in [`JsonRows`] meanwhile: a set of
//! thousands of rows is parsed once and never written as JSON again. Paths are lax; `strict` is refused by name.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::types::Value as Stored;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::convert::{self, Overlong};
use super::super::error::{Result, SqlError};
use super::super::storage_form::to_stored;
use super::super::types::{SqlType, Value};
use super::pure;

/// The rows of the documents that the running statement has opened. Their numbers are good until [`Self::clear`].
#[derive(Debug, Clone, Default)]
pub(in super::super) struct JsonRows(Arc<Mutex<Vec<Document>>>);

/// A document's columns, row after row.
#[derive(Debug)]
struct Document {
    width: usize,
    cells: Vec<Option<String>>,
}

impl JsonRows {
    /// The statement has ended.
    pub(in super::super) fn clear(&self) {
        self.0.lock().clear();
    }

    /// Keeps the rows and returns their numbers as a JSON array: the document's place above, the row's below.
    fn keep(&self, document: Document) -> String {
        let mut documents = self.0.lock();
        let first = (documents.len() as u64) << u32::BITS;
        let rows = document.cells.len() / document.width.max(1);
        documents.push(document);
        let mut numbers = String::with_capacity(rows * 8 + 2);
        for number in (first..).take(rows) {
            let separator = if number == first { '[' } else { ',' };
            // Writing to a string does not fail.
            let _ = write!(numbers, "{separator}{number}");
        }
        if rows == 0 {
            numbers.push('[');
        }
        numbers.push(']');
        numbers
    }

    /// A cell as text.
    fn cell(&self, number: u64, column: usize) -> Option<String> {
        let documents = self.0.lock();
        let document = documents.get(usize::try_from(number >> u32::BITS).ok()?)?;
        let row = (number & u64::from(u32::MAX)) as usize;
        document.cells.get(row * document.width + column)?.clone()
    }
}

/// The type of what is read out of JSON before it is converted.
const TEXT: SqlType = SqlType::NVarChar(None);

pub(super) fn register(connection: &Connection, json_rows: &JsonRows) -> rusqlite::Result<()> {
    pure(connection, "ts_isjson", 1, |arguments| {
        let Some(text) = arguments.text(0)? else { return Ok(Stored::Null) };
        let valid =
            serde_json::from_str::<&RawValue>(&text).is_ok_and(|raw| raw.get().starts_with(['{', '[']));
        Ok(Stored::Integer(i64::from(valid)))
    })?;
    // ts_json_value(text, path): a scalar, or NULL.
    pure(connection, "ts_json_value", 2, |arguments| {
        let (Some(text), Some(path)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        let found = find(parsed(&text)?, &steps(&path)?);
        Ok(found.and_then(scalar).map_or(Stored::Null, Stored::Text))
    })?;
    // ts_json_query(text, path): an object or array, or NULL.
    pure(connection, "ts_json_query", 2, |arguments| {
        let (Some(text), Some(path)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        let found = find(parsed(&text)?, &steps(&path)?);
        Ok(found.and_then(structure).map_or(Stored::Null, Stored::Text))
    })?;
    // ts_openjson_pairs(text, path): [[key, value, type], …] of OPENJSON without WITH.
    pure(connection, "ts_openjson_pairs", 2, |arguments| {
        let (Some(text), Some(path)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        pairs(&text, &path).map(Stored::Text)
    })?;
    // ts_split(text, separator): ["part", …] of STRING_SPLIT.
    pure(connection, "ts_split", 2, |arguments| {
        let (Some(text), Some(separator)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        if separator.encode_utf16().count() != 1 {
            let message = "Procedure expects parameter 'separator' of type 'nchar(1)/nvarchar(1)'.";
            return Err(SqlError::new(214, message));
        }
        let parts: Vec<&str> = text.split(separator.as_str()).collect();
        serde_json::to_string(&parts).map(Stored::Text).map_err(SqlError::unsupported)
    })?;
    // ts_openjson_rows(text, path, paths): numbers of rows; paths is a JSON array, a leading `!` asks for AS JSON.
    let kept = json_rows.clone();
    pure(connection, "ts_openjson_rows", 3, move |arguments| {
        let (Some(text), Some(path)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        let document = rows(&text, &path, &arguments.text(2)?.unwrap_or_default())?;
        Ok(Stored::Text(kept.keep(document)))
    })?;
    // ts_openjson_cell(number, column, type): a column of such a row. Too long a string is refused (Msg 13628 family)
    // rather than cut.
    let kept = json_rows.clone();
    pure(connection, "ts_openjson_cell", 3, move |arguments| {
        let (Some(number), Some(column)) = (arguments.integer(0)?, arguments.integer(1)?) else {
            return Ok(Stored::Null);
        };
        let Some(text) = kept.cell(number.unsigned_abs(), column.unsigned_abs() as usize) else {
            return Ok(Stored::Null);
        };
        match arguments.ty(2)? {
            TEXT => Ok(Stored::Text(text)),
            ty => Ok(to_stored(convert::convert(Value::Text(text), TEXT, ty, Overlong::Refuse)?)),
        }
    })
}

fn parsed(text: &str) -> Result<&RawValue> {
    serde_json::from_str(text).map_err(|error| malformed(text, &error))
}

fn malformed(text: &str, error: &serde_json::Error) -> SqlError {
    let line_start =
        text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let position = line_start + error.column().saturating_sub(1);
    let character = text.get(position..).and_then(|rest| rest.chars().next()).unwrap_or('.');
    SqlError::new(
        13609,
        format!(
            "JSON text is not properly formatted. Unexpected character '{character}' is found at position \
                {position}."
        ),
    )
}

/// One step of a path.
enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &str) -> Result<Vec<Step>> {
    let invalid = || SqlError::new(13607, format!("JSON path is not properly formatted: '{path}'."));
    let path = path.trim();
    if path.starts_with("strict") {
        return Err(SqlError::unsupported("strict JSON paths"));
    }
    let mut rest =
        path.strip_prefix("lax").map_or(path, str::trim_start).strip_prefix('$').ok_or_else(invalid)?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(quoted) = rest.strip_prefix(".\"") {
            let (key, after) = quoted.split_once('"').ok_or_else(invalid)?;
            steps.push(Step::Key(key.to_owned()));
            rest = after;
        } else if let Some(plain) = rest.strip_prefix('.') {
            let end = plain.find(['.', '[']).unwrap_or(plain.len());
            if end == 0 {
                return Err(invalid());
            }
            steps.push(Step::Key(plain[..end].to_owned()));
            rest = &plain[end..];
        } else if let Some(bracket) = rest.strip_prefix('[') {
            let (index, after) = bracket.split_once(']').ok_or_else(invalid)?;
            steps.push(Step::Index(index.parse().map_err(|_| invalid())?));
            rest = after;
        } else {
            return Err(invalid());
        }
    }
    Ok(steps)
}

fn find<'a>(mut value: &'a RawValue, steps: &[Step]) -> Option<&'a RawValue> {
    for step in steps {
        value = match step {
            Step::Key(key) => {
                let members: Members<'a> = serde_json::from_str(value.get()).ok()?;
                members.0.into_iter().find(|(name, _)| name == key)?.1
            }
            Step::Index(index) => {
                let elements: Vec<&'a RawValue> = serde_json::from_str(value.get()).ok()?;
                elements.get(*index).copied()?
            }
        };
    }
    Some(value)
}

/// An object's members in their order, duplicates included.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Deserialize<'a> for Members<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'a> Visitor<'a> for Collect {
            type Value = Members<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }

            fn visit_seq<A: SeqAccess<'a>>(self, _: A) -> Result<Self::Value, A::Error> {
                Err(A::Error::custom("an array"))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

/// The text of a scalar; NULL for null, objects and arrays.
fn scalar(value: &RawValue) -> Option<String> {
    let text = value.get();
    match text.as_bytes().first()? {
        b'"' => serde_json::from_str(text).ok(),
        b'{' | b'[' | b'n' => None,
        _ => Some(text.to_owned()),
    }
}

/// The text of an object or array.
fn structure(value: &RawValue) -> Option<String> {
    Some(value.get().to_owned()).filter(|text| text.starts_with(['{', '[']))
}

/// OPENJSON's type numbers.
fn type_number(value: &RawValue) -> u8 {
    match value.get().as_bytes().first() {
        Some(b'n') => 0,
        Some(b'"') => 1,
        Some(b't' | b'f') => 3,
        Some(b'[') => 4,
        Some(b'{') => 5,
        _ => 2,
    }
}

fn pairs(text: &str, path: &str) -> Result<String> {
    let Some(target) = find(parsed(text)?, &steps(path)?) else { return Ok("[]".to_owned()) };
    let members: Vec<(String, &RawValue)> = match type_number(target) {
        4 => elements(target)?
            .into_iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        5 => serde_json::from_str::<Members<'_>>(target.get()).map_err(|error| malformed(text, &error))?.0,
        _ => Vec::new(),
    };
    let pairs: Vec<(String, Option<String>, u8)> = members
        .into_iter()
        .map(|(key, value)| (key, scalar(value).or_else(|| structure(value)), type_number(value)))
        .collect();
    serde_json::to_string(&pairs).map_err(SqlError::unsupported)
}

fn elements(value: &RawValue) -> Result<Vec<&RawValue>> {
    serde_json::from_str(value.get()).map_err(|error| malformed(value.get(), &error))
}

fn rows(text: &str, path: &str, paths: &str) -> Result<Document> {
    let paths: Vec<String> = serde_json::from_str(paths).map_err(SqlError::unsupported)?;
    let mut columns = Vec::with_capacity(paths.len());
    for path in &paths {
        let as_json = path.starts_with('!');
        columns.push((as_json, steps(path.trim_start_matches('!'))?));
    }
    let target = find(parsed(text)?, &steps(path)?);
    let elements = match target.map(|target| (type_number(target), target)) {
        Some((4, target)) => elements(target)?,
        Some((5, target)) => vec![target],
        _ => Vec::new(),
    };
    let cells = elements.into_iter().flat_map(|element| row(element, &columns)).collect();
    Ok(Document { width: columns.len(), cells })
}

/// The columns of one element. Members are parsed once for all columns that name one directly, which is the
/// usual case.
fn row(element: &RawValue, columns: &[(bool, Vec<Step>)]) -> Vec<Option<String>> {
    let members =
        serde_json::from_str::<Members<'_>>(element.get()).map(|members| members.0).unwrap_or_default();
    let direct = |key: &str| members.iter().find(|(name, _)| name == key).map(|(_, value)| *value);
    columns
        .iter()
        .map(|(as_json, steps)| {
            let found = match steps.as_slice() {
                [Step::Key(key)] => direct(key),
                steps => find(element, steps),
            };
            found.and_then(|value| if *as_json { structure(value) } else { scalar(value) })
        })
        .collect()
}
