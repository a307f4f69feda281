//! The cache over a feed played by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use backplane::cache::RENEW_BATCH_MAX;
use backplane::testing::ManualFeed;
use backplane::{Cache, CacheError, CacheKey, CacheOptions, Loaded, Outcome, hash64};
use tokio::sync::{Notify, Semaphore};

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Name(&'static str);

impl CacheKey for Name {
    type Value = String;
    fn hash64(&self) -> i64 {
        hash64("name", &[self.0.as_bytes()])
    }
}

const A: Name = Name("a");
const TAG: i64 = 0x7A6;

fn loaded(text: &str) -> Loaded<String> {
    Loaded::new(Some(text.to_owned()), vec![TAG])
}

async fn read(cache: &Cache<Name>, text: &str) -> (String, Outcome) {
    let load = async || Ok::<_, String>(loaded(text));
    let served = cache.get_or_load(&A, load).await.unwrap();
    (served.value.unwrap().as_ref().clone(), served.outcome)
}

fn answer(text: &str, outcome: Outcome) -> (String, Outcome) {
    (text.to_owned(), outcome)
}

fn cache(feed: &ManualFeed) -> Cache<Name> {
    Cache::new(feed.feed(), CacheOptions { max_bytes: 1 << 20, ..CacheOptions::default() })
}

/// Under a lease.
fn ready() -> (ManualFeed, Arc<Cache<Name>>) {
    let feed = ManualFeed::default();
    feed.probe();
    let cache = Arc::new(cache(&feed));
    (feed, cache)
}

#[tokio::test]
async fn a_value_is_loaded_once_and_then_served_from_memory() {
    let (_feed, cache) = ready();
    assert_eq!(read(&cache, "one").await, answer("one", Outcome::Miss));
    assert_eq!(read(&cache, "two").await, answer("one", Outcome::Hit));
    assert_eq!(cache.get(&A).unwrap().value.unwrap().as_str(), "one");
    let stats = cache.stats();
    assert_eq!((stats.hits, stats.loads, stats.entries), (2, 1, 1));
    assert!(stats.bytes > 0);
}

#[tokio::test]
async fn a_changed_tag_or_key_is_never_served_again() {
    let (feed, cache) = ready();
    read(&cache, "one").await;
    feed.commit(&[TAG]);
    assert!(cache.get(&A).is_none());
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss));
    feed.commit(&[A.hash64()]);
    assert_eq!(read(&cache, "three").await, answer("three", Outcome::Miss));
    feed.commit(&[hash64("name", &[b"another"])]);
    assert_eq!(read(&cache, "four").await, answer("three", Outcome::Hit));
    assert_eq!(cache.stats().changed, 3);
}

#[tokio::test]
async fn an_absent_value_is_remembered_with_the_same_fence() {
    let (feed, cache) = ready();
    let absent = async || Ok::<_, String>(Loaded::new(None, vec![TAG]));
    assert!(cache.get_or_load(&A, absent).await.unwrap().value.is_none());
    let served = cache.get_or_load(&A, absent).await.unwrap();
    assert_eq!((served.value.is_none(), served.outcome), (true, Outcome::Hit));
    feed.commit(&[TAG]);
    assert_eq!(read(&cache, "born").await, answer("born", Outcome::Miss));
}

#[tokio::test]
async fn a_load_overtaken_by_a_change_is_not_kept() {
    let (feed, cache) = ready();
    let load = async || {
        feed.commit(&[TAG]);
        Ok::<_, String>(loaded("old"))
    };
    let served = cache.get_or_load(&A, load).await.unwrap();
    assert_eq!(served.value.unwrap().as_str(), "old");
    assert!(cache.get(&A).is_none());
    assert_eq!(cache.stats().born_changed, 1);
}

