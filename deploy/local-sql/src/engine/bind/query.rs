//! Queries: select lists, grouping, TOP and OFFSET, set operators, subqueries.
//!
//! Every SELECT names its output `c0`, `c1`, …, so that a derived table's columns are found by position
//! whatever they are called. FROM is in `source`, WITH in `common_table`.

use super::super::ast::{Expression, Literal, OrderItem, Query, QueryBody, Select, SelectItem, SetOperator};
use super::super::error::{Result, SqlError};
use super::super::types::{Column, SqlType};
use super::aggregate::is_aggregate;
use super::scalar::merged_collation;
use super::{Binder, Collation, Parameter, Scalar, Scope, ScopeColumn, higher, quoted_name, with_collation};

/// A bound query; its parameters are the binder's.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct BoundQuery {
    pub(in super::super) sql: String,
    pub(in super::super) columns: Vec<Column>,
    /// The collations of the columns.
    pub(super) collations: Vec<Option<Collation>>,
    /// `SELECT @v = …`: the variable and its type for each column, or empty.
    pub(in super::super) assignments: Vec<(String, SqlType)>,
    /// It can only have one row: a subquery needs no check.
    single_row: bool,
}

/// An output column: its name and value.
type Item = (String, Scalar);
/// Output columns, and the variables that they are assigned to.
type Items = (Vec<Item>, Vec<(String, SqlType)>);

impl BoundQuery {
    /// The columns as those of a source: what the query calls it, and what SQLite does.
    ///
    /// # Errors
    /// 8155 to 8159: each column has one name.
    pub(super) fn source_columns(
        &self,
        (shown, sqlite): (&str, &str),
        names: &[String],
    ) -> Result<Vec<ScopeColumn>> {
        if !names.is_empty() && names.len() != self.columns.len() {
            let (number, word) =
                if names.len() < self.columns.len() { (8158, "more") } else { (8159, "fewer") };
            let text = format!("'{shown}' has {word} columns than were specified in the column list.");
            return Err(SqlError::new(number, text));
        }
        let mut columns: Vec<ScopeColumn> = Vec::with_capacity(self.columns.len());
        for (index, (column, collation)) in self.columns.iter().zip(&self.collations).enumerate() {
            let name = names.get(index).unwrap_or(&column.name);
            if name.is_empty() {
                let text = format!("No column name was specified for column {} of '{shown}'.", index + 1);
                return Err(SqlError::new(8155, text).with_state(2));
            }
            if columns.iter().any(|known| known.name.eq_ignore_ascii_case(name)) {
                let text = format!("The column '{name}' was specified multiple times for '{shown}'.");
                return Err(SqlError::new(8156, text));
            }
            columns.push(ScopeColumn {
                name: name.clone(),
                ty: column.ty,
                nullable: column.nullable,
                collation: *collation,
                sql: format!("{}.c{index}", quoted_name(sqlite)),
            });
        }
        Ok(columns)
    }
}

/// ORDER BY, TOP, OFFSET and FETCH of a query.
pub(super) struct Tail<'q> {
    order_by: &'q [OrderItem],
    offset: Option<&'q Expression>,
    fetch: Option<&'q Expression>,
}

impl Tail<'_> {
    /// Nothing of them.
    pub(super) const NONE: Self = Tail { order_by: &[], offset: None, fetch: None };
}

