//! WebSockets: a body that sends shared frames as they are, and a task that reads.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use actix_http::ws::{Codec, Frame, Item, ProtocolError, handshake_response, verify_handshake};
use actix_web::body::{BodyStream, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::sync::oneshot;
use tokio::time::Sleep;
use tokio_util::codec::Decoder;

use super::{Admitted, Answer, not_attached, not_found, refused, unavailable};
use crate::connection::{Connection, EndReason, Stopped, TransportKind};
use crate::hub::HubInner;

/// Close with code 1000, "normal".
const CLOSE: &[u8] = &[0x88, 0x02, 0x03, 0xe8];

/// The largest frame where messages have no limit.
const UNLIMITED_FRAME_BYTES: usize = 64 * 1024 * 1024;

pub(super) async fn start(
    hub: &Arc<HubInner>,
    request: &HttpRequest,
    payload: Payload,
    admitted: Admitted,
) -> Answer {
    if !hub.options.transports.web_sockets {
        return Err(refused(StatusCode::NOT_FOUND, "WebSockets are not offered."));
    }
    verify_handshake(request.head())
        .map_err(|_| refused(StatusCode::BAD_REQUEST, "No WebSocket handshake."))?;
    let connection = match admitted.query("id") {
        Some(_) => admitted.connection(hub)?,
        // Without negotiate; the client never learns its id.
        None => hub.add(admitted.new_connection(hub, request)).ok_or_else(unavailable)?,
    };
    let attached = connection.attach(TransportKind::WebSockets).map_err(not_attached)?;
    if !attached.first {
        connection.resume().await;
        if connection.has_ended() {
            return Err(not_found());
        }
    }
    let (reader_alive, reader_done) = oneshot::channel();
    let body = Sender {
        connection: connection.clone(),
        attachment: attached.number,
        state: State::Open { reader_done: Some(reader_done) },
    };
    actix_web::rt::spawn(read(connection, payload, attached.number, reader_alive));
    let mut response = handshake_response(request.head());
    let response = response.message_body(BodyStream::new(body).boxed());
    response.map(HttpResponse::from).map_err(|_| refused(StatusCode::INTERNAL_SERVER_ERROR, ""))
}

/// The response body: what waits for the client, as it comes.
struct Sender {
    connection: Arc<Connection>,
    attachment: u32,
    state: State,
}

enum State {
    Open {
        reader_done: Option<oneshot::Receiver<()>>,
    },
    /// Our Close has gone out: the client's is awaited for a while, so that the end of the socket tears nothing.
    Closing {
        reader_done: oneshot::Receiver<()>,
        deadline: Pin<Box<Sleep>>,
    },
    Closed,
}

impl Stream for Sender {
    type Item = Result<Bytes, std::convert::Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        match &mut this.state {
            State::Open { reader_done } => {
                let Poll::Ready(next) = this.connection.poll_next(context, this.attachment) else {
                    return Poll::Pending;
                };
                if let Some(frame) = next {
                    return Poll::Ready(Some(Ok(frame.framed())));
                }
                let timeout = this.connection.hub().options.close_timeout;
                this.state = match reader_done.take() {
                    Some(done) => {
                        State::Closing { reader_done: done, deadline: Box::pin(tokio::time::sleep(timeout)) }
                    }
                    None => State::Closed,
                };
                Poll::Ready(Some(Ok(Bytes::from_static(CLOSE))))
            }
            State::Closing { reader_done, deadline } => {
                if Pin::new(reader_done).poll(context).is_pending()
                    && deadline.as_mut().poll(context).is_pending()
                {
                    return Poll::Pending;
                }
                this.state = State::Closed;
                Poll::Ready(None)
            }
            State::Closed => Poll::Ready(None),
        }
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        self.connection.detach(self.attachment, false);
    }
}

/// Reads until the socket ends. Dropping `_alive` tells the sender.
async fn read(
    connection: Arc<Connection>,
    mut payload: Payload,
    attachment: u32,
    _alive: oneshot::Sender<()>,
) {
    let max_frame = connection.hub().options.max_message_bytes.unwrap_or(UNLIMITED_FRAME_BYTES);
    let mut codec = Codec::new().max_size(max_frame);
    let mut buffer = BytesMut::new();
    let mut reads = true;
    while let Some(chunk) = payload.next().await {
        let Ok(chunk) = chunk else { break };
        buffer.extend_from_slice(&chunk);
        drop(chunk);
        match take_frames(&connection, &mut codec, &mut buffer, &mut reads).await {
            Ok(End::More) => {}
            Ok(End::Closed) => {
                connection.detach(attachment, true);
                return;
            }
            Err(ProtocolError::Overflow) => {
                let text = format!(
                    "Connection closed with an error. InvalidDataException: {}",
                    crate::protocol::ProtocolError::TooLarge(max_frame)
                );
                connection.close(EndReason::ProtocolViolation, Some(text), false);
                return;
            }
            Err(_) => {
                connection.close(
                    EndReason::ProtocolViolation,
                    Some("Connection closed with an error.".to_owned()),
                    false,
                );
                return;
            }
        }
        if buffer.is_empty() {
            // An idle connection holds no room.
            buffer = BytesMut::new();
        }
    }
    connection.detach(attachment, false);
}

enum End {
    More,
    Closed,
}

/// Takes the complete frames. Hub messages need not end where frames do, so fragments need no gathering here. After the
/// connection has ended (`reads` is false) only the client's Close is looked for.
async fn take_frames(
    connection: &Arc<Connection>,
    codec: &mut Codec,
    buffer: &mut BytesMut,
    reads: &mut bool,
) -> Result<End, ProtocolError> {
    while let Some(frame) = codec.decode(buffer)? {
        let bytes = match frame {
            Frame::Text(bytes) | Frame::Binary(bytes) => bytes,
            Frame::Continuation(
                Item::FirstText(bytes) | Item::FirstBinary(bytes) | Item::Continue(bytes) | Item::Last(bytes),
            ) => bytes,
            Frame::Ping(payload) => {
                connection.note_received();
                connection.pong(&payload);
                continue;
            }
            Frame::Pong(_) => {
                connection.note_received();
                continue;
            }
            Frame::Close(_) => return Ok(End::Closed),
        };
        // Boxed: most of the time nothing comes, and then its room is not held.
        if *reads && Box::pin(connection.receive(&bytes)).await == Err(Stopped) {
            *reads = false;
        }
    }
    Ok(End::More)
}
