//! Stories that start several real processes, the demo, and benches that need the whole stack.
