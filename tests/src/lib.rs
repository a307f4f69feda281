//! Starts the whole system as real processes and speaks to it as its users do: HTTP in, observable effect out.
//! Stories (`it/`), the demo, `make run` and the benchmarks stand on it. It reaches into no service: everything
//! it knows comes through HTTP, SQL or a log file.
//! Start at [`World`].

mod balancer;
pub mod busy;
pub mod catalog;
pub mod collector;
pub mod load;
mod merchant;
pub mod observed;
mod process;
mod raw;
mod shopper;
pub mod subscriber;
mod waiting;
mod wire;
mod world;

pub use balancer::Balancer;
pub use merchant::{ImportReport, Merchant};
pub use process::Process;
pub use raw::raw;
pub use shopper::{Reading, Shopper};
pub use waiting::eventually;
pub use world::{
    ADMIN, ADMIN_PASSWORD, COLLECTOR_TOKEN, Instance, Layout, OWN_PASSWORD, Placement, SA_PASSWORD, Trust,
    World, binary,
};
