//! Saving products: versions, chunks of an import, the audit row.

use crate::world::{World, product, product_with};
use contracts::cache::tags;
use domain::{CategoryKey, ImageDraft, ProductReference, Slug, VariantDraft};
use std::collections::BTreeSet;
use store::products::{CHUNK_PRODUCTS_MAX, Saved, get, store_of};
use store::publication::{ListingTags, find_document};
use store::{Error, products::ChunkOutcome};

#[tokio::test]
async fn a_product_is_read_back_as_it_was_written() {
    let world = World::new().await;
    let wanted = product_with("linen-shirt", |draft| {
        let price = draft.variants[0].price;
        draft.option_names = vec!["Size".into(), "12\" fit".into()];
        draft.variants = ["S", "M\"", "L\\"]
            .map(|size| VariantDraft {
                option_values: vec![size.into(), "yes".into()],
                price,
                inventory_quantity: -3,
                ..VariantDraft::default()
            })
            .into();
        draft.images =
            vec![ImageDraft { src: "https://images.example.com/\"1\".jpg".into(), alt: "\\".into() }];
    });
    world.import(1, std::slice::from_ref(&wanted)).await;
    let id = world.id_of("linen-shirt").await;

    let stored = get(world.db(), &world.store, id).await.unwrap().unwrap();
    assert_eq!(stored.product, wanted);
    assert_eq!((stored.id, stored.version), (id, 1));
    assert_eq!(get(world.db(), &world.store, id + 1).await.unwrap(), None);
    assert_eq!(store_of(world.db(), id).await.unwrap().unwrap().id, world.store);
    assert_eq!(store_of(world.db(), id + 1).await.unwrap(), None);
    world.close().await;
}

#[tokio::test]
async fn importing_the_same_again_changes_nothing() {
    let world = World::new().await;
    let products = [product("mug", "Mug"), product("cup", "Cup")];
    let first = world.import(1, &products).await;
    assert_eq!((first.created, first.updated, first.unchanged), (2, 0, 0));
    let raised = world.tags().await;

    let second = world.import(2, &products).await;
    assert_eq!(second, ChunkOutcome { unchanged: 2, ..ChunkOutcome::default() });
    assert_eq!(world.tags().await, raised, "nothing more is raised");
    assert_eq!(world.audit_actions().await, ["product.created", "product.created"]);
    world.close().await;
}

#[tokio::test]
async fn a_chunk_creates_updates_and_leaves_alone_at_once() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug"), product("cup", "Cup")]).await;

    let outcome = world
        .import(2, &[product("bowl", "Bowl"), product("cup", "Cup"), product("mug", "Mug, large")])
        .await;
    assert_eq!((outcome.created, outcome.updated, outcome.unchanged), (1, 1, 1));
    assert!(outcome.repeated.is_empty() && outcome.listing_changed);

    let mug = get(world.db(), &world.store, world.id_of("mug").await).await.unwrap().unwrap();
    assert_eq!((mug.product.title.as_str(), mug.version), ("Mug, large", 2));
    let cup = get(world.db(), &world.store, world.id_of("cup").await).await.unwrap().unwrap();
    assert_eq!(cup.version, 1);
    world.close().await;
}

#[tokio::test]
async fn a_slug_that_comes_back_in_the_same_import_is_reported_and_not_written() {
    let world = World::new().await;
    world.import(7, &[product("mug", "Mug"), product("cup", "Cup")]).await;
    let outcome = world
        .import(7, &[product("mug", "Another mug"), product("bowl", "Bowl"), product("bowl", "Bowl again")])
        .await;
    assert_eq!((outcome.created, outcome.updated, outcome.unchanged), (1, 0, 0));
    assert_eq!(outcome.repeated, [0, 2]);

    let mug = get(world.db(), &world.store, world.id_of("mug").await).await.unwrap().unwrap();
    assert_eq!(mug.product.title, "Mug");
    world.close().await;
}

#[tokio::test]
async fn a_chunk_too_large_for_one_commit_is_refused() {
    let world = World::new().await;
    let products = vec![product("mug", "Mug"); CHUNK_PRODUCTS_MAX + 1];
    let error = world.try_import(1, &products, ListingTags::Now).await.unwrap_err();
    assert!(matches!(error, Error::ChunkTooLarge { given: 201, max: 200 }), "{error}");
    world.close().await;
}

