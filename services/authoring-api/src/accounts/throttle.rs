//! How often somebody may try: so many times a minute, in a memory of fixed size.
//!
//! Each key has a place in an array by its hash, seeded anew in each process. Two keys may share a place, and then
//! share what it allows: a collision can refuse somebody too early and never lets anybody in too often. A place
//! holds one number, the time at which everything that was taken from it will have come back (GCRA).

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

/// 512 KiB; more keys than this in one minute begin to share places.
const PLACES: usize = 1 << 16;
const MINUTE_US: u64 = 60_000_000;

/// Counts tries.
pub(crate) struct Throttle {
    places: Box<[AtomicU64]>,
    seed: RandomState,
    begin: Instant,
    /// What one try takes, µs.
    cost_us: u64,
}

/// Too often; the next try is possible after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooOften {
    pub(crate) retry_after: Duration,
}

impl Throttle {
    /// Allows `tries` a minute, all of them at once where there was a minute without any.
    pub(crate) fn per_minute(tries: u32) -> Self {
        let places = std::iter::repeat_with(AtomicU64::default).take(PLACES).collect();
        let cost_us = (MINUTE_US / u64::from(tries.max(1))).max(1);
        Self { places, seed: RandomState::new(), begin: Instant::now(), cost_us }
    }

    /// Takes one try.
    pub(crate) fn admit(&self, key: impl Hash) -> Result<(), TooOften> {
        let now_us = u64::try_from(self.begin.elapsed().as_micros()).unwrap_or(u64::MAX / 2);
        let place = &self.places[self.seed.hash_one(key) as usize % PLACES];
        let latest_us = now_us + MINUTE_US;
        let take = |free_at_us: u64| {
            Some(free_at_us.max(now_us) + self.cost_us).filter(|next_us| *next_us <= latest_us)
        };
        match place.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => Ok(()),
            Err(free_at_us) => {
                let wait_us = (free_at_us + self.cost_us).saturating_sub(latest_us);
                Err(TooOften { retry_after: Duration::from_micros(wait_us) })
            }
        }
    }
}

/// Whose tries are counted together, besides those of an address.
#[derive(Hash)]
pub(crate) enum Account<'a> {
    /// By the user name, whether there is such a user or not.
    User(&'a str),
    /// By the client id of an API key, likewise.
    Client(Uuid),
    /// By the handle of the session, which its refresh tokens carry; likewise.
    Session(Uuid),
}

/// What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, which is what one customer gets.
pub(crate) fn client_of(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits() & !u128::from(u64::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_minutes_tries_are_allowed_and_come_back_one_by_one() {
        let throttle = Throttle::per_minute(6);
        for _ in 0..6 {
            assert_eq!(throttle.admit("a"), Ok(()));
        }
        assert_eq!(throttle.admit("a"), Err(TooOften { retry_after: Duration::from_secs(10) }));
        assert_eq!(throttle.admit("b"), Ok(()), "another key has tries of its own");
        tokio::time::advance(Duration::from_secs(9)).await;
        assert_eq!(throttle.admit("a"), Err(TooOften { retry_after: Duration::from_secs(1) }));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(throttle.admit("a"), Ok(()));
        assert!(throttle.admit("a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_is_not_saved_up() {
        let throttle = Throttle::per_minute(2);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert!(throttle.admit(1).is_ok() && throttle.admit(1).is_ok());
        assert!(throttle.admit(1).is_err());
    }

    #[test]
    fn a_network_of_64_bits_is_one_client() {
        let client = |address: &str| client_of(address.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_ne!(client("203.0.113.7"), client("203.0.113.8"));
    }
}
