//! Secrets that a container brings as files: `ConnectionStrings__VirtoCommerce__File=/run/secrets/sql` stands for
//! `ConnectionStrings__VirtoCommerce` with the text of that file.
//!
//! Any source may name the file, and has the precedence it has for values. Only keys that hold secrets can be read
//! so. Start at [`resolve`].

use std::io::Read;
use std::path::Path;

use super::keys::{self, Key};
use super::mistake::Mistake;
use super::source::{Entry, Origin};

/// What is put behind a key to name a file that holds its value.
const SUFFIX: &str = ":File";
/// A longer file is not a secret.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The entries of one source, with those that name a file replaced by what the file holds.
pub fn resolve(entries: Vec<Entry>, mistakes: &mut Vec<Mistake>) -> Vec<Entry> {
    let mut resolved = Vec::with_capacity(entries.len());
    for entry in &entries {
        let Some((key, name)) = secret_of(entry) else {
            resolved.push(entry.clone());
            continue;
        };
        let is_twin = |other: &&Entry| {
            let same = keys::find(&other.key).or_else(|| secret_of(other).map(|(key, _)| key));
            !std::ptr::eq(*other, entry)
                && !is_unset(other)
                && same.is_some_and(|same| std::ptr::eq(same, key))
        };
        let read = match entries.iter().find(is_twin) {
            Some(twin) => Err(format!("the value or a file with it, not both: {} has it too", twin.origin)),
            None => read(Path::new(entry.value.trim())),
        };
        let path = Path::new(entry.value.trim()).into();
        match read {
            Ok(value) => {
                let origin = Origin::SecretFile { path, named_by: Box::new(entry.origin.clone()) };
                resolved.push(Entry { key: name.to_owned(), value, origin });
            }
            Err(expected) => {
                let mistake = Mistake::new(entry.origin.clone(), format!("expected {expected}"));
                mistakes.push(mistake.key(&entry.key).value(&entry.value));
            }
        }
    }
    resolved
}

/// Whether a key names a file with a secret.
pub fn is_secret_file(key: &str) -> bool {
    stem(key).is_some_and(|name| keys::find(name).is_some_and(|key| key.form.is_secret()))
}

/// The key whose value stands in the file that this entry names, and how it is spelled here.
fn secret_of(entry: &Entry) -> Option<(&'static Key, &str)> {
    let name = stem(&entry.key).filter(|_| !is_unset(entry))?;
    keys::find(name).filter(|key| key.form.is_secret()).map(|key| (key, name))
}

fn stem(key: &str) -> Option<&str> {
    let at = key.len().checked_sub(SUFFIX.len())?;
    key.get(at..).filter(|end| end.eq_ignore_ascii_case(SUFFIX)).map(|_| &key[..at])
}

fn is_unset(entry: &Entry) -> bool {
    entry.value.trim().is_empty()
}

/// The text of the file without the line end that editors and `echo` leave, or what was expected.
fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: std::io::Error| format!("a file that can be read: {error}");
    let file = std::fs::File::open(path).map_err(cannot)?;
    let mut text = String::new();
    file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text).map_err(cannot)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(format!("a file of at most {FILE_BYTES_MAX} bytes"));
    }
    let text = text.strip_suffix('\n').map_or(text.as_str(), |text| text.strip_suffix('\r').unwrap_or(text));
    if text.trim().is_empty() {
        return Err("a file that holds the value; this one is empty".to_owned());
    }
    Ok(text.to_owned())
}
