//! The hub `/pushNotificationHub`: notifications live, to the connections of the user whom each is for and to nobody else.
//!
//! What clients are called with is what Virto Commerce's are: `Send` with a notification, `SendSystemEvents` with what
//! concerns everybody. Clients that want each notification once and in order connect with `?subscribe=true` and call
//! `Subscribe(n)` with the last number that they know; others get what is raised while they are connected. Rows are read
//! and delivered by `backplane::push::Courier`, so nothing depends on Redis but how soon.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Data, ServiceConfig};
use backplane::push::courier::CaughtUp;
use backplane::push::{Courier, CourierOptions, RedisBackplane, RedisBackplaneOptions};
use backplane::{Push, Redis};
use contracts::push::messages_missed;
use futures_util::FutureExt;
use host::auth::{AccessTokens, Refusal};
use host::configuration::{AllowedOrigins, Scalability, Settings};
use signalr::{
    Caller, ConnectRequest, Hub, HubBuilder, HubError, HubOptions, Origins, Rejection, SerializedInvocation,
    Transports, User,
};

/// Where it is, as Virto Commerce's clients expect it.
pub const PATH: &str = "/pushNotificationHub";
/// The hub's name in Redis; servers of one hub share it.
const HUB: &str = "Stoa.PushNotificationHub";
/// What tells everybody.
const SYSTEM_EVENTS: &str = "SendSystemEvents";
/// A poll returns before the server would cut it off.
const LONG_POLL_MAX: Duration = Duration::from_secs(90);

/// The hub and what delivers through it.
pub struct NotificationHub {
    hub: Hub,
    courier: Arc<Courier>,
}

impl NotificationHub {
    /// Starts it; call it in a tokio runtime that outlives the server.
    ///
    /// # Errors
    /// What other instances are told cannot be encoded.
    pub fn start(
        push: &Push,
        redis: Option<&Redis>,
        tokens: &Data<AccessTokens>,
        settings: &Settings,
    ) -> anyhow::Result<Self> {
        let redis = redis.filter(|_| settings.push.scalability == Scalability::RedisBackplane);
        let mut courier_options = CourierOptions::default();
        if let Some(interval) = settings.push.poll_interval {
            (courier_options.poll_with_hints, courier_options.poll_without_hints) = (interval, interval);
        }
        let courier = Arc::new(Courier::new(push.clone(), redis.cloned(), courier_options));
        let mut builder = declare(&courier, tokens).options(options(settings));
        if let Some(redis) = redis {
            let mut options = RedisBackplaneOptions::new(&settings.push.channel_name, HUB);
            options.recovered = Some(SerializedInvocation::new(SYSTEM_EVENTS, (messages_missed(),))?);
            builder =
                builder.scale_out(Arc::new(RedisBackplane::new(redis.clone(), push.server_id(), options)));
        }
        let hub = builder.start();
        courier.serve(hub.local().clone());
        Ok(Self { hub, courier })
    }

    /// Its routes.
    pub fn routes(&self) -> impl FnOnce(&mut ServiceConfig) + Clone + use<> {
        self.hub.configure(PATH)
    }

    /// Lets every client go, and come back to another instance.
    pub async fn close(&self) {
        self.courier.stop().await;
        self.hub.close(true).await;
    }
}

fn declare(courier: &Arc<Courier>, tokens: &Data<AccessTokens>) -> HubBuilder {
    let (connecting, leaving, asking) = (courier.clone(), courier.clone(), courier.clone());
    let tokens = tokens.clone();
    Hub::builder()
        .authenticator(move |request: ConnectRequest| authenticate(tokens.clone(), request).boxed())
        .on_connected(move |caller: Caller| {
            let courier = connecting.clone();
            async move {
                let held = caller.query("subscribe").is_some_and(|value| value.eq_ignore_ascii_case("true"));
                courier.connect(user_of(&caller)?, caller.connection_id(), held).await;
                Ok(())
            }
        })
        .on_disconnected(move |caller: Caller, _| {
            if let Ok(user_id) = user_of(&caller) {
                leaving.disconnect(user_id, caller.connection_id());
            }
            async {}
        })
        .method("Subscribe", move |caller: Caller, (after,): (i64,)| subscribe(asking.clone(), caller, after))
}

async fn subscribe(courier: Arc<Courier>, caller: Caller, after: i64) -> Result<CaughtUp, HubError> {
    let caught_up = courier.subscribe(user_of(&caller)?, caller.connection_id(), after).await;
    caught_up.map_err(|error| {
        tracing::warn!(%error, "a client could not be told what it missed");
        HubError::new("Notifications cannot be read at the moment; call Subscribe again.")
    })
}

/// The authenticator lets nobody in without one.
fn user_of(caller: &Caller) -> Result<&str, HubError> {
    caller.user_id().ok_or_else(|| HubError::new("Sign in first."))
}

async fn authenticate(tokens: Data<AccessTokens>, request: ConnectRequest) -> Result<User, Rejection> {
    let token = request.token.ok_or(Rejection::Unauthorized)?;
    match tokens.verify_until(token.expose()).await {
        Ok((principal, until)) => {
            let mut user = User::new(super::feed_of(&principal));
            user.expires = Some(until);
            Ok(user)
        }
        Err(Refusal::Invalid(_)) => Err(Rejection::Unauthorized),
        Err(Refusal::Unavailable(_)) => Err(Rejection::Unavailable),
    }
}

fn options(settings: &Settings) -> HubOptions {
    let http = &settings.http;
    HubOptions {
        long_poll_timeout: LONG_POLL_MAX.min(http.request_timeout * 3 / 4),
        transports: if settings.push.force_web_sockets {
            Transports { web_sockets: true, server_sent_events: false, long_polling: false }
        } else {
            Transports::default()
        },
        origins: match http.cors.as_ref().map(|cors| &cors.allowed_origins) {
            None => Origins::SameHost,
            Some(AllowedOrigins::These(origins)) => Origins::Listed(origins.clone()),
            Some(AllowedOrigins::Any) => Origins::Any,
        },
        ..HubOptions::default()
    }
}
