//! Own messages that Redis will bring back: clients here have had them.
//!
//! The messages have no room for a sender without changing a layout that .NET reads, so they are told apart by what they
//! are: as many equal ones as were published are left out, each once. An equal message of another server comes beside
//! ours and is delivered.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use xxhash_rust::xxh3::Xxh3;

/// Longest time for a message to come back; it was lost then.
const LIFETIME: Duration = Duration::from_secs(30);
/// Messages that are waited for. Of more the oldest are taken for lost.
const EXPECTED_MAX: usize = 8_192;

/// What will come back.
#[derive(Default)]
pub(super) struct Echoes {
    counts: HashMap<u128, u32>,
    order: VecDeque<(Instant, u128)>,
}

impl Echoes {
    /// Call it before publishing.
    pub(super) fn expect(&mut self, channel: &str, message: &[u8]) {
        let (now, hash) = (Instant::now(), hash(channel, message));
        while self.order.len() >= EXPECTED_MAX
            || self.order.front().is_some_and(|(at, _)| now - *at > LIFETIME)
        {
            let Some((_, lost)) = self.order.pop_front() else { break };
            self.take(lost);
        }
        *self.counts.entry(hash).or_default() += 1;
        self.order.push_back((now, hash));
    }

    /// Whether a message is one of ours; each is so once.
    pub(super) fn came_back(&mut self, channel: &str, message: &[u8]) -> bool {
        let hash = hash(channel, message);
        let is_ours = self.take(hash);
        if is_ours && let Some(at) = self.order.iter().position(|(_, expected)| *expected == hash) {
            self.order.remove(at);
        }
        is_ours
    }

    /// The connection is gone, and everything under way with it.
    pub(super) fn clear(&mut self) {
        self.counts.clear();
        self.order.clear();
    }

    fn take(&mut self, hash: u128) -> bool {
        let Some(count) = self.counts.get_mut(&hash) else { return false };
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&hash);
        }
        true
    }
}

fn hash(channel: &str, message: &[u8]) -> u128 {
    let mut hasher = Xxh3::new();
    hasher.update(&(channel.len() as u64).to_le_bytes());
    hasher.update(channel.as_bytes());
    hasher.update(message);
    hasher.digest128()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_own_message_is_left_out_once_and_an_equal_one_of_another_server_is_not() {
        let mut echoes = Echoes::default();
        echoes.expect("all", b"tick");
        echoes.expect("all", b"tick");
        assert!(!echoes.came_back("user", b"tick"));
        assert!(echoes.came_back("all", b"tick"));
        assert!(echoes.came_back("all", b"tick"));
        assert!(!echoes.came_back("all", b"tick"), "a third one is somebody else's");
        echoes.expect("all", b"tick");
        echoes.clear();
        assert!(!echoes.came_back("all", b"tick"), "it went down with the connection");
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_does_not_come_back_is_forgotten() {
        let mut echoes = Echoes::default();
        echoes.expect("all", b"lost");
        tokio::time::advance(LIFETIME * 2).await;
        echoes.expect("all", b"next");
        assert!(!echoes.came_back("all", b"lost"));
        for number in 0..EXPECTED_MAX {
            echoes.expect("all", &number.to_le_bytes());
        }
        assert!(!echoes.came_back("all", b"next"), "too many came after it");
        assert_eq!(echoes.order.len(), EXPECTED_MAX);
    }
}
