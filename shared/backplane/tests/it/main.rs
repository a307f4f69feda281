//! Integration tests of backplane.
