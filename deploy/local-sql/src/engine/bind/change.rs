//! INSERT, UPDATE and DELETE.
//!
//! A change is bound as a query that finds the rows and computes the new values, plus what is done with each
//! row; `engine::change` carries it out. So FROM, joins, TOP and OUTPUT mean what they mean in a query, old
//! and new values are both at hand, and a statement never sees its own changes.

use std::rc::Rc;

use super::super::ast::{self, Expression, InsertSource, ObjectName, Right, SelectItem};
use super::super::error::{Result, SqlError};
use super::super::parser::parse_expression;
use super::super::types::{Column, SqlType};
use super::source::{row_source, table_source};
use super::{Binder, Need, Parameter, Scalar, Scope, Source, Table, quoted_name};

/// What happens to each row that the query finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Kind {
    Insert,
    Update,
    Delete,
}

/// A bound change.
#[derive(Debug, Clone)]
pub(in super::super) struct Change {
    pub(in super::super) kind: Kind,
    pub(in super::super) table: Rc<Table>,
    /// The query. INSERT: the new values. UPDATE and DELETE: `_rowid_`, the new values, the values of
    /// `variables`, the old row (if there is an OUTPUT), and the columns of the other sources (likewise).
    pub(in super::super) rows: String,
    pub(in super::super) parameters: Vec<Parameter>,
    /// What the session's user must be allowed to.
    pub(in super::super) needs: Vec<Need>,
    /// The positions of the columns that get new values.
    pub(in super::super) assigned: Vec<usize>,
    /// `SET @v = …`: the last row's value stays.
    pub(in super::super) variables: Vec<(String, SqlType)>,
    pub(in super::super) output: Option<Output>,
}

impl Change {
    /// Whether nothing is written that another session can see, so that no lock is needed.
    pub(in super::super) fn writes_temporary_only(&self) -> bool {
        let into = self.output.as_ref().and_then(|output| output.into.as_ref());
        self.table.is_temporary() && into.is_none_or(|(table, _)| table.is_temporary())
    }
}

/// OUTPUT, evaluated for each changed row.
#[derive(Debug, Clone)]
pub(in super::super) struct Output {
    /// A SELECT without FROM over the parameters.
    pub(in super::super) sql: String,
    pub(in super::super) parameters: Vec<Parameter>,
    pub(in super::super) columns: Vec<Column>,
    /// `INTO`: the table and the positions of the columns, in the order of the SELECT.
    pub(in super::super) into: Option<(Rc<Table>, Vec<usize>)>,
}

/// Binds an INSERT.
pub(in super::super) fn insert(binder: &mut Binder<'_>, statement: &ast::Insert) -> Result<Change> {
    let with = binder.common_tables(&statement.ctes)?;
    let table = binder.environment.table(&statement.table)?;
    binder.need(Right::Insert, table.id);
    let line = statement.table.position.line;
    let listed = listed_columns(&table, &statement.columns).map_err(|error| error.at(line))?;
    let given = |given| if statement.columns.is_empty() { Given::All } else { given };
    let (query, assigned) = match &statement.source {
        InsertSource::Default => row_of_defaults(binder, &table)?,
        InsertSource::Values(rows) => {
            values(binder, &table, (&listed, given(Given::Values)), rows).map_err(|error| error.at(line))?
        }
        InsertSource::Query(query) => from_query(binder, &table, (&listed, given(Given::Query)), query)
            .map_err(|error| error.at(line))?,
    };
    let output = match &statement.output {
        Some(output) => Some(bind_output(binder, output, &table, Kind::Insert, &[])?),
        None => None,
    };
    let (parameters, needs) = binder.take();
    let rows = format!("{with}{query}");
    Ok(Change { kind: Kind::Insert, table, rows, parameters, needs, assigned, variables: Vec::new(), output })
}

