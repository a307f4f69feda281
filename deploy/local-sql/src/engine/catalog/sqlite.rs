//! The SQLite DDL of a table, written from its definition alone: what CREATE TABLE says and what ALTER TABLE
//! leaves behind is the same text.
//!
//! SQL Server takes two NULLs in a unique key for duplicates, SQLite does not: nullable columns of unique
//! keys are indexed through an expression that gives NULL a value of another storage class.

use std::rc::Rc;

use super::super::ast::{Action, Expression};
use super::super::bind::{Binder, Collation, Environment, Scope, ScopeColumn, Source, quoted_name};
use super::super::error::{Result, SqlError};
use super::super::parser::parse_expression;
use super::super::types::SqlType;
use super::{Catalog, Check, ForeignKey, Key, KeyKind, Table, TableColumn};

/// `CREATE TABLE …` of SQLite, without the keys that are indexes.
pub(in super::super) fn create_table(
    catalog: &Catalog,
    table: &Table,
    if_not_exists: bool,
) -> Result<String> {
    let mut parts: Vec<String> = (0..table.columns.len()).map(|index| column_text(table, index)).collect();
    for check in &table.checks {
        let condition = condition_text(table, &check.text)?;
        parts.push(format!("CONSTRAINT {} CHECK ({condition})", quoted_name(&check.name)));
    }
    for key in &table.foreign_keys {
        parts.push(foreign_key_text(catalog, table, key)?);
    }
    let guard = if if_not_exists { "IF NOT EXISTS " } else { "" };
    // SQLite keeps this text; without the schema name it is the text that it would keep itself.
    let temporary = if table.is_temporary() { "TEMP " } else { "" };
    Ok(format!(
        "CREATE {temporary}TABLE {guard}{} ({}) STRICT",
        quoted_name(&table.stored_name()),
        parts.join(", ")
    ))
}

/// `CREATE TABLE` of a table variable or temporary table: nothing in it refers to a catalog.
pub(in super::super) fn temporary_table_text(table: &Table, if_not_exists: bool) -> Result<String> {
    create_table(&Catalog::default(), table, if_not_exists)
}

/// A column of CREATE TABLE or ALTER TABLE … ADD COLUMN.
pub(in super::super) fn column_text(table: &Table, index: usize) -> String {
    let Some(column) = table.columns.get(index) else { return String::new() };
    let name = quoted_name(&column.name);
    if table.row_id == Some(index) {
        return format!("{name} INTEGER PRIMARY KEY");
    }
    let collation = sqlite_collation(column);
    let not_null = if column.nullable { "" } else { " NOT NULL" };
    format!("{name} {}{collation}{not_null}", storage_class(column.ty))
}

/// ` COLLATE …`, or nothing.
fn sqlite_collation(column: &TableColumn) -> String {
    let collation = Collation::of_type(column.ty, column.collation());
    collation.map(|collation| format!(" COLLATE {collation}")).unwrap_or_default()
}

fn storage_class(ty: SqlType) -> &'static str {
    match ty {
        SqlType::Float | SqlType::Real => "REAL",
        SqlType::UniqueIdentifier | SqlType::VarBinary(_) | SqlType::Binary(_) => "BLOB",
        _ if ty.is_decimal() => "BLOB",
        SqlType::DateTimeOffset(_) => "TEXT",
        _ if ty.is_text() => "TEXT",
        _ => "INTEGER",
    }
}

fn foreign_key_text(catalog: &Catalog, table: &Table, key: &ForeignKey) -> Result<String> {
    let parent =
        if key.parent == table.id { Some(table) } else { catalog.table_by_id(key.parent).map(AsRef::as_ref) };
    let parent = parent
        .ok_or_else(|| SqlError::new(1767, format!("Foreign key '{}' has lost its table.", key.name)))?;
    let names = |table: &Table, columns: &[usize]| -> String {
        let names = columns
            .iter()
            .filter_map(|index| table.columns.get(*index))
            .map(|column| quoted_name(&column.name));
        names.collect::<Vec<_>>().join(", ")
    };
    Ok(format!(
        "CONSTRAINT {} FOREIGN KEY ({}) REFERENCES {} ({}) ON DELETE {} ON UPDATE {}",
        quoted_name(&key.name),
        names(table, &key.columns),
        quoted_name(&parent.stored_name()),
        names(parent, &key.parent_columns),
        action_text(key.on_delete),
        action_text(key.on_update)
    ))
}

fn action_text(action: Action) -> &'static str {
    match action {
        Action::Nothing => "NO ACTION",
        Action::Cascade => "CASCADE",
        Action::SetNull => "SET NULL",
        Action::SetDefault => "SET DEFAULT",
    }
}

/// The name of a SQLite index and the statement that creates it.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct IndexDefinition {
    pub(in super::super) name: String,
    pub(in super::super) sql: String,
}

