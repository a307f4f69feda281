//! The rules of claims, fences and dead servers as a model: every interleaving of two workers and two jobs.
//!
//! One action is one statement of the engine or one event of the world. Time is left out: whatever may be delayed may be
//! delayed for ever, so a lease may end at any moment and an outcome may come at any later one. What the rules are worth
//! is shown by the variants that lack one of them: each has the counterexample that is expected of it. Start at
//! [`Rules`], then [`Tables`].

use stateright::{Checker as _, HasDiscoveries, Model, Property};

const WORKERS: usize = 2;
const JOBS: usize = 2;
/// Observations in which a beat stood still, before the verdict.
const OBSERVATIONS: u8 = 2;

/// What the engine relies on; a variant lacks one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Sound,
    /// An outcome is accepted if the job is Processing, as in Hangfire.
    NoFence,
    /// An outcome is accepted for whatever job has this number.
    ById,
    /// A server whose last beat is old is dead, whoever looks, as soon as it looks.
    DeadByAge,
    /// Any queue row may take over a job that is Processing.
    AnyRowTakesOver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Status {
    Enqueued,
    Processing,
    Done,
    Deleted,
}

/// A row of `HangFire.Job`, with its row of `Jobs.Lease`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Job {
    status: Status,
    /// `StateId`.
    state: u8,
    /// The worker, and the queue row through which it claimed.
    lease: Option<(usize, u8)>,
}

/// A row of `HangFire.JobQueue`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Row {
    id: u8,
    job: usize,
    fetched: Fetched,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Fetched {
    No,
    Fresh,
    Expired,
}

