//! The language half of local-sql: T-SQL in, rows and SQL Server's messages out. It knows no TDS and no
//! sockets.
//!
//! Start at [`Engine::open`] and [`Session::run_batch`]. A batch goes through one module per stage: `lexer` →
//! `parser` (producing `ast`) → `bind` (names, types and the SQLite text) → `run` (the batch interpreter)
//! over `storage` (one SQLite file per database) and `catalog` (what exists in it). What a stage does not
//! know it refuses with error 40000 that names the construct and its position; nothing is guessed.

mod ast;
mod bind;
mod catalog;
mod change;
mod convert;
mod decimal;
mod error;
mod functions;
mod interface;
mod lexer;
mod locks;
mod logins;
mod parser;
mod run;
mod storage;
mod storage_form;
mod types;

pub use error::SqlError;
pub use interface::{CancelFlag, EngineOptions, Message, ResultSink, Storage, TransactionRequest};
pub use logins::{ADMINISTRATOR, Login};
pub use run::{Client, Engine, Session};
pub use types::{Column, Param, SqlType, Value};
