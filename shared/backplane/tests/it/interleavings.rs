//! What a hit reads, under every order that the memory model allows (loom).
//!
//! The very file of the gate is compiled here once more, over loom's atomics. Small steps only: what the rules make of
//! them is `states.rs`' and `model.rs`' matter.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

mod atomic {
    pub(super) use loom::sync::atomic::{AtomicU64, Ordering};
}
#[expect(dead_code, reason = "not all of it is used here")]
#[path = "../../src/feed/gate.rs"]
mod gate;
#[path = "../../src/feed/position.rs"]
mod position;

use gate::{Gate, Validity};
use position::Position;

type Nanos = u64;

const TAG: i64 = 1;
/// A lease that has ended at [`NOW`], and one that has not.
const PAST: Nanos = 10;
const FUTURE: Nanos = 100;
const NOW: Nanos = 50;

fn at(offset: u64) -> Position {
    Position::new(1, offset)
}

/// In its first generation, nothing changed yet.
fn gate(lease: Nanos) -> Arc<Gate> {
    let gate = Gate::new(2);
    gate.begin(at(0));
    gate.lease(lease);
    Arc::new(gate)
}

fn check(gate: &Gate, stamp: Position) -> Validity {
    gate.check(stamp, stamp, &[gate.slot(TAG)], NOW)
}

/// A step of whoever writes to the gate.
type Step = fn(&Gate);
const RAISE: Step = |gate| gate.raise(TAG, at(1));
const ADVANCE: Step = |gate| gate.advance(at(1));
const LEASE: Step = |gate| gate.lease(FUTURE);

/// A change is applied and a lease granted on it, while somebody looks at an older value.
fn an_old_value_is_no_hit(steps: [Step; 3]) {
    loom::model(move || {
        let gate = gate(PAST);
        let writer = {
            let gate = gate.clone();
            thread::spawn(move || steps.iter().for_each(|step| step(&gate)))
        };
        assert_ne!(check(&gate, at(0)), Validity::Valid);
        writer.join().unwrap();
    });
}

#[test]
fn whoever_sees_a_lease_sees_the_floors_that_it_was_granted_on() {
    an_old_value_is_no_hit([RAISE, ADVANCE, LEASE]);
}

#[test]
#[should_panic(expected = "Valid")]
fn a_lease_before_its_floors_would_be_noticed() {
    an_old_value_is_no_hit([ADVANCE, LEASE, RAISE]);
}

/// A load, while what it reads is changed and the change is applied: the change is committed before anybody hears of it.
fn a_kept_value_is_true(stamp_first: bool) {
    loom::model(move || {
        let gate = gate(FUTURE);
        let stored = Arc::new(AtomicU64::new(0));
        let writer = {
            let (gate, stored) = (gate.clone(), stored.clone());
            thread::spawn(move || {
                stored.store(1, Ordering::Release);
                RAISE(&gate);
                ADVANCE(&gate);
            })
        };
        let early = gate.position();
        let value = stored.load(Ordering::Acquire);
        let stamp = if stamp_first { early } else { gate.position() };
        writer.join().unwrap();
        assert!(value == 1 || check(&gate, stamp) != Validity::Valid, "an old value is Valid");
    });
}

#[test]
fn a_load_overtaken_by_a_change_is_no_hit_when_the_change_is_known() {
    a_kept_value_is_true(true);
}

#[test]
#[should_panic(expected = "Valid")]
fn a_stamp_taken_after_the_load_would_be_noticed() {
    a_kept_value_is_true(false);
}

#[test]
fn after_a_change_is_told_its_old_value_is_no_hit() {
    loom::model(|| {
        let gate = gate(FUTURE);
        let told = Arc::new(AtomicBool::new(false));
        let writer = {
            let (gate, told) = (gate.clone(), told.clone());
            thread::spawn(move || {
                RAISE(&gate);
                // The writer's own transaction returns, or its client asks elsewhere in this process.
                told.store(true, Ordering::Release);
            })
        };
        let known = told.load(Ordering::Acquire);
        let validity = check(&gate, at(0));
        assert!(!known || validity != Validity::Valid);
        writer.join().unwrap();
    });
}

#[test]
fn under_the_lease_of_a_new_generation_no_value_of_an_older_one_is_a_hit() {
    loom::model(|| {
        let gate = gate(PAST);
        let writer = {
            let gate = gate.clone();
            thread::spawn(move || {
                gate.lease(0);
                gate.end();
                gate.begin(Position::new(2, 0));
                gate.lease(FUTURE);
            })
        };
        let stamp = gate.position();
        assert_ne!(check(&gate, at(0)), Validity::Valid);
        // Whatever a load noted meanwhile: nothing, a place of the old generation or of the new one.
        let validity = check(&gate, stamp);
        assert!(validity != Validity::Valid || stamp.generation() == 2);
        writer.join().unwrap();
    });
}

/// Two changes of one slot, by the receiver and by a writer of this process: the later one stays.
#[test]
fn floors_and_what_they_say_never_go_back() {
    loom::model(|| {
        let gate = gate(FUTURE);
        let raises = [at(2), at(1)].map(|position| {
            let gate = gate.clone();
            thread::spawn(move || gate.raise(TAG, position))
        });
        let is_changed = |stamp| gate.is_changed(stamp, &[gate.slot(TAG)]);
        let before = is_changed(at(1));
        let after = is_changed(at(1));
        assert!(!before || after);
        for raise in raises {
            raise.join().unwrap();
        }
        assert!(is_changed(at(1)) && !is_changed(at(2)));
    });
}