/// The positions of the columns that an INSERT names, or of all but the identity.
fn listed_columns(table: &Table, names: &[String]) -> Result<Vec<usize>> {
    if names.is_empty() {
        let columns = table.columns.iter().enumerate();
        return Ok(columns.filter(|(_, column)| !column.identity).map(|(position, _)| position).collect());
    }
    let mut positions = Vec::with_capacity(names.len());
    for name in names {
        let position = table.position(name)?;
        if table.columns[position].identity {
            let message = format!(
                "Cannot insert explicit value for identity column in table '{}' when IDENTITY_INSERT is set \
                    to OFF.",
                table.name
            );
            return Err(SqlError::new(544, message));
        }
        if positions.contains(&position) {
            let message = format!(
                "The column name '{name}' is specified more than once in the SET clause or column list of \
                    an INSERT."
            );
            return Err(SqlError::new(264, message));
        }
        positions.push(position);
    }
    Ok(positions)
}

/// Columns that are not listed and have a default, with the bound default.
fn defaults(binder: &mut Binder<'_>, table: &Table, listed: &[usize]) -> Result<Vec<(usize, String)>> {
    let mut bound = Vec::new();
    for (position, column) in table.columns.iter().enumerate() {
        if listed.contains(&position) || column.default.is_none() {
            continue;
        }
        bound.push((position, default_of(binder, table, position)?));
    }
    Ok(bound)
}

/// The default of a column as the value of that column; NULL without one.
fn default_of(binder: &mut Binder<'_>, table: &Table, position: usize) -> Result<String> {
    let Some(text) = &table.columns[position].default else { return Ok("NULL".to_owned()) };
    binder.scalar(&parse_expression(text)?)?.for_column(table, position)
}

fn row_of_defaults(binder: &mut Binder<'_>, table: &Table) -> Result<(String, Vec<usize>)> {
    let defaults = defaults(binder, table, &[])?;
    let (positions, values): (Vec<usize>, Vec<String>) = defaults.into_iter().unzip();
    let list = if values.is_empty() { "NULL".to_owned() } else { values.join(", ") };
    Ok((format!("SELECT {list}"), positions))
}

fn values(
    binder: &mut Binder<'_>,
    table: &Table,
    (listed, given): (&[usize], Given),
    rows: &[Vec<Expression>],
) -> Result<(String, Vec<usize>)> {
    let defaults = defaults(binder, table, listed)?;
    let mut tuples = Vec::with_capacity(rows.len());
    for row in rows {
        check_width(row.len(), listed.len(), given)?;
        let mut cells = Vec::with_capacity(row.len());
        for (value, position) in row.iter().zip(listed) {
            cells.push(match value {
                Expression::Default(_) => default_of(binder, table, *position)?,
                value => binder.scalar(value)?.for_column(table, *position)?,
            });
        }
        cells.extend(defaults.iter().map(|(_, value)| value.clone()));
        tuples.push(format!("({})", cells.join(", ")));
    }
    let assigned = listed.iter().copied().chain(defaults.iter().map(|(position, _)| *position)).collect();
    Ok((format!("VALUES {}", tuples.join(", ")), assigned))
}

fn from_query(
    binder: &mut Binder<'_>,
    table: &Table,
    (listed, given): (&[usize], Given),
    query: &ast::Query,
) -> Result<(String, Vec<usize>)> {
    let bound = binder.query(query)?;
    check_width(bound.columns.len(), listed.len(), given)?;
    let mut cells = Vec::with_capacity(listed.len());
    for (index, (column, position)) in bound.columns.iter().zip(listed).enumerate() {
        cells.push(Scalar::new(format!("c{index}"), column.ty).for_column(table, *position)?);
    }
    let defaults = defaults(binder, table, listed)?;
    cells.extend(defaults.iter().map(|(_, value)| value.clone()));
    let assigned = listed.iter().copied().chain(defaults.iter().map(|(position, _)| *position)).collect();
    Ok((format!("SELECT {} FROM ({})", cells.join(", "), bound.sql), assigned))
}

