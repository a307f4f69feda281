//! The history of jobs, and whether it may be so.
//!
//! Two witnesses that know nothing of each other: the rows that the storage kept, and the journals in which the worker
//! processes wrote every run and every answer to an outcome. [`History::violations`] is pure, and is itself tried on
//! histories that must not be: below, and on a server whose fence was taken away (`zombies.rs`).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One line of a worker's journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The first line: the id under which the process is registered.
    Server { server: String },
    /// A handler begins.
    Started { job: i64, fence: i64 },
    /// It ends: with success, with an error, or told that the job is not ours.
    Ended { job: i64, fence: i64, end: End },
    /// The storage's answer to the outcome.
    Settled { job: i64, fence: i64, outcome: String, accepted: bool },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    Success,
    Error,
    Lost,
}

/// A row of `HangFire.State`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub id: i64,
    pub name: String,
    pub reason: String,
    /// Of a `Processing` row.
    pub server: String,
}

/// Everything that both witnesses say, at the end.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Jobs whose enqueuing was committed.
    pub enqueued: BTreeSet<i64>,
    /// By job, in order.
    pub states: BTreeMap<i64, Vec<State>>,
    /// `Job.StateName`.
    pub current: BTreeMap<i64, String>,
    /// Jobs with a row in a queue, or put aside until they can run.
    pub waiting: BTreeSet<i64>,
    /// Jobs in the `schedule` set.
    pub scheduled: BTreeSet<i64>,
    /// Job and fence of each chunk that a handler committed, in order.
    pub effects: Vec<(i64, i64)>,
    /// The journals, one after the other.
    pub events: Vec<Event>,
}

/// What may follow a state; the first must be `Enqueued`.
fn may_follow(before: &str) -> &'static [&'static str] {
    match before {
        "Enqueued" => &["Processing", "Deleted"],
        "Processing" => &["Processing", "Succeeded", "Failed", "Enqueued", "Deleted"],
        // A failure that is tried again is written as Failed and then Scheduled.
        "Failed" => &["Scheduled"],
        "Scheduled" => &["Enqueued", "Processing", "Deleted"],
        _ => &[],
    }
}

impl History {
    /// Every sentence of the contract that was broken.
    pub fn violations(&self) -> Vec<String> {
        let mut broken = Vec::new();
        self.no_job_is_lost(&mut broken);
        self.states_follow_each_other(&mut broken);
        self.every_end_has_a_run(&mut broken);
        self.accepted_outcomes_carry_the_newest_fence(&mut broken);
        self.runs_belong_to_claims(&mut broken);
        self.effects_never_go_back(&mut broken);
        broken
    }

    fn states_of(&self, job: i64) -> &[State] {
        self.states.get(&job).map_or(&[], Vec::as_slice)
    }

    /// The position of the claim with this fence.
    fn claim(&self, job: i64, fence: i64) -> Option<usize> {
        self.states_of(job).iter().position(|state| state.id == fence && state.name == "Processing")
    }

    fn no_job_is_lost(&self, broken: &mut Vec<String>) {
        for job in &self.enqueued {
            let ends_well = match self.current.get(job).map(String::as_str) {
                Some("Succeeded" | "Failed" | "Deleted") => true,
                Some("Enqueued") => self.waiting.contains(job),
                Some("Scheduled") => self.scheduled.contains(job),
                _ => false,
            };
            if !ends_well {
                broken.push(format!("job {job} is lost: its state is {:?}", self.current.get(job)));
            }
        }
    }

    fn states_follow_each_other(&self, broken: &mut Vec<String>) {
        for (job, states) in &self.states {
            if states.first().is_none_or(|first| first.name != "Enqueued") {
                broken.push(format!("job {job} does not begin with Enqueued"));
            }
            for pair in states.windows(2) {
                if !may_follow(&pair[0].name).contains(&pair[1].name.as_str()) {
                    broken.push(format!(
                        "job {job}: {} ({}) after {} ({})",
                        pair[1].name, pair[1].id, pair[0].name, pair[0].id
                    ));
                }
            }
            if states.last().map(|last| &last.name) != self.current.get(job) {
                broken.push(format!("job {job}: its state is not the last of its history"));
            }
        }
    }

