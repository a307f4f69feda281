//! Times in JSON: RFC 3339 in UTC, as text.

use serde::{Serialize, Serializer};
use sql::{Row, RowExt};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, PrimitiveDateTime};
use utoipa::ToSchema;

/// A time of the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub(crate) struct Timestamp(pub(crate) OffsetDateTime);

impl Timestamp {
    /// A column that is not NULL.
    pub(crate) fn read(row: &Row, column: &str) -> sql::Result<Self> {
        Ok(Self(row.read::<PrimitiveDateTime>(column)?.assume_utc()))
    }

    /// A column that may be NULL.
    pub(crate) fn read_opt(row: &Row, column: &str) -> sql::Result<Option<Self>> {
        let time = row.read_opt::<PrimitiveDateTime>(column)?;
        Ok(time.map(|time| Self(time.assume_utc())))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.format(&Rfc3339).map_err(serde::ser::Error::custom)?;
        serializer.serialize_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc() {
        let moment = time::macros::datetime!(2026-03-01 09:05:07.25 UTC);
        assert_eq!(serde_json::to_string(&Timestamp(moment)).unwrap(), "\"2026-03-01T09:05:07.25Z\"");
    }
}
