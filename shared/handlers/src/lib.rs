//! Every job handler, one file per kind; run by any service whose job server is on.
//!
//! [`registry`] is the whole list: what a job server can run. A new job is a payload in `contracts::jobs`, a file
//! here, and a line there. Handlers may run again at any time, after a crash or beside a run that lost its job, so
//! each writes only in transactions that prove that the job is still its own.

pub mod catalog_file;
pub mod import_catalog;

use backplane::Push;
use jobs::Registry;
use sql::Database;

/// The schema that handlers need, in the order in which it must be applied; every service passes it to `host`.
pub const MIGRATIONS: &[&[sql::Migration]] =
    &[sql::MIGRATIONS, jobs::MIGRATIONS, store::MIGRATIONS, backplane::push::MIGRATIONS];

/// What handlers work with.
#[derive(Clone)]
pub struct Dependencies {
    /// The one database.
    pub database: Database,
    /// Tells users.
    pub push: Push,
}

/// Every job that this version can run.
pub fn registry(dependencies: Dependencies) -> Registry {
    let mut registry = Registry::new();
    registry.register(move |context, payload: contracts::jobs::ImportCatalog| {
        import_catalog::run(dependencies.clone(), context, payload)
    });
    registry
}