/// Whether as many values are given as columns are wanted; what is wrong has another number for each kind of INSERT.
fn check_width(given: usize, wanted: usize, from: Given) -> Result<()> {
    if given == wanted {
        return Ok(());
    }
    let fewer = given < wanted;
    let (number, subject) = match (from, fewer) {
        (Given::All, _) => {
            let text = "Column name or number of supplied values does not match table definition.";
            return Err(SqlError::new(213, text));
        }
        (Given::Values, true) => {
            (109, "There are more columns in the INSERT statement than values specified in the")
        }
        (Given::Values, false) => {
            (110, "There are fewer columns in the INSERT statement than values specified in the")
        }
        (Given::Query, true) => {
            (120, "The select list for the INSERT statement contains fewer items than the insert list.")
        }
        (Given::Query, false) => {
            (121, "The select list for the INSERT statement contains more items than the insert list.")
        }
    };
    let rest = if from == Given::Values {
        "VALUES clause. The number of values in the VALUES clause must match the number of columns specified in the \
         INSERT statement."
    } else {
        "The number of SELECT values must match the number of INSERT columns."
    };
    Err(SqlError::syntax(number, format!("{subject} {rest}")))
}

/// What is put into a table: values or a query for the columns that are listed, or anything for all columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Given {
    Values,
    Query,
    All,
}

/// Binds an UPDATE.
pub(in super::super) fn update(binder: &mut Binder<'_>, statement: &ast::Update) -> Result<Change> {
    let with = binder.common_tables(&statement.ctes)?;
    binder.scopes.push(Scope::default());
    let change = update_in_scope(binder, statement, &with);
    binder.scopes.pop();
    change.map_err(|error| error.at(statement.target.position.line))
}

fn update_in_scope(binder: &mut Binder<'_>, statement: &ast::Update, with: &str) -> Result<Change> {
    let target = target(binder, &statement.target, statement.from.as_ref(), statement.top.is_some())?;
    let mut assigned = Vec::new();
    let mut variables = Vec::new();
    let (mut values, mut variable_values) = (Vec::new(), Vec::new());
    for assignment in &statement.assignments {
        let line = assignment.position.line;
        let position = match &assignment.column {
            Some(name) => Some(target.table.position(name.object()).map_err(|error| error.at(line))?),
            None => None,
        };
        let value = assigned_value(binder, &target, assignment, position).map_err(|error| error.at(line))?;
        if let Some(position) = position {
            let column = &target.table.columns[position];
            if column.identity {
                return Err(
                    SqlError::new(8102, format!("Cannot update identity column '{}'.", column.name)).at(line)
                );
            }
            if assigned.contains(&position) {
                let message = format!(
                    "The column name '{}' is specified more than once in the SET clause.",
                    column.name
                );
                return Err(SqlError::new(264, message).at(line));
            }
            assigned.push(position);
            values.push(value.for_column(&target.table, position).map_err(|error| error.at(line))?);
        }
        if let Some(variable) = &assignment.variable {
            let variable = variable.to_lowercase();
            let ty = binder.environment.variable(&variable).ok_or_else(|| {
                SqlError::syntax(137, format!("Must declare the scalar variable \"{variable}\".")).at(line)
            })?;
            variable_values.push(value.implicitly_as(ty)?);
            variables.push((variable, ty));
        }
    }
    values.extend(variable_values);
    let bound = Bound { kind: Kind::Update, values, assigned, variables };
    found_rows(
        binder,
        target,
        bound,
        (with, statement.filter.as_ref(), statement.top.as_ref(), statement.output.as_ref()),
    )
}

fn assigned_value(
    binder: &mut Binder<'_>,
    target: &Target,
    assignment: &ast::Assignment,
    position: Option<usize>,
) -> Result<Scalar> {
    if let (Expression::Default(_), Some(position)) = (&assignment.value, position) {
        let sql = default_of(binder, &target.table, position)?;
        return Ok(Scalar::new(sql, target.table.columns[position].ty));
    }
    let Some(operator) = assignment.operator else { return binder.scalar(&assignment.value) };
    let left = match (&assignment.column, &assignment.variable) {
        (Some(_), _) => {
            let parts =
                vec![target.name.clone(), target.table.columns[position.unwrap_or_default()].name.clone()];
            Expression::Column(ObjectName { parts, position: assignment.position })
        }
        (None, Some(variable)) => Expression::Variable(variable.clone(), assignment.position),
        (None, None) => return Err(SqlError::near("=")),
    };
    binder.scalar(&Expression::Binary(operator, Box::new(left), Box::new(assignment.value.clone())))
}