#[tokio::test]
async fn a_full_chunk_fits_one_commit_and_its_ids_follow_the_file() {
    let world = World::new().await;
    let products: Vec<_> = (0..CHUNK_PRODUCTS_MAX)
        .map(|n| {
            // Each in a list of its own: too many lists to raise by name.
            product_with(&format!("p{}", CHUNK_PRODUCTS_MAX - n), |draft| draft.category = format!("C{n}"))
        })
        .collect();
    let outcome = world.import(1, &products).await;
    assert_eq!(outcome.created, CHUNK_PRODUCTS_MAX as u64);
    let raised = world.tags().await;
    assert!(raised.contains(&tags::listings(&world.store)));
    assert!(!raised.contains(&tags::listing(&world.store)));
    let first = world.id_of(&format!("p{CHUNK_PRODUCTS_MAX}")).await;
    assert_eq!(world.id_of("p1").await, first + CHUNK_PRODUCTS_MAX as i64 - 1);
    world.close().await;
}

#[tokio::test]
async fn of_two_writers_exactly_one_wins_the_version() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug")]).await;
    let id = world.id_of("mug").await;

    let (one, other) = (product("mug", "One"), product("mug", "Other"));
    let (one, other) = futures_util::join!(world.save(id, 1, &one), world.save(id, 1, &other));
    let results = [one.unwrap(), other.unwrap()];
    assert!(results.contains(&Saved::Updated { version: 2 }), "{results:?}");
    assert!(results.contains(&Saved::VersionMismatch { current: 2 }), "{results:?}");
    world.close().await;
}

#[tokio::test]
async fn saving_tells_unchanged_from_lost_from_absent() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug")]).await;
    let id = world.id_of("mug").await;
    let raised = world.tags().await;

    assert_eq!(world.save(id, 1, &product("mug", "Mug")).await.unwrap(), Saved::Unchanged { version: 1 });
    let large = product("mug", "Mug, large");
    assert_eq!(world.save(id, 5, &large).await.unwrap(), Saved::VersionMismatch { current: 1 });
    assert_eq!(world.save(id + 1, 1, &large).await.unwrap(), Saved::NotFound);
    assert_eq!(world.tags().await, raised);

    assert_eq!(world.save(id, 1, &large).await.unwrap(), Saved::Updated { version: 2 });
    // The same content with an old version is still a lost race: the caller has not seen what it would keep.
    assert_eq!(world.save(id, 1, &large).await.unwrap(), Saved::VersionMismatch { current: 2 });
    world.close().await;
}

#[tokio::test]
async fn a_slug_of_another_product_is_refused_and_nothing_is_kept() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug"), product("cup", "Cup")]).await;
    let id = world.id_of("mug").await;

    let error = world.save(id, 1, &product("cup", "Mug")).await.unwrap_err();
    assert!(matches!(&error, Error::SlugTaken { slug, .. } if slug.as_str() == "cup"), "{error}");
    let stored = get(world.db(), &world.store, id).await.unwrap().unwrap();
    assert_eq!((stored.version, stored.product.slug.as_str()), (1, "mug"));
    world.close().await;
}

#[tokio::test]
async fn a_changed_slug_and_category_raise_the_tags_of_before_and_after() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug")]).await;
    let id = world.id_of("mug").await;
    let raised = world.tags().await.len();

    let moved = product_with("beaker", |draft| draft.category = "Kitchen > Mugs".into());
    world.save(id, 1, &moved).await.unwrap();

    let store = &world.store;
    let slug = |slug: &str| tags::slug(store, &Slug::parse(slug).unwrap());
    let list = |key: &str| tags::listing_category(store, &CategoryKey::parse(key).unwrap());
    let wanted = BTreeSet::from([
        tags::product(store, id),
        slug("mug"),
        slug("beaker"),
        tags::listing(store),
        list("home"),
        list("home/mugs"),
        list("kitchen"),
        list("kitchen/mugs"),
    ]);
    assert_eq!(world.tags().await.split_off(raised).into_iter().collect::<BTreeSet<_>>(), wanted);

    let find = async |slug: &str| {
        let reference = ProductReference::parse(slug).unwrap();
        find_document(world.db(), store, &reference).await.unwrap().value
    };
    assert_eq!(find("mug").await, None);
    assert_eq!(find("beaker").await.unwrap().version, 2);
    world.close().await;
}

#[tokio::test]
async fn a_rolled_back_chunk_leaves_no_trace() {
    let world = World::new().await;
    let raised = world.tags().await;
    let products = [product("mug", "Mug")];
    let chunk =
        store::products::Chunk { store: &world.store, import_id: 1, actor: "test", products: &products };
    let chunk = &chunk;
    let result: store::Result<()> = world
        .db()
        .transaction("test.rolled_back", |tx| {
            Box::pin(async move {
                store::products::upsert_and_publish(tx, chunk, ListingTags::Now).await?;
                Err(Error::ChunkTooLarge { given: 0, max: 0 })
            })
        })
        .await;
    assert!(result.is_err());
    assert_eq!(world.tags().await, raised);
    assert!(world.audit_actions().await.is_empty());
    let reference = ProductReference::parse("mug").unwrap();
    assert_eq!(find_document(world.db(), &world.store, &reference).await.unwrap().value, None);
    world.close().await;
}