/// What one process remembers of a job that it claimed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Run {
    job: usize,
    fence: u8,
    row: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Worker {
    is_alive: bool,
    /// It has not beaten since the storage was away.
    is_silent: bool,
    runs: Vec<Run>,
    /// How often it saw the other's beat stand still.
    observed: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Tables {
    jobs: [Job; JOBS],
    rows: Vec<Row>,
    workers: [Worker; WORKERS],
    states: u8,
    next_row: u8,
    /// What the world has done.
    crashed: bool,
    surplus: bool,
    cancelled: bool,
    outage: bool,
    /// What must never happen, once it has.
    stale_accepted: bool,
    end_undone: bool,
    live_buried: bool,
    taken_by_surplus: bool,
    /// What should happen, in some history.
    refused: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Action {
    Claim {
        worker: usize,
        row: u8,
    },
    Renew {
        worker: usize,
    },
    /// The outcome is sent; the answer may be lost, then it will be sent again.
    Acknowledge {
        worker: usize,
        run: usize,
        answered: bool,
    },
    LeaseEnds {
        row: u8,
    },
    Beat {
        worker: usize,
    },
    Observe {
        worker: usize,
    },
    /// The worker gives back the other's jobs.
    Bury {
        worker: usize,
    },
    Cancel {
        job: usize,
    },
    Crash {
        worker: usize,
    },
    SurplusRow {
        job: usize,
    },
    Outage,
}

struct Engine {
    rules: Rules,
    bounds: Bounds,
}

/// How far histories go.
#[derive(Clone, Copy)]
struct Bounds {
    /// State rows: claims, ends, requeues and cancellations.
    states: u8,
    /// Crashes, cancellations, surplus rows and outages together; of each one at most.
    events: u8,
}

impl Tables {
    fn start() -> Self {
        let job = Job { status: Status::Enqueued, state: 0, lease: None };
        let worker = Worker { is_alive: true, is_silent: false, runs: Vec::new(), observed: 0 };
        Self {
            jobs: [job.clone(), job],
            rows: (0..JOBS).map(|job| Row { id: job as u8, job, fetched: Fetched::No }).collect(),
            workers: [worker.clone(), worker],
            states: 0,
            next_row: JOBS as u8,
            crashed: false,
            surplus: false,
            cancelled: false,
            outage: false,
            stale_accepted: false,
            end_undone: false,
            live_buried: false,
            taken_by_surplus: false,
            refused: false,
        }
    }

    /// A new row of `HangFire.State`; its id.
    fn enter(&mut self, job: usize, status: Status) -> u8 {
        self.states += 1;
        self.end_undone |= matches!(self.jobs[job].status, Status::Done | Status::Deleted);
        self.jobs[job].status = status;
        self.jobs[job].state = self.states;
        self.states
    }

    /// claim.sql.
    fn claim(&mut self, rules: Rules, worker: usize, id: u8) {
        let Some(at) = self.rows.iter().position(|row| row.id == id) else { return };
        let job = self.rows[at].job;
        let through_another = self.jobs[job].lease.is_some_and(|(_, row)| row != id);
        let may_take = match self.jobs[job].status {
            Status::Enqueued => true,
            Status::Processing => !through_another || rules == Rules::AnyRowTakesOver,
            Status::Done | Status::Deleted => false,
        };
        if !may_take {
            self.rows.remove(at);
            return;
        }
        self.taken_by_surplus |= self.jobs[job].status == Status::Processing && through_another;
        self.rows[at].fetched = Fetched::Fresh;
        let fence = self.enter(job, Status::Processing);
        self.jobs[job].lease = Some((worker, id));
        let runs = &mut self.workers[worker].runs;
        runs.push(Run { job, fence, row: id });
        runs.sort();
    }

    /// complete.sql.
    fn acknowledge(&mut self, rules: Rules, run: &Run) {
        let job = &self.jobs[run.job];
        let is_newest = job.status == Status::Processing && job.state == run.fence;
        let accepted = match rules {
            Rules::NoFence => job.status == Status::Processing,
            Rules::ById => true,
            _ => is_newest,
        };
        if accepted {
            self.stale_accepted |= !is_newest;
            self.enter(run.job, Status::Done);
            self.jobs[run.job].lease = None;
            self.rows.retain(|row| row.id != run.row);
        } else {
            self.refused = true;
        }
    }

    /// renew.sql.
    fn renew(&mut self, worker: usize) {
        for run in &self.workers[worker].runs {
            if self.jobs[run.job].state == run.fence {
                for row in self.rows.iter_mut().filter(|row| row.id == run.row) {
                    row.fetched = Fetched::Fresh;
                }
            }
        }
    }

    /// bury.sql, and the requeueing of what the dead server had: through complete.sql, under its fences.
    fn bury(&mut self, worker: usize) {
        let dead = 1 - worker;
        self.live_buried |= self.workers[dead].is_alive;
        self.workers[worker].observed = 0;
        for job in 0..JOBS {
            if let Some((owner, row)) = self.jobs[job].lease
                && owner == dead
                && self.jobs[job].status == Status::Processing
            {
                self.enter(job, Status::Enqueued);
                self.jobs[job].lease = None;
                for row in self.rows.iter_mut().filter(|found| found.id == row) {
                    row.fetched = Fetched::No;
                }
            }
        }
    }

    fn events(&self) -> u8 {
        [self.crashed, self.surplus, self.cancelled, self.outage].into_iter().map(u8::from).sum()
    }

    fn has_row(&self, job: usize) -> bool {
        self.rows.iter().any(|row| row.job == job)
    }
}

impl Model for Engine {
    type State = Tables;
    type Action = Action;

    fn init_states(&self) -> Vec<Tables> {
        vec![Tables::start()]
    }

    fn actions(&self, tables: &Tables, actions: &mut Vec<Action>) {
        let may_happen = |event: bool| !event && tables.events() < self.bounds.events;
        for (worker, this) in tables.workers.iter().enumerate().filter(|(_, this)| this.is_alive) {
            let free = tables.rows.iter().filter(|row| row.fetched != Fetched::Fresh);
            actions.extend(free.map(|row| Action::Claim { worker, row: row.id }));
            for run in 0..this.runs.len() {
                actions.extend([true, false].map(|answered| Action::Acknowledge { worker, run, answered }));
            }
            if !this.runs.is_empty() {
                actions.push(Action::Renew { worker });
            }
            if this.is_silent {
                actions.push(Action::Beat { worker });
            }
            let other = &tables.workers[1 - worker];
            match self.rules {
                Rules::DeadByAge if other.is_silent || !other.is_alive => {
                    actions.push(Action::Bury { worker })
                }
                Rules::DeadByAge => {}
                // Over the time of the observations a process that lives has beaten: then they start over. So the last
                // one is made of a process that does not.
                _ if this.observed == OBSERVATIONS && !other.is_alive => {
                    actions.push(Action::Bury { worker })
                }
                // Of one that beats there is nothing to remember.
                _ if this.observed < OBSERVATIONS && (other.is_silent || !other.is_alive) => {
                    actions.push(Action::Observe { worker })
                }
                _ => {}
            }
            if may_happen(tables.crashed) {
                actions.push(Action::Crash { worker });
            }
        }
        let fresh = tables.rows.iter().filter(|row| row.fetched == Fetched::Fresh);
        actions.extend(fresh.map(|row| Action::LeaseEnds { row: row.id }));
        for (job, this) in tables.jobs.iter().enumerate() {
            if may_happen(tables.cancelled) && matches!(this.status, Status::Enqueued | Status::Processing) {
                actions.push(Action::Cancel { job });
            }
            if may_happen(tables.surplus) {
                actions.push(Action::SurplusRow { job });
            }
        }
        if may_happen(tables.outage) {
            actions.push(Action::Outage);
        }
    }

    fn next_state(&self, last: &Tables, action: Action) -> Option<Tables> {
        let mut tables = last.clone();
        match action {
            Action::Claim { worker, row } => tables.claim(self.rules, worker, row),
            Action::Renew { worker } => tables.renew(worker),
            Action::Acknowledge { worker, run, answered } => {
                let sent = tables.workers[worker].runs[run].clone();
                tables.acknowledge(self.rules, &sent);
                if answered {
                    tables.workers[worker].runs.remove(run);
                }
            }
            Action::LeaseEnds { row } => {
                tables
                    .rows
                    .iter_mut()
                    .filter(|found| found.id == row)
                    .for_each(|row| row.fetched = Fetched::Expired);
            }
            Action::Beat { worker } => {
                tables.workers[worker].is_silent = false;
                tables.workers[1 - worker].observed = 0;
            }
            Action::Observe { worker } => tables.workers[worker].observed += 1,
            Action::Bury { worker } => tables.bury(worker),
            Action::Cancel { job } => {
                tables.cancelled = true;
                tables.enter(job, Status::Deleted);
            }
            Action::Crash { worker } => {
                tables.crashed = true;
                tables.workers[worker].is_alive = false;
                tables.workers[worker].runs.clear();
            }
            Action::SurplusRow { job } => {
                tables.surplus = true;
                tables.rows.push(Row { id: tables.next_row, job, fetched: Fetched::No });
                tables.next_row += 1;
            }
            Action::Outage => {
                tables.outage = true;
                for worker in &mut tables.workers {
                    worker.is_silent = true;
                    worker.observed = 0;
                }
            }
        }
        (tables != *last).then_some(tables)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(NEWEST, |_, tables: &Tables| !tables.stale_accepted),
            Property::always(FINAL, |_, tables: &Tables| !tables.end_undone),
            Property::always(ALIVE, |_, tables: &Tables| !tables.live_buried),
            Property::always(SURPLUS, |_, tables: &Tables| !tables.taken_by_surplus),
            Property::always(NOTHING_LOST, |_, tables: &Tables| {
                (0..JOBS).all(|job| {
                    matches!(tables.jobs[job].status, Status::Done | Status::Deleted) || tables.has_row(job)
                })
            }),
            Property::sometimes(ALL_DONE, |_, tables: &Tables| {
                let done = tables.jobs.iter().all(|job| job.status == Status::Done);
                done && tables.refused && tables.crashed
            }),
        ]
    }

    fn within_boundary(&self, tables: &Tables) -> bool {
        tables.states <= self.bounds.states
    }
}

const NEWEST: &str = "an accepted outcome carries the newest fence";
const FINAL: &str = "what has ended stays ended";
const ALIVE: &str = "no live process is taken for dead";
const SURPLUS: &str = "no surplus row takes a running job";
const NOTHING_LOST: &str = "a job that has not ended can be found in a queue";
const ALL_DONE: &str = "all is done after a crash and a refusal";

/// The promises that the rules break, each with a history that breaks it.
fn broken_by(rules: Rules, bounds: Bounds) -> Vec<&'static str> {
    let checker =
        Engine { rules, bounds }.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
    let found = checker.discoveries();
    println!("{rules:?}: {} states, depth {}", checker.unique_state_count(), checker.max_depth());
    // A model in which nothing can happen keeps every promise.
    if rules == Rules::Sound && bounds.states > 3 {
        assert!(found.contains_key(ALL_DONE), "no history ends well");
    }
    let mut broken: Vec<&str> = found.keys().copied().filter(|name| *name != ALL_DONE).collect();
    broken.sort_unstable();
    broken
}

