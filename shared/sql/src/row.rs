//! Reading columns without panics: a missing column, a NULL or a wrong type is an error that names it.

use tiberius::{FromSql, Row};

use crate::error::{Error, Result};

/// Reads columns of a [`Row`] by name.
pub trait RowExt {
    /// A column that must not be NULL.
    ///
    /// # Errors
    /// [`Error::Column`] if it is absent, NULL or of another type.
    fn read<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T>;

    /// A column that may be NULL.
    ///
    /// # Errors
    /// [`Error::Column`] if it is absent or of another type.
    fn read_opt<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<Option<T>>;
}

impl RowExt for Row {
    fn read<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<T> {
        self.read_opt(column)?.ok_or_else(|| failure(column, "it is NULL".to_owned()))
    }

    fn read_opt<'a, T: FromSql<'a>>(&'a self, column: &str) -> Result<Option<T>> {
        self.try_get(column).map_err(|error| failure(column, error.to_string()))
    }
}

fn failure(column: &str, message: String) -> Error {
    Error::Column { column: column.to_owned(), message }
}
