//! Tables and constraints from the syntax tree: names of unnamed constraints, positions of columns, what may
//! not be.

use super::super::ast::{ColumnDefinition, Constraint, ConstraintKind, IndexColumn, TableDefinition};
use super::super::bind::Collation;
use super::super::error::{Result, SqlError};
use super::super::types::SqlType;
use super::{Catalog, Check, ColumnDefault, ForeignKey, Key, KeyKind, Table, TableColumn, same_name};

/// Columns that a table may have, as in SQL Server.
const MAX_COLUMNS: usize = 1024;

/// A table as CREATE TABLE or DECLARE … TABLE defines it. `catalog` finds the parents of foreign keys.
pub(in super::super) fn table_of(
    catalog: &Catalog,
    id: i32,
    (schema, name): (&str, &str),
    definition: &TableDefinition,
) -> Result<Table> {
    let mut table = Table {
        id,
        schema: schema.to_owned(),
        name: name.to_owned(),
        columns: Vec::new(),
        identity: None,
        row_id: None,
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
    };
    added_columns(&mut table, &definition.columns)?;
    check_primary_columns(&table, definition)?;
    let inline = definition.columns.iter().flat_map(|column| &column.constraints);
    for constraint in inline.chain(&definition.constraints) {
        defined_constraint(catalog, &mut table, constraint)?;
    }
    table.row_id = integer_primary_key(&table);
    Ok(table)
}

/// 8111: a column of the primary key that is written as nullable.
fn check_primary_columns(table: &Table, definition: &TableDefinition) -> Result<()> {
    let inline = definition.columns.iter().flat_map(|column| &column.constraints);
    for constraint in inline.chain(&definition.constraints) {
        let ConstraintKind::Unique { primary: true, columns, .. } = &constraint.kind else { continue };
        let nullable = |column: &ColumnDefinition| {
            column.nullable == Some(true) && columns.iter().any(|key| same_name(&key.name, &column.name))
        };
        if definition.columns.iter().any(nullable) {
            let text =
                format!("Cannot define PRIMARY KEY constraint on nullable column in table '{}'.", table.name);
            return Err(SqlError::new(8111, text));
        }
    }
    Ok(())
}

/// A primary key of one integer column can be SQLite's row id.
fn integer_primary_key(table: &Table) -> Option<usize> {
    let key = table.primary_key()?;
    let [(column, _)] = key.columns.as_slice() else { return None };
    let whole = matches!(table.columns.get(*column)?.ty, SqlType::Int | SqlType::BigInt);
    (whole && !key.ignore_duplicates).then_some(*column)
}

/// Adds columns without their constraints.
pub(in super::super) fn added_columns(table: &mut Table, columns: &[ColumnDefinition]) -> Result<()> {
    for definition in columns {
        if table.column(&definition.name).is_some() {
            let text = format!(
                "Column names in each table must be unique. Column name '{}' in table '{}' is specified \
                    more than once.",
                definition.name,
                table.shown()
            );
            return Err(SqlError::new(2705, text).with_state(3).at(definition.position.line));
        }
        let binary = match &definition.collation {
            Some(name) => Collation::named(name)? == Collation::Binary,
            None => false,
        };
        if let Some((seed, increment)) = definition.identity {
            add_identity(table, definition, seed, increment)?;
        }
        let default = definition.default.as_ref().map(|default| ColumnDefault {
            name: default.name.clone().unwrap_or_else(|| generated_name("DF", table, Some(&definition.name))),
            text: default.text.clone(),
        });
        table.columns.push(TableColumn {
            name: definition.name.clone(),
            ty: definition.ty,
            nullable: definition.nullable.unwrap_or(definition.identity.is_none()),
            binary,
            default,
        });
    }
    if table.columns.len() > MAX_COLUMNS {
        return Err(SqlError::new(
            1702,
            format!("CREATE TABLE failed because table '{}' has too many columns.", table.name),
        ));
    }
    Ok(())
}

fn add_identity(table: &mut Table, definition: &ColumnDefinition, seed: i64, increment: i64) -> Result<()> {
    if table.identity.is_some() {
        let text = format!(
            "Multiple identity columns specified for table '{}'. Only one identity column per table is \
                allowed.",
            table.name
        );
        return Err(SqlError::new(2744, text).with_state(2));
    }
    if matches!(definition.ty, SqlType::Decimal(_, 0)) {
        return Err(SqlError::unsupported_at("an IDENTITY of type decimal", definition.position));
    }
    if !definition.ty.is_integer() || definition.ty == SqlType::Bit || increment == 0 {
        let text = format!(
            "Identity column '{}' must be of data type int, bigint, smallint, tinyint, or decimal or \
                numeric with a scale of 0, and constrained to be nonnullable.",
            definition.name
        );
        return Err(SqlError::new(2749, text).with_state(2));
    }
    table.identity = Some((table.columns.len(), seed, increment));
    Ok(())
}