impl Binder<'_> {
    /// Binds a whole query.
    pub(in super::super) fn query(&mut self, query: &Query) -> Result<BoundQuery> {
        let known = self.ctes.len();
        let bound = self.query_with_ctes(query).map_err(|error| error.at(query.position.line));
        self.ctes.truncate(known);
        bound
    }

    fn query_with_ctes(&mut self, query: &Query) -> Result<BoundQuery> {
        let with = self.common_tables_within(&query.ctes, query.max_recursion)?;
        let tail =
            Tail { order_by: &query.order_by, offset: query.offset.as_ref(), fetch: query.fetch.as_ref() };
        let bound = self.body(&query.body, &tail)?;
        Ok(BoundQuery { sql: format!("{with}{}", bound.sql), ..bound })
    }

    pub(super) fn body(&mut self, body: &QueryBody, tail: &Tail<'_>) -> Result<BoundQuery> {
        match body {
            QueryBody::Select(select) => self.select(select, tail),
            QueryBody::Nested(query) if tail.order_by.is_empty() && tail.fetch.is_none() => self.query(query),
            QueryBody::Nested(query) => {
                Err(SqlError::unsupported_at("ORDER BY behind a parenthesised query", query.position))
            }
            QueryBody::Set(operator, left, right) => self.set_operation(*operator, left, right, tail),
        }
    }

    pub(super) fn select(&mut self, select: &Select, tail: &Tail<'_>) -> Result<BoundQuery> {
        self.scopes.push(Scope::default());
        let saw_aggregate = std::mem::take(&mut self.saw_aggregate);
        let bound = self.select_in_scope(select, tail);
        self.saw_aggregate = saw_aggregate;
        self.scopes.pop();
        bound
    }

    fn select_in_scope(&mut self, select: &Select, tail: &Tail<'_>) -> Result<BoundQuery> {
        let from = match &select.from {
            Some(source) => format!(" FROM {}", self.source(source)?),
            None => String::new(),
        };
        let level = self.level();
        let filter = match &select.filter {
            Some(filter) if contains_aggregate(filter) => return Err(aggregate_in_where()),
            Some(filter) => format!(" WHERE {}", self.condition(filter)?),
            None => String::new(),
        };
        let group_by = self.group_by(select, tail.order_by)?;
        let (items, assignments) = self.items(select)?;
        let having = match &select.having {
            Some(having) => format!(" HAVING {}", self.condition(having)?),
            None => String::new(),
        };
        let order_by = self.ordering(tail.order_by, &items, select.distinct)?;
        let limit = self.limit(select.top.as_ref(), tail)?;
        let list = items.iter().enumerate().map(|(index, (_, value))| {
            let text = if select.distinct { with_collation(value) } else { value.sql.clone() };
            format!("{text} AS c{index}")
        });
        let list: Vec<String> = list.chain(level.map(|level| format!("{level} AS level"))).collect();
        let distinct = if select.distinct { "DISTINCT " } else { "" };
        let sql =
            format!("SELECT {distinct}{}{from}{filter}{group_by}{having}{order_by}{limit}", list.join(", "));
        let top_one = matches!(&select.top, Some(Expression::Literal(Literal::Integer(one))) if one == "1");
        let single_row =
            top_one || select.from.is_none() || (self.saw_aggregate && select.group_by.is_empty());
        Ok(bound_query(sql, &items, assignments, single_row))
    }

    /// GROUP BY; from here on only grouped expressions and aggregates are allowed in a grouped query.
    fn group_by(&mut self, select: &Select, order_by: &[OrderItem]) -> Result<String> {
        let aggregates = select.items.iter().any(|item| match item {
            SelectItem::Expression { value, .. } | SelectItem::Assign { value, .. } => {
                contains_aggregate(value)
            }
            SelectItem::Star(_) => false,
        });
        let grouped = aggregates
            || !select.group_by.is_empty()
            || select.having.is_some()
            || order_by.iter().any(|item| contains_aggregate(&item.expression));
        if !grouped {
            return Ok(String::new());
        }
        let mut groups = Vec::with_capacity(select.group_by.len());
        let mut texts = Vec::with_capacity(select.group_by.len());
        for expression in &select.group_by {
            let value = self.scalar(expression)?;
            texts.push(with_collation(&value));
            groups.push(value.sql);
        }
        if let Some(scope) = self.scopes.last_mut() {
            scope.groups = Some(groups);
        }
        Ok(if texts.is_empty() { String::new() } else { format!(" GROUP BY {}", texts.join(", ")) })
    }

    fn items(&mut self, select: &Select) -> Result<Items> {
        let mut items = Vec::with_capacity(select.items.len());
        let mut assignments = Vec::new();
        for item in &select.items {
            match item {
                SelectItem::Star(of) => self.star(of.as_ref(), &mut items)?,
                SelectItem::Expression { value, alias } => {
                    let value = self.scalar(value)?;
                    items.push((alias.clone().or_else(|| value.column.clone()).unwrap_or_default(), value));
                }
                SelectItem::Assign { variable, operator, value, position } => {
                    let variable = variable.to_lowercase();
                    let ty = self.environment.variable(&variable).ok_or_else(|| {
                        let message = format!("Must declare the scalar variable \"{variable}\".");
                        SqlError::syntax(137, message).at(position.line)
                    })?;
                    let before = self.parameters.contains(&Parameter::Variable(variable.clone()));
                    let value = match operator {
                        None => self.scalar(value)?,
                        Some(operator) => {
                            let current = Expression::Variable(variable.clone(), *position);
                            let sum =
                                Expression::Binary(*operator, Box::new(current), Box::new(value.clone()));
                            self.scalar(&sum)?
                        }
                    };
                    // SQL Server assigns row by row, which a parameter fixed at the start cannot.
                    let reads_itself =
                        !before && self.parameters.contains(&Parameter::Variable(variable.clone()));
                    if reads_itself && select.from.is_some() && !self.saw_aggregate {
                        return Err(SqlError::unsupported_at(
                            "an assignment that accumulates over rows",
                            *position,
                        ));
                    }
                    let assigned = Scalar { ty, sql: value.implicitly_as(ty)?, is_null: false, ..value };
                    items.push((String::new(), assigned));
                    assignments.push((variable, ty));
                }
            }
        }
        if !assignments.is_empty() && assignments.len() != items.len() {
            return Err(SqlError::syntax(
                141,
                "A SELECT statement that assigns a value to a variable must not be combined with \
                    data-retrieval operations.",
            ));
        }
        Ok((items, assignments))
    }

    /// `*` or `t.*`.
    pub(super) fn star(
        &mut self,
        of: Option<&super::super::ast::ObjectName>,
        items: &mut Vec<(String, Scalar)>,
    ) -> Result<()> {
        let scope = self.scopes.last();
        if scope.is_some_and(|scope| scope.groups.is_some()) {
            return Err(SqlError::unsupported("* in a grouped query"));
        }
        let sources = scope.map(|scope| scope.sources.as_slice()).unwrap_or_default();
        let before = items.len();
        for source in sources {
            if of.is_none_or(|of| of.object().eq_ignore_ascii_case(&source.name)) {
                items.extend(source.columns.iter().map(|column| (column.name.clone(), read(column))));
            }
        }
        match of {
            Some(of) if items.len() == before => {
                let message = format!(
                    "The column prefix '{}' does not match with a table name or alias name used in the query.",
                    of.shown()
                );
                Err(SqlError::syntax(107, message).at(of.position.line))
            }
            _ => Ok(()),
        }
    }

    /// ORDER BY over output names, positions or expressions of the sources.
    fn ordering(
        &mut self,
        order_by: &[OrderItem],
        items: &[(String, Scalar)],
        distinct: bool,
    ) -> Result<String> {
        let mut texts = Vec::with_capacity(order_by.len());
        for item in order_by {
            let text = match output_position(&item.expression, items)? {
                Some(position) => {
                    let output = Scalar { sql: format!("c{position}"), ..items[position].1.clone() };
                    with_collation(&output)
                }
                None if distinct => {
                    return Err(SqlError::syntax(
                        145,
                        "ORDER BY items must appear in the select list if SELECT DISTINCT is specified.",
                    ));
                }
                None => with_collation(&self.scalar(&item.expression)?),
            };
            texts.push(if item.descending { format!("{text} DESC") } else { text });
        }
        Ok(if texts.is_empty() { String::new() } else { format!(" ORDER BY {}", texts.join(", ")) })
    }

    fn limit(&mut self, top: Option<&Expression>, tail: &Tail<'_>) -> Result<String> {
        let limit = match (top, tail.fetch, tail.offset) {
            (Some(_), _, Some(_)) => {
                return Err(SqlError::syntax(
                    10741,
                    "A TOP can not be used in the same query or sub-query as a OFFSET.",
                )
                .with_state(2));
            }
            (Some(limit), ..) | (None, Some(limit), _) => self.row_count(limit)?,
            (None, None, Some(_)) => "-1".to_owned(),
            (None, None, None) => return Ok(String::new()),
        };
        let offset = match tail.offset {
            Some(offset) => format!(" OFFSET {}", self.row_count(offset)?),
            None => String::new(),
        };
        Ok(format!(" LIMIT {limit}{offset}"))
    }

    /// A number of rows; SQLite would take a negative one for "all".
    pub(super) fn row_count(&mut self, count: &Expression) -> Result<String> {
        let scopes = std::mem::take(&mut self.scopes);
        let count = self.scalar(count);
        self.scopes = scopes;
        let count = count?.implicitly_as(SqlType::BigInt)?;
        let refusal = "ts_fail(1060, 'The number of rows provided for a TOP or FETCH clauses row count \
            parameter must be an integer.')";
        Ok(format!("(CASE WHEN {count} >= 0 THEN {count} ELSE {refusal} END)"))
    }

    fn set_operation(
        &mut self,
        operator: SetOperator,
        left: &QueryBody,
        right: &QueryBody,
        tail: &Tail<'_>,
    ) -> Result<BoundQuery> {
        let (left, right) = (self.body(left, &Tail::NONE)?, self.body(right, &Tail::NONE)?);
        if left.columns.len() != right.columns.len() {
            return Err(unequal_widths());
        }
        let mut items = Vec::with_capacity(left.columns.len());
        let (left_columns, right_columns) = (outputs(&left), outputs(&right));
        for (left, right) in left_columns.iter().zip(&right_columns) {
            let collation = merged_collation(&left.1, &right.1)?;
            let merged = Scalar {
                ty: higher(left.1.ty, right.1.ty),
                nullable: left.1.nullable || right.1.nullable,
                ..left.1.clone()
            };
            items.push((left.0.clone(), merged.collated(collation)));
        }
        let word = match operator {
            SetOperator::Union => "UNION",
            SetOperator::UnionAll => "UNION ALL",
            SetOperator::Except => "EXCEPT",
            SetOperator::Intersect => "INTERSECT",
        };
        let branch = |bound: &BoundQuery, columns: &[(String, Scalar)]| -> Result<String> {
            let list: Result<Vec<String>> = columns
                .iter()
                .zip(&items)
                .enumerate()
                .map(|(index, ((_, column), (_, merged)))| {
                    let cast = Scalar { sql: column.implicitly_as(merged.ty)?, ..merged.clone() };
                    Ok(format!("{} AS c{index}", with_collation(&cast)))
                })
                .collect();
            Ok(format!("SELECT {} FROM ({})", list?.join(", "), bound.sql))
        };
        let compound =
            format!("{} {word} {}", branch(&left, &left_columns)?, branch(&right, &right_columns)?);
        let order_by = self.ordering(tail.order_by, &items, true)?;
        let limit = self.limit(None, tail)?;
        Ok(bound_query(format!("SELECT * FROM ({compound}){order_by}{limit}"), &items, Vec::new(), false))
    }

    /// A query that yields one value.
    pub(super) fn scalar_subquery(&mut self, query: &Query) -> Result<Scalar> {
        let bound = self.query(query)?;
        let [column] = bound.columns.as_slice() else {
            return Err(SqlError::new(
                116,
                "Only one expression can be specified in the select list when the subquery is not \
                    introduced with EXISTS.",
            ));
        };
        let sql = if bound.single_row {
            format!("({})", bound.sql)
        } else {
            let refusal = "ts_fail(512, 'Subquery returned more than 1 value. This is not permitted when \
                the subquery follows =, !=, <, <= , >, >= or when the subquery is used as an expression.')";
            format!(
                "(SELECT CASE WHEN count(*) > 1 THEN {refusal} ELSE max(c0) END FROM (SELECT c0 FROM ({}) \
                    LIMIT 2))",
                bound.sql
            )
        };
        Ok(Scalar::new(sql, column.ty).collated(bound.collations.first().copied().flatten()))
    }

    /// `EXISTS (…)`
    pub(super) fn exists(&mut self, query: &Query) -> Result<String> {
        Ok(format!("EXISTS ({})", self.query(query)?.sql))
    }

    /// `value [NOT] IN (SELECT …)`
    pub(super) fn in_query(&mut self, value: &Expression, query: &Query, negated: bool) -> Result<String> {
        let value = self.scalar(value)?;
        let bound = self.query(query)?;
        let outputs = outputs(&bound);
        let [(_, column)] = outputs.as_slice() else {
            return Err(SqlError::new(116, "Only one expression can be specified in the select list of IN."));
        };
        let mut ty = if value.is_null { column.ty } else { higher(value.ty, column.ty) };
        if ty.is_text() {
            ty = SqlType::NVarChar(None);
        }
        let collation = merged_collation(&value, column)?;
        let left = Scalar { sql: value.implicitly_as(ty)?, ty, collation, ..value };
        let right = column.implicitly_as(ty)?;
        let not = if negated { "NOT " } else { "" };
        Ok(format!("({} {not}IN (SELECT {right} FROM ({})))", with_collation(&left), bound.sql))
    }
}

