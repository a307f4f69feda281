//! Once a second: time-outs, pings, acknowledgements, and forgetting of what has gone. One task for all connections, so
//! that an idle one costs no timer.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;

use super::HubInner;

pub(super) async fn run(hub: Arc<HubInner>) {
    let mut ticks = tokio::time::interval(hub.options.heartbeat_interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = hub.stopped.cancelled() => return,
        }
        let now_ms = hub.set_clock();
        for connection in hub.connections() {
            if connection.tick(now_ms) {
                hub.forget(connection.token());
            }
        }
    }
}