/// Binds a DELETE.
pub(in super::super) fn delete(binder: &mut Binder<'_>, statement: &ast::Delete) -> Result<Change> {
    let with = binder.common_tables(&statement.ctes)?;
    binder.scopes.push(Scope::default());
    let target = target(binder, &statement.target, statement.from.as_ref(), statement.top.is_some());
    let change = target.and_then(|target| {
        let bound =
            Bound { kind: Kind::Delete, values: Vec::new(), assigned: Vec::new(), variables: Vec::new() };
        let rest =
            (with.as_str(), statement.filter.as_ref(), statement.top.as_ref(), statement.output.as_ref());
        found_rows(binder, target, bound, rest)
    });
    binder.scopes.pop();
    change.map_err(|error| error.at(statement.target.position.line))
}

/// The table that is changed, and FROM.
struct Target {
    table: Rc<Table>,
    /// What the query calls it.
    name: String,
    /// What SQLite calls it.
    alias: String,
    from: String,
}

fn target(
    binder: &mut Binder<'_>,
    name: &ObjectName,
    from: Option<&ast::Source>,
    has_top: bool,
) -> Result<Target> {
    let mut text = match from {
        Some(from) => binder.source(from)?,
        None => String::new(),
    };
    let sources = binder.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
    if has_top && sources.len() > 1 {
        return Err(SqlError::unsupported("TOP in a change with joins"));
    }
    let named = |source: &&Source| source.name.eq_ignore_ascii_case(name.object());
    let by_table = |source: &&Source| {
        source.table.as_ref().is_some_and(|(table, _)| {
            let schema = name
                .schema()
                .is_none_or(|schema| table.schema.as_deref().is_some_and(|s| s.eq_ignore_ascii_case(schema)));
            table.name.eq_ignore_ascii_case(name.object()) && schema
        })
    };
    if let Some(source) = sources.iter().find(named).or_else(|| sources.iter().find(by_table)) {
        let Some((table, alias)) = source.table.clone() else {
            return Err(SqlError::unsupported_at(
                "a change through a derived table or common table expression",
                name.position,
            ));
        };
        return Ok(Target { table, name: source.name.clone(), alias, from: text });
    }
    // Not in FROM, so it stands beside it.
    let table = binder.environment.table(name)?;
    let alias = binder.new_alias();
    binder.add_source(table_source(&table, &alias, None))?;
    let joined = if text.is_empty() { String::new() } else { format!(" JOIN {text} ON 1") };
    text = format!("{} AS {}{joined}", table.sqlite, quoted_name(&alias));
    Ok(Target { name: table.name.clone(), table, alias, from: text })
}

struct Bound {
    kind: Kind,
    values: Vec<String>,
    assigned: Vec<usize>,
    variables: Vec<(String, SqlType)>,
}

type Rest<'q> = (&'q str, Option<&'q Expression>, Option<&'q Expression>, Option<&'q ast::Output>);

fn found_rows(binder: &mut Binder<'_>, target: Target, bound: Bound, rest: Rest<'_>) -> Result<Change> {
    let (with, filter, top, output) = rest;
    binder.need(if bound.kind == Kind::Delete { Right::Delete } else { Right::Update }, target.table.id);
    let filter = match filter {
        Some(filter) => format!(" WHERE {}", binder.condition(filter)?),
        None => String::new(),
    };
    let limit = match top {
        Some(top) => format!(" LIMIT {}", binder.row_count(top)?),
        None => String::new(),
    };
    let mut list = vec![format!("{}._rowid_", quoted_name(&target.alias))];
    list.extend(bound.values);
    let output = match output {
        Some(output) => {
            let columns = target.table.columns.iter();
            list.extend(
                columns.map(|column| format!("{}.{}", quoted_name(&target.alias), quoted_name(&column.name))),
            );
            let others = other_sources(binder, &target.alias);
            list.extend(
                others.iter().flat_map(|source| source.columns.iter().map(|column| column.sql.clone())),
            );
            Some(bind_output(binder, output, &target.table, bound.kind, &others)?)
        }
        None => None,
    };
    let rows = format!("{with}SELECT {} FROM {}{filter}{limit}", list.join(", "), target.from);
    let (parameters, needs) = binder.take();
    Ok(Change {
        kind: bound.kind,
        table: target.table,
        rows,
        parameters,
        needs,
        assigned: bound.assigned,
        variables: bound.variables,
        output,
    })
}

