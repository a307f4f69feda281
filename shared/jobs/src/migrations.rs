//! The schemas: Hangfire's version 9, untouched, and our own objects beside it.

use sql::Migration;

/// SQL schema `HangFire` (created as version 9, or left alone if it is version 9 already; any other version is
/// refused with error 51009) and SQL schema `Jobs`.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        component: "Jobs",
        version: 1,
        name: "Hangfire's tables, schema version 9",
        min_binary: 1,
        text: include_str!("../migrations/0001_hangfire_schema_9.sql"),
    },
    Migration {
        component: "Jobs",
        version: 2,
        name: "servers, leases, holds, deliveries",
        min_binary: 1,
        text: include_str!("../migrations/0002_jobs_schema.sql"),
    },
    Migration {
        component: "Jobs",
        version: 3,
        name: "the shelf, limits, unique keys",
        min_binary: 1,
        text: include_str!("../migrations/0003_shelf_and_limits.sql"),
    },
    Migration {
        component: "Jobs",
        version: 4,
        name: "queues that rest",
        min_binary: 1,
        text: include_str!("../migrations/0004_paused_queues.sql"),
    },
];
