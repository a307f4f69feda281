//! What the catalog answers to T-SQL: OBJECT_ID, COL_LENGTH and their neighbours as SQLite functions, and the
//! few `sys.…` and `INFORMATION_SCHEMA.…` views that tools and migrations read.
//!
//! A view is a JSON array of rows made by a function when the query runs; see [`system_view`] for its
//! columns.

use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::Value as Stored;
use serde_json::{Value as Json, json};

use super::super::logins::Login;
use super::super::types::SqlType;
use super::{Catalog, DBO, DEFAULT_SCHEMA, KeyKind, Security, Table, same_name};

/// What the functions look at; the session keeps it current.
#[derive(Debug)]
pub(in super::super) struct Metadata {
    pub(in super::super) catalog: Arc<Catalog>,
    /// Temporary tables of the session.
    pub(in super::super) temporary: Vec<Arc<Table>>,
    pub(in super::super) database: String,
    /// All databases: id and name.
    pub(in super::super) databases: Vec<(i32, String)>,
    /// Whose session it is.
    pub(in super::super) login: Arc<Login>,
}

impl Metadata {
    fn user(&self) -> i32 {
        self.catalog.security.user_of(self.login.sid())
    }

    fn sees(&self, table: &Table) -> bool {
        let user = self.user();
        user == DBO || self.catalog.security.sees(user, table.id, self.catalog.schema_of(table))
    }

    /// The tables that the user may know of. (Schemas are everybody's to see.)
    fn tables(&self) -> impl Iterator<Item = &Arc<Table>> {
        self.catalog.tables().filter(|table| self.sees(table))
    }
}

const NAME: SqlType = SqlType::NVarChar(Some(128));
const INT: SqlType = SqlType::Int;
const BIT: SqlType = SqlType::Bit;
const TINY: SqlType = SqlType::TinyInt;
const SMALL: SqlType = SqlType::SmallInt;
const WORD: SqlType = SqlType::NVarChar(Some(60));

/// A view and its columns, in the order of the rows that its function makes.
#[derive(Debug)]
pub(in super::super) struct SystemView {
    pub(in super::super) name: &'static str,
    pub(in super::super) columns: &'static [(&'static str, SqlType)],
    rows: fn(&Metadata) -> Vec<Json>,
}

const OBJECT: &[(&str, SqlType)] = &[
    ("name", NAME),
    ("object_id", INT),
    ("schema_id", INT),
    ("type", SqlType::Char(2)),
    ("type_desc", WORD),
];

const VIEWS: &[SystemView] = &[
    SystemView {
        name: "sys.databases",
        columns: &[
            ("name", NAME),
            ("database_id", INT),
            ("compatibility_level", TINY),
            ("collation_name", NAME),
            ("state", TINY),
            ("state_desc", WORD),
            ("is_read_only", BIT),
            ("is_read_committed_snapshot_on", BIT),
            ("snapshot_isolation_state", TINY),
            ("user_access_desc", WORD),
        ],
        rows: databases,
    },
    SystemView { name: "sys.schemas", columns: &[("name", NAME), ("schema_id", INT)], rows: schemas },
    SystemView { name: "sys.tables", columns: OBJECT, rows: tables },
    // Constraints are not listed.
    SystemView { name: "sys.objects", columns: OBJECT, rows: tables },
    SystemView {
        name: "sys.columns",
        columns: &[
            ("object_id", INT),
            ("name", NAME),
            ("column_id", INT),
            ("max_length", SMALL),
            ("is_nullable", BIT),
            ("is_identity", BIT),
        ],
        rows: columns,
    },
    SystemView {
        name: "sys.indexes",
        columns: &[
            ("object_id", INT),
            ("name", NAME),
            ("index_id", INT),
            ("is_unique", BIT),
            ("is_primary_key", BIT),
            ("is_unique_constraint", BIT),
            ("ignore_dup_key", BIT),
            ("has_filter", BIT),
        ],
        rows: indexes,
    },
    SystemView {
        name: "sys.database_principals",
        columns: &[
            ("name", NAME),
            ("principal_id", INT),
            ("type", SqlType::Char(1)),
            ("type_desc", WORD),
            ("is_fixed_role", BIT),
        ],
        rows: principals,
    },
    SystemView {
        name: "INFORMATION_SCHEMA.TABLES",
        columns: &[
            ("TABLE_CATALOG", NAME),
            ("TABLE_SCHEMA", NAME),
            ("TABLE_NAME", NAME),
            ("TABLE_TYPE", WORD),
        ],
        rows: schema_tables,
    },
    SystemView {
        name: "INFORMATION_SCHEMA.COLUMNS",
        columns: &[
            ("TABLE_CATALOG", NAME),
            ("TABLE_SCHEMA", NAME),
            ("TABLE_NAME", NAME),
            ("COLUMN_NAME", NAME),
            ("ORDINAL_POSITION", INT),
            ("IS_NULLABLE", SqlType::VarChar(Some(3))),
            ("DATA_TYPE", NAME),
            ("CHARACTER_MAXIMUM_LENGTH", INT),
        ],
        rows: schema_columns,
    },
    SystemView {
        name: "INFORMATION_SCHEMA.SCHEMATA",
        columns: &[("CATALOG_NAME", NAME), ("SCHEMA_NAME", NAME)],
        rows: schemata,
    },
];

