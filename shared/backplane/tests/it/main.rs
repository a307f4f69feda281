//! Tests of `backplane` with real servers, and of its rules against a plain oracle.

mod cache;
mod feed;
mod model;
mod redis;
