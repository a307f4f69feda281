//! Server-Sent Events: a stream of text to the client; the client sends by POST.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_web::body::BodyStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;

use super::{Admitted, Answer, answer, not_attached, refused};
use crate::connection::{Connection, TransportKind};
use crate::hub::HubInner;

pub(super) fn start(hub: &Arc<HubInner>, admitted: &Admitted) -> Answer {
    let connection = admitted.connection(hub)?;
    if !hub.options.transports.server_sent_events {
        return Err(refused(StatusCode::NOT_FOUND, "Server-Sent Events are not offered."));
    }
    let attached = connection.attach(TransportKind::ServerSentEvents).map_err(not_attached)?;
    let body = Sender { connection, attachment: attached.number, opened: false };
    Ok(answer(StatusCode::OK)
        .insert_header((CONTENT_TYPE, "text/event-stream"))
        // Compression would hold events back; proxies that buffer are told not to.
        .insert_header((CONTENT_ENCODING, "identity"))
        .insert_header(("X-Accel-Buffering", "no"))
        .body(BodyStream::new(body)))
}

struct Sender {
    connection: Arc<Connection>,
    attachment: u32,
    opened: bool,
}

impl Stream for Sender {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.opened {
            self.opened = true;
            // A comment: some browsers report the stream as open only after its first bytes.
            return Poll::Ready(Some(Ok(Bytes::from_static(b":\r\n"))));
        }
        let next = self.connection.poll_next(context, self.attachment);
        next.map(|frame| frame.map(|frame| Ok(event(&frame.payload()))))
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.connection.detach(self.attachment, false);
    }
}

/// One event; a message with line breaks takes several lines.
fn event(message: &[u8]) -> Bytes {
    let mut event = BytesMut::with_capacity(message.len() + 10);
    for line in message.split(|byte| *byte == b'\n') {
        event.extend_from_slice(b"data: ");
        event.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        event.extend_from_slice(b"\r\n");
    }
    event.put_slice(b"\r\n");
    event.freeze()
}
