//! One source of configuration as flat entries: every value with its `A:B:C` key and the place it came from.
//!
//! Reads text only: what a key means, which values it takes and which source wins are decided elsewhere
//! (`keys`, `reader`, `merge`). Start at [`read_json`].

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jsonc_parser::ast::{ObjectProp, Value};
use jsonc_parser::common::Ranged;
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};

use super::mistake::Mistake;
use super::syntax;

/// A configuration file above this is not read: it is not a configuration file.
pub const FILE_BYTES_MAX: u64 = 1 << 20;

/// Where a value was written. `Display` is how messages name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file; line and column count from 1, columns in characters.
    File {
        /// The path as it was given.
        path: Arc<Path>,
        /// 1 is the first line.
        line: usize,
        /// 1 is the first character.
        column: usize,
    },
    /// An environment variable, by the name it has there.
    Environment(String),
    /// A command-line flag, as it was written without its value.
    Flag(String),
    /// A file that holds one secret.
    SecretFile {
        /// The file.
        path: Arc<Path>,
        /// Where the file was named.
        named_by: Box<Origin>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line, column } => write!(f, "{}:{line}:{column}", path.display()),
            Self::Environment(name) => write!(f, "environment variable {name}"),
            Self::Flag(flag) => write!(f, "flag {flag}"),
            Self::SecretFile { path, named_by } => write!(f, "{named_by}, file {}", path.display()),
        }
    }
}

/// One value as text, before anything is known about its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key as it was written, parts joined by `:`. Keys are compared without regard to case.
    pub key: String,
    /// The value as text: `true`, `5` and `"5"` are the same to every reader. Empty means "not set".
    pub value: String,
    /// Where it was written.
    pub origin: Origin,
}

/// Reads a JSON file with comments and trailing commas. `null` reads as "not set".
///
/// # Errors
/// Every place where the text is not such JSON, and every key that is written twice.
pub fn read_json(path: &Path, text: &str) -> Result<Vec<Entry>, Vec<Mistake>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = JsonReader {
        path: path.into(),
        text,
        lines: syntax::Lines::of(text),
        entries: Vec::new(),
        mistakes: Vec::new(),
    };
    match parse_to_ast(text, &CollectOptions::default(), &strict()) {
        Ok(parsed) => match parsed.value {
            Some(Value::Object(object)) => reader.object("", &object.properties),
            Some(_) | None => reader.mistakes = syntax::explain(path, text, "expected an object in braces"),
        },
        Err(error) => reader.mistakes = syntax::explain(path, text, &error.kind().to_string()),
    }
    if reader.mistakes.is_empty() { Ok(reader.entries) } else { Err(reader.mistakes) }
}

/// JSON with comments and trailing commas and nothing else: the parser's other liberties would let a
/// forgotten comma pass here and fail in the user's .NET processes.
fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

struct JsonReader<'a> {
    path: Arc<Path>,
    text: &'a str,
    lines: syntax::Lines,
    entries: Vec<Entry>,
    mistakes: Vec<Mistake>,
}

impl JsonReader<'_> {
    fn object(&mut self, prefix: &str, properties: &[ObjectProp<'_>]) {
        for (index, property) in properties.iter().enumerate() {
            let name = property.name.as_str();
            let key = if prefix.is_empty() { name.to_owned() } else { format!("{prefix}:{name}") };
            let twin = properties[..index].iter().find(|p| p.name.as_str().eq_ignore_ascii_case(name));
            if let Some(twin) = twin {
                let (line, _) = self.lines.position(self.text, twin.start());
                let expected = format!("expected each key once; it is already written on line {line}");
                self.mistakes.push(Mistake::new(self.origin(property.start()), expected).key(&key));
                continue;
            }
            self.value(&key, &property.value);
        }
    }

    fn value(&mut self, key: &str, value: &Value<'_>) {
        let text = match value {
            Value::Object(object) => return self.object(key, &object.properties),
            Value::Array(array) => {
                for (index, element) in array.elements.iter().enumerate() {
                    self.value(&format!("{key}:{index}"), element);
                }
                return;
            }
            Value::StringLit(literal) => literal.value.to_string(),
            Value::NumberLit(literal) => literal.value.to_owned(),
            Value::BooleanLit(literal) => literal.value.to_string(),
            Value::NullKeyword(_) => String::new(),
        };
        let origin = self.origin(value.start());
        self.entries.push(Entry { key: key.to_owned(), value: text, origin });
    }

    fn origin(&self, offset: usize) -> Origin {
        let (line, column) = self.lines.position(self.text, offset);
        Origin::File { path: Arc::clone(&self.path), line, column }
    }
}