#[tokio::test]
async fn a_thousand_readers_of_one_key_cause_one_load() {
    let (_feed, cache) = ready();
    let loads = Arc::new(AtomicUsize::new(0));
    let go = Arc::new(Semaphore::new(0));
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..1_000 {
        let (cache, loads, go) = (cache.clone(), loads.clone(), go.clone());
        readers.spawn(async move {
            let load = async || {
                loads.fetch_add(1, SeqCst);
                let _go = go.acquire().await;
                Ok::<_, String>(loaded("one"))
            };
            cache.get_or_load(&A, load).await.unwrap().value.unwrap().as_ref().clone()
        });
    }
    while cache.stats().absent < 1_000 {
        tokio::task::yield_now().await;
    }
    go.add_permits(1);
    assert!(readers.join_all().await.iter().all(|value| value == "one"));
    assert_eq!(loads.load(SeqCst), 1);
    assert_eq!(cache.stats().shared, 999);
}

#[tokio::test]
async fn a_reader_that_comes_after_a_change_does_not_share_an_older_load() {
    let (feed, cache) = ready();
    let go = Arc::new(Notify::new());
    let old = {
        let (cache, go) = (cache.clone(), go.clone());
        tokio::spawn(async move {
            let load = async || {
                go.notified().await;
                Ok::<_, String>(loaded("old"))
            };
            cache.get_or_load(&A, load).await.unwrap().value.unwrap().as_ref().clone()
        })
    };
    while cache.stats().loads < 1 {
        tokio::task::yield_now().await;
    }
    feed.commit(&[A.hash64()]);
    assert_eq!(read(&cache, "new").await, answer("new", Outcome::Miss));
    go.notify_one();
    assert_eq!(old.await.unwrap(), "old");
    assert_eq!(read(&cache, "newer").await, answer("new", Outcome::Hit));
}

#[tokio::test]
async fn the_same_holds_for_a_change_of_a_tag_that_only_the_load_knows() {
    let (feed, cache) = ready();
    let go = Arc::new(Notify::new());
    let old = {
        let (cache, go) = (cache.clone(), go.clone());
        tokio::spawn(async move {
            let load = async || {
                go.notified().await;
                Ok::<_, String>(loaded("old"))
            };
            cache.get_or_load(&A, load).await.unwrap()
        })
    };
    while cache.stats().loads < 1 {
        tokio::task::yield_now().await;
    }
    feed.commit(&[TAG]);
    let late = {
        let cache = cache.clone();
        tokio::spawn(async move { read(&cache, "new").await })
    };
    while cache.stats().absent < 2 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    assert_eq!(late.await.unwrap(), answer("new", Outcome::Miss));
    assert_eq!(old.await.unwrap().value.unwrap().as_str(), "old");
}

#[tokio::test]
async fn a_cancelled_or_panicking_leader_hands_over() {
    let (_feed, cache) = ready();
    for panics in [false, true] {
        let key = Name(if panics { "panics" } else { "cancelled" });
        let go = Arc::new(Notify::new());
        let leader = {
            let (cache, key, go) = (cache.clone(), key.clone(), go.clone());
            tokio::spawn(async move {
                let load = async || {
                    go.notified().await;
                    assert!(!panics, "on purpose");
                    Ok::<_, String>(loaded("never"))
                };
                cache.get_or_load(&key, load).await
            })
        };
        while cache.stats().loads_under_way == 0 {
            tokio::task::yield_now().await;
        }
        let absent = cache.stats().absent;
        let waiter = {
            let (cache, key) = (cache.clone(), key.clone());
            tokio::spawn(
                async move { cache.get_or_load(&key, async || Ok::<_, String>(loaded("two"))).await },
            )
        };
        while cache.stats().absent == absent {
            tokio::task::yield_now().await;
        }
        if panics {
            go.notify_one();
        } else {
            leader.abort();
        }
        assert!(leader.await.is_err());
        assert_eq!(waiter.await.unwrap().unwrap().value.unwrap().as_str(), "two");
    }
    assert_eq!(cache.stats().loads_under_way, 0);
}

