//! Entry point of `authoring-api`.

fn main() {}
