//! Reads typed values out of the merged configuration and collects every mistake on the way.
//!
//! A value that does not fit leaves a mistake and reads as its type's empty value: the start is refused
//! afterwards, so nobody ever works with that value.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::form;
use super::keys::{Fallback, Form, Key};
use super::merge::{Flat, Ranked};
use super::mistake::Mistake;
use super::secret::Secret;
use crate::Service;

/// One pass over the configuration.
pub struct Reader<'a> {
    flat: &'a Flat,
    service: Service,
    /// What did not fit, in the order of reading.
    pub mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    /// Reads for one service: a few defaults differ.
    pub fn new(flat: &'a Flat, service: Service) -> Self {
        Self { flat, service, mistakes: Vec::new() }
    }

    /// The entry that wins among all spellings of a key: the one of the later source, then the earlier spelling.
    pub fn find(&self, key: &Key) -> Option<&'a Ranked> {
        let spellings = std::iter::once(key.name).chain(key.aliases.iter().copied());
        let found = spellings.filter_map(|name| self.flat.get(name));
        found.reduce(|best, next| if next.rank > best.rank { next } else { best })
    }

    /// `true` or `false`.
    pub fn bool(&mut self, key: &Key) -> bool {
        self.read(key, form::bool).unwrap_or_default()
    }

    /// A whole number, where the key has a default.
    pub fn integer(&mut self, key: &Key) -> u64 {
        self.optional_integer(key).unwrap_or_default()
    }

    /// A whole number or nothing.
    pub fn optional_integer(&mut self, key: &Key) -> Option<u64> {
        match key.form {
            Form::Integer { min, max } => self.read(key, |text| form::integer(text, min, max)),
            Form::Bytes { min, max } => self.read(key, |text| form::bytes(text, min, max)),
            _ => None,
        }
    }

    /// A number that fits a `usize` on every machine we run on.
    pub fn size(&mut self, key: &Key) -> usize {
        usize::try_from(self.integer(key)).unwrap_or(usize::MAX)
    }

    /// A time span, where the key has a default.
    pub fn span(&mut self, key: &Key) -> Duration {
        self.optional_span(key).unwrap_or_default()
    }

    /// A time span or nothing.
    pub fn optional_span(&mut self, key: &Key) -> Option<Duration> {
        let Form::TimeSpan { min, max } = key.form else { return None };
        self.read(key, |text| form::span(text, min, max))
    }

    /// One of the key's words, as the table writes it; "" where nothing is set.
    pub fn choice(&mut self, key: &Key) -> &'static str {
        let Form::Choice(words) = key.form else { return "" };
        self.read(key, |text| form::choice(text, words)).unwrap_or_default()
    }

    /// A text, where the key has a default.
    pub fn text(&mut self, key: &Key) -> String {
        let Form::Text { max } = key.form else { return String::new() };
        self.read(key, |text| form::text(text, max)).unwrap_or_default()
    }

    /// An address with a port.
    pub fn address(&mut self, key: &Key) -> SocketAddr {
        self.read(key, form::address).unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// A secret or nothing.
    pub fn secret(&mut self, key: &Key) -> Option<Secret> {
        let Form::Secret { min } = key.form else { return None };
        let fits = |text: &str| text.chars().count() >= min && !text.contains(char::is_whitespace);
        self.read(key, |text| fits(text).then(|| Secret::new(text)))
    }

    /// A file of certificates or nothing. That there are some is seen here, whether they can be used at each login.
    pub fn pem_file(&mut self, key: &Key) -> Option<PathBuf> {
        let has_certificates = |path: &Path| {
            std::fs::read_to_string(path).is_ok_and(|text| text.contains("-----BEGIN CERTIFICATE-----"))
        };
        self.read(key, |text| Some(PathBuf::from(text.trim())).filter(|path| has_certificates(path)))
    }

    /// The elements of an array.
    pub fn list(&mut self, key: &Key) -> Vec<String> {
        let Form::List(of) = key.form else { return Vec::new() };
        if let Some(single) = self.flat.get(key.name) {
            self.mistakes.push(mistake(key, single, form::expected(key.form)));
        }
        let mut read = Vec::new();
        for element in self.flat.list(key.name) {
            match form::list_element(&element.entry.value, of) {
                Some(text) => read.push(text),
                None => self.mistakes.push(mistake(key, element, form::expected(key.form))),
            }
        }
        read
    }

    /// A value with a reader of its own, whose error says what is wrong and what was expected.
    pub fn parsed<T, E: std::fmt::Display>(
        &mut self,
        key: &Key,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Some(found) = self.find(key) else {
            self.miss(key);
            return None;
        };
        match parse(&found.entry.value) {
            Ok(value) => Some(value),
            Err(error) => {
                let mistake = Mistake::new(found.entry.origin.clone(), error.to_string());
                self.mistakes.push(mistake.key(&found.entry.key));
                None
            }
        }
    }

    /// A mistake about the value that a key has; the words say what was expected.
    pub fn refuse(&mut self, key: &Key, expected: &str) {
        let found = match self.find(key) {
            Some(found) => mistake(key, found, expected.to_owned()),
            None => Mistake::of_key(key.name, format!("expected {expected}")),
        };
        self.mistakes.push(found);
    }

    fn read<T>(&mut self, key: &Key, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        if let Some(found) = self.find(key) {
            let value = parse(&found.entry.value);
            if value.is_none() {
                self.mistakes.push(mistake(key, found, form::expected(key.form)));
            }
            return value;
        }
        match key.fallback {
            Fallback::Value(text) => parse(text),
            Fallback::PerService(choose, _) => parse(choose(self.service)),
            Fallback::Absent(_) => None,
            Fallback::Required => {
                self.miss(key);
                None
            }
        }
    }

    fn miss(&mut self, key: &Key) {
        if matches!(key.fallback, Fallback::Required) {
            let variable = key.name.replace(':', "__");
            let expected = format!(
                "is not set; expected {} in the configuration file or in the environment variable {variable}",
                form::expected(key.form)
            );
            self.mistakes.push(Mistake::of_key(key.name, expected));
        }
    }
}

/// A mistake about a value, shown unless its key holds secrets.
fn mistake(key: &Key, found: &Ranked, expected: String) -> Mistake {
    let entry = &found.entry;
    let mistake = Mistake::new(entry.origin.clone(), format!("expected {expected}")).key(&entry.key);
    if key.form.is_secret() { mistake } else { mistake.value(&entry.value) }
}
