//! OPENJSON and STRING_SPLIT in FROM: SQLite's `json_each` over what the functions of `functions::json`
//! prepare.

use super::super::ast::{Call, Expression, JsonColumn};
use super::super::error::{Result, SqlError};
use super::super::storage_form::type_code;
use super::super::types::SqlType;
use super::{Binder, Collation, ScopeColumn, Source, quoted_name, quoted_text};

/// The type as which `json_each` yields each column before it is converted.
const TEXT: SqlType = SqlType::NVarChar(None);

impl Binder<'_> {
    /// A table-valued function: its SQLite text with an alias, and its columns. `name` is what the query
    /// calls it.
    pub(in super::super) fn table_function(
        &mut self,
        call: &Call,
        with: Option<&[JsonColumn]>,
        name: &str,
    ) -> Result<(String, Source)> {
        let alias = self.new_alias();
        let (sql, columns) = match (call.name.as_str(), call.arguments.as_slice(), with) {
            ("OPENJSON", [text], Some(columns)) => self.json_rows(text, None, columns, &alias)?,
            ("OPENJSON", [text, path], Some(columns)) => self.json_rows(text, Some(path), columns, &alias)?,
            ("OPENJSON", [text], None) => self.json_pairs(text, None, &alias)?,
            ("OPENJSON", [text, path], None) => self.json_pairs(text, Some(path), &alias)?,
            ("STRING_SPLIT", [text, separator], None) => self.split(text, separator, &alias)?,
            _ => {
                return Err(SqlError::unsupported_at(
                    format!("the table function {}", call.name),
                    call.position,
                ));
            }
        };
        let text = format!("{sql} AS {}", quoted_name(&alias));
        Ok((text, Source { name: name.to_owned(), schema: None, columns, table: None }))
    }

    /// A name that no other source of the statement has.
    pub(in super::super) fn new_alias(&mut self) -> String {
        self.generated_names += 1;
        format!("t{}", self.generated_names)
    }

    fn json_text(&mut self, text: &Expression) -> Result<String> {
        self.scalar(text)?.implicitly_as(TEXT)
    }

    fn json_path(&mut self, path: Option<&Expression>) -> Result<String> {
        path.map_or(Ok("'$'".to_owned()), |path| self.scalar(path)?.implicitly_as(TEXT))
    }

    fn json_rows(
        &mut self,
        text: &Expression,
        path: Option<&Expression>,
        columns: &[JsonColumn],
        alias: &str,
    ) -> Result<(String, Vec<ScopeColumn>)> {
        let (text, path) = (self.json_text(text)?, self.json_path(path)?);
        let paths: Vec<String> = columns
            .iter()
            .map(|column| {
                let path = column.path.clone().unwrap_or_else(|| format!("$.\"{}\"", column.name));
                if column.as_json { format!("!{path}") } else { path }
            })
            .collect();
        let paths = serde_json::to_string(&paths).map_err(SqlError::unsupported)?;
        let sql = format!("json_each(ts_openjson_rows({text}, {path}, {}))", quoted_text(&paths)?);
        let columns = columns.iter().enumerate().map(|(index, column)| {
            let row = format!("{}.value", quoted_name(alias));
            let sql = format!("ts_openjson_cell({row}, {index}, {})", type_code(column.ty));
            scope_column(&column.name, column.ty, sql)
        });
        Ok((sql, columns.collect()))
    }

    fn json_pairs(
        &mut self,
        text: &Expression,
        path: Option<&Expression>,
        alias: &str,
    ) -> Result<(String, Vec<ScopeColumn>)> {
        let (text, path) = (self.json_text(text)?, self.json_path(path)?);
        let key = ScopeColumn {
            collation: Some(Collation::Binary),
            nullable: false,
            ..scope_column("key", SqlType::NVarChar(Some(4000)), element(alias, 0))
        };
        let value = scope_column("value", TEXT, element(alias, 1));
        let ty = ScopeColumn { nullable: false, ..scope_column("type", SqlType::TinyInt, element(alias, 2)) };
        Ok((format!("json_each(ts_openjson_pairs({text}, {path}))"), vec![key, value, ty]))
    }

    fn split(
        &mut self,
        text: &Expression,
        separator: &Expression,
        alias: &str,
    ) -> Result<(String, Vec<ScopeColumn>)> {
        let (text, separator) = (self.scalar(text)?, self.scalar(separator)?);
        let ty = text.ty;
        let sql =
            format!("json_each(ts_split({}, {}))", text.implicitly_as(TEXT)?, separator.implicitly_as(TEXT)?);
        let value = ScopeColumn {
            nullable: false,
            ..scope_column("value", ty, format!("{}.value", quoted_name(alias)))
        };
        Ok((sql, vec![value]))
    }
}

/// One member of the array that `json_each` yields as a row.
fn element(alias: &str, index: usize) -> String {
    format!("({}.value ->> {index})", quoted_name(alias))
}

fn scope_column(name: &str, ty: SqlType, sql: String) -> ScopeColumn {
    ScopeColumn { name: name.to_owned(), ty, nullable: true, collation: None, sql }
}
