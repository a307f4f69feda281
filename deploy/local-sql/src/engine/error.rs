//! Errors with SQL Server's numbers and words.

/// An error as SQL Server would report it. `line` is counted from 1 within the batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Msg {number}, Level {class}, State {state}, Line {line}: {text}")]
pub struct SqlError {
    /// SQL Server's message number; 40000 for what local-sql does not know.
    pub number: i32,
    /// Severity: 11–16 statement errors, 20 and above end the connection.
    pub class: u8,
    /// The state that tells apart the places that raise the same number.
    pub state: u8,
    /// The message.
    pub text: String,
    /// Line of the statement in the batch.
    pub line: u32,
}

/// Shorthand of the engine's modules.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

impl SqlError {
    /// An error of severity 16, state 1.
    pub fn new(number: i32, text: impl Into<String>) -> Self {
        Self { number, class: 16, state: 1, text: text.into(), line: 0 }
    }

    /// A syntax error (severity 15): the batch that has one runs nothing.
    pub fn syntax(number: i32, text: impl Into<String>) -> Self {
        Self { class: 15, ..Self::new(number, text) }
    }

    /// 102.
    pub fn near(text: &str) -> Self {
        Self::syntax(102, format!("Incorrect syntax near '{text}'."))
    }

    /// The refusal of a construct that local-sql does not have.
    pub fn unsupported(construct: impl std::fmt::Display) -> Self {
        Self::new(40000, format!("local-sql does not support {construct}."))
    }

    /// The same refusal where the position of the construct is known.
    pub fn unsupported_at(construct: impl std::fmt::Display, position: super::lexer::Position) -> Self {
        Self::new(40000, format!("local-sql does not support {construct} ({position}).")).at(position.line)
    }

    /// The same error at a position; a refusal names it.
    #[must_use]
    pub fn at_position(mut self, position: super::lexer::Position) -> Self {
        if self.number == 40000
            && !self.text.contains("(line ")
            && let Some(refusal) = self.text.strip_suffix('.')
        {
            self.text = format!("{refusal} ({position}).");
        }
        self.at(position.line)
    }

    /// The same error with another state.
    #[must_use]
    pub fn with_state(self, state: u8) -> Self {
        Self { state, ..self }
    }

    /// The same error at a line, unless it already names one.
    #[must_use]
    pub fn at(mut self, line: u32) -> Self {
        if self.line == 0 {
            self.line = line;
        }
        self
    }
}
