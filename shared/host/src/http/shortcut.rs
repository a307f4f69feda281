//! Answers that need no routing: what is in memory under an address that is asked for more than all others together.
//!
//! The framework's way to a handler – match patterns, name captures, box a future, extract arguments – costs more than
//! such an answer itself. A [`Shortcut`] is asked before it, with the same limits, log line and metrics around it (see
//! `edge`). It answers at once or not at all: whatever it leaves alone takes the route, so it needs to know no errors,
//! no other methods and no odd spellings.
//!
//! Not asked where CORS is configured: those headers are made around the routes.

use std::fmt;
use std::sync::Arc;

use actix_web::HttpResponse;
use actix_web::dev::RequestHead;
use actix_web::http::Method;

/// A way past the router for one route.
#[derive(Clone)]
pub struct Shortcut {
    /// The pattern of the route, for metrics and spans.
    pub(super) pattern: &'static str,
    answer: Arc<Answer>,
}

type Answer = dyn Fn(&RequestHead) -> Option<HttpResponse> + Send + Sync;

impl Shortcut {
    /// Past the route with this pattern. `answer` runs for each GET and HEAD of any address: it must not wait, and it
    /// should see in its first comparisons that an address is none of its own.
    pub fn new(
        pattern: &'static str,
        answer: impl Fn(&RequestHead) -> Option<HttpResponse> + Send + Sync + 'static,
    ) -> Self {
        Self { pattern, answer: Arc::new(answer) }
    }

    /// The answer, if there is one at once.
    #[inline]
    pub fn answer(&self, request: &RequestHead) -> Option<HttpResponse> {
        matches!(request.method, Method::GET | Method::HEAD).then(|| (self.answer)(request)).flatten()
    }
}

impl fmt::Debug for Shortcut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shortcut").field("pattern", &self.pattern).finish_non_exhaustive()
    }
}
