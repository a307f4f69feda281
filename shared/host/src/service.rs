//! The three processes that the project consists of, and what differs between them by default.

use std::fmt;

/// Which of our processes this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The shop's side; scaled horizontally, stays useful while SQL Server is away.
    FrontendApi,
    /// The merchant's side.
    AuthoringApi,
    /// Runs background jobs; its port answers health questions only.
    JobWorker,
}

impl Service {
    /// The name of the binary, of the container and of the service in logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::FrontendApi => "frontend-api",
            Self::AuthoringApi => "authoring-api",
            Self::JobWorker => "job-worker",
        }
    }

    /// Loopback, with a port of its own: all three run side by side at a desk.
    pub(crate) fn default_listen(self) -> &'static str {
        match self {
            Self::FrontendApi => "127.0.0.1:8080",
            Self::AuthoringApi => "127.0.0.1:8081",
            Self::JobWorker => "127.0.0.1:8082",
        }
    }

    /// Nobody balances requests over workers: nothing is waited for there.
    pub(crate) fn default_stop_delay(self) -> &'static str {
        match self {
            Self::FrontendApi | Self::AuthoringApi => "00:00:05",
            Self::JobWorker => "00:00:00",
        }
    }

    /// Only the worker runs jobs unless it is told otherwise.
    pub(crate) fn default_use_hangfire_server(self) -> &'static str {
        match self {
            Self::FrontendApi | Self::AuthoringApi => "false",
            Self::JobWorker => "true",
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
