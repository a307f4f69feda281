//! Entry point of `local-sql`.

fn main() {}
