//! SQL is away for all worker processes at once, longer than a server may be silent: nobody is taken for dead, and no job
//! pays for it (Hangfire #1183).

use std::time::Duration;

use sql::testing::Proxy;

use crate::storm::Fleet;
use crate::storm::history::{Event, History};
use crate::storm::worker::{Fate, Plan, Task, Worker, read_journal};
use crate::support::eventually;

const PROCESSES: usize = 3;

/// SQL goes away for each of `outages` in turn, while every process has jobs that end in the midst of it, jobs that
/// outlast it, and jobs that wait.
async fn survive(dead_after: Duration, outages: &[Duration]) -> History {
    let mut fleet = Fleet::new().await;
    let proxy = fleet.world.test.proxy().await;
    let plans: Vec<Plan> = (0..PROCESSES).map(|_| plan(&mut fleet, &proxy, dead_after)).collect();
    let workers: Vec<Worker> = plans.iter().map(Worker::start).collect();
    for outage in outages {
        let halves = [outage.mul_f64(0.5), outage.mul_f64(1.5)];
        let work_ms = |number: usize| halves[number % 2].as_millis() as u64;
        let slots = PROCESSES * plans[0].worker_count;
        let tasks = (0..slots + PROCESSES).map(|number| Task {
            number: number as i64,
            work_ms: work_ms(number),
            chunks: 0,
            fate: Fate::Success,
        });
        fleet.enqueue(&tasks.collect::<Vec<_>>()).await;
        eventually("every slot is taken", async || match running(&plans) {
            running if running == slots => Ok(()),
            running => Err(running),
        })
        .await;
        proxy.refuse();
        proxy.cut();
        tokio::time::sleep(*outage).await;
        proxy.accept();
        fleet.drained().await;
    }
    for worker in workers {
        worker.stop().await;
    }
    fleet.history().await
}

/// Handlers under way in all processes.
fn running(plans: &[Plan]) -> usize {
    let events = plans.iter().flat_map(|plan| read_journal(&plan.journal));
    let count = |count: usize, event| match event {
        Event::Started { .. } => count + 1,
        Event::Ended { .. } => count - 1,
        _ => count,
    };
    events.fold(0, count)
}

/// In the proportions of the defaults.
fn plan(fleet: &mut Fleet, proxy: &Proxy, dead_after: Duration) -> Plan {
    let dead_after_ms = dead_after.as_millis() as u64;
    Plan {
        worker_count: 4,
        lease_ms: dead_after_ms * 20,
        heartbeat_ms: dead_after_ms / 3,
        dead_after_ms,
        deaths_max: 1,
        ..fleet.plan(proxy)
    }
}

fn nobody_paid(history: &History) {
    assert_eq!(history.violations(), Vec::<String>::new());
    for job in &history.enqueued {
        assert_eq!(history.names(*job), ["Enqueued", "Processing", "Succeeded"], "job {job} ran once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_job_is_requeued_or_parked_when_sql_is_away_for_all_workers_and_again() {
    let second = Duration::from_secs(1);
    nobody_paid(&survive(2 * second, &[4 * second, 8 * second, 8 * second]).await);
}

/// `make soak`: with the defaults, 30 s and twice 60 s.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "minutes: make soak"]
async fn long_outages_with_the_default_times() {
    let second = Duration::from_secs(1);
    nobody_paid(&survive(15 * second, &[30 * second, 60 * second, 60 * second]).await);
}
