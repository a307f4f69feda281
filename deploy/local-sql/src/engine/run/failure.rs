//! What an error does: end the statement, the scope, the batch, or the transaction with it; or enter a CATCH.

use rusqlite::types::{Value as Stored, ValueRef};

use super::super::catalog::{Key, KeyKind, Table, same_name};
use super::super::change::sqlite_error;
use super::super::convert::{self, Overlong};
use super::super::error::SqlError;
use super::super::interface::ResultSink;
use super::super::lexer::{Kind, tokenize};
use super::super::storage_form::from_stored;
use super::super::types::{SqlType, Value};
use super::Session;

/// The number of a cancelled statement (Attention); no CATCH sees it.
pub(super) const CANCELLED: i32 = 3617;

/// How far an error reaches when nothing catches it and XACT_ABORT is OFF.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// The next statement runs.
    Statement,
    /// The text that runs ends: names that do not exist, constructs that local-sql does not know.
    Scope,
    /// The whole batch ends.
    Batch,
    /// The whole batch ends and the transaction is rolled back.
    Transaction,
    /// RAISERROR: like a statement, and XACT_ABORT does not look at it.
    Message,
}

/// An error on its way to a CATCH, or out of the batch.
#[derive(Debug)]
pub(super) struct Raised {
    pub(super) error: SqlError,
    pub(super) reach: Reach,
    /// The depth of the frame that raised it.
    pub(super) depth: usize,
}

/// An error inside its CATCH block.
#[derive(Debug, Clone)]
pub(super) struct Caught {
    pub(super) error: SqlError,
}

/// What happens after a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(i32),
    /// This text ends, the one that executed it goes on.
    EndScope,
    EndBatch,
}

/// The reach of an error by its number.
pub(super) fn reach_of(error: &SqlError) -> Reach {
    match error.number {
        1205 | 3930 | 3960 => Reach::Transaction,
        // Conversions that fail end the batch, arithmetic that overflows does not.
        235 | 241 | 242 | 244 | 245 | 248 | 295 | 8114 | 8169 | 8170 => Reach::Transaction,
        // What SQL Server finds when it compiles a statement, which may be as late as when it is reached.
        116
        | 205..=209
        | 213
        | 240
        | 257
        | 264
        | 402
        | 468
        | 529
        | 1011
        | 1013
        | 4104
        | 8102
        | 8117
        | 8120
        | 8133
        | 8155..=8159
        | 10709
        | 40000 => Reach::Scope,
        _ if error.class == 15 => Reach::Scope,
        _ => Reach::Statement,
    }
}

impl Session {
    /// An error of a statement: into the CATCH that sees it, or to the client; says how the batch goes on.
    pub(super) fn failed(
        &mut self,
        error: SqlError,
        reach: Reach,
        sink: &mut dyn ResultSink,
    ) -> std::result::Result<Flow, Raised> {
        let depth = self.frames.len();
        let line = self.frames.last().map_or(0, |frame| frame.line);
        let error = error.at(line);
        self.last_error = error.number;
        self.row_count = 0;
        let aborts = self.options.xact_abort && reach != Reach::Message;
        if error.number == CANCELLED {
            if aborts {
                self.roll_back_all(sink);
            }
            return Ok(Flow::EndBatch);
        }
        // A text that cannot be compiled is no statement of the TRY block around it; the text outside can
        // catch it.
        let is_seen = |try_depth: &usize| reach != Reach::Scope || *try_depth < depth;
        if self.tries.iter().any(is_seen) {
            if aborts || reach == Reach::Transaction {
                self.transaction.doom();
            }
            return Err(Raised { error, reach, depth });
        }
        self.report(&error, sink);
        if aborts || reach == Reach::Transaction {
            self.roll_back_all(sink);
        }
        Ok(match reach {
            Reach::Message => Flow::Next,
            _ if aborts => Flow::EndBatch,
            Reach::Statement => Flow::Next,
            Reach::Scope => Flow::EndScope,
            Reach::Batch | Reach::Transaction => Flow::EndBatch,
        })
    }
}

/// What a failed write to a table means in SQL Server's words. Foreign keys are named elsewhere: SQLite does
/// not.
pub(super) fn constraint_error(
    database: &str,
    verb: &str,
    (table, shown): (&Table, &str),
    error: &rusqlite::Error,
    value: &dyn Fn(usize) -> Stored,
) -> SqlError {
    let text = error.to_string();
    if let Some(columns) = text.split_once("UNIQUE constraint failed: ").map(|(_, rest)| rest) {
        return duplicate_key(table, shown, columns, value);
    }
    if let Some(column) = text.split_once("NOT NULL constraint failed: ").map(|(_, rest)| rest) {
        return null_error(database, verb, (table, shown), own_column(table, column));
    }
    if let Some(name) = text.split_once("CHECK constraint failed: ").map(|(_, rest)| rest) {
        let column =
            checked_column(table, name).map(|column| format!(", column '{column}'")).unwrap_or_default();
        let text = format!(
            "The {verb} statement conflicted with the CHECK constraint \"{name}\". The conflict occurred in database \
             \"{database}\", table \"{shown}\"{column}."
        );
        return SqlError::new(547, text).with_state(0);
    }
    if text.contains("FOREIGN KEY constraint failed") {
        return SqlError::new(547, FOREIGN_KEY);
    }
    sqlite_error(error)
}

