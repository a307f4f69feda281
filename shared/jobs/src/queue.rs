//! Queues: their names (the rule is Hangfire's, so that its servers and dashboard accept ours), and which one is read
//! first.

use crate::error::{Error, Result};

/// Longest name: the width of `JobQueue.Queue`.
pub const QUEUE_NAME_MAX: usize = 50;

/// Greatest weight.
const WEIGHT_MAX: u32 = 1_000;

/// Checks a queue name: 1 to [`QUEUE_NAME_MAX`] lower-case ASCII letters, digits, `_` or `-`.
pub fn check_queue_name(name: &str) -> Result<()> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.is_empty() || name.len() > QUEUE_NAME_MAX || !name.chars().all(allowed) {
        return Err(Error::QueueName { name: name.to_owned() });
    }
    Ok(())
}

/// Which of a server's queues is read first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum QueueWeights {
    /// A later queue is read only for slots that the earlier ones left free.
    #[default]
    Strict,
    /// One weight for each queue, 1 to 1,000: each claim begins with a queue drawn by weight, goes on with one drawn from
    /// the rest, and so on. So every queue has its share, however long the others are; a share that is not used is the
    /// others'.
    Weighted(Vec<u32>),
}

impl QueueWeights {
    pub(crate) fn check(&self, queues: usize) -> Result<()> {
        let Self::Weighted(weights) = self else { return Ok(()) };
        if weights.len() != queues || weights.iter().any(|weight| !(1..=WEIGHT_MAX).contains(weight)) {
            return Err(Error::Options { problem: "weights must be 1 to 1000, one for each queue" });
        }
        Ok(())
    }

    /// The order for one claim; `None` = as they stand.
    pub(crate) fn order(&self, queues: &[String]) -> Option<Vec<String>> {
        let Self::Weighted(weights) = self else { return None };
        // The queue whose exponentially distributed time with this rate ends first is drawn by weight, and so is the
        // next among the others.
        let time = |weight: u32| -(1.0 - rand::random::<f64>()).ln() / f64::from(weight);
        let mut drawn: Vec<(f64, &String)> =
            weights.iter().zip(queues).map(|(weight, queue)| (time(*weight), queue)).collect();
        drawn.sort_by(|one, other| one.0.total_cmp(&other.0));
        Some(drawn.into_iter().map(|(_, queue)| queue.clone()).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_drawn_by_weight_and_none_is_left_out() {
        let queues = ["a", "b"].map(str::to_owned);
        let weighted = QueueWeights::Weighted(vec![3, 1]);
        let first = |_| weighted.order(&queues).unwrap();
        let orders: Vec<Vec<String>> = (0..4_000).map(first).collect();
        assert!(orders.iter().all(|order| order.len() == 2));
        let a_first = orders.iter().filter(|order| order[0] == "a").count();
        assert!((2_700..3_300).contains(&a_first), "{a_first} of 4000, expected about 3000");
        assert_eq!(QueueWeights::Strict.order(&queues), None);
        assert!(weighted.check(2).is_ok());
        assert!(weighted.check(3).is_err());
        assert!(QueueWeights::Weighted(vec![0, 1]).check(2).is_err());
    }

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
