//! A user's notifications over REST: what a client that was away missed, lists for people, marking as read. The addresses
//! and bodies are those of Virto Commerce; `after` and marking one are ours. [`hub`] delivers them live;
//! what is marked here reaches every tab through it.
//!
//! Everybody sees their own and nobody else's, so no permission is needed but to be signed in.

mod answer;
pub mod hub;
mod mark_all_as_read;
mod mark_as_read;
mod replay;
mod search;

pub(crate) use mark_all_as_read::mark_all_as_read;
pub(crate) use mark_as_read::mark_as_read;
pub(crate) use replay::replay;
pub(crate) use search::search;

use host::auth::Principal;
use utoipa::OpenApi;

/// What these routes say about themselves.
#[derive(OpenApi)]
#[openapi(paths(
    replay::replay,
    search::search,
    mark_all_as_read::mark_all_as_read,
    mark_as_read::mark_as_read
))]
pub(crate) struct Api;

/// Whose feed: the subject of the access token, which no other account ever gets. Names can be given again.
pub(crate) fn feed_of(principal: &Principal) -> String {
    principal.subject.to_string()
}
