//! An embedded SQL Server stand-in for desks and CI: TDS 7.4 and plain T-SQL over SQLite.

pub mod engine;
