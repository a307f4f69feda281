//! Snapshots of cache keys and tags: both sides of a change must spell them alike.

use backplane::CacheKey;
use bytes::Bytes;
use contracts::cache::{Document, StorefrontKey, tags};
use domain::{CategoryKey, ProductReference, Slug, StoreId};
use proptest::prelude::*;

fn store() -> StoreId {
    StoreId::parse("main").unwrap()
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

fn category(text: &str) -> CategoryKey {
    CategoryKey::parse(text).unwrap()
}

#[test]
fn tags_have_the_hashes_they_always_had() {
    let store = store();
    insta::assert_debug_snapshot!([
        tags::product(&store, 42),
        tags::slug(&store, &slug("linen-shirt")),
        tags::listing(&store),
        tags::listing_category(&store, &category("apparel/shirts")),
        tags::listings(&store),
    ], @"
    [
        -8403578158571630771,
        6446544801123515524,
        6958909072858903241,
        9035044609859655859,
        -8128487951183394705,
    ]
    ");
}

#[test]
fn keys_have_the_hashes_they_always_had() {
    let page = |category, after| StorefrontKey::Listing { store: store(), category, after, limit: 24 };
    insta::assert_debug_snapshot!([
        page(None, 0).hash64(),
        page(None, 7).hash64(),
        page(Some(category("apparel")), 0).hash64(),
    ], @"
    [
        1281608943149717908,
        4319226386866860595,
        -8430803052403195743,
    ]
    ");
}

#[test]
fn the_key_of_a_product_is_its_tag() {
    let key = |reference: &str| StorefrontKey::Product {
        store: store(),
        reference: ProductReference::parse(reference).unwrap(),
    };
    assert_eq!(key("42").hash64(), tags::product(&store(), 42));
    assert_eq!(key("Linen-Shirt ").hash64(), tags::slug(&store(), &slug("linen-shirt")));
}

#[test]
fn spellings_of_one_name_have_one_tag() {
    let composed = tags::slug(&store(), &slug("caf\u{e9}"));
    assert_eq!(tags::slug(&store(), &slug(" CAFE\u{301}")), composed);
    let loose = CategoryKey::parse("/Apparel & Accessories/").unwrap();
    assert_eq!(
        tags::listing_category(&store(), &loose),
        tags::listing_category(&store(), &category("apparel-accessories"))
    );
}

#[test]
fn an_entity_tag_depends_on_the_bytes_alone() {
    let document = |body: &'static str, version| Document::new(Bytes::from_static(body.as_bytes()), version);
    insta::assert_debug_snapshot!(document("{}", 1).etag, @r#"b"\"44136fa355b3678a1146ad16f7e8649e\"""#);
    assert_eq!(document("{}", 1).etag, document("{}", 2).etag);
    assert_ne!(document("{}", 1).etag, document("{ }", 1).etag);
}

proptest! {
    #[test]
    fn parts_of_a_name_never_run_together(a in "[a-z]{1,4}", b in "[a-z]{1,4}", c in "[a-z]{1,4}") {
        let one = tags::slug(&StoreId::parse(&format!("{a}{b}")).unwrap(), &slug(&c));
        let other = tags::slug(&StoreId::parse(&a).unwrap(), &slug(&format!("{b}{c}")));
        prop_assert_ne!(one, other);
    }
}