#[tokio::test]
async fn an_error_reaches_everybody_who_waited_and_is_not_kept() {
    let (_feed, cache) = ready();
    let go = Arc::new(Notify::new());
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..3 {
        let (cache, go) = (cache.clone(), go.clone());
        readers.spawn(async move {
            let load = async || {
                go.notified().await;
                Err::<Loaded<String>, _>("no".to_owned())
            };
            cache.get_or_load(&A, load).await
        });
    }
    while cache.stats().absent < 3 {
        tokio::task::yield_now().await;
    }
    go.notify_one();
    for result in readers.join_all().await {
        assert!(matches!(result, Err(CacheError::LoadFailed(error)) if *error == "no"));
    }
    assert_eq!(cache.stats().loads, 1);
    assert_eq!(read(&cache, "yes").await, answer("yes", Outcome::Miss));
}

#[tokio::test(start_paused = true)]
async fn loads_are_limited_in_number_and_time() {
    let feed = ManualFeed::default();
    feed.probe();
    let options = CacheOptions { loads_max: 1, loads_waiting_max: 1, ..CacheOptions::default() };
    let cache = Arc::new(Cache::<Name>::new(feed.feed(), options));
    let never = async || {
        std::future::pending::<()>().await;
        Ok::<_, String>(loaded("never"))
    };
    let (first, second, third) = tokio::join!(
        cache.get_or_load(&Name("first"), never),
        cache.get_or_load(&Name("second"), never),
        cache.get_or_load(&Name("third"), never),
    );
    assert!(matches!(first, Err(CacheError::Timeout { .. })));
    assert!(matches!(second, Err(CacheError::Overloaded { .. })), "waited longer than load_wait_max");
    assert!(matches!(third, Err(CacheError::Overloaded { .. })), "no place to wait");
    let stats = cache.stats();
    assert_eq!((stats.loads, stats.load_timeouts, stats.overloaded), (1, 1, 2));
}

#[tokio::test]
async fn without_a_lease_every_read_loads_and_with_it_hits_resume() {
    let (feed, cache) = ready();
    read(&cache, "one").await;
    feed.advance(Duration::from_secs(5));
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss));
    assert_eq!(read(&cache, "three").await, answer("three", Outcome::Miss));
    feed.probe();
    assert_eq!(read(&cache, "four").await, answer("three", Outcome::Hit));
}

#[tokio::test]
async fn while_sql_is_away_old_values_are_served_as_stale_and_nothing_is_loaded() {
    let (feed, cache) = ready();
    read(&cache, "one").await;
    let failing_until = CacheOptions::default().fail_safe_max;
    feed.advance(Duration::from_secs(5));
    feed.probe_fails();
    assert_eq!(read(&cache, "two").await, answer("one", Outcome::Stale));
    assert_eq!((cache.stats().loads, cache.stats().stale), (1, 1));
    feed.advance(failing_until);
    assert_eq!(read(&cache, "three").await, answer("three", Outcome::Miss));
    feed.probe();
    assert_eq!(read(&cache, "four").await, answer("three", Outcome::Hit));
}

#[tokio::test]
async fn fail_safe_never_serves_what_is_known_to_be_wrong() {
    let (feed, cache) = ready();
    read(&cache, "one").await;
    feed.commit(&[TAG]);
    feed.probe_fails();
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss));
    let load =
        async || Ok::<_, String>(Loaded { valid_for: Some(Duration::from_secs(60)), ..loaded("sale") });
    let key = Name("sale");
    cache.get_or_load(&key, load).await.unwrap();
    feed.advance(Duration::from_secs(59));
    assert_eq!(cache.get(&key).unwrap().outcome, Outcome::Stale);
    feed.advance(Duration::from_secs(1));
    assert!(cache.get(&key).is_none(), "the sale is over");
}

#[tokio::test]
async fn a_new_log_makes_every_entry_a_suspect() {
    let (mut feed, cache) = ready();
    read(&cache, "one").await;
    feed.new_log();
    feed.probe();
    assert!(cache.get(&A).is_none());
    assert_eq!(cache.suspect(&A).unwrap().unwrap().as_str(), "one");
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss));
    assert_eq!(cache.stats().old_generation, 2);
}

