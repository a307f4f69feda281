//! The reference: an actix-web route that does nothing but return the same bytes, in a process of its own.

use std::path::Path;

use actix_web::{App, HttpResponse, HttpServer, http::header, web};
use anyhow::Result;
use bytes::Bytes;

/// Entity tag of the reference routes; what a request asks for is not looked at.
const ETAG: &str = "\"bare\"";

/// Serves `/product` with the bytes of the file and `/not-modified` with an empty 304 until killed.
pub(crate) fn serve(body: &Path) -> Result<()> {
    let body = Bytes::from(std::fs::read(body)?);
    actix_web::rt::System::new().block_on(async move {
        let server = HttpServer::new(move || {
            App::new()
                .app_data(web::Data::new(body.clone()))
                .route("/product", web::get().to(product))
                .route("/not-modified", web::get().to(not_modified))
        })
        .bind("127.0.0.1:0")?;
        for address in server.addrs() {
            println!("listening {address}");
        }
        server.run().await?;
        Ok(())
    })
}

async fn product(body: web::Data<Bytes>) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::ETAG, ETAG))
        .body(Bytes::clone(&body))
}

async fn not_modified() -> HttpResponse {
    HttpResponse::NotModified().insert_header((header::ETAG, ETAG)).finish()
}
