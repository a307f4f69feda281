//! String functions. Positions and lengths count UTF-16 units, as `nvarchar` does; searching follows the
//! collation.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{Value as Stored, ValueRef};
use sha2::Digest as _;

use super::super::convert::text::first_units;
use super::super::error::{Result, SqlError};
use super::super::storage_form::to_stored;
use super::super::types::{SqlType, Value};
use super::{pure, scalar};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    measures(connection)?;
    parts(connection)?;
    searches(connection)?;
    pure(connection, "ts_upper", 1, |arguments| {
        text(arguments.text(0)?.map(|text| mapped(&text, char::to_uppercase)))
    })?;
    pure(connection, "ts_lower", 1, |arguments| {
        text(arguments.text(0)?.map(|text| mapped(&text, char::to_lowercase)))
    })?;
    // ts_concat(a, …): NULL counts as empty.
    pure(connection, "ts_concat", -1, |arguments| {
        let mut all = String::new();
        for index in 0..arguments.count() {
            all.push_str(&arguments.text(index)?.unwrap_or_default());
        }
        text(Some(all))
    })?;
    // ts_concat_ws(separator, a, …): NULL is left out.
    pure(connection, "ts_concat_ws", -1, |arguments| {
        let separator = arguments.text(0)?.unwrap_or_default();
        let mut given = Vec::new();
        for index in 1..arguments.count() {
            given.extend(arguments.text(index)?);
        }
        text(Some(given.join(&separator)))
    })?;
    // ts_hashbytes(algorithm, value)
    pure(connection, "ts_hashbytes", 2, |arguments| {
        let algorithm = arguments.text(0)?.unwrap_or_default();
        let bytes = match arguments.raw(1) {
            ValueRef::Null => return Ok(Stored::Null),
            ValueRef::Blob(bytes) => bytes.to_vec(),
            _ => return Err(SqlError::unsupported("HASHBYTES of anything but binary")),
        };
        match algorithm.to_ascii_uppercase().as_str() {
            "SHA2_256" => Ok(Stored::Blob(sha2::Sha256::digest(&bytes).to_vec())),
            "SHA2_512" => Ok(Stored::Blob(sha2::Sha512::digest(&bytes).to_vec())),
            other => Err(SqlError::unsupported(format!("HASHBYTES with {other}"))),
        }
    })?;
    scalar(connection, "ts_newid", 0, FunctionFlags::SQLITE_UTF8, |_| {
        Ok(to_stored(Value::Guid(uuid::Uuid::new_v4().to_bytes_le())))
    })
}

/// Upper or lower case letter by letter: as in SQL Server, no letter becomes two (ß stays ß).
fn mapped<I: Iterator<Item = char>>(text: &str, change: fn(char) -> I) -> String {
    let change = |letter: char| {
        let mut changed = change(letter);
        match (changed.next(), changed.next()) {
            (Some(one), None) => one,
            _ => letter,
        }
    };
    text.chars().map(change).collect()
}

fn text(text: Option<String>) -> Result<Stored> {
    Ok(text.map_or(Stored::Null, Stored::Text))
}

fn units(text: &str) -> i64 {
    i64::try_from(text.encode_utf16().count()).unwrap_or(i64::MAX)
}

fn measures(connection: &Connection) -> rusqlite::Result<()> {
    pure(connection, "ts_len", 1, |arguments| {
        Ok(arguments.text(0)?.map_or(Stored::Null, |text| Stored::Integer(units(text.trim_end_matches(' ')))))
    })?;
    // ts_datalength(value, type)
    pure(connection, "ts_datalength", 2, |arguments| {
        let bytes = match (arguments.raw(0), arguments.ty(1)?) {
            (ValueRef::Null, _) => return Ok(Stored::Null),
            (_, SqlType::NVarChar(_) | SqlType::NChar(_)) => {
                units(&arguments.text(0)?.unwrap_or_default()) * 2
            }
            (_, SqlType::VarChar(_) | SqlType::Char(_)) => units(&arguments.text(0)?.unwrap_or_default()),
            (ValueRef::Blob(bytes), ty) if ty.is_binary() => i64::try_from(bytes.len()).unwrap_or(i64::MAX),
            (_, ty) => ty.bytes().into(),
        };
        Ok(Stored::Integer(bytes))
    })?;
    pure(connection, "ts_unicode", 1, |arguments| {
        let first = arguments.text(0)?.and_then(|text| text.encode_utf16().next());
        Ok(first.map_or(Stored::Null, |unit| Stored::Integer(i64::from(unit))))
    })?;
    pure(connection, "ts_nchar", 1, |arguments| {
        let code = arguments.integer(0)?.and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32);
        text(code.map(String::from))
    })
}