#[tokio::test]
async fn expiry_slides_up_to_the_absolute_end() {
    let feed = ManualFeed::default();
    feed.probe();
    let minute = Duration::from_secs(60);
    let options = CacheOptions {
        sliding: Some(minute),
        absolute: Some(2 * minute),
        jitter: 0.0,
        ..CacheOptions::default()
    };
    let cache = Cache::<Name>::new(feed.feed(), options);
    read(&cache, "one").await;
    for _ in 0..3 {
        feed.advance(minute * 2 / 3 - Duration::from_secs(1));
        feed.probe();
        assert_eq!(read(&cache, "two").await, answer("one", Outcome::Hit));
    }
    feed.advance(Duration::from_secs(3));
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss), "two minutes are over");
    feed.advance(minute);
    feed.probe();
    assert_eq!(read(&cache, "three").await, answer("three", Outcome::Miss), "nobody read it for a minute");
}

#[tokio::test]
async fn memory_is_bounded_and_heavy_values_are_served_without_being_kept() {
    let feed = ManualFeed::default();
    feed.probe();
    let max_bytes = 1 << 20;
    let options = CacheOptions { max_bytes, item_bytes_max: 4 << 10, ..CacheOptions::default() };
    let cache = Cache::<Name>::new(feed.feed(), options);
    let heavy = "x".repeat(5 << 10);
    assert_eq!(read(&cache, &heavy).await, answer(&heavy, Outcome::Miss));
    assert_eq!((cache.stats().entries, cache.stats().too_heavy), (0, 1));
    let text = "x".repeat(1 << 10);
    for number in 0..5_000 {
        let name: &'static str = Box::leak(number.to_string().into_boxed_str());
        cache.get_or_load(&Name(name), async || Ok::<_, String>(loaded(&text))).await.unwrap();
        let bytes = cache.stats().bytes + feed.feed().core().floor_bytes() as u64;
        assert!(bytes <= max_bytes, "{bytes} bytes after {number} values");
    }
    assert!(cache.stats().entries > 300);
}

#[tokio::test]
async fn a_cache_that_is_turned_off_loads_every_time() {
    let feed = ManualFeed::default();
    feed.probe();
    let cache = Cache::<Name>::new(feed.feed(), CacheOptions { enabled: false, ..CacheOptions::default() });
    assert_eq!(read(&cache, "one").await, answer("one", Outcome::Miss));
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss));
    assert_eq!((cache.stats().loads, cache.stats().entries), (2, 0));
}

#[tokio::test]
async fn values_with_many_tags_are_fenced_by_each_of_them() {
    let (feed, cache) = ready();
    let tags: Vec<i64> = (0..40).map(|number| hash64("many", &[&[number]])).collect();
    let load = async || Ok::<_, String>(Loaded::new(Some("many".to_owned()), tags.clone()));
    for tag in &tags {
        cache.get_or_load(&A, load).await.unwrap();
        assert!(cache.get(&A).is_some());
        feed.commit(&[*tag]);
        assert!(cache.get(&A).is_none());
    }
}

#[tokio::test]
async fn two_tags_in_one_slot_cost_a_load_and_nothing_else() {
    let (feed, cache) = ready();
    let core_feed = feed.feed();
    let slot = |tag: i64| core_feed.core().slot(tag);
    let twin = (0..).find(|tag| *tag != TAG && slot(*tag) == slot(TAG)).unwrap();
    read(&cache, "one").await;
    feed.commit(&[twin]);
    assert_eq!(read(&cache, "one").await, answer("one", Outcome::Miss), "it might have been ours");
    assert_eq!(read(&cache, "two").await, answer("one", Outcome::Hit));
    feed.commit(&[TAG]);
    assert_eq!(read(&cache, "two").await, answer("two", Outcome::Miss));
}

