//! Handlers against a database: what an import writes, and what it does not after it lost its job.

mod import_catalog;
mod world;
