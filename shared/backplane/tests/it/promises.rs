//! Which test shows what is promised, and that each of them exists.
//!
//! [`INVARIANTS`] are those of a coherent cache, [`FAILURES`] the ways in which the cache of a known shop platform with a
//! Redis backplane goes wrong. A name stands for the test of that name in this crate, or in `sql` behind `sql:`.

use std::path::Path;

const INVARIANTS: [(&str, &[&str]); 20] = [
    (
        "A hit is at most max_staleness old.",
        &["no_state_breaks_a_promise", "whatever_is_disturbed_no_unmarked_answer_is_older_than_the_bound"],
    ),
    (
        "After a change is received no older value is a hit.",
        &["a_changed_tag_or_key_is_never_served_again", "after_a_change_is_told_its_old_value_is_no_hit"],
    ),
    (
        "What is applied is in the floors, without gaps.",
        &["no_schedule_breaks_a_promise", "a_gap_is_read_from_sql"],
    ),
    (
        "Floors, position and generation never go back.",
        &["no_schedule_breaks_a_promise", "floors_and_what_they_say_never_go_back"],
    ),
    (
        "Floors are raised before the position moves and the lease is granted; a hit looks at them last.",
        &[
            "whoever_sees_a_lease_sees_the_floors_that_it_was_granted_on",
            "a_lease_before_its_floors_would_be_noticed",
        ],
    ),
    (
        "The stamp of a load is from before it began.",
        &[
            "a_load_overtaken_by_a_change_is_no_hit_when_the_change_is_known",
            "a_stamp_taken_after_the_load_would_be_noticed",
        ],
    ),
    (
        "A changed tag fences loads under way as a changed key does.",
        &[
            "a_reader_that_comes_after_a_change_does_not_share_an_older_load",
            "the_same_holds_for_a_change_of_a_tag_that_only_the_load_knows",
        ],
    ),
    (
        "After a gap, pruning, another identity or numbers used again nothing older is a hit.",
        &[
            "another_log_begins_another_generation",
            "numbers_used_again_after_a_restore_begin_another_generation",
            "pruning_while_gaps_are_read_costs_generations_and_never_a_right_answer",
        ],
    ),
    (
        "A confirmed subscription is followed by a look at SQL; without a lease nothing is served from memory.",
        &[
            "redis_may_die_and_come_back_without_a_flush",
            "without_a_lease_every_read_loads_and_with_it_hits_resume",
        ],
    ),
    (
        "A lease counts from its question, and ends in a process that was stopped.",
        &[
            "a_state_shows_each_rule_that_is_left_out",
            "whatever_is_disturbed_no_unmarked_answer_is_older_than_the_bound",
        ],
    ),
    (
        "The versions of a key never go back in one instance.",
        &[
            "no_schedule_breaks_a_promise",
            "a_value_that_goes_back_is_noticed_in_one_instance_and_not_across_them",
        ],
    ),
    (
        "One load for a key at a time; a leader that is gone hands over; a deadline frees its place.",
        &[
            "a_thousand_readers_of_one_key_cause_one_load",
            "a_cancelled_or_panicking_leader_hands_over",
            "loads_are_limited_in_number_and_time",
        ],
    ),
    (
        "Receiving waits for nobody, and memory is bounded.",
        &[
            "a_full_mailbox_drops_messages_and_keeps_the_last_connection_change",
            "a_subscriber_that_the_server_drops_for_being_slow_comes_back",
            "memory_is_bounded_and_heavy_values_are_served_without_being_kept",
        ],
    ),
    (
        "One's own change is visible when the transaction returns; elsewhere after wait_applied.",
        &[
            "a_change_is_seen_at_once_by_its_writer_and_by_hint_elsewhere",
            "a_commit_whose_answer_is_lost_is_visible_when_the_transaction_returns",
        ],
    ),
    (
        "Hints may be repeated and come in any order.",
        &["no_state_breaks_a_promise", "no_schedule_breaks_a_promise"],
    ),
    (
        "A reconnect flushes nothing, here or elsewhere.",
        &["a_subscription_that_the_server_kills_comes_back_and_reads_what_it_missed"],
    ),
    ("What is forgotten or expires is nobody else's business.", &["what_a_cache_forgets_is_told_to_nobody"]),
    (
        "What is known to be wrong is not served by fail-safe either.",
        &["fail_safe_never_serves_what_is_known_to_be_wrong"],
    ),
    (
        "A collision of slots costs a load and nothing else.",
        &["two_tags_in_one_slot_cost_a_load_and_nothing_else"],
    ),
    (
        "When faults end, hits resume.",
        &["no_schedule_breaks_a_promise", "whatever_is_disturbed_no_unmarked_answer_is_older_than_the_bound"],
    ),
];

const FAILURES: [(&str, &[&str]); 12] = [
    ("Stale fill after invalidation in the by-id path.", &["a_load_overtaken_by_a_change_is_not_kept"]),
    ("The same where a token is taken before the load.", &["a_load_overtaken_by_a_change_is_not_kept"]),
    (
        "Messages lost while disconnected or half-open.",
        &[
            "redis_may_die_and_come_back_without_a_flush",
            "whatever_redis_does_the_bound_holds_and_sql_has_little_to_do",
        ],
    ),
    (
        "Entries cached before the subscription is confirmed miss changes.",
        &["redis_may_die_and_come_back_without_a_flush", "without_redis_a_change_is_seen_by_probe"],
    ),
    ("Every receiver publishes again what it removed.", &["what_a_cache_forgets_is_told_to_nobody"]),
    ("An idle instance evicts hot entries elsewhere.", &["what_a_cache_forgets_is_told_to_nobody"]),
    (
        "Each reconnect flushes the whole fleet.",
        &["a_subscription_that_the_server_kills_comes_back_and_reads_what_it_missed"],
    ),
    (
        "A reader meets a token that a writer disposes of.",
        &["under_the_lease_of_a_new_generation_no_value_of_an_older_one_is_a_hit"],
    ),
    (
        "Bookkeeping grows with every key ever cached.",
        &["memory_is_bounded_and_heavy_values_are_served_without_being_kept"],
    ),
    ("Keys, with secrets in them, travel in clear.", &["the_layout_is_what_other_releases_expect"]),
    (
        "An instance never sees what another changed.",
        &["a_change_is_seen_at_once_by_its_writer_and_by_hint_elsewhere"],
    ),
    (
        "Changes are announced before the transaction around them commits.",
        &[
            "sql:a_rolled_back_change_reaches_no_reader_and_no_observer",
            "a_state_shows_each_slip_of_a_cache_above_the_rules",
        ],
    ),
];

fn sources(directory: &Path, text: &mut String) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn each_promise_has_the_tests_that_are_named_for_it() {
    let read = |folders: [&str; 2]| {
        let mut text = String::new();
        for folder in folders {
            sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut text);
        }
        text
    };
    let (ours, sql) = (read(["src", "tests"]), read(["../sql/src", "../sql/tests"]));
    let missing: Vec<_> = INVARIANTS
        .iter()
        .chain(&FAILURES)
        .flat_map(|(promise, tests)| tests.iter().map(move |test| (promise, test)))
        .filter(|(_, test)| {
            let (text, name) = test.strip_prefix("sql:").map_or((&ours, **test), |name| (&sql, name));
            !text.contains(&format!("fn {name}()"))
        })
        .collect();
    assert!(missing.is_empty(), "promised and not tested: {missing:?}");
}
