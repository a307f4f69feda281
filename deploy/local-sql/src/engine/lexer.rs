//! Text to tokens. Knows comments (nested), `[quoted]` and `"quoted"` names, `N'strings'`, numbers and `0x`
//! binaries; knows no grammar. QUOTED_IDENTIFIER is always ON, as every driver sets it.

use super::error::{Result, SqlError};

/// A place in the batch, both counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

impl std::fmt::Display for Position {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "line {}, column {}", self.line, self.column)
    }
}

/// What a token is.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// A bare word: keyword or name. `upper` is for comparison with keywords.
    Word { text: String, upper: String },
    /// `[name]` or `"name"`.
    Quoted(String),
    /// `@name`, with the sign.
    Variable(String),
    /// `@@NAME`, upper case, with the signs.
    System(String),
    /// `'text'`, or `N'text'` when `national`.
    Text { text: String, national: bool },
    /// `0x…`
    Binary(Vec<u8>),
    /// Digits only.
    Integer(String),
    /// Digits with a point.
    Decimal(String),
    /// Digits with an exponent.
    Float(f64),
    /// An operator or punctuation mark.
    Mark(&'static str),
    /// The end of the batch.
    End,
}

/// A token, where it begins, and the byte range of its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    pub kind: Kind,
    pub position: Position,
    pub start: usize,
    pub end: usize,
}

/// Longest first, so that `<=` is not read as `<`.
const MARKS: &[&str] = &[
    "<>", "<=", ">=", "!=", "!<", "!>", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "::", "(", ")", ",",
    ";", ".", "=", "<", ">", "+", "-", "*", "/", "%", "&", "|", "^", "~", ":",
];

