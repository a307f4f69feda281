#![doc = include_str!("../README.md")]

mod connection;
mod error;
mod hub;
mod invocation;
mod local;
mod options;
pub mod protocol;
mod scale_out;
#[cfg(feature = "testing")]
pub mod testing;
mod transport;
mod user;

pub use connection::{EndReason, TransportKind};
pub use error::Error;
pub use hub::{
    Argument, ArgumentReader, BindError, Caller, CallerClients, Clients, FromArguments, Groups, Hub,
    HubBuilder, HubError, HubStatus, Redirect, To, Upload,
};
pub use invocation::SerializedInvocation;
pub use local::LocalConnections;
pub use options::{HubOptions, Origins, Transports};
pub use protocol::{Arguments, ByteArray, Timestamp};
pub use scale_out::{ClientAnswer, ConnectionInfo, Local, Recipients, ScaleOut};
pub use user::{AccessToken, Authenticator, ConnectRequest, Rejection, User};