    /// `Succeeded` and `Failed` stand right behind a claim whose run ended that way: not behind somebody else's.
    fn every_end_has_a_run(&self, broken: &mut Vec<String>) {
        let ended: BTreeMap<(i64, i64), End> = self
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Ended { job, fence, end } => Some(((*job, *fence), *end)),
                _ => None,
            })
            .collect();
        for (job, states) in &self.states {
            for pair in states.windows(2).filter(|pair| pair[0].name == "Processing") {
                let wanted = match pair[1].name.as_str() {
                    "Succeeded" => End::Success,
                    // Parked without a run, because it killed its processes.
                    "Failed" if pair[1].reason.contains("died while they ran this job") => continue,
                    "Failed" => End::Error,
                    _ => continue,
                };
                let fence = pair[0].id;
                if ended.get(&(*job, fence)) != Some(&wanted) {
                    broken.push(format!(
                        "job {job} is {} under fence {fence}, whose run did not end so: {:?}",
                        pair[1].name,
                        ended.get(&(*job, fence))
                    ));
                }
            }
        }
    }

    /// What was accepted under a fence is the next that happened to the job: there was no newer claim.
    fn accepted_outcomes_carry_the_newest_fence(&self, broken: &mut Vec<String>) {
        let mut seen = BTreeSet::new();
        for event in &self.events {
            let Event::Settled { job, fence, outcome, accepted: true } = event else { continue };
            if !seen.insert((job, fence)) {
                broken.push(format!("job {job}: two outcomes were accepted under fence {fence}"));
            }
            let wanted: &[&str] = match outcome.as_str() {
                "Succeeded" => &["Succeeded"],
                "Failed" => &["Failed"],
                "Retried" => &["Failed", "Scheduled"],
                _ => &["Enqueued"],
            };
            let after =
                self.claim(*job, *fence).map(|at| &self.states_of(*job)[at + 1..]).unwrap_or_default();
            let names: Vec<&str> = after.iter().take(wanted.len()).map(|state| state.name.as_str()).collect();
            if names != wanted {
                broken.push(format!(
                    "job {job}: {outcome} was accepted under fence {fence}, and what followed is {names:?}"
                ));
            }
        }
    }

    /// Each run has a claim of its own, written in the name of its process.
    fn runs_belong_to_claims(&self, broken: &mut Vec<String>) {
        let (mut seen, mut process) = (BTreeSet::new(), "");
        for event in &self.events {
            match event {
                Event::Server { server } => process = server,
                Event::Started { job, fence } => {
                    let claim = self.claim(*job, *fence).map(|at| &self.states_of(*job)[at]);
                    if claim.is_none_or(|claim| claim.server != process) {
                        broken.push(format!(
                            "job {job}: a run under fence {fence}, which is no claim of {process}"
                        ));
                    }
                    if !seen.insert((job, fence)) {
                        broken.push(format!("job {job}: two runs under fence {fence}"));
                    }
                }
                _ => {}
            }
        }
    }

    fn effects_never_go_back(&self, broken: &mut Vec<String>) {
        let mut newest: BTreeMap<i64, i64> = BTreeMap::new();
        for (job, fence) in &self.effects {
            let newest = newest.entry(*job).or_insert(*fence);
            if fence < newest {
                broken.push(format!(
                    "job {job}: a chunk under fence {fence} was committed after one under {newest}"
                ));
            }
            *newest = (*newest).max(*fence);
        }
    }

    /// The names of a job's states.
    pub fn names(&self, job: i64) -> Vec<&str> {
        self.states_of(job).iter().map(|state| state.name.as_str()).collect()
    }

    /// How many claims there were, how many were taken from somebody, and outcomes refused: what a storm did.
    pub fn summary(&self) -> String {
        let count = |name: &str| self.states.values().flatten().filter(|state| state.name == name).count();
        let taken = self.states.values().flat_map(|states| states.windows(2));
        let taken = taken.filter(|pair| pair[0].name == "Processing" && pair[1].name != "Succeeded").count();
        let refused = |event: &&Event| matches!(event, Event::Settled { accepted: false, .. });
        format!(
            "{} jobs, {} claims ({taken} without success), {} succeeded, {} deleted, {} outcomes refused, {} chunks",
            self.enqueued.len(),
            count("Processing"),
            count("Succeeded"),
            count("Deleted"),
            self.events.iter().filter(refused).count(),
            self.effects.len(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(id: i64, name: &str) -> State {
        let server = if name == "Processing" { format!("server-{}", id % 2) } else { String::new() };
        State { id, name: name.to_owned(), reason: String::new(), server }
    }

    fn run(fence: i64, end: End, accepted: bool) -> [Event; 4] {
        [
            Event::Server { server: format!("server-{}", fence % 2) },
            Event::Started { job: 1, fence },
            Event::Ended { job: 1, fence, end },
            Event::Settled { job: 1, fence, outcome: "Succeeded".to_owned(), accepted },
        ]
    }

    /// One job, claimed by one process, taken over by another that completes it; the first is refused.
    fn good() -> History {
        let states = [(1, "Enqueued"), (2, "Processing"), (5, "Processing"), (6, "Succeeded")];
        History {
            enqueued: [1].into(),
            states: [(1, states.map(|(id, name)| state(id, name)).to_vec())].into(),
            current: [(1, "Succeeded".to_owned())].into(),
            effects: vec![(1, 2), (1, 5)],
            events: [run(2, End::Success, false), run(5, End::Success, true)].concat(),
            ..History::default()
        }
    }

    fn broken(change: impl FnOnce(&mut History)) -> String {
        let mut history = good();
        change(&mut history);
        history.violations().join("\n")
    }

    #[test]
    fn a_takeover_whose_loser_is_refused_is_as_it_should_be() {
        assert_eq!(good().violations(), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_is_found() {
        let zombie = broken(|history| {
            history.events = [run(2, End::Success, true), run(5, End::Success, false)].concat()
        });
        assert!(zombie.contains("accepted under fence 2"), "{zombie}");
        let unfinished = broken(|history| {
            history.events =
                [run(2, End::Success, true).to_vec(), run(5, End::Success, true)[..2].to_vec()].concat();
        });
        assert!(unfinished.contains("whose run did not end so: None"), "{unfinished}");
        let lost = broken(|history| history.current = [(1, "Processing".to_owned())].into());
        assert!(lost.contains("job 1 is lost"), "{lost}");
        let gone = broken(|history| history.enqueued = [1, 2].into());
        assert!(gone.contains("job 2 is lost: its state is None"), "{gone}");
        let without_row = broken(|history| {
            history.states = [(1, vec![state(1, "Enqueued")])].into();
            history.current = [(1, "Enqueued".to_owned())].into();
        });
        assert!(without_row.contains("job 1 is lost"), "{without_row}");
        let again = broken(|history| {
            history.states.entry(1).or_default().push(state(7, "Processing"));
            history.current = [(1, "Processing".to_owned())].into();
        });
        assert!(again.contains("Processing (7) after Succeeded (6)"), "{again}");
        let foreign = broken(|history| history.events[0] = Event::Server { server: "server-9".to_owned() });
        assert!(foreign.contains("no claim of server-9"), "{foreign}");
        let twice = broken(|history| history.events.extend(run(5, End::Success, true)));
        assert!(twice.contains("two runs under fence 5") && twice.contains("two outcomes"), "{twice}");
        let back = broken(|history| history.effects = vec![(1, 5), (1, 2)]);
        assert!(back.contains("a chunk under fence 2 was committed after one under 5"), "{back}");
    }
}