fn other_sources(binder: &Binder<'_>, target: &str) -> Vec<Source> {
    let sources = binder.scopes.last().map(|scope| scope.sources.as_slice()).unwrap_or_default();
    let is_target = |source: &Source| source.table.as_ref().is_some_and(|(_, alias)| alias == target);
    sources.iter().filter(|source| !is_target(source)).cloned().collect()
}

/// Binds OUTPUT over `inserted`, `deleted` and the other sources, whose columns become parameters.
fn bind_output(
    outer: &mut Binder<'_>,
    output: &ast::Output,
    table: &Rc<Table>,
    kind: Kind,
    others: &[Source],
) -> Result<Output> {
    let mut binder = Binder::new(outer.environment);
    let width = table.columns.len();
    binder.parameters.extend((0..width).map(Parameter::Inserted));
    binder.parameters.extend((0..width).map(Parameter::Deleted));
    let mut sources = Vec::new();
    if kind != Kind::Delete {
        sources.push(row_source(table, "inserted", |index| format!("?{}", index + 1)));
    }
    if kind != Kind::Insert {
        sources.push(row_source(table, "deleted", |index| format!("?{}", width + index + 1)));
    }
    let mut extra = 0;
    for other in others {
        let mut source = other.clone();
        for column in &mut source.columns {
            column.sql = format!("?{}", width * 2 + extra + 1);
            binder.parameters.push(Parameter::Extra(extra));
            extra += 1;
        }
        sources.push(source);
    }
    binder.scopes.push(Scope { sources, groups: None });
    let mut items = Vec::new();
    for item in &output.items {
        match item {
            SelectItem::Star(of) => binder.star(of.as_ref(), &mut items)?,
            SelectItem::Expression { value, alias } => {
                let value = binder.scalar(value)?;
                items.push((alias.clone().or_else(|| value.column.clone()).unwrap_or_default(), value));
            }
            SelectItem::Assign { position, .. } => {
                return Err(SqlError::unsupported_at("assignments in OUTPUT", *position));
            }
        }
    }
    let columns = items.iter().map(|(name, value)| Column {
        name: name.clone(),
        ty: value.ty,
        nullable: value.nullable,
    });
    let columns = columns.collect();
    let (texts, into) = match &output.into {
        None => (items.iter().map(|(_, value)| value.sql.clone()).collect(), None),
        Some((name, names)) => {
            let (texts, into) = output_into(&mut binder, name, names, &items)?;
            (texts, Some(into))
        }
    };
    let sql = format!("SELECT {}", texts.join(", "));
    // OUTPUT reads the table that is changed.
    outer.need(Right::Select, table.id);
    binder.needs.iter().for_each(|(right, table)| outer.need(*right, *table));
    Ok(Output { sql, parameters: binder.parameters, columns, into })
}

type Into = (Rc<Table>, Vec<usize>);

fn output_into(
    binder: &mut Binder<'_>,
    name: &ObjectName,
    names: &[String],
    items: &[(String, Scalar)],
) -> Result<(Vec<String>, Into)> {
    let into = binder.environment.table(name)?;
    binder.need(Right::Insert, into.id);
    let mut positions = listed_columns(&into, names)?;
    check_width(items.len(), positions.len(), if names.is_empty() { Given::All } else { Given::Query })?;
    let mut texts = Vec::with_capacity(items.len());
    for ((_, value), position) in items.iter().zip(&positions) {
        texts.push(value.for_column(&into, *position)?);
    }
    let sources = binder.scopes.pop();
    for (position, default) in defaults(binder, &into, &positions.clone())? {
        positions.push(position);
        texts.push(default);
    }
    binder.scopes.extend(sources);
    Ok((texts, (into, positions)))
}