pub(super) fn unequal_widths() -> SqlError {
    SqlError::new(
        205,
        "All queries combined using a UNION, INTERSECT or EXCEPT operator must have an equal number of expressions in \
         their target lists.",
    )
}

fn aggregate_in_where() -> SqlError {
    SqlError::syntax(
        147,
        "An aggregate may not appear in the WHERE clause unless it is in a subquery contained in a HAVING clause or a \
         select list, and the column being aggregated is an outer reference.",
    )
}

/// The output columns of a query as scalars of an enclosing one.
fn outputs(bound: &BoundQuery) -> Vec<(String, Scalar)> {
    let columns = bound.columns.iter().zip(&bound.collations).enumerate();
    columns
        .map(|(index, (column, collation))| {
            let scalar = Scalar { nullable: column.nullable, ..Scalar::new(format!("c{index}"), column.ty) };
            (column.name.clone(), scalar.collated(*collation))
        })
        .collect()
}

/// A column of a source as a scalar.
pub(super) fn read(column: &ScopeColumn) -> Scalar {
    Scalar {
        sql: column.sql.clone(),
        ty: column.ty,
        nullable: column.nullable,
        collation: column.collation,
        is_null: false,
        whole: None,
        column: Some(column.name.clone()),
    }
}

fn bound_query(
    sql: String,
    items: &[(String, Scalar)],
    assignments: Vec<(String, SqlType)>,
    single_row: bool,
) -> BoundQuery {
    let columns = items
        .iter()
        .map(|(name, value)| Column { name: name.clone(), ty: value.ty, nullable: value.nullable })
        .collect();
    let collations = items.iter().map(|(_, value)| value.collation).collect();
    BoundQuery { sql, columns, collations, assignments, single_row }
}

