//! What the rows of Shopify's product export mean.
//!
//! A product is a run of rows with the same `Handle`: the first carries the product's own fields and its first
//! variant, later ones a further variant, a further image, or both. [`Columns`] finds the columns by name,
//! [`Assembler`] turns rows into products or into [`Refusal`]s that name row, column, value and reason.
//!
//! Pure: no reader, no clock. A `Handle` that comes back later in the file starts a new group here; whether it
//! was already imported from the same file is known to storage only.

mod assembler;
mod cells;
mod columns;

pub use assembler::{Assembled, Assembler};
pub use columns::{Column, Columns, HeaderError};

use crate::limits::REFUSED_VALUE_MAX;
use crate::text;
use std::fmt;

/// Why a product of the file was not imported: one cell and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The row in the file as a spreadsheet counts: the header is row 1, a quoted line break is no new row.
    pub row: u64,
    /// The column's name in the header; empty when the row as a whole is meant.
    pub column: String,
    /// What stood there, cut to [`REFUSED_VALUE_MAX`].
    pub value: String,
    /// Why it was refused, for the person who wrote the file.
    pub reason: String,
}

impl Refusal {
    /// Cuts `value` to its limit.
    pub fn new(row: u64, column: &str, value: &str, reason: impl fmt::Display) -> Self {
        Refusal {
            row,
            column: column.to_owned(),
            value: text::cut(value, REFUSED_VALUE_MAX).to_owned(),
            reason: reason.to_string(),
        }
    }
}
