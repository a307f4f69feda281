//! Short texts from clients.

use host::problem::FieldError;

/// A text of one line, trimmed, with at most `max` characters.
pub(crate) fn line(field: &str, given: &str, max: usize) -> Result<String, FieldError> {
    let text = given.trim();
    let reason = match text.encode_utf16().count() {
        0 => "is empty".to_owned(),
        length if length > max => format!("is longer than {max} characters"),
        _ if text.chars().any(char::is_control) => "contains a control character".to_owned(),
        _ => return Ok(text.to_owned()),
    };
    Err(FieldError::new(field, reason).value(text))
}