/// Which output column an ORDER BY item means: a position, or the name of one.
fn output_position(expression: &Expression, items: &[(String, Scalar)]) -> Result<Option<usize>> {
    match expression {
        Expression::Literal(Literal::Integer(digits)) => {
            let position =
                digits.parse::<usize>().ok().filter(|position| (1..=items.len()).contains(position));
            let position = position.ok_or_else(|| {
                SqlError::new(
                    108,
                    format!(
                        "The ORDER BY position number {digits} is out of range of the \
                    number of items in the select list."
                    ),
                )
            })?;
            Ok(Some(position - 1))
        }
        Expression::Column(name) if name.parts.len() == 1 => {
            Ok(items.iter().position(|(item, _)| item.eq_ignore_ascii_case(name.object())))
        }
        Expression::Column(name) => {
            // `t.Name` in the select list is the same as `t.Name` here, which matters under DISTINCT.
            let same = |(item, value): &(String, Scalar)| {
                value.column.is_some() && item.eq_ignore_ascii_case(name.object())
            };
            Ok(items.iter().position(same).filter(|_| items.iter().filter(|item| same(item)).count() == 1))
        }
        _ => Ok(None),
    }
}

/// Whether an aggregate stands in the expression, not counting subqueries.
fn contains_aggregate(expression: &Expression) -> bool {
    let any = |parts: &[Expression]| parts.iter().any(contains_aggregate);
    match expression {
        Expression::Function(call) => is_aggregate(call) || any(&call.arguments),
        Expression::Unary(_, value)
        | Expression::Cast { value, .. }
        | Expression::Convert { value, .. }
        | Expression::Collate(value, ..)
        | Expression::Not(value)
        | Expression::IsNull { value, .. }
        | Expression::InQuery { value, .. } => contains_aggregate(value),
        Expression::Binary(_, left, right) | Expression::Compare(_, left, right) => {
            contains_aggregate(left) || contains_aggregate(right)
        }
        Expression::And(parts) | Expression::Or(parts) => any(parts),
        Expression::Between { value, low, high, .. } => {
            [value, low, high].into_iter().any(|part| contains_aggregate(part))
        }
        Expression::InList { value, list, .. } => contains_aggregate(value) || any(list),
        Expression::Like { value, pattern, .. } => contains_aggregate(value) || contains_aggregate(pattern),
        Expression::Case { operand, branches, otherwise } => {
            operand.as_deref().is_some_and(contains_aggregate)
                || otherwise.as_deref().is_some_and(contains_aggregate)
                || branches.iter().any(|(when, then)| contains_aggregate(when) || contains_aggregate(then))
        }
        _ => false,
    }
}
