//! An API key: what is stored, how it looks in JSON, and what may be sent to make or change one.

use std::collections::BTreeSet;

use actix_web::HttpResponseBuilder;
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use host::auth::Permissions;
use host::problem::FieldError;
use serde::Serialize;
use serde_json::{Value, json};
use sql::{Database, Row, RowExt, Transaction};
use time::format_description::well_known::Rfc3339;
use time::macros::datetime;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};
use utoipa::ToSchema;
use uuid::Uuid;

use super::NO_API_KEY;
use super::secret::ApiKeySecret;
use crate::accounts::change::Change;
use crate::accounts::{fields, permissions_of_api_key};
use crate::error::Error;
use crate::timestamp::Timestamp;
use crate::version;

/// Earlier than any key.
const YEAR_MIN: i32 = 1970;
/// What stands in statements for a key that does not expire.
const NEVER: PrimitiveDateTime = datetime!(9999-12-31 0:00);

/// An API key without its secret.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKey {
    pub(super) id: i64,
    /// `client_id` at `/connect/token`.
    client_id: String,
    /// For people; lower case, no two keys have the same.
    pub(super) name: String,
    #[serde(skip)]
    pub(super) user_id: i64,
    /// Whose key it is. It may at most what this user may.
    user_name: String,
    /// `resource:action`; `*` is everything that the user may.
    pub(super) permissions: Vec<String>,
    /// A key that is not enabled gets no token.
    is_enabled: bool,
    /// From then on it gets no token; null: it does not expire.
    expires_at: Option<Timestamp>,
    /// When it got a token last, to the minute.
    last_used_at: Option<Timestamp>,
    /// When it was refused one last, to the minute.
    last_refused_at: Option<Timestamp>,
    /// When the current secret was used last, to the minute; null: whoever uses the key does not have it yet.
    secret_last_used_at: Option<Timestamp>,
    /// Until when the secret before the current one is good, too; null: it is not.
    previous_secret_until: Option<Timestamp>,
    /// Who made it.
    created_by: String,
    /// Counts the changes of the key; uses are none.
    pub(super) version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// An API key with the secret that it has got. It is shown this once.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeyWithSecret {
    #[serde(flatten)]
    key: ApiKey,
    /// `client_secret` at `/connect/token`.
    client_secret: String,
}

/// What a key is to be.
pub(super) struct Draft {
    pub(super) name: String,
    pub(super) permissions: BTreeSet<String>,
    pub(super) expires_at: Option<OffsetDateTime>,
    pub(super) is_enabled: bool,
}

impl ApiKey {
    /// What audit rows tell of it.
    pub(super) fn detail(&self) -> Value {
        json!({
            "name": self.name, "clientId": self.client_id, "userName": self.user_name, "permissions": self.permissions,
            "expiresAt": self.expires_at, "isEnabled": self.is_enabled,
        })
    }

    pub(super) fn answer(&self, mut answer: HttpResponseBuilder) -> actix_web::HttpResponse {
        answer.insert_header((ETAG, version::etag(self.version))).json(self)
    }

    /// The answer that shows the secret; nothing on the way may keep it.
    pub(super) fn answer_with(
        self,
        secret: &ApiKeySecret,
        mut answer: HttpResponseBuilder,
    ) -> actix_web::HttpResponse {
        answer.insert_header((ETAG, version::etag(self.version))).insert_header((CACHE_CONTROL, "no-store"));
        answer.json(ApiKeyWithSecret { key: self, client_secret: secret.text() })
    }
}

impl Draft {
    pub(super) fn parse(
        name: &str,
        permissions: &[String],
        expires_at: Option<&str>,
        is_enabled: bool,
        wrong: &mut Vec<FieldError>,
    ) -> Self {
        Self {
            name: fields::name("name", name, wrong),
            permissions: fields::permissions("permissions", permissions, &["*"], wrong),
            expires_at: expires_at.and_then(|given| moment("expiresAt", given, wrong)),
            is_enabled,
        }
    }

