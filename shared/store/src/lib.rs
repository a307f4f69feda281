//! Commerce queries used by two or more services, one file per aggregate.