/// The SQLite indexes that stand for a key: none for the row id, two where NULL needs an expression.
pub(in super::super) fn indexes_of(
    table: &Table,
    key: &Key,
    if_not_exists: bool,
) -> Result<Vec<IndexDefinition>> {
    let by_row_id =
        key.kind == KeyKind::Primary && key.columns.iter().any(|(column, _)| Some(*column) == table.row_id);
    if by_row_id {
        return Ok(Vec::new());
    }
    let filter = match &key.filter {
        Some(text) => format!(" WHERE {}", condition_text(table, text)?),
        None => String::new(),
    };
    let unique = key.kind != KeyKind::Index;
    let guarded = unique && key.columns.iter().any(|(column, _)| null_may_meet(table, key, *column));
    let mut columns: Vec<String> =
        key.columns.iter().map(|(column, descending)| ordered(table, *column, *descending)).collect();
    if !unique {
        columns.extend(key.include.iter().map(|column| ordered(table, *column, false)));
    }
    let mut definitions = Vec::new();
    let name = index_name(table, key);
    if guarded {
        let guards = key.columns.iter().map(|(column, _)| null_guard(table, *column)).collect();
        definitions.push(index(table, format!("{name}!"), true, guards, &filter, if_not_exists));
    }
    definitions.push(index(table, name, unique && !guarded, columns, &filter, if_not_exists));
    Ok(definitions)
}

fn index(
    table: &Table,
    name: String,
    unique: bool,
    columns: Vec<String>,
    filter: &str,
    if_not_exists: bool,
) -> IndexDefinition {
    let unique = if unique { "UNIQUE " } else { "" };
    let guard = if if_not_exists { "IF NOT EXISTS " } else { "" };
    let schema = if table.is_temporary() { "temp" } else { "main" };
    let sql = format!(
        "CREATE {unique}INDEX {guard}{schema}.{} ON {} ({}){filter}",
        quoted_name(&name),
        quoted_name(&table.stored_name()),
        columns.join(", ")
    );
    IndexDefinition { name, sql }
}

/// `schema.table.key`: SQLite's index names are those of the whole database.
fn index_name(table: &Table, key: &Key) -> String {
    format!("{}.{}", table.stored_name(), key.name)
}

fn ordered(table: &Table, column: usize, descending: bool) -> String {
    let name = table.columns.get(column).map_or("", |column| &column.name);
    format!("{}{}", quoted_name(name), if descending { " DESC" } else { "" })
}

/// A filter `column IS NOT NULL` keeps NULL out of the index.
fn null_may_meet(table: &Table, key: &Key, column: usize) -> bool {
    let Some(column) = table.columns.get(column).filter(|column| column.nullable) else { return false };
    let parsed = key.filter.as_deref().and_then(|text| parse_expression(text).ok());
    !parsed.is_some_and(|filter| excludes_null(&filter, &column.name))
}

fn excludes_null(filter: &Expression, name: &str) -> bool {
    match filter {
        Expression::And(parts) => parts.iter().any(|part| excludes_null(part, name)),
        Expression::IsNull { value, negated: true } => {
            matches!(&**value, Expression::Column(column) if super::same_name(column.object(), name))
        }
        _ => false,
    }
}

fn null_guard(table: &Table, index: usize) -> String {
    let Some(column) = table.columns.get(index) else { return String::new() };
    let name = quoted_name(&column.name);
    let other_class = if storage_class(column.ty) == "BLOB" { "0" } else { "X'00'" };
    format!("ifnull({name}, {other_class}){}", sqlite_collation(column))
}

/// The SQLite text of a condition on the columns of one table (CHECK, filtered index).
pub(in super::super) fn condition_text(table: &Table, text: &str) -> Result<String> {
    struct Nothing;
    impl Environment for Nothing {
        fn variable(&self, _: &str) -> Option<SqlType> {
            None
        }
        fn table(&self, name: &super::super::ast::ObjectName) -> Result<Rc<super::super::bind::Table>> {
            Err(SqlError::unsupported_at("a subquery in a table definition", name.position))
        }
    }
    let mut binder = Binder::new(&Nothing);
    let columns = table.columns.iter().map(|column| ScopeColumn {
        name: column.name.clone(),
        ty: column.ty,
        nullable: column.nullable,
        collation: column.collation(),
        sql: quoted_name(&column.name),
    });
    let source = Source {
        name: table.name.clone(),
        schema: Some(table.schema.clone()),
        columns: columns.collect(),
        table: None,
    };
    binder.scopes.push(Scope { sources: vec![source], groups: None });
    let condition = binder.condition(&parse_expression(text)?)?;
    if !binder.parameters.is_empty() {
        return Err(SqlError::unsupported("values of the session in a CHECK constraint or a filtered index"));
    }
    Ok(condition)
}

/// Whether the existing rows satisfy a check: the SQLite query that finds one that does not.
pub(in super::super) fn violation_query(table: &Table, check: &Check) -> Result<String> {
    Ok(format!(
        "SELECT 1 FROM {} WHERE NOT ({}) LIMIT 1",
        table.sql_name(),
        condition_text(table, &check.text)?
    ))
}
