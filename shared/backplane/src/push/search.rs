//! A page of a user's notifications, for lists that people look at.

use sql::RowExt;
use time::OffsetDateTime;
use time::macros::datetime;
use uuid::Uuid;

use super::Push;
use super::error::Result;
use super::notification::Notification;
use super::replay::missing_set;

/// Most ids of one search.
pub const IDS_MAX: usize = 100;

const BEGINNING: OffsetDateTime = datetime!(0001-01-01 00:00 UTC);
const END: OffsetDateTime = datetime!(9999-12-31 00:00 UTC);

/// What is looked for; the default is the newest notifications, none skipped and none taken.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Only these, at most [`IDS_MAX`]; empty: all.
    pub ids: Vec<Uuid>,
    /// Only unread ones.
    pub only_new: bool,
    /// Raised first at this time or later.
    pub from: Option<OffsetDateTime>,
    /// Raised first before this time.
    pub to: Option<OffsetDateTime>,
    /// The oldest first instead of the newest.
    pub oldest_first: bool,
    /// Not those that come before the page.
    pub skip: u32,
    /// Size of the page.
    pub take: u16,
}

/// A page.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// How many fit, on all pages.
    pub total_count: u32,
    /// How many of all the user's notifications are unread.
    pub new_count: u32,
    /// The page.
    pub notifications: Vec<Notification>,
}

impl Push {
    /// A page of the user's notifications.
    ///
    /// # Errors
    /// SQL Server.
    pub async fn search(&self, user_id: &str, search: &Search) -> Result<Page> {
        let ids: Vec<String> = search.ids.iter().take(IDS_MAX).map(Uuid::to_string).collect();
        let ids = serde_json::Value::from(ids).to_string();
        let (from, to) = (search.from.unwrap_or(BEGINNING), search.to.unwrap_or(END));
        let params: &[&dyn sql::ToSql] = &[
            &user_id,
            &search.only_new,
            &primitive(from),
            &primitive(to),
            &ids.as_str(),
            &i64::from(search.skip),
            // FETCH NEXT wants at least one row.
            &i64::from(search.take.max(1)),
            &search.oldest_first,
        ];
        let sets = self.database.query_sets(include_str!("search.sql"), params).await?;
        let [total, rows, unread] = sets.as_slice() else { return Err(missing_set()) };
        let count = |rows: &[sql::Row], column| -> Result<u32> {
            let count: i32 = rows.first().map(|row| row.read(column)).transpose()?.unwrap_or(0);
            Ok(u32::try_from(count).unwrap_or_default())
        };
        Ok(Page {
            total_count: count(total, "TotalCount")?,
            new_count: count(unread, "NewCount")?,
            notifications: rows
                .iter()
                .take(usize::from(search.take))
                .map(Notification::read)
                .collect::<Result<_>>()?,
        })
    }
}

/// As a `datetime2` parameter.
fn primitive(time: OffsetDateTime) -> time::PrimitiveDateTime {
    let time = time.to_offset(time::UtcOffset::UTC);
    time::PrimitiveDateTime::new(time.date(), time.time())
}
