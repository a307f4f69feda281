//! Three authoring instances, one Redis, one worker: users with tabs on different instances and transports upload
//! catalogs while things break. Whatever a worker says of their imports must have reached each of their tabs, once and in
//! order, and nobody else's.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::subscriber::{Subscriber, Told, judge};
use e2e::{Instance, Layout, Merchant, World, eventually};
use serde_json::json;
use signalr::TransportKind;
use signalr::protocol::Protocol;

use crate::{JOB_LIMIT, STORE};

const PASSWORD: &str = "a-password-that-is-long";
const UPLOADS: usize = 3;

fn catalog(number: usize) -> Vec<u8> {
    format!("Handle,Title,Variant Price\nlamp-{number},Lamp {number},12.50\n").into_bytes()
}

/// A user who may import, besides the administrator.
async fn other_user(world: &World) -> Result<Merchant> {
    let address = world.address(Instance::Authoring(0))?;
    let body = json!({ "userName": "jo", "roles": ["catalog-manager"], "password": PASSWORD });
    let created = reqwest::Client::new()
        .post(format!("http://{address}/api/platform/security/users"))
        .bearer_auth(world.merchant.token().await?)
        .json(&body)
        .send()
        .await?;
    ensure!(created.status().is_success(), "{}", created.text().await?);
    Merchant::of(address, "jo", PASSWORD)
}

/// The user's feed as it stands.
async fn feed(user: &Merchant) -> Result<Vec<Told>> {
    let mut rows = Vec::new();
    loop {
        let after = rows.last().map_or(0, |row: &Told| row.number);
        let page = user.get(&format!("/api/platform/pushnotifications?after={after}")).await?;
        let events = page.body["notifyEvents"].as_array().context("a replay without events")?;
        if events.is_empty() {
            return Ok(rows);
        }
        for event in events {
            rows.push(Told::of(event)?);
        }
    }
}

/// Uploads as both users, and waits until all of it is imported.
async fn upload(users: &[&Merchant], round: usize) -> Result<()> {
    let mut imports = Vec::new();
    for number in 0..UPLOADS {
        for user in users {
            let name = format!("{round}-{number}.csv");
            imports.push((*user, user.start_import(STORE, &name, catalog(round * 10 + number)).await?));
        }
    }
    for (user, id) in imports {
        ensure!(user.import_ended(id, JOB_LIMIT).await?.state == "Completed");
    }
    Ok(())
}

#[tokio::test]
async fn every_tab_is_told_everything_once_and_in_order_whatever_breaks() -> Result<()> {
    let layout = Layout { frontends: 1, authorings: 3, workers: 1, wires: true, ..Layout::default() };
    let mut world = World::start(layout).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let (admin, jo) = (world.merchant.clone(), other_user(&world).await?);
    let users = [&admin, &jo];
    let at = |first: usize| -> Result<Vec<String>> {
        // A tab that cannot get in again where it was goes to the next instance.
        (0..3).map(|n| Ok(world.address(Instance::Authoring((first + n) % 3))?.to_owned())).collect()
    };
    use Protocol::{Json, MessagePack};
    use TransportKind::{LongPolling, ServerSentEvents, WebSockets};
    let tabs = [
        (&admin, Subscriber::open(&admin, at(0)?, WebSockets, Json)),
        (&admin, Subscriber::open(&admin, at(1)?, ServerSentEvents, Json)),
        (&admin, Subscriber::open(&admin, at(2)?, LongPolling, MessagePack)),
        (&jo, Subscriber::open(&jo, at(1)?, WebSockets, MessagePack)),
        (&jo, Subscriber::open(&jo, at(2)?, WebSockets, Json)),
    ];

    upload(&users, 1).await?;
    world.kill(Instance::Authoring(2))?;
    upload(&users, 2).await?;
    world.start_again(Instance::Authoring(2)).await?;
    world.kill_redis()?;
    upload(&users, 3).await?;
    world.restart_redis().await?;
    upload(&users, 4).await?;
    world.cut_redis(true)?;
    upload(&users, 5).await?;
    world.cut_redis(false)?;
    world.terminate(Instance::Authoring(1)).await?;
    upload(&users, 6).await?;
    world.start_again(Instance::Authoring(1)).await?;

    for (user, tab) in &tabs {
        let feed = feed(user).await?;
        ensure!(feed.len() == 6 * UPLOADS, "{feed:?}");
        let complete = async || Ok((tab.log().last() == feed.last()).then_some(()));
        eventually(&format!("{} is told the last", tab.name), Duration::from_secs(60), complete).await?;
        judge(&tab.log(), &feed).with_context(|| tab.name.clone())?;
    }
    ensure!(tabs.iter().any(|(_, tab)| tab.system_events() > 0), "nobody was told that Redis was away");
    drop(tabs);
    world.stop().await
}

#[test]
fn the_judge_notices_what_is_lost_doubled_out_of_order_stale_or_anybody_elses() {
    let told =
        |number: i64, id: &str, state: &str| Told { number, id: id.to_owned(), state: state.to_owned() };
    let feed = [told(2, "a", "Completed"), told(4, "b", "Completed")];
    let good = [told(1, "a", "Queued"), told(2, "a", "Completed"), told(3, "b", "Running"), feed[1].clone()];
    assert!(judge(&good, &feed).is_ok());
    assert!(judge(&feed, &feed).is_ok(), "states in between may be skipped");

    let mut lost = good.to_vec();
    lost.remove(1);
    let doubled = [&good[..2], &good[1..]].concat();
    let mut swapped = good.to_vec();
    swapped.swap(1, 2);
    let stale = &good[..3];
    let foreign = [&good[..], &[told(5, "c", "Queued")]].concat();
    for (what, log) in [
        ("lost", &lost[..]),
        ("doubled", &doubled),
        ("swapped", &swapped),
        ("stale", stale),
        ("foreign", &foreign),
    ] {
        assert!(judge(log, &feed).is_err(), "{what}");
    }
}
