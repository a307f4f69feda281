//! Long polling: GET waits for data, DELETE ends it; the client sends by POST.

use std::future::poll_fn;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::ContentType;
use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;

use super::{Admitted, Answer, answer, not_attached, refused};
use crate::connection::{Connection, EndReason, TransportKind};
use crate::hub::HubInner;

/// One answer carries as many messages as fit; the next poll fetches the rest.
const MAX_ANSWER_BYTES: usize = 256 * 1024;

pub(super) async fn poll(hub: &Arc<HubInner>, admitted: &Admitted) -> Answer {
    let connection = admitted.connection(hub)?;
    if !hub.options.transports.long_polling {
        return Err(refused(StatusCode::NOT_FOUND, "Long polling is not offered."));
    }
    let attached = connection.attach_poll().map_err(not_attached)?;
    let poll = Poll { connection, attachment: attached.number };
    if attached.first {
        // Clients wait for this before they send the handshake.
        return Ok(data(Bytes::new()));
    }
    match tokio::time::timeout(hub.options.long_poll_timeout, poll.next()).await {
        Ok(Some(bytes)) => Ok(data(bytes)),
        Ok(None) => Ok(answer(StatusCode::NO_CONTENT).finish()),
        Err(_) => Ok(data(Bytes::new())),
    }
}

pub(super) fn delete(hub: &Arc<HubInner>, admitted: &Admitted) -> Answer {
    let connection = admitted.connection(hub)?;
    if connection.transport() != Some(TransportKind::LongPolling) {
        return Err(refused(StatusCode::BAD_REQUEST, "Only long polling is ended with DELETE."));
    }
    connection.cut(EndReason::ClientClosed);
    Ok(answer(StatusCode::ACCEPTED).insert_header(ContentType::plaintext()).finish())
}

fn data(bytes: Bytes) -> HttpResponse {
    answer(StatusCode::OK).insert_header(ContentType::octet_stream()).body(bytes)
}

/// A pending poll. Dropping it, answered or given up by the client, starts the time without transport.
struct Poll {
    connection: Arc<Connection>,
    attachment: u32,
}

impl Poll {
    /// Waits for messages and takes those that are there; `None` if the connection is over or a newer poll came.
    async fn next(&self) -> Option<Bytes> {
        let first = poll_fn(|context| self.connection.poll_next(context, self.attachment)).await?;
        let mut bytes = BytesMut::from(&first.payload()[..]);
        while bytes.len() < MAX_ANSWER_BYTES {
            let next = poll_fn(|context| self.connection.poll_next(context, self.attachment)).now_or_never();
            let Some(Some(frame)) = next else { break };
            bytes.extend_from_slice(&frame.payload());
        }
        Some(bytes.freeze())
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        self.connection.detach_poll(self.attachment);
    }
}
