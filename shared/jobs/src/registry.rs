//! Which handler runs which kind of job.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::failure::Failure;
use crate::payload::{HANDLER_NAME_MAX, Invocation, Payload, Unreadable, handler_name, read_argument};

type HandlerFuture = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;
type Handler = Arc<dyn Fn(Context, &str) -> Result<HandlerFuture, Unreadable> + Send + Sync>;

/// The handlers of one job server. What is not in here is left for other servers.
#[derive(Clone, Default)]
pub struct Registry {
    /// By lower-cased name: databases compare names without regard to case.
    handlers: HashMap<String, (String, Handler)>,
    refused: Option<RefusedName>,
}

#[derive(Clone)]
enum RefusedName {
    Twice(String),
    TooLong(String),
}

impl Registry {
    /// No handlers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handler of `P`: an async function of the context and the payload. Its error type is [`Failure`] or
    /// anything that turns into one (every `std::error::Error` does, as a retry).
    ///
    /// A second handler for the same type and method is refused when the server starts.
    pub fn register<P, F, R, E>(&mut self, handler: F) -> &mut Self
    where
        P: Payload,
        F: Fn(Context, P) -> R + Send + Sync + 'static,
        R: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Failure>,
    {
        let name = handler_name(P::TYPE, P::METHOD);
        if name.chars().count() > HANDLER_NAME_MAX {
            self.refused.get_or_insert(RefusedName::TooLong(name));
            return self;
        }
        let call: Handler = Arc::new(move |context, arguments| {
            let run = handler(context, read_argument::<P>(arguments)?);
            Ok(Box::pin(async move { run.await.map_err(Into::into) }))
        });
        if self.handlers.insert(name.to_lowercase(), (name.clone(), call)).is_some() {
            self.refused.get_or_insert(RefusedName::Twice(name));
        }
        self
    }

    /// Whether nothing is registered.
    pub fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    /// The names under which the handlers are announced, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.handlers.values().map(|(name, _)| name.clone()).collect();
        names.sort();
        names
    }

    /// Refuses what `register` could not.
    pub(crate) fn check(&self) -> Result<()> {
        match &self.refused {
            Some(RefusedName::Twice(handler)) => Err(Error::RegisteredTwice { handler: handler.clone() }),
            Some(RefusedName::TooLong(handler)) => {
                Err(Error::NameTooLong { handler: handler.clone(), limit: HANDLER_NAME_MAX })
            }
            None if self.is_empty() => Err(Error::Useless { missing: "handler" }),
            None => Ok(()),
        }
    }

    /// The registered name of the handler of a stored job, if the job can be read and the handler is here.
    pub(crate) fn name_of(&self, invocation_data: &str) -> Option<&str> {
        let handler = Invocation::parse(invocation_data).ok()?.handler();
        self.handlers.get(&handler.to_lowercase()).map(|(name, _)| name.as_str())
    }

    /// Turns a stored job into a running call.
    pub(crate) fn call(
        &self,
        context: Context,
        invocation_data: &str,
        arguments: &str,
    ) -> Result<HandlerFuture, Unreadable> {
        let handler = Invocation::parse(invocation_data)?.handler();
        match self.handlers.get(&handler.to_lowercase()) {
            Some((_, call)) => call(context, arguments),
            None => Err(Unreadable::Invocation(format!("no handler for {handler} here"))),
        }
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}