/// The units of `text` from `start` (0-based) for `length` units.
fn slice(text: &str, start: usize, length: usize) -> String {
    let from = &text[first_units(text, start).len()..];
    first_units(from, length).to_owned()
}

fn parts(connection: &Connection) -> rusqlite::Result<()> {
    // ts_left(text, n), ts_right(text, n)
    for (name, from_left) in [("ts_left", true), ("ts_right", false)] {
        pure(connection, name, 2, move |arguments| {
            let (Some(whole), Some(count)) = (arguments.text(0)?, arguments.integer(1)?) else {
                return Ok(Stored::Null);
            };
            let count = usize::try_from(count)
                .map_err(|_| if from_left { invalid_substring() } else { invalid_length(536, "right") })?;
            let length = whole.encode_utf16().count();
            let start = if from_left { 0 } else { length.saturating_sub(count) };
            text(Some(slice(&whole, start, count)))
        })?;
    }
    // ts_substring(text, start, length): start counts from 1 and may lie before the text.
    pure(connection, "ts_substring", 3, |arguments| {
        let (Some(whole), Some(start), Some(length)) =
            (arguments.text(0)?, arguments.integer(1)?, arguments.integer(2)?)
        else {
            return Ok(Stored::Null);
        };
        if length < 0 {
            return Err(invalid_substring());
        }
        let end = start.saturating_add(length).max(1);
        let start = start.max(1);
        let (from, count) = (usize::try_from(start - 1), usize::try_from((end - start).max(0)));
        text(Some(slice(&whole, from.unwrap_or(0), count.unwrap_or(0))))
    })?;
    // ts_substring_bytes(binary, start, length)
    pure(connection, "ts_substring_bytes", 3, |arguments| {
        let ValueRef::Blob(bytes) = arguments.raw(0) else { return Ok(Stored::Null) };
        let (Some(start), Some(length)) = (arguments.integer(1)?, arguments.integer(2)?) else {
            return Ok(Stored::Null);
        };
        if length < 0 {
            return Err(invalid_substring());
        }
        let bound = |at: i64| usize::try_from(at.max(1) - 1).unwrap_or(0).min(bytes.len());
        let (from, to) = (bound(start), bound(start.saturating_add(length)));
        Ok(Stored::Blob(bytes[from..to.max(from)].to_vec()))
    })?;
    // ts_replicate(text, n)
    pure(connection, "ts_replicate", 2, |arguments| {
        const LONGEST: usize = 8_000;
        let (Some(whole), Some(count)) = (arguments.text(0)?, arguments.integer(1)?) else {
            return Ok(Stored::Null);
        };
        let Ok(count) = usize::try_from(count) else { return Ok(Stored::Null) };
        if whole.len().saturating_mul(count) > LONGEST * 128 {
            return Err(SqlError::unsupported("REPLICATE beyond a million characters"));
        }
        text(Some(whole.repeat(count)))
    })?;
    // ts_stuff(text, start, length, insertion)
    pure(connection, "ts_stuff", 4, |arguments| {
        let (Some(whole), Some(start), Some(length)) =
            (arguments.text(0)?, arguments.integer(1)?, arguments.integer(2)?)
        else {
            return Ok(Stored::Null);
        };
        let total = units(&whole);
        if start < 1 || start > total || length < 0 {
            return Ok(Stored::Null);
        }
        let before = slice(&whole, 0, usize::try_from(start - 1).unwrap_or(0));
        let after = slice(&whole, usize::try_from(start - 1 + length).unwrap_or(0), usize::MAX);
        text(Some(before + &arguments.text(3)?.unwrap_or_default() + &after))
    })?;
    pure(connection, "ts_reverse", 1, |arguments| {
        text(arguments.text(0)?.map(|text| text.chars().rev().collect()))
    })
}

fn invalid_substring() -> SqlError {
    invalid_length(537, "LEFT or SUBSTRING")
}

fn invalid_length(number: i32, function: &str) -> SqlError {
    SqlError::new(number, format!("Invalid length parameter passed to the {function} function."))
}

/// Folds case if the collation ignores it. Lower case changes lengths for a few letters; those are left as
/// they are.
fn folded(text: &str, ignore_case: bool) -> String {
    if !ignore_case {
        return text.to_owned();
    }
    let fold = |character: char| {
        let mut lower = character.to_lowercase();
        match (lower.next(), lower.next()) {
            (Some(single), None) if single.len_utf16() == character.len_utf16() => single,
            _ => character,
        }
    };
    text.chars().map(fold).collect()
}