/// SQL Server numbers the fixed roles from here.
const FIRST_FIXED_ROLE: i32 = 16_384;

/// The view with this schema and name.
pub(in super::super) fn system_view(schema: &str, name: &str) -> Option<&'static SystemView> {
    let wanted = format!("{schema}.{name}");
    VIEWS.iter().find(|view| same_name(view.name, &wanted))
}

fn databases(metadata: &Metadata) -> Vec<Json> {
    let row = |(id, name): &(i32, String)| {
        json!([name, id, 150, "Latin1_General_100_CI_AS", 0, "ONLINE", 0, 1, 1, "MULTI_USER"])
    };
    metadata.databases.iter().map(row).collect()
}

fn principals(metadata: &Metadata) -> Vec<Json> {
    let row = |name: &str, id: i32, is_role: bool| {
        let (kind, described) = if is_role { ("R", "DATABASE_ROLE") } else { ("S", "SQL_USER") };
        json!([name, id, kind, described, i32::from(is_role && id >= FIRST_FIXED_ROLE)])
    };
    let (security, user) = (&metadata.catalog.security, metadata.user());
    let sees = |id: i32| security.is_owner(user) || security.is_member(user, id);
    let own = security.principals().iter().filter(|principal| sees(principal.id));
    let own = own.map(|principal| row(&principal.name, principal.id, principal.is_role()));
    Security::fixed().map(|(id, name, is_role)| row(name, id, is_role)).chain(own).collect()
}

fn schemas(metadata: &Metadata) -> Vec<Json> {
    metadata.catalog.schemas().map(|(id, name)| json!([name, id])).collect()
}

fn schemata(metadata: &Metadata) -> Vec<Json> {
    metadata.catalog.schemas().map(|(_, name)| json!([metadata.database, name])).collect()
}

fn tables(metadata: &Metadata) -> Vec<Json> {
    let row = |table: &Arc<Table>| {
        json!([table.name, table.id, metadata.catalog.schema_id(&table.schema), "U ", "USER_TABLE"])
    };
    metadata.tables().map(row).collect()
}

fn schema_tables(metadata: &Metadata) -> Vec<Json> {
    let row = |table: &Arc<Table>| json!([metadata.database, table.schema, table.name, "BASE TABLE"]);
    metadata.tables().map(row).collect()
}

fn columns(metadata: &Metadata) -> Vec<Json> {
    let rows = metadata.tables().flat_map(|table| {
        table.columns.iter().enumerate().map(move |(index, column)| {
            let identity = table.identity.is_some_and(|(identity, ..)| identity == index);
            let nullable = i32::from(column.nullable);
            json!([table.id, column.name, index + 1, column.ty.bytes(), nullable, i32::from(identity)])
        })
    });
    rows.collect()
}

fn schema_columns(metadata: &Metadata) -> Vec<Json> {
    let rows = metadata.tables().flat_map(|table| {
        table.columns.iter().enumerate().map(move |(index, column)| {
            let length = (column.ty.is_text() || column.ty.is_binary())
                .then(|| column.ty.length().map_or(-1, i32::from));
            let nullable = if column.nullable { "YES" } else { "NO" };
            json!([
                metadata.database,
                table.schema,
                table.name,
                column.name,
                index + 1,
                nullable,
                data_type(column.ty),
                length
            ])
        })
    });
    rows.collect()
}

