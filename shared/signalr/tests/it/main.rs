//! The crate from outside: real servers on free ports, a client over every transport.

mod calls;
mod hub;
mod protocol;
