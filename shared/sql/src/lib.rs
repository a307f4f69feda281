//! The SQL Server pool, transactions, retries and migrations; knows no commerce.