const SOME_EVENT: Bounds = Bounds { states: 4, events: 1 };
const TWO_EVENTS: Bounds = Bounds { states: 3, events: 2 };

#[test]
fn the_rules_keep_every_promise_whatever_happens() {
    assert_eq!(broken_by(Rules::Sound, SOME_EVENT), [""; 0]);
}

#[test]
fn the_rules_keep_every_promise_whatever_happens_together() {
    assert_eq!(broken_by(Rules::Sound, TWO_EVENTS), [""; 0]);
}

/// `make soak`: a million states.
#[test]
#[ignore = "a minute or more: make soak"]
fn the_rules_keep_every_promise_in_long_histories() {
    assert_eq!(broken_by(Rules::Sound, Bounds { states: 4, events: 2 }), [""; 0]);
}

#[test]
fn without_the_fence_a_zombie_completes_its_successors_job() {
    assert_eq!(broken_by(Rules::NoFence, SOME_EVENT), [NEWEST]);
}

#[test]
fn acknowledged_by_id_only_an_ended_job_ends_again() {
    let broken = broken_by(Rules::ById, SOME_EVENT);
    assert!(broken.contains(&NEWEST) || broken.contains(&FINAL), "{broken:?}");
}

#[test]
fn dead_by_age_buries_the_living_after_an_outage() {
    assert_eq!(broken_by(Rules::DeadByAge, SOME_EVENT), [ALIVE]);
}

#[test]
fn a_takeover_through_any_row_lets_a_surplus_row_take_a_running_job() {
    assert_eq!(broken_by(Rules::AnyRowTakesOver, SOME_EVENT), [SURPLUS]);
}
