//! Says what is wrong with a configuration file that is not JSON: which brace, comma or value is missing where.
//!
//! Runs only after the JSON parser has refused a file. The parser stops at its first trouble and names what it
//! saw; people who paste a fragment of a page (without outer braces, with `...`, without a comma) need every
//! place at once and what to put there. This reader goes on after each mistake; it produces no values.

use std::path::Path;
use std::sync::Arc;

use super::mistake::Mistake;
use super::source::Origin;

/// More mistakes than this help nobody; the first ones are shown.
const MISTAKES_MAX: usize = 20;
/// Objects inside objects; deeper text is not a configuration.
const DEPTH_MAX: usize = 64;

/// Every mistake that can be named; `otherwise` (the parser's own words) if there is none.
pub fn explain(path: &Path, text: &str, otherwise: &str) -> Vec<Mistake> {
    let lines = Lines::of(text);
    let mut explainer = Explainer { text, lines: &lines, tokens: tokens(text), next: 0, found: Vec::new() };
    explainer.file();
    let path: Arc<Path> = path.into();
    let mut found = explainer.found;
    if found.is_empty() {
        found.push((0, otherwise.to_owned()));
    }
    found.sort_by_key(|(offset, _)| *offset);
    let place = |(offset, what): (usize, String)| {
        let (line, column) = lines.position(text, offset);
        Mistake::new(Origin::File { path: Arc::clone(&path), line, column }, what)
    };
    found.into_iter().take(MISTAKES_MAX).map(place).collect()
}

/// Where each line of a text starts.
pub struct Lines(Vec<usize>);

impl Lines {
    /// One pass over the text.
    pub fn of(text: &str) -> Self {
        Self(std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect())
    }

    /// Line and column of a byte offset of the same text, both from 1, the column in characters.
    pub fn position(&self, text: &str, offset: usize) -> (usize, usize) {
        let line = self.0.partition_point(|start| *start <= offset);
        let start = self.0.get(line.saturating_sub(1)).copied().unwrap_or(0);
        (line, text.get(start..offset).map_or(0, |before| before.chars().count()) + 1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Open(char),
    Close(char),
    Colon,
    Comma,
    Text,
    UnendedText,
    Word,
    Dots,
}

#[derive(Clone, Copy, Debug)]
struct Token {
    kind: Kind,
    start: usize,
    end: usize,
}

fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let rest = &bytes[at..];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if rest.starts_with(b"//") {
            at += rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with(b"/*") {
            at += text[at..].find("*/").map_or(rest.len(), |end| end + 2);
            continue;
        }
        let (kind, length) = match byte {
            b'{' | b'[' => (Kind::Open(char::from(byte)), 1),
            b'}' | b']' => (Kind::Close(char::from(byte)), 1),
            b':' => (Kind::Colon, 1),
            b',' => (Kind::Comma, 1),
            b'"' => text_token(rest),
            b'.' if rest.starts_with(b"..") => (Kind::Dots, rest.iter().take_while(|b| **b == b'.').count()),
            _ if rest.starts_with("…".as_bytes()) => (Kind::Dots, '…'.len_utf8()),
            _ => (Kind::Word, word_length(rest)),
        };
        found.push(Token { kind, start: at, end: at + length });
        at += length;
    }
    found
}

/// A string ends at its quote; one that meets the end of its line first has lost it.
fn text_token(rest: &[u8]) -> (Kind, usize) {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'"' => return (Kind::Text, at + 1),
            b'\n' | b'\r' => return (Kind::UnendedText, at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (Kind::UnendedText, rest.len())
}

fn word_length(rest: &[u8]) -> usize {
    let ends = |b: &u8| b.is_ascii_whitespace() || b"{}[]:,\"".contains(b);
    rest.iter().position(ends).unwrap_or(rest.len()).max(1)
}

struct Explainer<'a> {
    text: &'a str,
    lines: &'a Lines,
    tokens: Vec<Token>,
    next: usize,
    found: Vec<(usize, String)>,
}

/// An object or array that is being read.
struct Frame {
    /// How messages name it.
    name: String,
    close: char,
    /// The outermost object of a fragment was never opened, so its end needs no brace.
    needs_close: bool,
    depth: usize,
}

impl Explainer<'_> {
    fn peek(&self) -> Option<Token> {
        self.tokens.get(self.next).copied()
    }

    /// The end of the last token that stands for something: where a missing comma or brace belongs.
    fn last_end(&self) -> usize {
        let before = &self.tokens[..self.next.min(self.tokens.len())];
        let real = before.iter().rfind(|token| token.kind != Kind::Dots);
        real.or(before.first()).map_or(0, |token| token.end)
    }