/// The catalog does not keep which of the two names was written.
fn data_type(ty: SqlType) -> &'static str {
    if matches!(ty, SqlType::Decimal(..)) { "decimal" } else { ty.name() }
}

fn indexes(metadata: &Metadata) -> Vec<Json> {
    let rows = metadata.tables().flat_map(|table| {
        table.keys.iter().enumerate().map(move |(index, key)| {
            json!([
                table.id,
                key.name,
                index + 1,
                i32::from(key.kind != KeyKind::Index),
                i32::from(key.kind == KeyKind::Primary),
                i32::from(key.kind == KeyKind::UniqueConstraint),
                i32::from(key.ignore_duplicates),
                i32::from(key.filter.is_some())
            ])
        })
    });
    rows.collect()
}

// --- functions -------------------------------------------------------------------------------------------------------

/// Registers OBJECT_ID and its neighbours.
pub(in super::super) fn register(
    connection: &Connection,
    metadata: &Arc<Mutex<Metadata>>,
) -> rusqlite::Result<()> {
    type Function = fn(&Metadata, &[Option<String>]) -> Stored;
    let functions: [(&str, i32, Function); 8] = [
        ("ts_system_view", 1, view_rows),
        ("ts_object_id", 2, object_id),
        ("ts_schema_id", 1, schema_id),
        ("ts_col_length", 2, column_length),
        ("ts_db_id", 1, database_id),
        ("ts_server_property", 1, server_property),
        ("ts_database_property", 2, database_property),
        ("ts_session_property", 1, session_property),
    ];
    for (name, count, function) in functions {
        let metadata = Arc::clone(metadata);
        connection.create_scalar_function(name, count, FunctionFlags::SQLITE_UTF8, move |context| {
            let arguments = (0..context.len()).map(|index| context.get::<Option<String>>(index));
            let arguments = arguments.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(function(&metadata.lock(), &arguments))
        })?;
    }
    Ok(())
}

fn argument(arguments: &[Option<String>], index: usize) -> Option<&str> {
    arguments.get(index)?.as_deref()
}

fn whole(number: Option<i32>) -> Stored {
    number.map_or(Stored::Null, |number| Stored::Integer(i64::from(number)))
}

fn view_rows(metadata: &Metadata, arguments: &[Option<String>]) -> Stored {
    let view = argument(arguments, 0).and_then(|name| VIEWS.iter().find(|view| view.name == name));
    view.map_or(Stored::Null, |view| Stored::Text(Json::Array((view.rows)(metadata)).to_string()))
}

/// `[a].[b]` to its parts, last first.
fn name_parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for character in text.trim().chars() {
        match character {
            '[' if !quoted => quoted = true,
            ']' if quoted => quoted = false,
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other => {
                if let Some(part) = parts.last_mut() {
                    part.push(other);
                }
            }
        }
    }
    parts.reverse();
    parts
}

fn find_table<'a>(metadata: &'a Metadata, name: &str) -> Option<&'a Arc<Table>> {
    let parts = name_parts(name);
    let object = parts.first()?;
    if object.starts_with('#') {
        return metadata.temporary.iter().find(|table| same_name(&table.name, object));
    }
    if parts.get(2).is_some_and(|database| !database.is_empty() && !same_name(database, &metadata.database)) {
        return None;
    }
    let found =
        metadata.catalog.table(parts.get(1).map(String::as_str).filter(|schema| !schema.is_empty()), object);
    found.filter(|table| metadata.sees(table))
}