/// Adds one constraint.
///
/// # Errors
/// 1779, 1911, 1776, 2714 and the like.
pub(in super::super) fn defined_constraint(
    catalog: &Catalog,
    table: &mut Table,
    constraint: &Constraint,
) -> Result<()> {
    let name = constraint.name.as_deref();
    let added = match &constraint.kind {
        ConstraintKind::Unique { primary, columns, ignore_duplicates } => {
            add_key(catalog, table, name, *primary, columns, *ignore_duplicates)
        }
        ConstraintKind::Foreign { .. } => add_foreign_key(catalog, table, constraint),
        ConstraintKind::Check { text, .. } => {
            let name = free_name(catalog, table, name, "CK", None)?;
            table.checks.push(Check { name, text: text.clone() });
            Ok(())
        }
        ConstraintKind::Default { value, column } => {
            let index = require(table, column)?;
            let name = free_name(catalog, table, name, "DF", Some(column))?;
            let column =
                table.columns.get_mut(index).ok_or_else(|| SqlError::new(1752, "No such column."))?;
            if column.default.is_some() {
                return Err(SqlError::new(1781, "Column already has a DEFAULT bound to it."));
            }
            column.default = Some(ColumnDefault { name, text: value.text.clone() });
            Ok(())
        }
    };
    added.map_err(|error| error.at(constraint.position.line))
}

fn require(table: &Table, column: &str) -> Result<usize> {
    table.column(column).ok_or_else(|| {
        let text = format!("Column name '{column}' does not exist in the target table or view.");
        SqlError::new(1911, text)
    })
}

fn free_name(
    catalog: &Catalog,
    table: &Table,
    name: Option<&str>,
    prefix: &str,
    column: Option<&str>,
) -> Result<String> {
    let Some(name) = name else { return Ok(generated_name(prefix, table, column)) };
    if !table.is_temporary() {
        catalog.check_free(&table.schema, name)?;
    }
    let own = table.keys.iter().map(|key| &key.name).chain(table.checks.iter().map(|check| &check.name));
    if own.chain(table.foreign_keys.iter().map(|key| &key.name)).any(|known| same_name(known, name)) {
        return Err(super::already_named(name));
    }
    Ok(name.to_owned())
}

/// `PK__Table__05F5E101_1`: unique by the table's id and a count, as SQL Server's are by a random number.
fn generated_name(prefix: &str, table: &Table, column: Option<&str>) -> String {
    let count = table.keys.len() + table.checks.len() + table.foreign_keys.len() + table.columns.len();
    let column = column.map(|column| format!("__{column}")).unwrap_or_default();
    format!("{prefix}__{}{column}__{:08X}_{count}", table.name, table.id)
}

pub(in super::super) fn key_columns(table: &Table, columns: &[IndexColumn]) -> Result<Vec<(usize, bool)>> {
    let mut positions: Vec<(usize, bool)> = Vec::with_capacity(columns.len());
    for column in columns {
        let index = require(table, &column.name)?;
        if positions.iter().any(|(known, _)| *known == index) {
            let text = format!(
                "Cannot use duplicate column names in index. Column name '{}' listed more than once.",
                column.name
            );
            return Err(SqlError::new(1909, text));
        }
        check_indexable(table, index)?;
        positions.push((index, column.descending));
    }
    Ok(positions)
}

fn check_indexable(table: &Table, index: usize) -> Result<()> {
    let unbounded = table.columns.get(index).is_some_and(|column| {
        matches!(column.ty, SqlType::NVarChar(None) | SqlType::VarChar(None) | SqlType::VarBinary(None))
    });
    if unbounded {
        let column = table.columns.get(index).map_or("", |column| &column.name);
        let text = format!(
            "Column '{column}' in table '{}' is of a type that is invalid for use as a key column in an \
                index.",
            table.shown()
        );
        return Err(SqlError::new(1919, text));
    }
    Ok(())
}

