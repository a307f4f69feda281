//! POST: what clients of Server-Sent Events and long polling send.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use actix_web::web::Payload;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::oneshot;

use super::{Admitted, Answer, answer, not_found, refused};
use crate::connection::TransportKind;
use crate::hub::HubInner;

pub(super) async fn take(hub: &Arc<HubInner>, payload: Payload, admitted: &Admitted) -> Answer {
    let connection = admitted.connection(hub)?;
    match connection.transport() {
        Some(TransportKind::WebSockets) => {
            return Err(refused(StatusCode::METHOD_NOT_ALLOWED, "The connection is a WebSocket."));
        }
        _ if connection.has_ended() => return Err(not_found()),
        // Some clients send the handshake before their first poll.
        _ => {}
    }
    let gathered =
        tokio::time::timeout(hub.options.post_timeout, gather(payload, hub.options.max_post_bytes));
    let body = gathered
        .await
        .unwrap_or_else(|_| Err((StatusCode::REQUEST_TIMEOUT, "The body did not arrive in time.")));
    let body = body.map_err(|(status, text)| refused(status, text))?;
    // A client that goes away meanwhile must not tear a hub method or hook in two.
    let (done, processed) = oneshot::channel();
    hub.spawn(async move {
        let _ = connection.receive(&body).await;
        let _ = done.send(());
    });
    let _ = processed.await;
    Ok(answer(StatusCode::OK).insert_header(ContentType::plaintext()).finish())
}

async fn gather(mut payload: Payload, max_bytes: usize) -> Result<Bytes, (StatusCode, &'static str)> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| (StatusCode::BAD_REQUEST, "The body is incomplete."))?;
        if body.len() + chunk.len() > max_bytes {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}
