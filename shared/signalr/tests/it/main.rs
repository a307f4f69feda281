//! The crate from outside: real servers on free ports, a client over every transport.

mod calls;
mod http;
mod hub;
mod lifetime;
mod limits;
mod protocol;
mod security;
