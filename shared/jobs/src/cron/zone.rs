//! Time zones by name: IANA's, and Windows', which .NET on Windows writes.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, Offset, TimeZone, TimeZoneDatabase};

use super::windows_zones::WINDOWS_ZONES;

/// The rules that the program brings along: every process of a fleet computes the same times, whatever its machine has.
static DATABASE: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A time zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(TimeZone);

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(TimeZone::UTC);

    /// By a name of IANA (`Europe/Berlin`) or Windows (`W. Europe Standard Time`); empty is UTC. `None`: no such zone.
    pub fn parse(name: &str) -> Option<Self> {
        if name.is_empty() || name.eq_ignore_ascii_case("UTC") {
            return Some(Self::UTC);
        }
        let windows = WINDOWS_ZONES.iter().find(|(windows, _)| windows.eq_ignore_ascii_case(name));
        let iana = windows.map_or(name, |(_, iana)| iana);
        DATABASE.get(iana).ok().map(Self)
    }

    pub(super) fn offset(&self, at: Timestamp) -> Offset {
        self.0.to_offset(at)
    }

    pub(super) fn ambiguity(&self, local: DateTime) -> AmbiguousOffset {
        self.0.to_ambiguous_timestamp(local).offset()
    }

    /// When the clocks go back around a local time that exists twice.
    pub(super) fn turn_of_fold(&self, local: DateTime, before: Offset, after: Offset) -> Option<Timestamp> {
        self.turn_after(before.to_timestamp(local).ok()?, after)
    }

    /// When the zone changes to `offset` after `at`.
    pub(super) fn turn_after(&self, at: Timestamp, offset: Offset) -> Option<Timestamp> {
        let turn = self.0.following(at).find(|turn| turn.offset() == offset);
        turn.map(|turn| turn.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_windows_name_leads_to_a_zone() {
        for (windows, _) in WINDOWS_ZONES {
            assert!(Zone::parse(windows).is_some(), "{windows}");
        }
        assert_eq!(Zone::parse("w. europe standard time"), Zone::parse("Europe/Berlin"));
    }

    #[test]
    fn other_names_lead_nowhere() {
        for name in ["Mars/Olympus", "CEST", "+02:00", " ", "../etc/passwd"] {
            assert_eq!(Zone::parse(name), None, "{name}");
        }
        assert_eq!(Zone::parse(""), Some(Zone::UTC));
        assert!(Zone::parse("Etc/UTC").is_some());
    }
}
