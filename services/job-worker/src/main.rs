//! Entry point of `job-worker`.

fn main() {}