fn searches(connection: &Connection) -> rusqlite::Result<()> {
    // ts_charindex(needle, text, start, ignore_case)
    pure(connection, "ts_charindex", 4, |arguments| {
        let (Some(needle), Some(whole)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        let ignore_case = arguments.integer(3)? == Some(1);
        let start = arguments.integer(2)?.unwrap_or(1).max(1) - 1;
        let whole = folded(&whole, ignore_case);
        let from = first_units(&whole, usize::try_from(start).unwrap_or(usize::MAX)).len();
        let found = if needle.is_empty() { None } else { whole[from..].find(&folded(&needle, ignore_case)) };
        Ok(Stored::Integer(found.map_or(0, |at| units(&whole[..from + at]) + 1)))
    })?;
    // ts_replace(text, from, to, ignore_case)
    pure(connection, "ts_replace", 4, |arguments| {
        let (Some(whole), Some(from), Some(to)) =
            (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?)
        else {
            return Ok(Stored::Null);
        };
        if from.is_empty() {
            return text(Some(whole));
        }
        if arguments.integer(3)? != Some(1) {
            return text(Some(whole.replace(&from, &to)));
        }
        text(Some(replace_ignoring_case(&whole, &from, &to)))
    })?;
    // ts_like(text, pattern, escape, ignore_case)
    pure(connection, "ts_like", 4, |arguments| {
        let (Some(whole), Some(pattern)) = (arguments.text(0)?, arguments.text(1)?) else {
            return Ok(Stored::Null);
        };
        let ignore_case = arguments.integer(3)? == Some(1);
        let escape = arguments.text(2)?.and_then(|escape| escape.chars().next());
        let whole: Vec<char> = folded(&whole, ignore_case).chars().collect();
        let pattern: Vec<char> = folded(&pattern, ignore_case).chars().collect();
        Ok(Stored::Integer(i64::from(like(&whole, &pattern, escape))))
    })
}

fn replace_ignoring_case(whole: &str, from: &str, to: &str) -> String {
    let (mut result, mut rest) = (String::new(), whole);
    let from = folded(from, true);
    loop {
        // Folding keeps the number of units, not of bytes: positions are translated through units.
        let folded_rest = folded(rest, true);
        let Some(at) = folded_rest.find(&from) else { return result + rest };
        let before = first_units(rest, folded_rest[..at].encode_utf16().count());
        result.push_str(before);
        result.push_str(to);
        let skipped = folded_rest[..at + from.len()].encode_utf16().count();
        rest = &rest[first_units(rest, skipped).len()..];
    }
}

/// `%`, `_`, `[a-z]`, `[^a-z]` and an escape character. Each `%` is tried from left to right; the work is
/// bounded by the product of the lengths because only the last `%` is ever retried.
fn like(text: &[char], pattern: &[char], escape: Option<char>) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if next == pattern.len() && text[at..].iter().all(|&character| character == ' ') {
            return true;
        }
        if next < pattern.len() && pattern[next] == '%' && escape != Some('%') {
            retry = Some((next + 1, at));
            next += 1;
            continue;
        }
        if let Some(used) =
            (at < text.len()).then(|| one_matches(text[at], &pattern[next..], escape)).flatten()
        {
            at += 1;
            next += used;
            continue;
        }
        match retry {
            Some((after, from)) if from < text.len() => {
                retry = Some((after, from + 1));
                (next, at) = (after, from + 1);
            }
            _ => return false,
        }
    }
}

/// How many pattern characters match this one, if they do.
fn one_matches(character: char, pattern: &[char], escape: Option<char>) -> Option<usize> {
    match *pattern.first()? {
        first if Some(first) == escape => (pattern.get(1) == Some(&character)).then_some(2),
        '_' => Some(1),
        '[' => {
            let end = pattern.iter().skip(1).position(|&end| end == ']')? + 1;
            let (negated, set) = match &pattern[1..end] {
                ['^', set @ ..] => (true, set),
                set => (false, set),
            };
            let mut found = false;
            let mut index = 0;
            while index < set.len() {
                if set.get(index + 1) == Some(&'-') && index + 2 < set.len() {
                    found |= (set[index]..=set[index + 2]).contains(&character);
                    index += 3;
                } else {
                    found |= set[index] == character;
                    index += 1;
                }
            }
            (found != negated).then_some(end + 1)
        }
        first => (first == character).then_some(1),
    }
}
