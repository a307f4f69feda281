//! What is missing, what does not fit: pure comparisons of our steps with the recorded ones.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{Migration, MigrationError, SCHEMA_LEVEL};

/// A row of `Platform.Migration`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) component: String,
    pub(super) version: u32,
    pub(super) name: String,
    pub(super) checksum: String,
    pub(super) min_binary: u32,
}

/// How a step is called in reports and errors.
pub(super) fn title(step: &Migration) -> String {
    format!("{} {}: {}", step.component, step.version, step.name)
}

/// The steps without a record, in order.
pub(super) fn missing<'a>(
    sets: &[&'a [Migration]],
    recorded: &[Recorded],
) -> Result<Vec<&'a Migration>, MigrationError> {
    if let Some(row) = recorded.iter().find(|row| row.min_binary > SCHEMA_LEVEL) {
        return Err(MigrationError::TooNew {
            step: format!("{} {}: {}", row.component, row.version, row.name),
            needed: row.min_binary,
            ours: SCHEMA_LEVEL,
        });
    }
    let mut missing = Vec::new();
    for step in sets.iter().copied().flatten() {
        if !is_recorded(step, recorded)? {
            missing.push(step);
        }
    }
    Ok(missing)
}

/// Whether a step has a record; a record of another text is an error.
pub(super) fn is_recorded(step: &Migration, recorded: &[Recorded]) -> Result<bool, MigrationError> {
    let same = |row: &&Recorded| row.component == step.component && row.version == step.version;
    let Some(row) = recorded.iter().find(same) else {
        return Ok(false);
    };
    let ours = checksum(step.text);
    if row.checksum.trim_end() != ours {
        return Err(MigrationError::Changed { step: title(step), recorded: row.checksum.clone(), ours });
    }
    Ok(true)
}

/// Refuses lists that are wrong in themselves.
pub(super) fn check(sets: &[&[Migration]]) -> Result<(), MigrationError> {
    let mut last: std::collections::HashMap<&str, u32> = std::collections::HashMap::new();
    for step in sets.iter().copied().flatten() {
        let expected = last.get(step.component).map_or(1, |version| version + 1);
        let problem = if step.version != expected {
            "versions of a component must be 1, 2, 3 … in this order"
        } else if step.min_binary > SCHEMA_LEVEL {
            "it asks for a higher schema level than its own binary has"
        } else if i32::try_from(step.version).is_err() {
            "its version is too large"
        } else {
            last.insert(step.component, step.version);
            continue;
        };
        return Err(MigrationError::Invalid { step: title(step), problem });
    }
    Ok(())
}

/// SHA-256 of a text in lower-case hexadecimal; `\r\n` counts as `\n`.
pub(super) fn checksum(text: &str) -> String {
    let digest = Sha256::digest(text.replace("\r\n", "\n"));
    digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// For a parameter; [`check`] has refused what does not fit.
pub(super) fn as_int(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Migration =
        Migration { component: "A", version: 1, name: "one", min_binary: 1, text: "SELECT 1" };
    const TWO: Migration = Migration { version: 2, name: "two", ..ONE };

    fn record(step: &Migration) -> Recorded {
        Recorded {
            component: step.component.to_owned(),
            version: step.version,
            name: step.name.to_owned(),
            checksum: checksum(step.text),
            min_binary: step.min_binary,
        }
    }

    #[test]
    fn only_steps_without_a_record_are_missing() {
        let sets: &[&[Migration]] = &[&[ONE, TWO]];
        assert_eq!(missing(sets, &[]).unwrap(), [&ONE, &TWO]);
        assert_eq!(missing(sets, &[record(&ONE)]).unwrap(), [&TWO]);
        // A step of a newer binary that ours can live with.
        let newer = Recorded { version: 3, ..record(&TWO) };
        assert_eq!(missing(sets, &[record(&ONE), record(&TWO), newer]).unwrap(), [] as [&Migration; 0]);
    }

    #[test]
    fn a_changed_text_and_a_higher_level_are_refused() {
        let changed = Recorded { checksum: checksum("SELECT 2"), ..record(&ONE) };
        assert!(matches!(missing(&[&[ONE]], &[changed]), Err(MigrationError::Changed { .. })));
        let newer = Recorded { min_binary: SCHEMA_LEVEL + 1, component: "B".to_owned(), ..record(&ONE) };
        assert!(matches!(missing(&[&[ONE]], &[newer]), Err(MigrationError::TooNew { .. })));
    }

    #[test]
    fn line_ends_do_not_count_in_a_checksum() {
        assert_eq!(checksum("a\r\nb"), checksum("a\nb"));
        assert_ne!(checksum("a\nb"), checksum("a\nb "));
    }

    #[test]
    fn gaps_and_wrong_orders_are_refused() {
        for wrong in [&[TWO][..], &[ONE, ONE], &[TWO, ONE]] {
            assert!(matches!(check(&[wrong]), Err(MigrationError::Invalid { .. })));
        }
        assert!(check(&[&[ONE], &[TWO], &[Migration { component: "B", ..ONE }]]).is_ok());
    }
}