fn add_key(
    catalog: &Catalog,
    table: &mut Table,
    name: Option<&str>,
    primary: bool,
    columns: &[IndexColumn],
    ignore_duplicates: bool,
) -> Result<()> {
    if primary && table.primary_key().is_some() {
        let text = format!("Cannot add multiple PRIMARY KEY constraints to table '{}'.", table.shown());
        return Err(SqlError::new(8110, text).with_state(0));
    }
    let columns = key_columns(table, columns)?;
    if primary {
        for (index, _) in &columns {
            if let Some(column) = table.columns.get_mut(*index) {
                column.nullable = false;
            }
        }
    }
    let (kind, prefix) = if primary { (KeyKind::Primary, "PK") } else { (KeyKind::UniqueConstraint, "UQ") };
    let name = free_name(catalog, table, name, prefix, None)?;
    table.keys.push(Key { name, kind, columns, include: Vec::new(), filter: None, ignore_duplicates });
    Ok(())
}

fn add_foreign_key(catalog: &Catalog, table: &mut Table, constraint: &Constraint) -> Result<()> {
    let ConstraintKind::Foreign { columns, parent, parent_columns, on_delete, on_update } = &constraint.kind
    else {
        return Ok(());
    };
    if table.is_temporary() {
        return Err(SqlError::unsupported("foreign keys of temporary tables"));
    }
    let name = free_name(catalog, table, constraint.name.as_deref(), "FK", None)?;
    let own = |column: &String| {
        table.column(column).ok_or_else(|| {
            let text = format!(
                "Foreign key '{name}' references invalid column '{column}' in referencing table '{}'.",
                table.name
            );
            SqlError::new(1769, text)
        })
    };
    let columns = columns.iter().map(own).collect::<Result<Vec<usize>>>()?;
    let itself = same_name(parent.object(), &table.name)
        && same_name(parent.schema().unwrap_or(super::DEFAULT_SCHEMA), &table.schema);
    let parent_table = if itself {
        &*table
    } else {
        catalog.require_table(parent).map_err(|error| missing_parent(&name, parent.shown(), error))?
    };
    let mut parent_positions: Vec<usize> = Vec::new();
    if parent_columns.is_empty() {
        let key = parent_table.primary_key().into_iter().flat_map(|key| &key.columns);
        parent_positions.extend(key.map(|(column, _)| *column));
    }
    for column in parent_columns {
        let text = || {
            format!(
                "Foreign key '{name}' references invalid column '{column}' in referenced table '{}'.",
                parent_table.name
            )
        };
        parent_positions.push(parent_table.column(column).ok_or_else(|| SqlError::new(1770, text()))?);
    }
    check_parent_key(&name, table, parent_table, &columns, &parent_positions)?;
    let key = ForeignKey {
        name,
        columns,
        parent: parent_table.id,
        parent_columns: parent_positions,
        on_delete: *on_delete,
        on_update: *on_update,
    };
    table.foreign_keys.push(key);
    Ok(())
}

fn missing_parent(name: &str, parent: String, error: SqlError) -> SqlError {
    if error.number == 208 {
        SqlError::new(1767, format!("Foreign key '{name}' references invalid table '{parent}'."))
    } else {
        error
    }
}

/// The referenced columns must be a key, and of the same types.
fn check_parent_key(
    name: &str,
    table: &Table,
    parent: &Table,
    columns: &[usize],
    parents: &[usize],
) -> Result<()> {
    let is_key =
        parent.keys.iter().filter(|key| key.kind != KeyKind::Index && key.filter.is_none()).any(|key| {
            let mut known: Vec<usize> = key.columns.iter().map(|(column, _)| *column).collect();
            let mut wanted = parents.to_vec();
            known.sort_unstable();
            wanted.sort_unstable();
            known == wanted
        });
    if !is_key || parents.is_empty() {
        let text = format!(
            "There are no primary or candidate keys in the referenced table '{}' that match the referencing \
                column list in the foreign key '{name}'.",
            parent.shown()
        );
        return Err(SqlError::new(1776, text));
    }
    if columns.len() != parents.len() {
        return Err(SqlError::new(
            8139,
            format!(
                "Number of referencing columns in foreign key differs from number of referenced columns, \
                    table '{}'.",
                table.name
            ),
        ));
    }
    for (own, other) in columns.iter().zip(parents) {
        if let (Some(own), Some(other)) = (table.columns.get(*own), parent.columns.get(*other))
            && (own.ty != other.ty || own.binary != other.binary)
        {
            let text = format!(
                "Column '{}.{}' is not the same data type as referencing column '{}.{}' in foreign key \
                    '{name}'.",
                parent.name, other.name, table.name, own.name
            );
            return Err(SqlError::new(1778, text));
        }
    }
    Ok(())
}