    pub(super) fn granted(&self) -> Permissions {
        Permissions::from_names(self.permissions.iter().map(String::as_str))
    }

    /// As SQL takes it: [`NEVER`] instead of NULL, which Babelfish does not take as a parameter of this type.
    pub(super) fn expires_at(&self) -> PrimitiveDateTime {
        self.expires_at.map_or(NEVER, |time| PrimitiveDateTime::new(time.date(), time.time()))
    }
}

/// A time as RFC 3339 has it, in UTC.
fn moment(field: &str, given: &str, wrong: &mut Vec<FieldError>) -> Option<OffsetDateTime> {
    let parsed = OffsetDateTime::parse(given, &Rfc3339).ok();
    let time = parsed.and_then(|time| time.checked_to_offset(UtcOffset::UTC));
    let time = time.filter(|time| time.year() >= YEAR_MIN);
    if time.is_none() {
        wrong.push(FieldError::new(field, "is not a time such as 2027-01-31T12:00:00Z").value(given));
    }
    time
}

/// The key as it is stored now.
pub(super) async fn find(database: &Database, id: i64) -> Result<ApiKey, Error> {
    read(&database.query(include_str!("find.sql"), &[&id]).await?)?.pop().ok_or(NO_API_KEY)
}

/// The key inside a change, if the actor may change it.
pub(super) async fn find_to_change(
    tx: &mut Transaction<'_>,
    change: &Change,
    id: i64,
) -> Result<ApiKey, Error> {
    let key = read(&tx.query(include_str!("find.sql"), &[&id]).await?)?.pop().ok_or(NO_API_KEY)?;
    change.demand_cover(&permissions_of_api_key(tx, id, key.user_id).await?)?;
    Ok(key)
}

/// Replaces what a key may do.
pub(super) async fn set_permissions(
    tx: &mut Transaction<'_>,
    id: i64,
    permissions: &BTreeSet<String>,
) -> sql::Result<()> {
    let permissions = json!(permissions).to_string();
    tx.execute(include_str!("set_permissions.sql"), &[&id, &permissions.as_str()]).await.map(drop)
}

/// Keys from rows that have one permission each; rows of one key stand together.
pub(super) fn read(rows: &[Row]) -> sql::Result<Vec<ApiKey>> {
    let mut keys: Vec<ApiKey> = Vec::new();
    for row in rows {
        let id = row.read("Id")?;
        if keys.last().is_none_or(|last| last.id != id) {
            keys.push(read_one(row, id)?);
        }
        let permission = row.read_opt::<&str>("Permission")?;
        if let (Some(key), Some(permission)) = (keys.last_mut(), permission) {
            key.permissions.push(permission.to_owned());
        }
    }
    Ok(keys)
}

fn read_one(row: &Row, id: i64) -> sql::Result<ApiKey> {
    Ok(ApiKey {
        id,
        client_id: row.read::<Uuid>("ClientId")?.to_string(),
        name: row.read::<&str>("Name")?.to_owned(),
        user_id: row.read("UserId")?,
        user_name: row.read::<&str>("UserName")?.to_owned(),
        permissions: Vec::new(),
        is_enabled: row.read("IsEnabled")?,
        expires_at: Timestamp::read_opt(row, "ExpiresAt")?,
        last_used_at: Timestamp::read_opt(row, "LastUsedAt")?,
        last_refused_at: Timestamp::read_opt(row, "LastRefusedAt")?,
        secret_last_used_at: Timestamp::read_opt(row, "SecretUsedAt")?,
        previous_secret_until: Timestamp::read_opt(row, "PreviousSecretUntil")?,
        created_by: row.read::<&str>("CreatedBy")?.to_owned(),
        version: row.read("Version")?,
        created_at: Timestamp::read(row, "CreatedAt")?,
        updated_at: Timestamp::read(row, "UpdatedAt")?,
    })
}
