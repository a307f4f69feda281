//! Entry point of `frontend-api`.

fn main() {}