fn object_id(metadata: &Metadata, arguments: &[Option<String>]) -> Stored {
    let Some(name) = argument(arguments, 0) else { return Stored::Null };
    let kind = argument(arguments, 1).map(|kind| kind.trim_end().to_uppercase());
    let is_kind = |wanted: &str| kind.as_deref().is_none_or(|kind| kind == wanted);
    if let Some(table) = find_table(metadata, name).filter(|_| is_kind("U")) {
        return whole(Some(table.id));
    }
    let parts = name_parts(name);
    let schema = parts.get(1).map_or(DEFAULT_SCHEMA, String::as_str);
    let Some(object) = parts.first() else { return Stored::Null };
    for table in metadata.tables().filter(|table| same_name(&table.schema, schema)) {
        let found = constraints(table).position(|(name, kind)| same_name(name, object) && is_kind(kind));
        if let Some(id) = found.and_then(|index| i32::try_from(index).ok()) {
            // Constraints have no rows of their own: an id that is stable and meets no table's.
            return whole(Some(-table.id.saturating_mul(8).saturating_add(id)));
        }
    }
    Stored::Null
}

/// Names of the table's constraints with the type letters of `sys.objects`.
fn constraints(table: &Table) -> impl Iterator<Item = (&str, &'static str)> {
    let keys = table.keys.iter().filter_map(|key| match key.kind {
        KeyKind::Primary => Some((key.name.as_str(), "PK")),
        KeyKind::UniqueConstraint => Some((key.name.as_str(), "UQ")),
        _ => None,
    });
    let defaults = table
        .columns
        .iter()
        .filter_map(|column| column.default.as_ref())
        .map(|default| (default.name.as_str(), "D"));
    keys.chain(table.foreign_keys.iter().map(|key| (key.name.as_str(), "F")))
        .chain(table.checks.iter().map(|check| (check.name.as_str(), "C")))
        .chain(defaults)
}

fn schema_id(metadata: &Metadata, arguments: &[Option<String>]) -> Stored {
    whole(metadata.catalog.schema_id(argument(arguments, 0).unwrap_or(DEFAULT_SCHEMA)))
}

fn column_length(metadata: &Metadata, arguments: &[Option<String>]) -> Stored {
    let (Some(table), Some(column)) = (argument(arguments, 0), argument(arguments, 1)) else {
        return Stored::Null;
    };
    let column = find_table(metadata, table).and_then(|table| table.columns.get(table.column(column)?));
    whole(column.map(|column| column.ty.bytes()))
}

fn database_id(metadata: &Metadata, arguments: &[Option<String>]) -> Stored {
    let name = argument(arguments, 0).unwrap_or(&metadata.database);
    whole(metadata.databases.iter().find(|(_, known)| same_name(known, name)).map(|(id, _)| *id))
}

fn server_property(_: &Metadata, arguments: &[Option<String>]) -> Stored {
    let value = match argument(arguments, 0).unwrap_or("").to_lowercase().as_str() {
        "productversion" => "15.0.0.0",
        "productmajorversion" => "15",
        "productlevel" => "local-sql",
        "edition" => "local-sql, a stand-in for SQL Server",
        "engineedition" => "3",
        "collation" => "Latin1_General_100_CI_AS",
        "servername" | "machinename" => "local-sql",
        _ => return Stored::Null,
    };
    Stored::Text(value.to_owned())
}

fn database_property(metadata: &Metadata, arguments: &[Option<String>]) -> Stored {
    let name = argument(arguments, 0).unwrap_or("");
    if !metadata.databases.iter().any(|(_, known)| same_name(known, name)) {
        return Stored::Null;
    }
    let value = match argument(arguments, 1).unwrap_or("").to_lowercase().as_str() {
        "updateability" => "READ_WRITE",
        "status" => "ONLINE",
        "useraccess" => "MULTI_USER",
        "recovery" => "SIMPLE",
        "collation" => "Latin1_General_100_CI_AS",
        _ => return Stored::Null,
    };
    Stored::Text(value.to_owned())
}

/// The options that filtered indexes demand; local-sql cannot be made to differ.
fn session_property(_: &Metadata, arguments: &[Option<String>]) -> Stored {
    match argument(arguments, 0).unwrap_or("").to_uppercase().as_str() {
        "ANSI_NULLS"
        | "ANSI_PADDING"
        | "ANSI_WARNINGS"
        | "ARITHABORT"
        | "CONCAT_NULL_YIELDS_NULL"
        | "QUOTED_IDENTIFIER" => Stored::Integer(1),
        "NUMERIC_ROUNDABORT" => Stored::Integer(0),
        _ => Stored::Null,
    }
}
