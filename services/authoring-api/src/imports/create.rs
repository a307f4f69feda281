//! `POST /admin/imports`: takes a catalog file and lets a worker import it.
//!
//! The whole file is received and its header read before anything is written; then file, import, audit entry and job
//! commit together. What is wrong inside the rows is found by the worker and told by `GET /admin/imports/{id}`.

use actix_multipart::Multipart;
use actix_web::http::header::LOCATION;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use backplane::Push;
use backplane::push::New;
use contracts::jobs::ImportCatalog;
use contracts::push::CatalogImport;
use domain::StoreId;
use handlers::catalog_file;
use host::auth::Principal;
use host::problem::Problem;
use serde_json::json;
use sql::Transaction;
use store::audit::{self, Entry};
use store::imports::{self, NewImport};
use store::{blobs, stores};

use super::report::Report;
use super::upload::{Form, Upload};
use super::view::REFUSALS_LIMIT_DEFAULT;
use crate::error::{Error, invalid};
use crate::push_notifications::feed_of;
use crate::state::AppState;

const CONTENT_TYPE: &str = "text/csv";

/// Takes a catalog file and lets a worker import it.
#[utoipa::path(post, path = "/admin/imports", tag = "imports", operation_id = "create_import",
    request_body(content = Form, content_type = "multipart/form-data"),
    responses((status = 202, description = "The import, queued", body = Report,
        headers(("location" = String, description = "The address of the import")))),
    extensions(("x-problems" = json!(["validation_failed"]))))]
pub(crate) async fn create(
    request: HttpRequest,
    principal: Principal,
    state: Data<AppState>,
    body: Multipart,
) -> Result<HttpResponse, Problem> {
    let upload = &Upload::receive(&state, request.content_type(), body).await?;
    let store = &known_store(&state, &upload.store).await?;
    catalog_file::header_of(&upload.file).map_err(|why| invalid("file", &upload.file_name, why))?;

    let (state, principal) = (state.get_ref(), &principal);
    let id = state
        .database
        .transaction("imports.create", |tx| Box::pin(write(tx, state, principal, store, upload)))
        .await?;

    let import = imports::view(&state.database, id, 0, REFUSALS_LIMIT_DEFAULT).await.map_err(Error::from)?;
    let import = import.ok_or(Error::NotFound("such import"))?;
    let location = (LOCATION, format!("/admin/imports/{id}"));
    Ok(HttpResponse::Accepted().insert_header(location).json(Report::of(&import)))
}

async fn known_store(state: &AppState, given: &str) -> Result<StoreId, Error> {
    let id = StoreId::parse(given).map_err(|why| invalid("store", given, why))?;
    match stores::get(&state.database, &id).await? {
        Some(_) => Ok(id),
        None => Err(invalid("store", given, "there is no such store")),
    }
}

/// The one transaction: file parts, import, audit, job, and the notification that the job goes on with.
async fn write(
    tx: &mut Transaction<'_>,
    state: &AppState,
    principal: &Principal,
    store: &StoreId,
    upload: &Upload,
) -> Result<i64, Error> {
    let mut writer = blobs::Writer::create(tx, &upload.file_name, CONTENT_TYPE).await?;
    writer.write(tx, &upload.file).await?;
    let blob = writer.finish(tx).await?;

    let import = NewImport { store, blob_id: blob.id, file_name: &upload.file_name };
    let id = imports::create(tx, &import).await?;
    let job = state.jobs.enqueue(tx, &ImportCatalog { import_id: id }).await?;
    imports::set_job(tx, id, job.0).await?;

    let detail = json!({ "fileName": upload.file_name, "bytes": upload.file.len(), "job": job.0 });
    let entity_id = id.to_string().into();
    let entry = Entry { action: "import.created", entity: "import", entity_id, detail };
    audit::record(tx, &principal.name, &[entry]).await?;
    notify(tx, &state.push, principal, id).await?;
    Ok(id)
}

/// Whoever uploaded the file is told how far it is from now on, whichever worker runs the job.
async fn notify(tx: &mut Transaction<'_>, push: &Push, principal: &Principal, id: i64) -> Result<(), Error> {
    let Some(import) = imports::standing(tx, id).await? else { return Ok(()) };
    let new = New {
        user_id: &feed_of(principal),
        creator: &principal.name,
        collapse_key: &CatalogImport::key(id),
        title: &import.title(),
        description: &import.description(),
        content: &import,
    };
    push.notify(tx, &new).await?;
    Ok(())
}
