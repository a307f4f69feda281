//! Ids in addresses.

use crate::error::Error;

/// What a segment of an address says; anything but the digits of an id names nothing.
pub(crate) fn parse(segment: &str, nothing: Error) -> Result<i64, Error> {
    segment.parse().ok().filter(|id| *id > 0).ok_or(nothing)
}
