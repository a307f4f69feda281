//! Published documents, listings and the tags that a change raises.

use crate::world::{World, product, product_with};
use backplane::feed::Seen;
use contracts::cache::{Document, tags};
use contracts::storefront::{Cursor, ListingPage, ProductDocument, ProductSummary};
use domain::{CategoryKey, ProductReference, StoreId};
use store::publication::{ListingTags, find_document, find_documents, listing_page, raise_listings};

/// The document and its tags.
async fn find(world: &World, reference: &str) -> Option<(Document, Vec<i64>)> {
    let reference = ProductReference::parse(reference).unwrap();
    let loaded = find_document(world.db(), &world.store, &reference).await.unwrap();
    loaded.value.map(|document| (document, loaded.tags))
}

async fn page(world: &World, category: Option<&str>, after: i64, limit: u16) -> ListingPage {
    let category = category.map(|key| CategoryKey::parse(key).unwrap());
    let loaded = listing_page(world.db(), &world.store, category.as_ref(), after, limit).await.unwrap();
    serde_json::from_slice(&loaded.value.unwrap().bytes).unwrap()
}

fn slugs(page: &ListingPage) -> Vec<&str> {
    page.items.iter().map(|item| item.slug.as_str()).collect()
}

#[tokio::test]
async fn a_published_product_is_found_by_id_and_by_slug() {
    let world = World::new().await;
    let mug = product("mug", "Mug \"large\" \\ 1");
    world.import(1, std::slice::from_ref(&mug)).await;
    let id = world.id_of("mug").await;

    let found = find(&world, "mug").await.unwrap();
    let document: ProductDocument = serde_json::from_slice(&found.0.bytes).unwrap();
    assert_eq!(document, ProductDocument::new(id, 1, &mug));
    assert_eq!(found.0.version, 1);
    assert_eq!(found.1, [tags::product(&world.store, id)]);
    assert_eq!(find(&world, &id.to_string()).await.unwrap(), found);
    assert_eq!(find(&world, "cup").await, None);
    world.close().await;
}

#[tokio::test]
async fn an_unpublished_product_vanishes_and_a_hidden_one_raises_nothing() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug")]).await;
    let id = world.id_of("mug").await;

    let hidden = product_with("mug", |draft| draft.published = false);
    world.save(id, 1, &hidden).await.unwrap();
    assert_eq!(find(&world, "mug").await, None);
    assert!(page(&world, Some("home"), 0, 10).await.items.is_empty());
    let raised = world.tags().await;
    assert!(raised.contains(&tags::product(&world.store, id)));

    let renamed = product_with("mug", |draft| {
        draft.published = false;
        draft.title = "Nobody sees this".into();
    });
    world.save(id, 2, &renamed).await.unwrap();
    assert_eq!(world.tags().await, raised);

    world.save(id, 3, &product("mug", "Mug")).await.unwrap();
    assert_eq!(find(&world, "mug").await.unwrap().0.version, 4);
    assert_eq!(slugs(&page(&world, Some("home"), 0, 10).await), ["mug"]);
    world.close().await;
}

#[tokio::test]
async fn a_category_lists_what_it_contains_at_any_depth() {
    let world = World::new().await;
    let shelf = |slug: &str, category: &str| {
        let category = category.to_owned();
        product_with(slug, |draft| draft.category = category)
    };
    world
        .import(1, &[shelf("a", "Home"), shelf("b", "Home > Mugs"), shelf("c", "Homes"), shelf("d", "")])
        .await;
    assert_eq!(slugs(&page(&world, None, 0, 10).await), ["a", "b", "c", "d"]);
    assert_eq!(slugs(&page(&world, Some("home"), 0, 10).await), ["a", "b"]);
    assert_eq!(slugs(&page(&world, Some("home/mugs"), 0, 10).await), ["b"]);
    assert!(page(&world, Some("garden"), 0, 10).await.items.is_empty());

    let category = CategoryKey::parse("home").unwrap();
    let found = listing_page(world.db(), &world.store, Some(&category), 0, 10).await.unwrap();
    assert_eq!(found.tags, [tags::listing_category(&world.store, &category), tags::listings(&world.store)]);
    let nowhere = StoreId::parse("nowhere").unwrap();
    let nothing = listing_page(world.db(), &nowhere, None, 0, 10).await.unwrap();
    assert_eq!((nothing.value, nothing.tags), (None, vec![tags::listings(&nowhere)]));
    world.close().await;
}