/// Looks at `A` again and again while SQL holds `truth`, until a value was compared.
async fn checked_against(cache: &Cache<Name>, truth: &str) {
    let before = cache.stats().checks;
    let load = async |_| Ok::<_, String>(loaded(truth));
    let watch = cache.watch_staleness(Duration::from_secs(1), load);
    let compared = async {
        while cache.stats().checks == before {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        never = watch => match never {},
        () = compared => {}
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_given_longer_than_it_may_be_is_counted() {
    let (_feed, cache) = ready();
    read(&cache, "one").await;
    checked_against(&cache, "one").await;
    assert_eq!(cache.stats().stale_beyond_bound, 0, "SQL holds the same");

    // SQL was changed and no hint, no probe and no gap tells it: what must never be.
    checked_against(&cache, "two").await;
    assert_eq!(cache.stats().stale_beyond_bound, 1);
    assert_eq!(cache.stats().hits, 0, "a check is no read");
}

#[tokio::test(start_paused = true)]
async fn a_change_that_arrives_within_the_bound_is_none_of_the_checks_business() {
    let (feed, cache) = ready();
    read(&cache, "one").await;
    let arrives = async {
        // The check has seen the difference after its first second, and waits for the bound.
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(cache.stats().checks, 0);
        feed.commit(&[TAG]);
    };
    tokio::join!(checked_against(&cache, "two"), arrives);
    assert_eq!(cache.stats().stale_beyond_bound, 0, "it is not given any more");

    // Loaded again in between: equal to what it was, and as fresh as can be.
    read(&cache, "two").await;
    let again = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        feed.commit(&[TAG]);
        read(&cache, "two").await;
    };
    tokio::join!(checked_against(&cache, "three"), again);
    assert_eq!(cache.stats().stale_beyond_bound, 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_given_is_not_checked_and_a_check_that_fails_is_counted() {
    let (feed, cache) = ready();
    read(&cache, "one").await;
    let watch = async |seconds: u64| {
        let load = async |_| Err::<Loaded<String>, _>("SQL does not answer".to_owned());
        let watch = cache.watch_staleness(Duration::from_secs(1), load);
        let ended = tokio::time::timeout(Duration::from_secs(seconds), watch).await;
        assert!(ended.is_err(), "it goes on for ever");
    };
    watch(10).await;
    let failed = cache.stats().checks_failed;
    assert!(failed > 0);
    feed.advance(Duration::from_secs(60));
    watch(10).await;
    assert_eq!((cache.stats().checks, cache.stats().checks_failed), (0, failed), "the lease is over");
}

/// Renews while `work` goes on; each batch is one query.
async fn renewing(cache: &Cache<Name>, batches: &AtomicUsize, text: &str, work: impl Future<Output = ()>) {
    let load_many = async |keys: Vec<Name>| {
        batches.fetch_add(1, SeqCst);
        Ok::<_, String>(keys.iter().map(|_| loaded(text)).collect())
    };
    tokio::select! {
        never = cache.keep_fresh(load_many) => match never {},
        () = work => {}
    }
}

async fn renewed(cache: &Cache<Name>, count: u64) {
    while cache.stats().renewed < count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_value_that_is_read_shortly_before_its_end_is_renewed_and_no_reader_waits() {
    let feed = ManualFeed::default();
    feed.probe();
    let minute = Duration::from_secs(60);
    let options =
        CacheOptions { sliding: None, absolute: Some(minute), jitter: 0.0, ..CacheOptions::default() };
    let cache = Cache::<Name>::new(feed.feed(), options);
    let batches = AtomicUsize::new(0);
    let idle = Name("idle");
    read(&cache, "one").await;
    cache.get_or_load(&idle, async || Ok::<_, String>(loaded("one"))).await.unwrap();
    renewing(&cache, &batches, "two", async {
        tokio::task::yield_now().await;
        feed.advance(Duration::from_secs(50));
        feed.probe();
        assert_eq!(read(&cache, "no").await, answer("one", Outcome::Hit));
        assert_eq!(cache.stats().renewed, 0, "ten seconds are left, and a tenth of its time is six");
        feed.advance(Duration::from_secs(5));
        feed.probe();
        for _ in 0..100 {
            assert_eq!(read(&cache, "no").await, answer("one", Outcome::Hit));
        }
        renewed(&cache, 1).await;
        feed.advance(Duration::from_secs(50));
        feed.probe();
        assert_eq!(
            read(&cache, "no").await,
            answer("two", Outcome::Hit),
            "its end is over, and nobody waited"
        );
        assert!(cache.get(&idle).is_none(), "nobody read it");
    })
    .await;
    assert_eq!(batches.load(SeqCst), 1);
}

#[tokio::test]
async fn what_is_valid_up_to_a_moment_is_not_renewed_before_it() {
    let feed = ManualFeed::default();
    feed.probe();
    let cache = Cache::<Name>::new(feed.feed(), CacheOptions { sliding: None, ..CacheOptions::default() });
    let minute = Duration::from_secs(60);
    let load = async || Ok::<_, String>(Loaded { valid_for: Some(minute), ..loaded("sale") });
    cache.get_or_load(&A, load).await.unwrap();
    let batches = AtomicUsize::new(0);
    renewing(&cache, &batches, "sale", async {
        tokio::task::yield_now().await;
        feed.advance(Duration::from_secs(59));
        feed.probe();
        assert!(cache.get(&A).is_some());
        tokio::task::yield_now().await;
    })
    .await;
    assert_eq!(batches.load(SeqCst), 0);
}

#[tokio::test]
async fn suspects_of_a_new_generation_are_renewed_in_batches() {
    const SUSPECTS: usize = 1_200;
    let (mut feed, cache) = ready();
    let names: Vec<Name> =
        (0..SUSPECTS).map(|number| Name(Box::leak(number.to_string().into_boxed_str()))).collect();
    for name in &names {
        cache.get_or_load(name, async || Ok::<_, String>(loaded("one"))).await.unwrap();
    }
    // This one is known to be wrong.
    feed.commit(&[names[7].hash64()]);
    let batches = AtomicUsize::new(0);
    let loads = cache.stats().loads;
    feed.new_log();
    renewing(&cache, &batches, "two", async {
        tokio::task::yield_now().await;
        feed.probe();
        renewed(&cache, SUSPECTS as u64 - 1).await;
    })
    .await;
    let queries = batches.load(SeqCst);
    println!("{SUSPECTS} suspects of a new generation: {queries} queries");
    assert_eq!(queries, (SUSPECTS - 1).div_ceil(RENEW_BATCH_MAX));
    assert_eq!(cache.stats().loads, loads + queries as u64);
    let hits =
        names.iter().filter(|name| cache.get(name).is_some_and(|served| served.outcome == Outcome::Hit));
    assert_eq!(hits.count(), SUSPECTS - 1);
}

#[tokio::test]
async fn a_renewal_that_is_overtaken_by_a_change_is_not_kept() {
    let (mut feed, cache) = ready();
    read(&cache, "one").await;
    feed.new_log();
    let changing = async |keys: Vec<Name>| {
        feed.commit(&[TAG]);
        Ok::<_, String>(keys.iter().map(|_| loaded("old")).collect())
    };
    let work = async {
        tokio::task::yield_now().await;
        feed.probe();
        renewed(&cache, 1).await;
    };
    tokio::select! {
        never = cache.keep_fresh(changing) => match never {},
        () = work => {}
    }
    assert_eq!(read(&cache, "new").await, answer("new", Outcome::Miss));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_costs_nobody_his_answer_and_is_tried_again() {
    let feed = ManualFeed::default();
    feed.probe();
    let minute = Duration::from_secs(60);
    let options = CacheOptions { sliding: None, absolute: Some(minute), ..CacheOptions::default() };
    let cache = Cache::<Name>::new(feed.feed(), options);
    read(&cache, "one").await;
    let tries = AtomicUsize::new(0);
    let failing = async |_| {
        tries.fetch_add(1, SeqCst);
        Err::<Vec<Loaded<String>>, _>("SQL does not answer".to_owned())
    };
    let work = async {
        tokio::task::yield_now().await;
        feed.advance(Duration::from_secs(53));
        feed.probe();
        while tries.load(SeqCst) < 2 {
            assert_eq!(read(&cache, "no").await, answer("one", Outcome::Hit));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        never = cache.keep_fresh(failing) => match never {},
        () = work => {}
    }
    assert!(cache.stats().load_failures >= 1);
}
