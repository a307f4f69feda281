//! A job that kills its process, again and again.

use crate::storm::Fleet;
use crate::storm::worker::{Fate, Plan, Task, Worker};
use crate::support::eventually;

const DEATHS_MAX: i32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_kills_its_process_is_parked_after_so_many_deaths_and_its_neighbours_succeed() {
    let mut fleet = Fleet::new().await;
    let proxy = fleet.world.test.proxy().await;
    let task = |number, fate| Task { number, work_ms: 50, chunks: 0, fate };
    let mut tasks: Vec<Task> = (1..20).map(|number| task(number, Fate::Success)).collect();
    tasks.insert(5, task(0, Fate::Crash));
    fleet.enqueue(&tasks).await;
    let poison = fleet.enqueued[5];

    // As a supervisor does: another process for each one that ended.
    let mut deaths = 0;
    let mut worker = Worker::start(&plan(&mut fleet, &proxy));
    let failed = loop {
        let state = eventually("the poison kills a process or is parked", async || {
            match fleet.world.state(jobs::JobId(poison)).await.as_str() {
                "Failed" => Ok(true),
                _ if worker.has_ended() => Ok(false),
                other => Err(other.to_owned()),
            }
        })
        .await;
        if state {
            break fleet.world.job(jobs::JobId(poison)).await;
        }
        deaths += 1;
        worker = Worker::start(&plan(&mut fleet, &proxy));
    };
    assert_eq!(deaths, DEATHS_MAX, "so many processes died");
    let reason = failed.reason.unwrap();
    assert!(reason.starts_with("3 server processes died while they ran this job"), "{reason}");
    fleet.drained().await;
    worker.stop().await;
    let history = fleet.history().await;
    assert_eq!(history.violations(), Vec::<String>::new());
    let succeeded = history.current.values().filter(|state| *state == "Succeeded").count();
    assert_eq!(succeeded, 19);
}

fn plan(fleet: &mut Fleet, proxy: &sql::testing::Proxy) -> Plan {
    Plan { deaths_max: DEATHS_MAX, worker_count: 4, lease_ms: 600_000, ..fleet.plan(proxy) }
}
