//! DDL: tables, indexes, schemas, databases.

use super::Parser;
use crate::engine::ast::{
    Action, AlterTable, ColumnDefinition, Constraint, ConstraintKind, CreateIndex, DefaultDefinition,
    IndexColumn, ObjectName, StatementKind, TableDefinition,
};
use crate::engine::error::{Result, SqlError};
use crate::engine::lexer::Kind;

impl Parser<'_> {
    pub(super) fn definition(&mut self, verb: &str) -> Result<StatementKind> {
        self.advance();
        match (verb, self.word_at(0)) {
            ("CREATE", "TABLE") => self.create_table(),
            ("CREATE", "UNIQUE" | "CLUSTERED" | "NONCLUSTERED" | "INDEX") => self.create_index(),
            ("CREATE", "SCHEMA") => self.create_schema(),
            ("CREATE", "DATABASE") => {
                self.advance();
                let name = self.name()?;
                if self.is_word("COLLATE") || self.is_word("ON") {
                    return self.unsupported("options of CREATE DATABASE");
                }
                Ok(StatementKind::CreateDatabase(name))
            }
            ("ALTER", "TABLE") => self.alter_table(),
            ("ALTER", "DATABASE") => self.alter_database(),
            ("DROP", "TABLE") => {
                self.advance();
                let if_exists = self.accept_words(&["IF", "EXISTS"]);
                Ok(StatementKind::DropTable { names: self.object_names()?, if_exists })
            }
            ("DROP", "INDEX") => self.drop_index(),
            ("DROP", "SCHEMA") => {
                self.advance();
                let if_exists = self.accept_words(&["IF", "EXISTS"]);
                Ok(StatementKind::DropSchema { name: self.name()?, if_exists })
            }
            ("DROP", "DATABASE") => {
                self.advance();
                let if_exists = self.accept_words(&["IF", "EXISTS"]);
                let names = self.object_names()?.into_iter().map(|name| name.object().to_owned()).collect();
                Ok(StatementKind::DropDatabase { names, if_exists })
            }
            ("TRUNCATE", "TABLE") => {
                self.advance();
                Ok(StatementKind::Truncate(self.object_name()?))
            }
            (verb @ ("CREATE" | "ALTER" | "DROP"), "LOGIN" | "USER" | "ROLE") => self.principal(verb),
            (_, "") => Err(self.unexpected()),
            (verb, object) => self.unsupported(format!("{verb} {object}")),
        }
    }

    fn object_names(&mut self) -> Result<Vec<ObjectName>> {
        let mut names = vec![self.object_name()?];
        while self.accept_mark(",") {
            names.push(self.object_name()?);
        }
        Ok(names)
    }

    fn create_schema(&mut self) -> Result<StatementKind> {
        self.advance();
        let name = self.name()?;
        if self.accept_word("AUTHORIZATION") && !self.name()?.eq_ignore_ascii_case("dbo") {
            return self.unsupported("CREATE SCHEMA … AUTHORIZATION of anybody but dbo");
        }
        Ok(StatementKind::CreateSchema(name))
    }

    fn alter_database(&mut self) -> Result<StatementKind> {
        self.advance();
        if !self.accept_word("CURRENT") {
            self.name()?;
        }
        self.expect_word("SET")?;
        let option = self.word_at(0).to_owned();
        self.advance();
        let value = self.word_at(0).to_owned();
        let holds_anyway = match option.as_str() {
            "READ_COMMITTED_SNAPSHOT" | "ALLOW_SNAPSHOT_ISOLATION" => value == "ON",
            "RECOVERY" => matches!(value.as_str(), "SIMPLE" | "FULL"),
            "MULTI_USER" => true,
            "SINGLE_USER" => false,
            _ => false,
        };
        if !holds_anyway {
            return self.unsupported(format!("ALTER DATABASE … SET {option} {value}"));
        }
        if option != "MULTI_USER" {
            self.advance();
        }
        if self.accept_word("WITH") {
            while !self.at_end() && !self.is_mark(";") {
                self.advance();
            }
        }
        Ok(StatementKind::AlterDatabase(option))
    }

    // --- tables ------------------------------------------------------------------------------------------

    fn create_table(&mut self) -> Result<StatementKind> {
        self.advance();
        let name = self.object_name()?;
        if name.object().starts_with("##") {
            return Err(SqlError::unsupported_at("global temporary tables", name.position));
        }
        if self.is_word("AS") {
            return self.unsupported("CREATE TABLE AS");
        }
        let definition = self.table_definition()?;
        if self.accept_word("ON") || self.accept_word("TEXTIMAGE_ON") {
            self.filegroup()?;
        }
        if self.is_word("WITH") {
            return self.unsupported("table options");
        }
        Ok(StatementKind::CreateTable(name, definition))
    }

    /// `[PRIMARY]`: the only place where data can go.
    fn filegroup(&mut self) -> Result<()> {
        if !self.accept_word("PRIMARY") {
            self.name()?;
        }
        if self.accept_word("TEXTIMAGE_ON") { self.filegroup() } else { Ok(()) }
    }

    /// `( column …, constraint … )`
    pub(super) fn table_definition(&mut self) -> Result<TableDefinition> {
        self.expect_mark("(")?;
        let mut definition = TableDefinition::default();
        loop {
            self.table_element(&mut definition)?;
            // SQL Server tolerates a comma before the closing parenthesis.
            if !self.accept_mark(",") || self.is_mark(")") {
                break;
            }
        }
        self.expect_mark(")")?;
        Ok(definition)
    }

    fn table_element(&mut self, definition: &mut TableDefinition) -> Result<()> {
        match self.word_at(0) {
            "CONSTRAINT" | "PRIMARY" | "UNIQUE" | "FOREIGN" | "CHECK" | "DEFAULT" => {
                definition.constraints.push(self.table_constraint()?);
            }
            "INDEX" => return self.unsupported("an index inside CREATE TABLE"),
            "PERIOD" => return self.unsupported("PERIOD FOR SYSTEM_TIME"),
            _ => definition.columns.push(self.column_definition()?),
        }
        Ok(())
    }

    fn column_definition(&mut self) -> Result<ColumnDefinition> {
        let position = self.position();
        let name = self.name()?;
        if self.is_word("AS") {
            return self.unsupported("computed columns");
        }
        let ty = self.data_type(1)?;
        let mut column = ColumnDefinition {
            name,
            ty,
            collation: None,
            nullable: None,
            identity: None,
            default: None,
            constraints: Vec::new(),
            position,
        };
        while self.column_attribute(&mut column)? {}
        Ok(column)
    }

    fn column_attribute(&mut self, column: &mut ColumnDefinition) -> Result<bool> {
        match self.word_at(0) {
            "COLLATE" => {
                self.advance();
                column.collation = Some(self.name()?);
            }
            "NULL" => {
                self.advance();
                column.nullable = Some(true);
            }
            "NOT" if self.word_at(1) == "NULL" => {
                self.advance();
                self.advance();
                column.nullable = Some(false);
            }
            "IDENTITY" => column.identity = Some(self.identity()?),
            "CONSTRAINT" | "DEFAULT" | "PRIMARY" | "UNIQUE" | "REFERENCES" | "FOREIGN" | "CHECK" => {
                self.column_constraint(column)?;
            }
            "WITH" if self.word_at(1) == "VALUES" => {
                // ADD … DEFAULT … WITH VALUES: existing rows get the default; see the catalog.
                self.advance();
                self.advance();
                return self.unsupported("DEFAULT … WITH VALUES");
            }
            "SPARSE" | "ROWGUIDCOL" | "MASKED" | "GENERATED" | "HIDDEN" | "ENCRYPTED" | "FILESTREAM" => {
                return self.unsupported(format!("the column attribute {}", self.word_at(0)));
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn identity(&mut self) -> Result<(i64, i64)> {
        self.advance();
        let mut identity = (1, 1);
        if self.accept_mark("(") {
            identity.0 = self.signed_integer()?;
            self.expect_mark(",")?;
            identity.1 = self.signed_integer()?;
            self.expect_mark(")")?;
        }
        if self.is_word("NOT") && self.word_at(1) == "FOR" {
            return self.unsupported("NOT FOR REPLICATION");
        }
        Ok(identity)
    }

    fn constraint_name(&mut self) -> Result<Option<String>> {
        if self.accept_word("CONSTRAINT") { self.name().map(Some) } else { Ok(None) }
    }

    fn column_constraint(&mut self, column: &mut ColumnDefinition) -> Result<()> {
        let position = self.position();
        let name = self.constraint_name()?;
        let own_column = vec![IndexColumn { name: column.name.clone(), descending: false }];
        let kind = match self.word_at(0) {
            "DEFAULT" => {
                self.advance();
                column.default = Some(self.default_value(name)?);
                return Ok(());
            }
            // `CONSTRAINT n NOT NULL` is allowed; the name is dropped.
            "NULL" | "NOT" => return Ok(()),
            "PRIMARY" | "UNIQUE" => self.unique_constraint(Some(own_column))?,
            "CHECK" => self.check_constraint()?,
            "REFERENCES" => self.foreign_key(vec![column.name.clone()])?,
            "FOREIGN" => {
                self.advance();
                self.expect_word("KEY")?;
                self.foreign_key(vec![column.name.clone()])?
            }
            _ => return Err(self.unexpected()),
        };
        column.constraints.push(Constraint { name, kind, position });
        Ok(())
    }

    fn default_value(&mut self, name: Option<String>) -> Result<DefaultDefinition> {
        let first = self.at;
        let value = self.scalar()?;
        Ok(DefaultDefinition { name, value, text: self.text_since(first) })
    }

    fn table_constraint(&mut self) -> Result<Constraint> {
        let position = self.position();
        let name = self.constraint_name()?;
        let kind = match self.word_at(0) {
            "PRIMARY" | "UNIQUE" => self.unique_constraint(None)?,
            "CHECK" => self.check_constraint()?,
            "FOREIGN" => {
                self.advance();
                self.expect_word("KEY")?;
                let columns = self.name_list()?;
                self.foreign_key(columns)?
            }
            "DEFAULT" => {
                self.advance();
                let value = self.default_value(name.clone())?;
                self.expect_word("FOR")?;
                ConstraintKind::Default { value, column: self.name()? }
            }
            _ => return Err(self.unexpected()),
        };
        Ok(Constraint { name, kind, position })
    }

    fn unique_constraint(&mut self, own_column: Option<Vec<IndexColumn>>) -> Result<ConstraintKind> {
        let primary = self.accept_words(&["PRIMARY", "KEY"]);
        if !primary {
            self.expect_word("UNIQUE")?;
        }
        let _ = self.accept_word("CLUSTERED") || self.accept_word("NONCLUSTERED");
        let columns = match own_column {
            Some(columns) if !self.is_mark("(") => columns,
            _ => self.index_columns()?,
        };
        let ignore_duplicates = self.index_options()?;
        Ok(ConstraintKind::Unique { primary, columns, ignore_duplicates })
    }

    pub(super) fn index_columns(&mut self) -> Result<Vec<IndexColumn>> {
        self.expect_mark("(")?;
        let mut columns = Vec::new();
        loop {
            let name = self.name()?;
            let descending = self.accept_word("DESC");
            let _ = descending || self.accept_word("ASC");
            columns.push(IndexColumn { name, descending });
            if !self.accept_mark(",") {
                break;
            }
        }
        self.expect_mark(")")?;
        Ok(columns)
    }

    /// `WITH (IGNORE_DUP_KEY = ON, …) ON [PRIMARY]`: whether duplicates are ignored; the rest is storage
    /// advice.
    fn index_options(&mut self) -> Result<bool> {
        let mut ignore_duplicates = false;
        if self.is_word("WITH") && self.is_mark_at(1, "(") {
            self.advance();
            self.advance();
            loop {
                let option = self.word_at(0).to_owned();
                self.advance();
                self.expect_mark("=")?;
                let on = self.is_word("ON");
                self.advance();
                ignore_duplicates |= option == "IGNORE_DUP_KEY" && on;
                if !self.accept_mark(",") {
                    break;
                }
            }
            self.expect_mark(")")?;
        }
        if self.is_word("ON") {
            self.advance();
            self.filegroup()?;
        }
        Ok(ignore_duplicates)
    }

    fn check_constraint(&mut self) -> Result<ConstraintKind> {
        self.expect_word("CHECK")?;
        if self.is_word("NOT") {
            return self.unsupported("NOT FOR REPLICATION");
        }
        self.expect_mark("(")?;
        let first = self.at;
        let condition = self.condition()?;
        let text = self.text_since(first);
        self.expect_mark(")")?;
        Ok(ConstraintKind::Check { condition, text })
    }

    fn foreign_key(&mut self, columns: Vec<String>) -> Result<ConstraintKind> {
        self.expect_word("REFERENCES")?;
        let parent = self.object_name()?;
        let parent_columns = if self.is_mark("(") { self.name_list()? } else { Vec::new() };
        let (mut on_delete, mut on_update) = (Action::Nothing, Action::Nothing);
        while self.accept_word("ON") {
            let target = if self.accept_word("DELETE") {
                &mut on_delete
            } else {
                self.expect_word("UPDATE")?;
                &mut on_update
            };
            *target = self.action()?;
        }
        Ok(ConstraintKind::Foreign { columns, parent, parent_columns, on_delete, on_update })
    }

    fn action(&mut self) -> Result<Action> {
        if self.accept_word("CASCADE") {
            Ok(Action::Cascade)
        } else if self.accept_words(&["NO", "ACTION"]) {
            Ok(Action::Nothing)
        } else if self.accept_words(&["SET", "NULL"]) {
            Ok(Action::SetNull)
        } else if self.accept_words(&["SET", "DEFAULT"]) {
            Ok(Action::SetDefault)
        } else {
            Err(self.unexpected())
        }
    }

    fn alter_table(&mut self) -> Result<StatementKind> {
        self.advance();
        let table = self.object_name()?;
        if self.is_word("WITH") {
            if self.word_at(1) != "CHECK" {
                return self.unsupported(format!("ALTER TABLE … WITH {}", self.word_at(1)));
            }
            self.advance();
            self.advance();
        }
        let change = match (self.word_at(0), self.word_at(1)) {
            ("ADD", _) => {
                self.advance();
                let mut definition = TableDefinition::default();
                self.table_element(&mut definition)?;
                while self.accept_mark(",") {
                    self.table_element(&mut definition)?;
                }
                AlterTable::Add(definition)
            }
            ("DROP", kind) => {
                let column = kind == "COLUMN";
                self.advance();
                if matches!(self.word_at(0), "CONSTRAINT" | "COLUMN") {
                    self.advance();
                }
                let if_exists = self.accept_words(&["IF", "EXISTS"]);
                let mut names = vec![self.name()?];
                while self.accept_mark(",") {
                    names.push(self.name()?);
                }
                if column {
                    AlterTable::DropColumn { names, if_exists }
                } else {
                    AlterTable::DropConstraint { names, if_exists }
                }
            }
            ("ALTER", "COLUMN") => {
                self.advance();
                self.advance();
                AlterTable::AlterColumn(self.column_definition()?)
            }
            ("CHECK", "CONSTRAINT") => return self.unsupported("ALTER TABLE … CHECK CONSTRAINT"),
            (word, _) => return self.unsupported(format!("ALTER TABLE … {word}")),
        };
        Ok(StatementKind::AlterTable(table, change))
    }

    // --- indexes -----------------------------------------------------------------------------------------

    fn create_index(&mut self) -> Result<StatementKind> {
        let unique = self.accept_word("UNIQUE");
        let _ = self.accept_word("CLUSTERED") || self.accept_word("NONCLUSTERED");
        if self.is_word("COLUMNSTORE") {
            return self.unsupported("columnstore indexes");
        }
        self.expect_word("INDEX")?;
        let name = self.name()?;
        self.expect_word("ON")?;
        let table = self.object_name()?;
        let columns = self.index_columns()?;
        let include = if self.accept_word("INCLUDE") { self.name_list()? } else { Vec::new() };
        let mut filter = None;
        if self.accept_word("WHERE") {
            let first = self.at;
            let condition = self.condition()?;
            filter = Some((condition, self.text_since(first)));
        }
        let ignore_duplicates = self.index_options()?;
        Ok(StatementKind::CreateIndex(CreateIndex {
            name,
            table,
            unique,
            columns,
            include,
            filter,
            ignore_duplicates,
        }))
    }

    fn drop_index(&mut self) -> Result<StatementKind> {
        self.advance();
        let if_exists = self.accept_words(&["IF", "EXISTS"]);
        let name = self.name()?;
        if !matches!(self.kind(), Kind::Word { upper, .. } if upper == "ON") {
            return self.unsupported("DROP INDEX without ON");
        }
        self.advance();
        Ok(StatementKind::DropIndex { name, table: self.object_name()?, if_exists })
    }
}
