//! A database of its own with one store, and short ways to make and write products.

use domain::{Currency, Money, Product, ProductDraft, StoreId, VariantDraft};
use sql::testing::TestDatabase;
use sql::{Database, RowExt};
use store::products::{Chunk, ChunkOutcome, Saved, upsert_and_publish};
use store::publication::ListingTags;
use store::stores::Store;
use store::{products, stores};

pub struct World {
    test: TestDatabase,
    pub store: StoreId,
}

impl World {
    /// With the store `main`, which sells in euros.
    pub async fn new() -> Self {
        let test = TestDatabase::create(&[store::MIGRATIONS]).await;
        let world = World { test, store: StoreId::parse("main").unwrap() };
        world.put_store(&main_store()).await.unwrap();
        world
    }

    pub fn db(&self) -> &Database {
        &self.test.database
    }

    pub async fn put_store(&self, store: &Store) -> store::Result<i64> {
        self.db().transaction("test.store", |tx| Box::pin(stores::put(tx, store))).await
    }

    /// Writes products as a chunk of the import `import_id`.
    pub async fn import(&self, import_id: i64, products: &[Product]) -> ChunkOutcome {
        self.try_import(import_id, products, ListingTags::Now).await.unwrap()
    }

    pub async fn try_import(
        &self,
        import_id: i64,
        products: &[Product],
        listing: ListingTags,
    ) -> store::Result<ChunkOutcome> {
        let chunk = Chunk { store: &self.store, import_id, actor: "test", products };
        let chunk = &chunk;
        self.db().transaction("test.import", |tx| Box::pin(upsert_and_publish(tx, chunk, listing))).await
    }

    pub async fn save(&self, id: i64, version: i64, product: &Product) -> store::Result<Saved> {
        let store = &self.store;
        self.db()
            .transaction("test.save", |tx| {
                Box::pin(products::save_and_publish(tx, store, id, version, product, "editor"))
            })
            .await
    }

    /// The id that SQL gave to a slug.
    pub async fn id_of(&self, slug: &str) -> i64 {
        let text = "SELECT p.Id FROM Commerce.Product AS p WHERE p.StoreId = @P1 AND p.Slug = @P2";
        let rows = self.db().query(text, &[&self.store.as_str(), &slug]).await.unwrap();
        rows[0].read("Id").unwrap()
    }

    /// All tags raised so far, in their order.
    pub async fn tags(&self) -> Vec<i64> {
        let rows = self.db().query("SELECT f.Tag FROM Platform.ChangeFeed AS f ORDER BY f.Seq", &[]).await;
        rows.unwrap().iter().map(|row| row.read("Tag").unwrap()).collect()
    }

    pub async fn audit_actions(&self) -> Vec<String> {
        let text = "SELECT a.Action FROM Platform.AuditLog AS a ORDER BY a.Id";
        let rows = self.db().query(text, &[]).await.unwrap();
        rows.iter().map(|row| row.read::<&str>("Action").unwrap().to_owned()).collect()
    }

    pub async fn close(self) {
        self.test.close().await;
    }
}

pub fn main_store() -> Store {
    Store {
        id: StoreId::parse("main").unwrap(),
        name: "Main store".into(),
        currency: Currency::parse("EUR").unwrap(),
        language: "en".into(),
        version: 0,
    }
}

/// A published product in `Home > Mugs` with one variant. The texts have what JSON must escape.
pub fn product(slug: &str, title: &str) -> Product {
    product_with(slug, |draft| draft.title = title.into())
}

pub fn product_with(slug: &str, change: impl FnOnce(&mut ProductDraft)) -> Product {
    let currency = Currency::parse("EUR").unwrap();
    let mut draft = ProductDraft {
        slug: slug.into(),
        title: slug.into(),
        body_html: "<p class=\"a\">C:\\mugs\n\t\u{1F9F6} & \u{e4}</p>".into(),
        vendor: "12\" \\ Co".into(),
        category: "Home > Mugs".into(),
        tags: vec!["\"quoted\"".into(), "back\\slash".into()],
        published: true,
        variants: vec![VariantDraft {
            sku: format!("{slug}\" 100% \\"),
            price: Some(Money { amount_minor: 1_250, currency }),
            compare_at_price: Some(Money { amount_minor: 1_500, currency }),
            grams: 300,
            inventory_quantity: 4,
            ..VariantDraft::default()
        }],
        ..ProductDraft::default()
    };
    change(&mut draft);
    draft.validate(currency).unwrap()
}
