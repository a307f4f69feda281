//! Receives `multipart/form-data` with a text field `store` and a file field `file`, in either order.
//!
//! In memory, under two limits: bytes of a file and uploads at the same time. Nothing is written before all of it is
//! here, so that a client which gives up half-way leaves nothing behind.

use std::sync::Arc;

use actix_multipart::{Field, Multipart, MultipartError};
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use host::problem::{FieldError, Problem};
use utoipa::ToSchema;

use crate::state::AppState;

const FORM_DATA: &str = "multipart/form-data";
/// A store's name is far shorter.
const STORE_FIELD_BYTES_MAX: u64 = 1_024;
/// Longest file name that is kept, in UTF-16 units.
const FILE_NAME_MAX: usize = 255;
/// What a file without a name is called.
const FILE_NAME_DEFAULT: &str = "catalog.csv";
/// What a 503 tells clients while others upload.
const RETRY_AFTER_SECS: u32 = 5;

/// What is received, as the API document shows it.
#[derive(ToSchema)]
#[schema(as = ImportForm)]
#[expect(dead_code, reason = "a schema; the form is read part by part")]
pub(super) struct Form {
    /// The store that the products are for.
    store: String,
    /// CSV in the form of Shopify's product export.
    #[schema(value_type = String, format = Binary)]
    file: Bytes,
}

/// A received upload. Others may begin once this is dropped.
pub(super) struct Upload {
    pub(super) store: String,
    pub(super) file_name: String,
    pub(super) file: Bytes,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

impl Upload {
    /// Reads the whole body. Other multipart types have no names for their parts.
    pub(super) async fn receive(
        state: &AppState,
        content_type: &str,
        mut body: Multipart,
    ) -> Result<Self, Problem> {
        if !content_type.eq_ignore_ascii_case(FORM_DATA) {
            return Err(Problem::unsupported_media_type(FORM_DATA));
        }
        let permit = Arc::clone(&state.uploads).try_acquire_owned().map_err(|_| {
            Problem::unavailable(RETRY_AFTER_SECS, "too many uploads")
                .detail("other uploads are being received")
        })?;
        let (mut store, mut file) = (None, None);
        while let Some(mut field) = body.try_next().await.map_err(unreadable)? {
            let name = field.name().unwrap_or_default().to_owned();
            match name.as_str() {
                "store" if store.is_none() => {
                    let text = read(&mut field, STORE_FIELD_BYTES_MAX).await?;
                    store = Some(String::from_utf8_lossy(&text).trim().to_owned());
                }
                "file" if file.is_none() => {
                    let file_name = file_name(&field);
                    file = Some((file_name, read(&mut field, state.max_upload_bytes).await?));
                }
                "store" | "file" => return Err(Problem::bad_request(format!("the field {name} came twice"))),
                _ => return Err(Problem::bad_request("there is a field that is neither store nor file")),
            }
        }
        let missing = |name: &str| Problem::validation(vec![FieldError::new(name, "is missing")]);
        let store = store.ok_or_else(|| missing("store"))?;
        let (file_name, file) = file.ok_or_else(|| missing("file"))?;
        Ok(Self { store, file_name, file, _permit: permit })
    }
}

async fn read(field: &mut Field, limit: u64) -> Result<Bytes, Problem> {
    let mut bytes = BytesMut::new();
    while let Some(part) = field.try_next().await.map_err(unreadable)? {
        if (bytes.len() + part.len()) as u64 > limit {
            return Err(Problem::too_large(limit));
        }
        bytes.extend_from_slice(&part);
    }
    Ok(bytes.freeze())
}

/// The last part of the name that the client gave: some send a whole path.
fn file_name(field: &Field) -> String {
    let given = field.content_disposition().and_then(|disposition| disposition.get_filename());
    shown_name(given.unwrap_or_default())
}

fn shown_name(given: &str) -> String {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut units = 0;
    let fits = |character: &char| {
        units += character.len_utf16();
        units <= FILE_NAME_MAX
    };
    let name: String = name.chars().filter(|character| !character.is_control()).take_while(fits).collect();
    if name.trim().is_empty() { FILE_NAME_DEFAULT.to_owned() } else { name }
}

fn unreadable(error: MultipartError) -> Problem {
    match error {
        MultipartError::ContentTypeMissing
        | MultipartError::ContentTypeParse
        | MultipartError::ContentTypeIncompatible => Problem::unsupported_media_type(FORM_DATA),
        error => Problem::bad_request(format!("the upload cannot be read: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_is_kept_without_its_path_and_within_its_limit() {
        assert_eq!(shown_name("C:\\exports\\summer.csv"), "summer.csv");
        assert_eq!(shown_name("exports/summer.csv"), "summer.csv");
        assert_eq!(shown_name(""), FILE_NAME_DEFAULT);
        assert_eq!(shown_name("exports/"), FILE_NAME_DEFAULT);
        assert_eq!(shown_name(&"😀".repeat(200)).encode_utf16().count(), FILE_NAME_MAX - 1);
    }
}
