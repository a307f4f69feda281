//! The grammar of ADO.NET connection strings: `keyword=value;…` with quotes and doubled `=`.
//!
//! Knows nothing of what a keyword means; see `keywords`. Facts: the remarks on `ConnectionString` in
//! Microsoft's .NET documentation and the state machine of `DbConnectionOptions`.
//! Errors never repeat text of the string: a password with an unquoted `;` makes any of it a secret.

use super::ConnectionStringError;

/// One `keyword=value`, both without quotes and outer blanks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) keyword: String,
    pub(super) value: String,
}

/// Splits a string into its pairs, in order. Empty segments (`;;`) are skipped.
pub(super) fn pairs(text: &str) -> Result<Vec<Pair>, ConnectionStringError> {
    let mut reader = Reader { rest: text.chars().collect(), at: 0 };
    let mut pairs = Vec::new();
    loop {
        reader.skip(|c| c == ';' || c.is_whitespace() || c == '\0');
        if reader.peek().is_none() {
            return Ok(pairs);
        }
        let keyword = reader.keyword()?;
        let value = reader.value()?;
        pairs.push(Pair { keyword, value });
    }
}

/// Writes a value so that [`pairs`] reads it back: quoted where it has to be.
pub(super) fn quoted(value: &str) -> String {
    let plain = !value.is_empty()
        && !value.contains([';', '\'', '"', '=', '\0'])
        && !value.starts_with(char::is_whitespace)
        && !value.ends_with(char::is_whitespace);
    if plain { value.to_owned() } else { format!("\"{}\"", value.replace('"', "\"\"")) }
}

struct Reader {
    rest: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> Option<char> {
        self.rest.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn skip(&mut self, unwanted: impl Fn(char) -> bool) {
        while self.peek().is_some_and(&unwanted) {
            self.at += 1;
        }
    }

    /// Everything up to a single `=`; `==` stands for one `=` inside the keyword.
    fn keyword(&mut self) -> Result<String, ConnectionStringError> {
        let start = self.at;
        let mut keyword = String::new();
        loop {
            match self.next() {
                Some('=') if self.peek() == Some('=') => {
                    self.at += 1;
                    keyword.push('=');
                }
                Some('=') => break,
                None | Some(';') => return Err(self.syntax(start, "keyword=value; a value with ; in quotes")),
                Some(c) => keyword.push(c),
            }
        }
        let keyword = keyword.trim();
        if keyword.is_empty() {
            return Err(self.syntax(start, "a keyword before ="));
        }
        Ok(keyword.to_owned())
    }

    fn value(&mut self) -> Result<String, ConnectionStringError> {
        self.skip(char::is_whitespace);
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted_value(quote),
            _ => Ok(self.plain_value()),
        }
    }

    fn plain_value(&mut self) -> String {
        let mut value = String::new();
        while let Some(c) = self.next().filter(|c| *c != ';') {
            value.push(c);
        }
        value.trim_end_matches(|c: char| c.is_whitespace() || c == '\0').to_owned()
    }

    fn quoted_value(&mut self, quote: char) -> Result<String, ConnectionStringError> {
        let start = self.at;
        self.at += 1;
        let mut value = String::new();
        loop {
            match self.next() {
                Some(c) if c == quote && self.peek() == Some(quote) => {
                    self.at += 1;
                    value.push(quote);
                }
                Some(c) if c == quote => break,
                Some(c) => value.push(c),
                None => return Err(self.syntax(start, "a closing quote of the same kind")),
            }
        }
        self.skip(|c| c.is_whitespace() || c == '\0');
        match self.next() {
            None | Some(';') => Ok(value),
            Some(_) => Err(self.syntax(start, "; after a quoted value (a quote inside it is doubled)")),
        }
    }

    fn syntax(&self, start: usize, expected: &str) -> ConnectionStringError {
        ConnectionStringError {
            keyword: "connection string".to_owned(),
            value: format!("(text from character {})", start + 1),
            expected: expected.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(String, String)> {
        pairs(text).unwrap().into_iter().map(|p| (p.keyword, p.value)).collect()
    }

    #[test]
    fn blanks_quotes_and_doubled_signs_are_read_as_ado_net_reads_them() {
        let table = [
            ("a=1;b=2", vec![("a", "1"), ("b", "2")]),
            (" a = 1 ; ; b = x y ;;", vec![("a", "1"), ("b", "x y")]),
            ("a='x;y';b=\"it's\"", vec![("a", "x;y"), ("b", "it's")]),
            ("a='it''s' ;b=\"q\"\"q\"", vec![("a", "it's"), ("b", "q\"q")]),
            ("a=x'y", vec![("a", "x'y")]),
            ("a==b=c", vec![("a=b", "c")]),
            ("a=b=c=", vec![("a", "b=c=")]),
            ("a=", vec![("a", "")]),
            ("a=;b=1", vec![("a", ""), ("b", "1")]),
            ("", vec![]),
        ];
        for (text, expected) in table {
            let expected: Vec<_> = expected.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn errors_say_where_but_repeat_nothing() {
        for text in ["a=1;hunter2", "=hunter2", "a='hunter2", "a='hunter2'hunter2;"] {
            let error = pairs(text).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