/// 515.
pub(super) fn null_error(
    database: &str,
    verb: &str,
    (table, shown): (&Table, &str),
    column: &str,
) -> SqlError {
    let target = if table.is_temporary() { shown.to_owned() } else { format!("{database}.{shown}") };
    let text = format!(
        "Cannot insert the value NULL into column '{column}', table '{target}'; column does not allow nulls. {verb} \
         fails."
    );
    SqlError::new(515, text).with_state(2)
}

/// The column of a check that names no other.
pub(super) fn checked_column<'t>(table: &'t Table, check: &str) -> Option<&'t str> {
    let check = table.checks.iter().find(|known| same_name(&known.name, check))?;
    let mut columns: Vec<&str> = Vec::new();
    for token in tokenize(&check.text).ok()? {
        let (Kind::Word { text: name, .. } | Kind::Quoted(name)) = token.kind else { continue };
        let column = table.column(&name).and_then(|index| table.columns.get(index));
        columns.extend(column.map(|column| column.name.as_str()).filter(|name| !columns.contains(name)));
    }
    <[&str; 1]>::try_from(columns).ok().map(|[column]| column)
}

/// `(1, x)`: the values of a key in the form that they have as text.
pub(super) fn shown_key(table: &Table, key: &Key, value: &dyn Fn(usize) -> Stored) -> String {
    let mut parts = Vec::with_capacity(key.columns.len());
    for (position, _) in &key.columns {
        let Some(column) = table.columns.get(*position) else { continue };
        let stored = value(*position);
        let text = from_stored(ValueRef::from(&stored), column.ty)
            .and_then(|value| convert::convert(value, column.ty, SqlType::NVarChar(None), Overlong::Cut));
        parts.push(match text {
            Ok(Value::Text(text)) => text,
            _ => "<NULL>".to_owned(),
        });
    }
    format!("({})", parts.join(", "))
}

/// Stands in for a message that has yet to name its constraint.
const FOREIGN_KEY: &str = "\u{1}foreign key";

/// Whether the error is a foreign key's that has no name yet.
pub(super) fn is_nameless_foreign_key(error: &SqlError) -> bool {
    error.number == 547 && error.text == FOREIGN_KEY
}

fn own_column<'a>(table: &Table, text: &'a str) -> &'a str {
    text.strip_prefix(&format!("{}.", table.stored_name())).unwrap_or(text)
}

fn duplicate_key(table: &Table, shown: &str, columns: &str, value: &dyn Fn(usize) -> Stored) -> SqlError {
    let Some(key) = violated_key(table, columns) else {
        return SqlError::new(2627, format!("Cannot insert duplicate key in object '{shown}'."));
    };
    let (name, values) = (&key.name, shown_key(table, key, value));
    match key.kind {
        KeyKind::Primary | KeyKind::UniqueConstraint => {
            let kind = if key.kind == KeyKind::Primary { "PRIMARY KEY" } else { "UNIQUE KEY" };
            let text = format!(
                "Violation of {kind} constraint '{name}'. Cannot insert duplicate key in object '{shown}'. The \
                 duplicate key value is {values}."
            );
            SqlError { class: 14, ..SqlError::new(2627, text) }
        }
        KeyKind::UniqueIndex | KeyKind::Index => {
            let text = format!(
                "Cannot insert duplicate key row in object '{shown}' with unique index '{name}'. The duplicate key value \
                 is {values}."
            );
            SqlError { class: 14, ..SqlError::new(2601, text) }
        }
    }
}

/// SQLite names the columns, or the index where it is made of expressions.
fn violated_key<'t>(table: &'t Table, columns: &str) -> Option<&'t Key> {
    if let Some(index) = columns.strip_prefix("index '") {
        let name = index.trim_end_matches('\'').trim_end_matches('!');
        let name = name.strip_prefix(&format!("{}.", table.stored_name()))?;
        return table.keys.iter().find(|key| same_name(&key.name, name));
    }
    // A column's name may itself hold the separator: the list that SQLite would write is compared as a whole.
    let prefix = table.stored_name();
    let list = |key: &Key| {
        let names = key.columns.iter().filter_map(|(column, _)| table.columns.get(*column));
        names.map(|column| format!("{prefix}.{}", column.name)).collect::<Vec<_>>().join(", ")
    };
    table.keys.iter().find(|key| key.kind != KeyKind::Index && list(key) == columns)
}
