//! One decoded row, and what single cells mean.

use super::{Column, Columns, Refusal};
use crate::Reason;

/// The cells of one row that are read, by [`Column::index`]. Absent ones are empty.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) number: u64,
    cells: Vec<String>,
}

impl Row {
    /// Decodes the cells. The refusals are about cells that no product can be made of.
    pub(super) fn decode<'a>(
        columns: &Columns,
        places: &[Option<usize>],
        number: u64,
        cells: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Row, Vec<Refusal>) {
        let mut row = Row { number, cells: vec![String::new(); Column::COUNT] };
        let mut refusals = Vec::new();
        for (position, cell) in cells.into_iter().enumerate() {
            match places.get(position) {
                Some(Some(place)) => match std::str::from_utf8(cell) {
                    Ok(text) => row.cells[*place] = text.to_owned(),
                    Err(_) => {
                        let name = columns.spelling_at(*place);
                        let value = String::from_utf8_lossy(cell);
                        let reason = "is not UTF-8; save the file as CSV UTF-8";
                        refusals.push(Refusal::new(number, name, &value, reason));
                    }
                },
                Some(None) => {}
                None if cell.is_empty() => {}
                None => {
                    let value = String::from_utf8_lossy(cell);
                    let reason =
                        format!("stands in cell {}, the header has only {}", position + 1, places.len());
                    refusals.push(Refusal::new(number, "", &value, reason));
                    break;
                }
            }
        }
        (row, refusals)
    }

    /// The cell as it stands in the file.
    pub(super) fn raw(&self, column: Column) -> &str {
        &self.cells[column.index()]
    }

    /// The cell without surrounding spaces.
    pub(super) fn text(&self, column: Column) -> &str {
        self.raw(column).trim()
    }

    pub(super) fn has(&self, column: Column) -> bool {
        !self.text(column).is_empty()
    }

    pub(super) fn is_blank(&self) -> bool {
        self.cells.iter().all(|cell| cell.trim().is_empty())
    }
}

/// `TRUE` and `FALSE` as spreadsheets and people write them; an empty cell means TRUE, as in Shopify.
pub(super) fn published(text: &str) -> Result<bool, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "" | "true" | "t" | "yes" | "y" | "1" => Ok(true),
        "false" | "f" | "no" | "n" | "0" => Ok(false),
        _ => Err(Reason::fixed("is neither TRUE nor FALSE")),
    }
}

/// Whether the status lets a published product be seen; an empty cell means active.
pub(super) fn is_active(text: &str) -> Result<bool, Reason> {
    match text.to_ascii_lowercase().as_str() {
        "" | "active" => Ok(true),
        "draft" | "archived" => Ok(false),
        _ => Err(Reason::fixed("is none of active, draft, archived")),
    }
}

/// A whole number. Decimal places are allowed if they are zeros: Shopify writes grams as `200.0`.
/// An empty cell means 0.
pub(super) fn whole_number(text: &str) -> Result<i64, Reason> {
    if text.is_empty() {
        return Ok(0);
    }
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain || decimals.is_empty() || decimals.bytes().any(|byte| byte != b'0') {
        return Err(Reason::fixed("is not a whole number"));
    }
    whole.parse().map_err(|_| Reason::fixed("is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_is_understood_in_the_forms_that_spreadsheets_write() {
        assert_eq!(published("TRUE"), Ok(true));
        assert_eq!(published("false"), Ok(false));
        assert_eq!(published(""), Ok(true));
        assert_eq!(published("No"), Ok(false));
        assert_eq!(published("maybe").unwrap_err().as_str(), "is neither TRUE nor FALSE");
    }

    #[test]
    fn whole_numbers_may_carry_zero_decimals() {
        assert_eq!(whole_number("200.0"), Ok(200));
        assert_eq!(whole_number("-3"), Ok(-3));
        assert_eq!(whole_number(""), Ok(0));
        for wrong in ["1.5", "1.", "-", "1,000", "12g", "+1"] {
            assert_eq!(whole_number(wrong).unwrap_err().as_str(), "is not a whole number", "{wrong}");
        }
        assert_eq!(whole_number("99999999999999999999").unwrap_err().as_str(), "is too large");
    }
}
