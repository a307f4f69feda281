//! The distinct texts that clients send, each in a file of its own (`--statements DIR`), for whoever wants to judge
//! them with another parser.
//!
//! Two texts that differ only in their numbers and string literals count as one. Start at [`Statements::note`].

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

/// More texts than this of one server are not kept.
const MAX_TEXTS: usize = 20_000;
/// A longer text is not kept.
const MAX_TEXT_BYTES: usize = 1 << 20;

/// A directory that fills with `<fingerprint>.sql`. Several servers may share it.
#[derive(Debug)]
pub(crate) struct Statements {
    directory: PathBuf,
    noted: Mutex<HashSet<u64>>,
}

impl Statements {
    /// Makes the directory if it does not exist.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        Ok(Self { directory: directory.to_owned(), noted: Mutex::default() })
    }

    /// Keeps a text, unless one like it was kept.
    pub(crate) fn note(&self, text: &str) {
        if text.len() > MAX_TEXT_BYTES {
            tracing::warn!(bytes = text.len(), "a statement is too long for the log of statements");
            return;
        }
        let fingerprint = fingerprint(text);
        {
            let mut noted = self.noted.lock();
            if noted.contains(&fingerprint) {
                return;
            }
            if noted.len() == MAX_TEXTS {
                tracing::warn!("the log of statements is full: one is not in it");
                return;
            }
            noted.insert(fingerprint);
        }
        if let Err(error) = self.write(fingerprint, text) {
            tracing::warn!(%error, "writing to the log of statements");
        }
    }

    /// Whole or not at all: the process may be killed, and another may write the same text.
    fn write(&self, fingerprint: u64, text: &str) -> io::Result<()> {
        let file = self.directory.join(format!("{fingerprint:016x}.sql"));
        if file.exists() {
            return Ok(());
        }
        let part = self.directory.join(format!("{:016x}.part", rand::random::<u64>()));
        std::fs::File::create_new(&part)?.write_all(text.as_bytes())?;
        std::fs::rename(&part, &file)
    }
}

/// A hash of the text without its numbers and the insides of its string literals.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let (mut in_literal, mut before) = (false, 0);
    for byte in text.bytes() {
        let shape = match byte {
            b'\'' => {
                in_literal = !in_literal;
                // Of a literal only its beginning counts; a doubled quote ends none.
                (in_literal && before != b'\'').then_some(byte)
            }
            _ if in_literal => None,
            b'0'..=b'9' => (!before.is_ascii_digit()).then_some(b'0'),
            _ => Some(byte),
        };
        shape.into_iter().for_each(|byte| byte.hash(&mut hasher));
        before = byte;
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_only_in_their_literals_are_one() {
        let same = fingerprint("SELECT 1, N'a' FROM T7 WHERE x = 22");
        assert_eq!(fingerprint("SELECT 123, N'it''s' FROM T1 WHERE x = 4"), same);
        assert_ne!(fingerprint("SELECT 1, N'a' FROM T7 WHERE y = 22"), same);
        assert_ne!(fingerprint("SELECT 1, 'a' FROM T7 WHERE x = 22"), same);
    }

    #[test]
    fn each_text_is_kept_once_also_by_servers_that_share_the_directory() {
        let directory = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let statements = Statements::open(directory.path()).unwrap();
            for text in ["SELECT 1", "SELECT 2", "SELECT N'größer'"] {
                statements.note(text);
            }
            statements.note(&"x".repeat(MAX_TEXT_BYTES + 1));
        }
        let mut kept: Vec<String> = std::fs::read_dir(directory.path())
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        kept.sort_unstable();
        assert_eq!(kept, ["SELECT 1", "SELECT N'größer'"]);
    }
}