    fn say(&mut self, offset: usize, what: impl Into<String>) {
        self.found.push((offset, what.into()));
    }

    fn file(&mut self) {
        self.skip_dots();
        let mut frame =
            Frame { name: "the configuration".to_owned(), close: '}', needs_close: true, depth: 0 };
        match self.peek() {
            None => self.say(self.last_end(), "missing `{`: the file has no configuration"),
            Some(token) if token.kind == Kind::Open('{') => {
                self.next += 1;
                self.members(&frame);
            }
            Some(token) if matches!(token.kind, Kind::Text | Kind::UnendedText | Kind::Word) => {
                let what = "missing `{`: this is a part of a configuration, write `{` and `}` around it";
                self.say(token.start, what);
                frame.needs_close = false;
                self.members(&frame);
            }
            Some(token) => return self.say(token.start, "expected an object in braces"),
        }
        if let Some(token) = self.peek() {
            self.say(token.start, "expected nothing more: the configuration's last brace is before this");
        }
    }

    fn skip_dots(&mut self) {
        while let Some(token) = self.peek().filter(|token| token.kind == Kind::Dots) {
            self.say(token.start, "`...` stands for text that was left out: remove it or write that text");
            self.next += 1;
        }
    }

    /// The inside of an object or array, up to and with its closing brace.
    fn members(&mut self, frame: &Frame) {
        let mut needs_comma = false;
        while self.found.len() < MISTAKES_MAX {
            self.skip_dots();
            let Some(token) = self.peek() else {
                if frame.needs_close {
                    self.say(self.last_end(), format!("missing `{}` for {}", frame.close, frame.name));
                }
                return;
            };
            match token.kind {
                Kind::Close(brace) => {
                    if brace == frame.close {
                        self.next += 1;
                    } else {
                        let what = format!("missing `{}` for {} before this", frame.close, frame.name);
                        self.say(token.start, what);
                    }
                    return;
                }
                Kind::Comma => {
                    if !needs_comma {
                        self.say(token.start, "expected a key or a value before this comma");
                    }
                    self.next += 1;
                    needs_comma = false;
                }
                Kind::Colon => {
                    self.say(token.start, "missing key before this colon");
                    self.next += 1;
                }
                _ => {
                    if needs_comma {
                        self.say(self.last_end(), "missing `,` after this");
                    }
                    needs_comma = true;
                    self.member(frame);
                }
            }
        }
        self.next = self.tokens.len();
    }

    fn member(&mut self, frame: &Frame) {
        if frame.close == ']' {
            return self.value("an array", frame.depth);
        }
        let Some(key) = self.peek() else { return };
        self.next += 1;
        match key.kind {
            Kind::Text => {}
            Kind::UnendedText => self.say(key.end, "missing `\"`: this text does not end on its line"),
            Kind::Word => self.say(key.start, "missing `\"`: a key is written in quotation marks"),
            _ => return self.say(key.start, "expected a key in quotation marks"),
        }
        if self.peek().is_some_and(|token| token.kind == Kind::Colon) {
            self.next += 1;
            let name = &self.text[key.start..key.end];
            self.value(name, frame.depth);
        } else {
            self.say(key.end, "missing `:` and a value after this key");
        }
    }

    fn value(&mut self, name: &str, depth: usize) {
        self.skip_dots();
        let Some(token) = self.peek() else {
            return self.say(self.last_end(), "missing value");
        };
        match token.kind {
            Kind::Open(_) if depth == DEPTH_MAX => {
                self.say(token.start, format!("expected at most {DEPTH_MAX} levels of braces"));
                self.next = self.tokens.len();
            }
            Kind::Open(brace) => {
                self.next += 1;
                let close = if brace == '{' { '}' } else { ']' };
                let (line, _) = self.lines.position(self.text, token.start);
                let name = format!("{name} of line {line}");
                self.members(&Frame { name, close, needs_close: true, depth: depth + 1 });
            }
            Kind::Text => self.next += 1,
            Kind::UnendedText => {
                self.say(token.end, "missing `\"`: this text does not end on its line");
                self.next += 1;
            }
            Kind::Word => {
                let word = &self.text[token.start..token.end];
                let is_value = matches!(word, "true" | "false" | "null") || word.parse::<f64>().is_ok();
                if !is_value {
                    self.say(token.start, "missing `\"`: text is written in quotation marks");
                }
                self.next += 1;
            }
            _ => self.say(token.start, "missing value before this"),
        }
    }
}
