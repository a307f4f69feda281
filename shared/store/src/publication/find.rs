//! Reading what is published: the loaders behind the frontends' cache.

use crate::{Error, Result};
use backplane::Loaded;
use backplane::feed::Seen;
use bytes::Bytes;
use contracts::cache::{Document, tags};
use contracts::storefront::{self, Cursor};
use domain::{CategoryKey, ProductReference, StoreId};
use serde_json::{Value, json};
use sql::RowExt;

/// The document of a published product. Without a value: there is none by this id or slug, or it is not published; the
/// tag of the key covers that too.
pub async fn find_document(
    db: &sql::Database,
    store: &StoreId,
    reference: &ProductReference,
) -> Result<Loaded<Document>> {
    let sets = match reference {
        ProductReference::Id(id) => {
            db.query_sets(include_str!("document_by_id.sql"), &[&store.as_str(), id]).await?
        }
        ProductReference::Slug(slug) => {
            db.query_sets(include_str!("document_by_slug.sql"), &[&store.as_str(), &slug.as_str()]).await?
        }
    };
    let seen = Seen::last_of(&sets)?;
    match sets.first().and_then(|rows| rows.first()) {
        Some(row) => Ok(loaded(store, row)?.having_seen(seen)),
        None => Ok(Loaded::new(None, Vec::new()).having_seen(seen)),
    }
}

fn loaded(store: &StoreId, row: &sql::Row) -> Result<Loaded<Document>> {
    let bytes = Bytes::copy_from_slice(row.read::<&str>("Document")?.as_bytes());
    let document = Document::new(bytes, row.read("Version")?);
    Ok(Loaded::new(Some(document), vec![tags::product(store, row.read("ProductId")?)]))
}

/// As [`find_document`], for many products with one question; the answers stand in the order of `wanted`.
pub async fn find_documents(
    db: &sql::Database,
    wanted: &[(&StoreId, &ProductReference)],
) -> Result<Vec<Loaded<Document>>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let (mut by_id, mut by_slug) = (Vec::new(), Vec::new());
    for (place, (store, reference)) in wanted.iter().enumerate() {
        let store = store.as_str();
        match reference {
            ProductReference::Id(id) => by_id.push(json!({ "place": place, "store": store, "id": id })),
            ProductReference::Slug(slug) => {
                by_slug.push(json!({ "place": place, "store": store, "slug": slug.as_str() }));
            }
        }
    }
    let (by_id, by_slug) = (Value::from(by_id).to_string(), Value::from(by_slug).to_string());
    let sets = db.query_sets(include_str!("documents.sql"), &[&by_id.as_str(), &by_slug.as_str()]).await?;
    let seen = Seen::last_of(&sets)?;
    let nothing = || Loaded::new(None, Vec::new()).having_seen(seen);
    let mut answers: Vec<Loaded<Document>> = wanted.iter().map(|_| nothing()).collect();
    for row in sets.iter().take(2).flatten() {
        let place = usize::try_from(row.read::<i32>("Place")?).unwrap_or(usize::MAX);
        if let (Some(answer), Some((store, _))) = (answers.get_mut(place), wanted.get(place)) {
            *answer = loaded(store, row)?.having_seen(seen);
        }
    }
    Ok(answers)
}

/// A page of the published products of a store, in the order of their ids, with ids greater than `after`. With a
/// category: those in it and in all that it contains. Without a value: there is no such store.
///
/// Pages are stable: a product that comes or goes moves no other from one page to the next. `limit` is at least 1
/// and at most [`storefront::LISTING_LIMIT_MAX`]; other values are brought into that range.
pub async fn listing_page(
    db: &sql::Database,
    store: &StoreId,
    category: Option<&CategoryKey>,
    after: i64,
    limit: u16,
) -> Result<Loaded<Document>> {
    let limit = usize::from(limit.clamp(1, storefront::LISTING_LIMIT_MAX));
    // One more row than the page has tells whether another page follows.
    let rows_wanted = limit as i64 + 1;
    let sets = match category {
        None => {
            let params: [&dyn sql::ToSql; 3] = [&store.as_str(), &after, &rows_wanted];
            db.query_sets(include_str!("page.sql"), &params).await?
        }
        Some(category) => {
            let params: [&dyn sql::ToSql; 4] = [&store.as_str(), &after, &rows_wanted, &category.as_str()];
            db.query_sets(include_str!("page_of_category.sql"), &params).await?
        }
    };
    let seen = Seen::last_of(&sets)?;
    let stores = sets.first().and_then(|rows| rows.first()).map(|row| row.read::<i32>("Stores"));
    if stores.transpose()?.unwrap_or(0) == 0 {
        return Ok(Loaded::new(None, vec![tags::listings(store)]).having_seen(seen));
    }
    let rows = sets.get(1).map_or(&[][..], Vec::as_slice);
    let page = &rows[..rows.len().min(limit)];
    let next = match page.last().filter(|_| rows.len() > limit) {
        Some(last) => Some(Cursor { after: last.read("ProductId")? }),
        None => None,
    };
    let summaries = page
        .iter()
        .map(|row| Ok(row.read::<&str>("Summary")?.to_owned()))
        .collect::<Result<Vec<String>>>()?;
    let body = storefront::listing_page(summaries, next).map_err(Error::unreadable("listing of", store))?;
    let own = match category {
        None => tags::listing(store),
        Some(category) => tags::listing_category(store, category),
    };
    let document = Document::new(Bytes::from(body), 0);
    Ok(Loaded::new(Some(document), vec![own, tags::listings(store)]).having_seen(seen))
}
