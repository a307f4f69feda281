//! Commerce types and rules: pure, synchronous, no I/O, no clock, no serde.
