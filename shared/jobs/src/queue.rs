//! Names of queues: the rule is Hangfire's, so that its servers and dashboard accept ours.

use crate::error::{Error, Result};

/// Longest name: the width of `JobQueue.Queue`.
pub const QUEUE_NAME_MAX: usize = 50;

/// Checks a queue name: 1 to [`QUEUE_NAME_MAX`] lower-case ASCII letters, digits, `_` or `-`.
pub fn check_queue_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || name.len() > QUEUE_NAME_MAX || !name.chars().all(allowed) {
        return Err(Error::QueueName { name: name.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_hangfire_refuses_are_refused() {
        for good in ["default", "a", "night-run_2", &"x".repeat(50)] {
            assert!(check_queue_name(good).is_ok(), "{good}");
        }
        for bad in ["", "Default", "a b", "ä", "a:b", &"x".repeat(51)] {
            assert!(check_queue_name(bad).is_err(), "{bad}");
        }
    }
}
