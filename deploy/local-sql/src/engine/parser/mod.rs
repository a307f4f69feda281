//! Tokens to a syntax tree: a hand-written recursive-descent parser of plain T-SQL.
//!
//! Start at [`parse`]. `statement` reads statements, `definition` DDL, `query` SELECT and FROM, `expression`
//! scalars and conditions. A batch with a syntax error yields no tree at all, so it runs nothing (102, 156).
//! Constructs that SQL Server has and local-sql has not are refused by name (40000) in the same way.

mod definition;
mod expression;
mod keywords;
mod query;
mod security;
mod statement;

use super::ast::{Batch, ObjectName, TableDefinition};
use super::error::{Result, SqlError};
use super::lexer::{Kind, Position, Token, tokenize};
use super::types::SqlType;

/// How deep statements, queries and parentheses may nest: far above any real statement, far below the stack.
const MAX_NESTING: usize = 48;
/// How many operators of one precedence may follow each other (AND and OR are not limited: they form lists).
const MAX_CHAIN: usize = 64;

/// Parses a batch.
pub fn parse(text: &str) -> Result<Batch> {
    let mut parser = Parser::new(text)?;
    let statements = parser.statements_until_end()?;
    Ok(Batch { statements, variables: parser.variables, tables: parser.tables, count: parser.ordinal })
}

/// Parses a parameter declaration list as `sp_executesql` takes it: `@a int, @b nvarchar(50) OUTPUT`.
pub fn parse_parameters(text: &str) -> Result<Vec<(String, SqlType)>> {
    let mut parser = Parser::new(text)?;
    let mut parameters = Vec::new();
    while !parser.at_end() {
        let name = parser.variable()?;
        parser.accept_word("AS");
        let ty = parser.data_type(1)?;
        if parser.accept_mark("=") {
            return Err(SqlError::unsupported_at(
                "default values of sp_executesql parameters",
                parser.position(),
            ));
        }
        let _ = parser.accept_word("OUTPUT") || parser.accept_word("OUT");
        parameters.push((name, ty));
        if !parser.accept_mark(",") {
            break;
        }
    }
    parser.expect_end()?;
    Ok(parameters)
}