/// Splits a batch into tokens; the last one is [`Kind::End`].
pub fn tokenize(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { rest: text, position: Position { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let position = lexer.position;
        let start = text.len() - lexer.rest.len();
        let kind = lexer.next().map_err(|error| error.at(position.line))?;
        let last = kind == Kind::End;
        tokens.push(Token { kind, position, start, end: text.len() - lexer.rest.len() });
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    position: Position,
}

impl<'a> Lexer<'a> {
    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    fn advance(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.rest = self.rest.get(character.len_utf8()..).unwrap_or("");
        if character == '\n' {
            self.position = Position { line: self.position.line + 1, column: 1 };
        } else {
            self.position.column += 1;
        }
        Some(character)
    }

    fn advance_by(&mut self, characters: usize) {
        for _ in 0..characters {
            self.advance();
        }
    }

    fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'a str {
        let start = self.rest;
        while self.peek().is_some_and(&mut wanted) {
            self.advance();
        }
        start.get(..start.len() - self.rest.len()).unwrap_or("")
    }

    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            self.take_while(|c| c.is_whitespace() || c == '\u{feff}' || c == '\0');
            if self.rest.starts_with("--") {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                self.skip_comment()?;
            } else {
                return Ok(());
            }
        }
    }

    fn skip_comment(&mut self) -> Result<()> {
        let line = self.position.line;
        let mut depth = 0_u32;
        loop {
            if self.rest.starts_with("/*") {
                depth += 1;
                self.advance_by(2);
            } else if self.rest.starts_with("*/") {
                depth -= 1;
                self.advance_by(2);
                if depth == 0 {
                    return Ok(());
                }
            } else if self.advance().is_none() {
                return Err(SqlError::syntax(113, "Missing end comment mark '*/'.").at(line));
            }
        }
    }

    fn next(&mut self) -> Result<Kind> {
        let Some(first) = self.peek() else { return Ok(Kind::End) };
        let second = self.rest.chars().nth(1);
        match first {
            '\'' => self.text(false),
            'N' | 'n' if second == Some('\'') => {
                self.advance();
                self.text(true)
            }
            '[' => self.delimited(']').map(Kind::Quoted),
            '"' => self.delimited('"').map(Kind::Quoted),
            '@' => Ok(self.variable()),
            '0' if matches!(second, Some('x' | 'X')) => self.binary(),
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number(),
            c if is_word_start(c) => Ok(self.word()),
            c => self.mark(c),
        }
    }

    fn text(&mut self, national: bool) -> Result<Kind> {
        self.delimited('\'').map(|text| Kind::Text { text, national })
    }

    /// Reads up to the closing character; doubled it stands for itself.
    fn delimited(&mut self, close: char) -> Result<String> {
        self.advance();
        let mut text = String::new();
        loop {
            match self.advance() {
                Some(c) if c == close => {
                    if self.peek() != Some(close) {
                        return Ok(text);
                    }
                    self.advance();
                    text.push(close);
                }
                Some(c) => text.push(c),
                None => {
                    let shown: String = text.chars().take(128).collect();
                    let message = format!("Unclosed quotation mark after the character string '{shown}'.");
                    return Err(SqlError::syntax(105, message));
                }
            }
        }
    }

    fn variable(&mut self) -> Kind {
        let text = self.take_while(|c| c == '@' || is_word_part(c));
        if text.starts_with("@@") {
            Kind::System(text.to_uppercase())
        } else {
            Kind::Variable(text.to_owned())
        }
    }

    fn word(&mut self) -> Kind {
        let text = self.take_while(is_word_part);
        Kind::Word { text: text.to_owned(), upper: text.to_uppercase() }
    }

    fn binary(&mut self) -> Result<Kind> {
        self.advance_by(2);
        let digits = self.take_while(|c| c.is_ascii_hexdigit());
        let padded = if digits.len() % 2 == 1 { format!("0{digits}") } else { digits.to_owned() };
        let bytes =
            (0..padded.len()).step_by(2).map(|i| u8::from_str_radix(padded.get(i..i + 2).unwrap_or("0"), 16));
        let bytes = bytes.collect::<std::result::Result<Vec<u8>, _>>();
        bytes.map(Kind::Binary).map_err(|_| SqlError::near(digits))
    }

    fn number(&mut self) -> Result<Kind> {
        let mut text = self.take_while(|c| c.is_ascii_digit()).to_owned();
        let mut point = false;
        if self.peek() == Some('.') {
            point = true;
            self.advance();
            text.push('.');
            text.push_str(self.take_while(|c| c.is_ascii_digit()));
        }
        if matches!(self.peek(), Some('e' | 'E')) {
            self.advance();
            text.push('e');
            if let Some(sign @ ('+' | '-')) = self.peek() {
                self.advance();
                text.push(sign);
            }
            let digits = self.take_while(|c| c.is_ascii_digit());
            // `1e` is `1e0` in T-SQL.
            text.push_str(if digits.is_empty() { "0" } else { digits });
            return text.parse().map(Kind::Float).map_err(|_| SqlError::near(&text));
        }
        Ok(if point { Kind::Decimal(text) } else { Kind::Integer(text) })
    }

    fn mark(&mut self, first: char) -> Result<Kind> {
        let Some(mark) = MARKS.iter().find(|mark| self.rest.starts_with(**mark)) else {
            return Err(SqlError::near(&first.to_string()));
        };
        self.advance_by(mark.len());
        Ok(Kind::Mark(mark))
    }
}

fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || c == '#' || c == '$'
}

fn is_word_part(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind> {
        tokenize(text).unwrap().into_iter().map(|token| token.kind).collect()
    }

    #[test]
    fn a_statement_becomes_words_names_strings_and_marks() {
        let expected = vec![
            Kind::Word { text: "select".into(), upper: "SELECT".into() },
            Kind::Quoted("a]b".into()),
            Kind::Mark("<>"),
            Kind::Text { text: "it's".into(), national: true },
            Kind::Variable("@p".into()),
            Kind::System("@@ROWCOUNT".into()),
            Kind::Binary(vec![0x0a, 0xbc]),
            Kind::Decimal("1.50".into()),
            Kind::Float(2e3),
            Kind::End,
        ];
        assert_eq!(
            kinds("select [a]]b] <> N'it''s' @p @@rowcount 0xabc 1.50 2e3 -- rest\n/* a /* b */ c */"),
            expected
        );
    }

    #[test]
    fn positions_count_lines_and_columns_from_one() {
        let tokens = tokenize("SELECT\n  x").unwrap();
        assert_eq!(tokens[1].position, Position { line: 2, column: 3 });
    }

    #[test]
    fn an_open_string_or_comment_is_refused_with_its_line() {
        assert_eq!(tokenize("\n'abc").unwrap_err().number, 105);
        let error = tokenize("\n\n/* abc").unwrap_err();
        assert_eq!((error.number, error.line), (113, 3));
    }
}
