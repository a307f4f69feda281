//! What a merchant may do to a store.

use crate::world::{World, main_store};
use contracts::cache::tags;
use domain::{Currency, StoreId};
use store::{Error, stores};

#[tokio::test]
async fn a_store_is_written_once_and_read_back() {
    let world = World::new().await;
    let mut store = main_store();
    assert_eq!(world.put_store(&store).await.unwrap(), 1, "writing the same changes nothing");
    store.name = "Main \"store\"".into();
    assert_eq!(world.put_store(&store).await.unwrap(), 2);

    let found = stores::get(world.db(), &world.store).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.version), ("Main \"store\"", 2));
    assert_eq!(found.currency.code(), "EUR");
    let nowhere = StoreId::parse("nowhere").unwrap();
    assert_eq!(stores::get(world.db(), &nowhere).await.unwrap(), None);
    assert_eq!(world.tags().await, [tags::listings(&world.store); 2]);
    world.close().await;
}

#[tokio::test]
async fn the_currency_of_a_store_is_fixed() {
    let world = World::new().await;
    let store = stores::Store { currency: Currency::parse("USD").unwrap(), ..main_store() };
    let error = world.put_store(&store).await.unwrap_err();
    assert!(matches!(error, Error::CurrencyFixed { .. }), "{error}");
    world.close().await;
}
