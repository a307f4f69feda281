//! Integration tests of the SQL crate, against local-sql or the server named by `STOA_TEST_SQLSERVER`.