#[tokio::test]
async fn many_documents_are_found_with_one_question_and_each_is_the_one_that_was_asked_for() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug \"large\""), product("cup", "Cup"), product("bowl", "Bowl")]).await;
    let (mug, cup) = (world.id_of("mug").await, world.id_of("cup").await);
    let nowhere = StoreId::parse("nowhere").unwrap();
    let texts = ["bowl", &cup.to_string(), "nothing", "mug", &mug.to_string(), &i64::MAX.to_string(), "mug"];
    let references: Vec<ProductReference> =
        texts.iter().map(|text| ProductReference::parse(text).unwrap()).collect();
    let mut wanted: Vec<_> = references.iter().map(|reference| (&world.store, reference)).collect();
    wanted.push((&nowhere, &references[0]));

    let found = find_documents(world.db(), &wanted).await.unwrap();
    assert_eq!(found.len(), wanted.len());
    for ((store, reference), found) in wanted.into_iter().zip(found) {
        let alone = find_document(world.db(), store, reference).await.unwrap();
        assert_eq!(
            (found.value, found.tags, found.seen),
            (alone.value, alone.tags, alone.seen),
            "{reference:?}"
        );
    }
    assert!(find_documents(world.db(), &[]).await.unwrap().is_empty());
    world.close().await;
}

#[tokio::test]
async fn what_is_loaded_says_where_the_log_of_changes_stood() {
    let world = World::new().await;
    world.import(1, &[product("mug", "Mug")]).await;
    let id = world.id_of("mug").await;
    world.save(id, 1, &product("mug", "Large mug")).await.unwrap();
    let head = "SELECT h.LogId, h.Head, h.Mark FROM Platform.FeedHead AS h WHERE h.Id = 1;";
    let head = Seen::last_of(&world.db().query_sets(head, &[]).await.unwrap()).unwrap();
    assert!(head.head > 0);

    let shelf = CategoryKey::parse("home").unwrap();
    let reference = |text: &str| ProductReference::parse(text).unwrap();
    for loaded in [
        find_document(world.db(), &world.store, &reference("mug")).await,
        find_document(world.db(), &world.store, &reference(&id.to_string())).await,
        find_document(world.db(), &world.store, &reference("nothing")).await,
        listing_page(world.db(), &world.store, None, 0, 10).await,
        listing_page(world.db(), &world.store, Some(&shelf), 0, 10).await,
        listing_page(world.db(), &StoreId::parse("nowhere").unwrap(), None, 0, 10).await,
        // No row on the page: the batch has an empty answer in its middle.
        listing_page(world.db(), &world.store, None, i64::MAX, 10).await,
    ] {
        assert_eq!(loaded.unwrap().seen, Some(head));
    }
    world.close().await;
}

#[tokio::test]
async fn pages_are_stable_while_products_come_and_go() {
    let world = World::new().await;
    let products: Vec<_> = ["a", "b", "c", "d", "e"].iter().map(|slug| product(slug, slug)).collect();
    world.import(1, &products).await;

    let first = page(&world, Some("home"), 0, 2).await;
    assert_eq!(slugs(&first), ["a", "b"]);
    let cursor = Cursor::decode(&first.next_cursor.unwrap()).unwrap();

    // One of the first page goes, one comes: neither moves a product across the page's end.
    let gone = product_with("a", |draft| draft.published = false);
    world.save(world.id_of("a").await, 1, &gone).await.unwrap();
    world.import(2, &[product("f", "f")]).await;

    let second = page(&world, Some("home"), cursor.after, 2).await;
    assert_eq!(slugs(&second), ["c", "d"]);
    let cursor = Cursor::decode(&second.next_cursor.unwrap()).unwrap();
    let third = page(&world, Some("home"), cursor.after, 2).await;
    assert_eq!((slugs(&third), third.next_cursor.as_deref()), (vec!["e", "f"], None));
    assert_eq!(slugs(&page(&world, None, cursor.after, 100).await), ["e", "f"]);
    world.close().await;
}

#[tokio::test]
async fn a_listed_product_shows_its_summary() {
    let world = World::new().await;
    let mug = product("mug", "Mug \"large\"");
    world.import(1, std::slice::from_ref(&mug)).await;
    let id = world.id_of("mug").await;
    assert_eq!(page(&world, None, 0, 1).await.items, [ProductSummary::new(id, 1, &mug)]);
    world.close().await;
}

#[tokio::test]
async fn deferred_listing_tags_are_raised_as_one() {
    let world = World::new().await;
    let before = world.tags().await.len();
    let outcome = world.try_import(1, &[product("mug", "Mug")], ListingTags::Deferred).await.unwrap();
    assert!(outcome.listing_changed);
    let id = world.id_of("mug").await;
    let slug = domain::Slug::parse("mug").unwrap();
    let own = [tags::product(&world.store, id), tags::slug(&world.store, &slug)];
    assert_eq!(world.tags().await[before..], own);

    let store = &world.store;
    world
        .db()
        .transaction("test.raise", |tx| {
            Box::pin(async move {
                raise_listings(tx, store);
                Ok::<_, store::Error>(())
            })
        })
        .await
        .unwrap();
    assert_eq!(world.tags().await.last(), Some(&tags::listings(&world.store)));
    world.close().await;
}
