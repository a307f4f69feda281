//! The job engine on SQL Server, Hangfire-compatible; knows no commerce.
