//! The sampled check of the bound, against a real database.

use std::time::Duration;

use actix_web::web::Data;
use frontend_api::state::AppState;

use crate::app::{World, app_on, get, product};

const PATH: &str = "/v1/outdoor/products/lamp";
/// Far more often than anybody would.
const INTERVAL: Duration = Duration::from_millis(5);

/// Compares in the background until `condition` holds; the test's own time limit ends a wait in vain.
async fn watched(state: &Data<AppState>, mut condition: impl AsyncFnMut() -> bool) {
    let holds = async {
        while !condition().await {
            tokio::time::sleep(INTERVAL).await;
        }
    };
    tokio::select! {
        never = state.watch_staleness(INTERVAL) => match never {},
        () = holds => {}
    }
}

#[actix_web::test]
async fn a_document_changed_behind_the_feed_is_found_and_one_changed_through_it_is_not() {
    let world = World::with_max_staleness(Duration::from_millis(300)).await;
    world.publish(1, &[product("lamp", "Lamp", "")]).await;
    let state = world.state(true);
    let app = app_on(state.clone()).await;
    let stats = || state.cache_stats();
    // Answers with this title, until one comes from memory.
    let remembered = async |title: &str| {
        let hits = stats().hits;
        while stats().hits == hits {
            assert_eq!(get(&app, PATH, &[]).await.json()["title"], title);
        }
    };
    remembered("Lamp").await;

    // Edits and reads all the time, over several lengths of the bound.
    let mut import_id = 1;
    watched(&state, async || {
        import_id += 1;
        let title = format!("Lamp {import_id}");
        world.publish(import_id, &[product("lamp", &title, "")]).await;
        remembered(&title).await;
        stats().checks > 10
    })
    .await;
    assert_eq!(stats().stale_beyond_bound, 0);

    // A statement by hand tells the feed nothing.
    world
        .execute(
            "UPDATE Commerce.PublishedProduct SET Document = REPLACE(Document, N'Lamp', N'Chair') WHERE Slug = N'lamp'",
        )
        .await;
    watched(&state, async || stats().stale_beyond_bound > 0).await;
    world.close().await;
}