/// Parses an expression or condition kept as text in the catalog.
pub fn parse_expression(text: &str) -> Result<super::ast::Expression> {
    let mut parser = Parser::new(text)?;
    let expression = parser.condition()?;
    parser.expect_end()?;
    Ok(expression)
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    ordinal: usize,
    variables: Vec<(String, SqlType, usize)>,
    tables: Vec<(String, TableDefinition, usize)>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self> {
        let tokens = tokenize(text)?;
        Ok(Self { text, tokens, at: 0, depth: 0, ordinal: 0, variables: Vec::new(), tables: Vec::new() })
    }

    // --- looking -----------------------------------------------------------------------------------------

    fn token_at(&self, ahead: usize) -> &Kind {
        self.tokens.get(self.at + ahead).map_or(&Kind::End, |token| &token.kind)
    }

    fn kind(&self) -> &Kind {
        self.token_at(0)
    }

    fn position(&self) -> Position {
        let token = self.tokens.get(self.at).or_else(|| self.tokens.last());
        token.map(|token| token.position).unwrap_or_default()
    }

    fn at_end(&self) -> bool {
        *self.kind() == Kind::End
    }

    /// The upper-case word `ahead` tokens from here, or "".
    fn word_at(&self, ahead: usize) -> &str {
        match self.token_at(ahead) {
            Kind::Word { upper, .. } => upper,
            _ => "",
        }
    }

    fn is_word(&self, word: &str) -> bool {
        self.word_at(0) == word
    }

    fn is_mark(&self, mark: &str) -> bool {
        matches!(self.kind(), Kind::Mark(found) if *found == mark)
    }

    fn is_mark_at(&self, ahead: usize, mark: &str) -> bool {
        matches!(self.token_at(ahead), Kind::Mark(found) if *found == mark)
    }

    /// The source text from a token index up to the current token.
    fn text_since(&self, first: usize) -> String {
        let start = self.tokens.get(first).map_or(0, |token| token.start);
        let end =
            self.at.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(start, |token| token.end);
        self.text.get(start..end).unwrap_or("").to_owned()
    }

    // --- taking ------------------------------------------------------------------------------------------

    fn advance(&mut self) {
        if self.at + 1 < self.tokens.len() {
            self.at += 1;
        }
    }

    fn accept_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// Accepts the words one after the other, or nothing.
    fn accept_words(&mut self, words: &[&str]) -> bool {
        let found = words.iter().enumerate().all(|(ahead, word)| self.word_at(ahead) == *word);
        if found {
            words.iter().for_each(|_| self.advance());
        }
        found
    }

    fn accept_mark(&mut self, mark: &str) -> bool {
        let found = self.is_mark(mark);
        if found {
            self.advance();
        }
        found
    }

    fn expect_word(&mut self, word: &str) -> Result<()> {
        if self.accept_word(word) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_mark(&mut self, mark: &str) -> Result<()> {
        if self.accept_mark(mark) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn expect_end(&self) -> Result<()> {
        if self.at_end() { Ok(()) } else { Err(self.unexpected()) }
    }

    /// A name: quoted, or a word that is not reserved.
    fn name(&mut self) -> Result<String> {
        let name = match self.kind() {
            Kind::Quoted(name) => name.clone(),
            Kind::Word { text, upper } if !keywords::is_reserved(upper) => text.clone(),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        Ok(name)
    }

    fn is_name(&self) -> bool {
        match self.kind() {
            Kind::Quoted(_) => true,
            Kind::Word { upper, .. } => !keywords::is_reserved(upper),
            _ => false,
        }
    }

    fn variable(&mut self) -> Result<String> {
        let Kind::Variable(name) = self.kind() else { return Err(self.unexpected()) };
        let name = name.clone();
        self.advance();
        Ok(name)
    }

    /// A name with up to four parts, or a table variable.
    fn object_name(&mut self) -> Result<ObjectName> {
        let position = self.position();
        if matches!(self.kind(), Kind::Variable(_)) {
            return Ok(ObjectName { parts: vec![self.variable()?], position });
        }
        let mut parts = vec![self.name()?];
        while self.accept_mark(".") {
            // `db..table` leaves the schema out.
            if self.is_mark(".") {
                parts.push(String::new());
            } else {
                parts.push(self.name_after_dot()?);
            }
        }
        if parts.len() > 4 {
            return Err(SqlError::near(parts.last().map_or("", String::as_str)).at(position.line));
        }
        Ok(ObjectName { parts, position })
    }

    /// After a dot, SQL Server takes no reserved word either, except the few pseudo-columns.
    fn name_after_dot(&mut self) -> Result<String> {
        self.name()
    }

    fn name_list(&mut self) -> Result<Vec<String>> {
        self.expect_mark("(")?;
        let mut names = vec![self.name()?];
        while self.accept_mark(",") {
            names.push(self.name()?);
        }
        self.expect_mark(")")?;
        Ok(names)
    }

    fn integer<T: std::str::FromStr>(&mut self) -> Result<T> {
        let Kind::Integer(digits) = self.kind() else { return Err(self.unexpected()) };
        let Ok(number) = digits.parse() else { return Err(self.unexpected()) };
        self.advance();
        Ok(number)
    }

    fn signed_integer(&mut self) -> Result<i64> {
        let negative = self.accept_mark("-");
        let number: i64 = self.integer()?;
        Ok(if negative { -number } else { number })
    }

    // --- errors and limits -------------------------------------------------------------------------------

    /// 102 or 156 for the token that does not fit here; at the end of the batch, for the last one.
    fn unexpected(&self) -> SqlError {
        let index = if self.at_end() { self.at.saturating_sub(1) } else { self.at };
        let Some(token) = self.tokens.get(index) else { return SqlError::near("") };
        let shown = match &token.kind {
            Kind::Quoted(name) | Kind::Text { text: name, .. } => name.as_str(),
            _ => self.text.get(token.start..token.end).unwrap_or(""),
        };
        let error = match &token.kind {
            Kind::Word { upper, .. } if keywords::is_reserved(upper) => {
                SqlError::syntax(156, format!("Incorrect syntax near the keyword '{shown}'."))
            }
            _ => SqlError::near(shown),
        };
        error.at(token.position.line)
    }

    fn unsupported<T>(&self, construct: impl std::fmt::Display) -> Result<T> {
        Err(SqlError::unsupported_at(construct, self.position()))
    }

    /// Runs a part of the parser one level deeper.
    fn nested<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_NESTING {
            return Err(too_deep().at(self.position().line));
        }
        self.depth += 1;
        let result = part(self);
        self.depth -= 1;
        result
    }

    // --- types -------------------------------------------------------------------------------------------

    /// A data type; `default_length` is that of a string without one (1 in declarations, 30 in CAST).
    fn data_type(&mut self, default_length: u16) -> Result<SqlType> {
        let position = self.position();
        let (shown, quoted) = match self.kind() {
            Kind::Word { text, .. } => (text.clone(), false),
            Kind::Quoted(text) => (text.clone(), true),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let name = shown.to_lowercase();
        if name == "sys" && self.accept_mark(".") {
            return self.data_type(default_length);
        }
        if !quoted && name == "double" && self.accept_word("PRECISION") {
            return Ok(SqlType::Float);
        }
        let arguments = self.type_arguments()?;
        keywords::data_type(&name, &arguments, default_length).map_err(|error| match error {
            keywords::TypeError::Unknown => {
                let text = format!("Column, parameter, or variable #1: Cannot find data type {shown}.");
                SqlError::new(2715, text).at(position.line)
            }
            keywords::TypeError::Unsupported => {
                SqlError::unsupported_at(format!("the data type {name}"), position)
            }
            keywords::TypeError::Precision(precision) => SqlError::new(
                2750,
                format!(
                    "Column or parameter #1: Specified column precision {precision} is greater than the maximum \
                     precision of 38."
                ),
            )
            .at(position.line),
            keywords::TypeError::Length => SqlError::syntax(
                131,
                format!("The size given to the type '{name}' exceeds the maximum or is not valid."),
            )
            .at(position.line),
        })
    }

    /// `(n)`, `(p, s)`, `(max)` – `max` comes back as `None`.
    fn type_arguments(&mut self) -> Result<Vec<Option<u16>>> {
        let mut arguments = Vec::new();
        if !self.is_mark("(") {
            return Ok(arguments);
        }
        self.advance();
        loop {
            arguments.push(if self.accept_word("MAX") { None } else { Some(self.integer()?) });
            if !self.accept_mark(",") {
                break;
            }
        }
        self.expect_mark(")")?;
        Ok(arguments)
    }
}

fn too_deep() -> SqlError {
    SqlError::syntax(
        191,
        "Some part of your SQL statement is nested too deeply. Rewrite the query or break it up.",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn parameters_of_sp_executesql_are_read_with_their_types() {
        let parameters = parse_parameters("@P1 int,@P2 nvarchar(4000), @P3 varbinary(max) OUTPUT").unwrap();
        let types: Vec<_> = parameters.into_iter().map(|(_, ty)| ty).collect();
        assert_eq!(types, [SqlType::Int, SqlType::NVarChar(Some(4000)), SqlType::VarBinary(None)]);
    }

    #[test]
    fn a_misplaced_token_is_named_as_sql_server_names_it() {
        let number = |text: &str| parse(text).unwrap_err().number;
        assert_eq!(number("SELECT 1 +"), 102);
        assert_eq!(number("SELECT FROM t"), 156);
        assert_eq!(number("SELECT 'abc"), 105);
        assert_eq!(number("MERGE t USING s ON 1 = 1 WHEN MATCHED THEN DELETE;"), 40000);
        assert_eq!(parse("SELECT 1;\n\nSELECT * FRM t WHERE").unwrap_err().line, 3);
    }

    #[test]
    fn nesting_has_a_limit_instead_of_a_stack_overflow() {
        for text in ["(", "NOT ", "-", "CASE WHEN 1=1 THEN ", "(SELECT "] {
            assert!(parse(&format!("SELECT {}", text.repeat(100_000))).is_err(), "{text}");
        }
        assert!(parse(&"BEGIN ".repeat(100_000)).is_err());
        assert!(parse(&format!("SELECT 1{}", "+1".repeat(100_000))).is_err());
    }

    proptest! {
        #[test]
        fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
            let _ = parse(&text);
        }

        #[test]
        fn arbitrary_tokens_never_panic(words in proptest::collection::vec(proptest::sample::select(vec![
            "SELECT", "FROM", "WHERE", "(", ")", ",", "*", "@v", "@t", "x", "[y]", "1", "N'z'", "=", "AND", "INSERT", "INTO",
            "UPDATE", "SET", "DELETE", "TOP", "OUTPUT", "inserted", ".", "DECLARE", "TABLE", "int", "BEGIN", "END", "TRY",
            "CATCH", "IF", "ELSE", "WHILE", "CASE", "WHEN", "THEN", "OVER", "ORDER", "BY", "CREATE", "INDEX", "ON", "EXEC",
            "OPENJSON", "WITH", "AS", "NOT", "NULL", "IN", "EXISTS", "JOIN", "VALUES", "UNION", "ALL", ";", "+", "-",
        ]), 0..40)) {
            let _ = parse(&words.join(" "));
        }
    }
}
