//! `EXEC local_sql.fault @action = N'deadlock', @pattern = N'COMMIT', @times = 1` and the same call as an RPC.
//!
//! Recognised before the engine sees the batch, so it must stand alone and its arguments must be literals.
//! `@action = N'clear'` disarms everything.

use serde_json::{Map, Value as Json};

use super::{Fault, Faults, refusal};
use crate::engine::{SqlError, Value};
use crate::tds::rpc::RpcCall;

pub(super) const PROCEDURE: &str = "local_sql.fault";
const CLEAR: &str = "clear";

impl Faults {
    /// Arms a fault if the batch is a call of the control procedure; `None` if it is not.
    pub(crate) fn control_statement(&self, text: &str) -> Option<Result<(), SqlError>> {
        let arguments = arguments_of(text)?;
        Some(parse_arguments(arguments).and_then(|fault| self.control(fault)))
    }

    /// The same for an RPC, whether it names the procedure or carries the text.
    pub(crate) fn control_call(&self, call: &RpcCall) -> Option<Result<(), SqlError>> {
        if !call.procedure.eq_ignore_ascii_case(PROCEDURE) {
            return self.control_statement(call.statement_text());
        }
        let mut fault = Map::new();
        for param in &call.params {
            let value = match &param.value {
                Value::Int(number) => Json::from(*number),
                Value::Text(text) => Json::from(text.clone()),
                _ => return Some(Err(refusal(&format!("{} is neither a number nor text", param.name)))),
            };
            fault.insert(param.name.trim_start_matches('@').to_owned(), value);
        }
        Some(self.control(fault))
    }

    fn control(&self, fault: Map<String, Json>) -> Result<(), SqlError> {
        if fault.get("action").and_then(Json::as_str) == Some(CLEAR) {
            self.clear();
            return Ok(());
        }
        let fault: Fault =
            serde_json::from_value(Json::Object(fault)).map_err(|error| refusal(&error.to_string()))?;
        self.arm(fault)
    }
}

impl RpcCall {
    /// The statement that the call carries, or the procedure's name.
    pub(crate) fn statement_text(&self) -> &str {
        let position = match self.procedure.to_ascii_lowercase().as_str() {
            "sp_executesql" => 0,
            "sp_prepare" | "sp_prepexec" => 2,
            _ => return &self.procedure,
        };
        match self.params.get(position).map(|param| &param.value) {
            Some(Value::Text(text)) => text,
            _ => &self.procedure,
        }
    }
}

/// What follows `EXEC local_sql.fault`.
fn arguments_of(text: &str) -> Option<&str> {
    let text = text.trim().trim_end_matches(';');
    let (verb, rest) = text.split_once(char::is_whitespace)?;
    if !verb.eq_ignore_ascii_case("EXEC") && !verb.eq_ignore_ascii_case("EXECUTE") {
        return None;
    }
    let rest = rest.trim_start();
    let name = rest.get(..PROCEDURE.len())?;
    let arguments = &rest[PROCEDURE.len()..];
    let ends_there = arguments.is_empty() || arguments.starts_with(char::is_whitespace);
    (name.eq_ignore_ascii_case(PROCEDURE) && ends_there).then(|| arguments.trim())
}

fn parse_arguments(mut rest: &str) -> Result<Map<String, Json>, SqlError> {
    let mut fault = Map::new();
    while !rest.is_empty() {
        let (name, after) = rest
            .strip_prefix('@')
            .and_then(|rest| rest.split_once('='))
            .ok_or_else(|| refusal("expected @name = literal"))?;
        let (value, after) = literal(after.trim_start())?;
        fault.insert(name.trim().to_ascii_lowercase(), value);
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if rest.is_empty() => rest,
            None => return Err(refusal("expected a comma between arguments")),
        };
    }
    Ok(fault)
}

/// An integer, `'text'` or `N'text'` with doubled quotes; and what follows it.
fn literal(text: &str) -> Result<(Json, &str), SqlError> {
    let quoted = text.strip_prefix(['N', 'n']).unwrap_or(text);
    if let Some(mut rest) = quoted.strip_prefix('\'') {
        let mut value = String::new();
        loop {
            let (piece, after) =
                rest.split_once('\'').ok_or_else(|| refusal("a string without its closing quote"))?;
            value.push_str(piece);
            match after.strip_prefix('\'') {
                Some(next) => {
                    value.push('\'');
                    rest = next;
                }
                None => return Ok((Json::from(value), after)),
            }
        }
    }
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    let number: i64 = text[..end].parse().map_err(|_| refusal("an argument that is no literal"))?;
    Ok((Json::from(number), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::faults::StatementFault;

    #[test]
    fn the_control_procedure_arms_and_clears() {
        let faults = Faults::default();
        let armed = "execute local_sql.fault @action = N'cut_result', @pattern='it''s', @rows = 3 ;";
        assert_eq!(faults.control_statement(armed), Some(Ok(())));
        assert_eq!(faults.for_statement("IT'S", 51), Some(StatementFault::CutResult { rows: 3 }));
        assert_eq!(faults.control_statement("EXEC local_sql.fault @action='clear'"), Some(Ok(())));
        assert_eq!(faults.for_statement("IT'S", 51), None);
    }

    #[test]
    fn other_statements_pass_and_mistakes_are_named() {
        let faults = Faults::default();
        assert_eq!(faults.control_statement("EXEC local_sql.faulty"), None);
        assert_eq!(faults.control_statement("SELECT 'EXEC local_sql.fault'"), None);
        for mistake in ["@action = N'nonsense'", "@action = @P1", "'deadlock'", "@action = N'x"] {
            let outcome = faults.control_statement(&format!("EXEC local_sql.fault {mistake}"));
            assert!(matches!(outcome, Some(Err(error)) if error.number == 40000), "{mistake}");
        }
    }
}
