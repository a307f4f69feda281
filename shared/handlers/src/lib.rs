//! Every job handler, one file per kind; run by any service whose job server is on.

pub mod catalog_file;
