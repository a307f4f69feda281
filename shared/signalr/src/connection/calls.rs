//! What is under way on one connection: calls that wait for their turn, running streams, uploads, answers awaited from
//! the client.

use std::collections::{HashMap, VecDeque};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::protocol::{Invocation, Payload};
use crate::scale_out::ClientAnswer;

/// What a client sends on an upload.
#[derive(Debug)]
pub(crate) enum UploadItem {
    Item(Payload),
    /// The client ended it with an error.
    Failed(String),
}

/// A call and the uploads that it announced.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) invocation: Invocation,
    pub(crate) uploads: Vec<mpsc::Receiver<UploadItem>>,
}

#[derive(Debug, Default)]
pub(crate) struct Calls {
    running: usize,
    waiting: VecDeque<Call>,
    streams: HashMap<String, CancellationToken>,
    uploads: HashMap<String, mpsc::Sender<UploadItem>>,
    answers: HashMap<String, oneshot::Sender<ClientAnswer>>,
}

impl Calls {
    /// The call, if it may run at once; else it waits.
    pub(crate) fn start_or_wait(&mut self, call: Call, parallel: usize) -> Option<Call> {
        if self.running < parallel.max(1) {
            self.running += 1;
            return Some(call);
        }
        self.waiting.push_back(call);
        None
    }

    /// The call that takes the place of one that has ended.
    pub(crate) fn next(&mut self) -> Option<Call> {
        let next = self.waiting.pop_front();
        if next.is_none() {
            self.running -= 1;
        }
        next
    }

    pub(crate) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// Streams and uploads that are under way.
    pub(crate) fn stream_count(&self) -> usize {
        self.streams.len() + self.uploads.len()
    }

    /// False if a stream of that id is under way.
    pub(crate) fn add_stream(&mut self, id: &str, cancel: CancellationToken) -> bool {
        if self.streams.contains_key(id) {
            return false;
        }
        self.streams.insert(id.to_owned(), cancel);
        true
    }

    /// Cancelled when the client wants no more of the stream, or has gone.
    pub(crate) fn stream_token(&self, id: &str) -> CancellationToken {
        self.streams.get(id).cloned().unwrap_or_default()
    }

    pub(crate) fn cancel_stream(&self, id: &str) {
        if let Some(stream) = self.streams.get(id) {
            stream.cancel();
        }
    }

    pub(crate) fn end_stream(&mut self, id: &str) {
        self.streams.remove(id);
    }

    /// False if an upload of that id is under way.
    pub(crate) fn add_upload(&mut self, id: &str, items: mpsc::Sender<UploadItem>) -> bool {
        if self.uploads.contains_key(id) {
            return false;
        }
        self.uploads.insert(id.to_owned(), items);
        true
    }

    pub(crate) fn upload(&self, id: &str) -> Option<mpsc::Sender<UploadItem>> {
        self.uploads.get(id).cloned()
    }

    pub(crate) fn end_uploads<'a>(&mut self, ids: impl IntoIterator<Item = &'a String>) {
        for id in ids {
            self.uploads.remove(id);
        }
    }

    pub(crate) fn await_answer(&mut self, id: &str, reply: oneshot::Sender<ClientAnswer>) {
        self.answers.insert(id.to_owned(), reply);
    }

    pub(crate) fn take_answer(&mut self, id: &str) -> Option<oneshot::Sender<ClientAnswer>> {
        self.answers.remove(id)
    }

    /// The connection has ended: whoever waits for the client is told, what waits for a turn never gets it.
    pub(crate) fn end(&mut self) -> Vec<(String, oneshot::Sender<ClientAnswer>)> {
        self.waiting.clear();
        self.uploads.clear();
        self.answers.drain().collect()
    }
}
