//! SELECT, FROM and what surrounds them.

use super::Parser;
use crate::engine::ast::{
    Call, Cte, Expression, JoinKind, JsonColumn, Query, QueryBody, Select, SelectItem, SetOperator, Source,
};
use crate::engine::error::{Result, SqlError};
use crate::engine::lexer::Kind;

impl Parser<'_> {
    /// `WITH a AS (…), b (x, y) AS (…)`, or nothing.
    pub(super) fn ctes(&mut self) -> Result<Vec<Cte>> {
        let mut ctes = Vec::new();
        if !self.accept_word("WITH") {
            return Ok(ctes);
        }
        loop {
            let name = self.name()?;
            let columns = if self.is_mark("(") { self.name_list()? } else { Vec::new() };
            self.expect_word("AS")?;
            ctes.push(Cte { name, columns, query: self.parenthesised_query()? });
            if !self.accept_mark(",") {
                return Ok(ctes);
            }
        }
    }

    pub(super) fn parenthesised_query(&mut self) -> Result<Query> {
        self.nested(|parser| {
            parser.expect_mark("(")?;
            let query = parser.query()?;
            let limited = query.offset.is_some()
                || matches!(&query.body, QueryBody::Select(select) if select.top.is_some());
            if !query.order_by.is_empty() && !limited {
                return Err(order_without_top().at(query.position.line));
            }
            parser.expect_mark(")")?;
            Ok(query)
        })
    }

    pub(super) fn query(&mut self) -> Result<Query> {
        let ctes = self.ctes()?;
        self.query_after_ctes(ctes)
    }

    pub(super) fn query_after_ctes(&mut self, ctes: Vec<Cte>) -> Result<Query> {
        let position = self.position();
        let body = self.query_body()?;
        let order_by = self.order_by()?;
        let (mut offset, mut fetch) = (None, None);
        if !order_by.is_empty() && self.accept_word("OFFSET") {
            offset = Some(self.scalar()?);
            let _ = self.accept_word("ROWS") || self.accept_word("ROW");
            if self.accept_word("FETCH") {
                let _ = self.accept_word("NEXT") || self.accept_word("FIRST");
                fetch = Some(self.scalar()?);
                let _ = self.accept_word("ROWS") || self.accept_word("ROW");
                self.expect_word("ONLY")?;
            }
        }
        if self.is_word("FOR") {
            return self.unsupported("FOR JSON, FOR XML and FOR BROWSE");
        }
        let max_recursion = self.option_clause()?;
        Ok(Query { ctes, max_recursion, body, order_by, offset, fetch, position })
    }

    /// `OPTION (…)`: advice to an optimiser that is not here, and the limit of recursion.
    pub(super) fn option_clause(&mut self) -> Result<Option<u32>> {
        if !self.accept_word("OPTION") {
            return Ok(None);
        }
        let first = self.at;
        self.skip_parentheses()?;
        let hint = self.tokens.get(first..self.at).unwrap_or_default().windows(2).find_map(|pair| {
            let is_limit = matches!(&pair[0].kind, Kind::Word { upper, .. } if upper == "MAXRECURSION");
            match &pair[1].kind {
                Kind::Integer(digits) if is_limit => digits.parse().ok(),
                _ => None,
            }
        });
        Ok(hint)
    }

    fn skip_parentheses(&mut self) -> Result<()> {
        self.expect_mark("(")?;
        let mut depth = 1;
        while depth > 0 {
            match self.kind() {
                Kind::Mark("(") => depth += 1,
                Kind::Mark(")") => depth -= 1,
                Kind::End => return Err(self.unexpected()),
                _ => {}
            }
            self.advance();
        }
        Ok(())
    }

    fn query_body(&mut self) -> Result<QueryBody> {
        let mut left = self.query_term()?;
        for _ in 0..super::MAX_CHAIN {
            let operator = match self.word_at(0) {
                "UNION" if self.word_at(1) == "ALL" => SetOperator::UnionAll,
                "UNION" => SetOperator::Union,
                "EXCEPT" => SetOperator::Except,
                _ => return Ok(left),
            };
            self.advance();
            if operator == SetOperator::UnionAll {
                self.advance();
            }
            left = QueryBody::Set(operator, Box::new(left), Box::new(self.query_term()?));
        }
        Err(super::too_deep().at(self.position().line))
    }

    /// INTERSECT binds tighter than UNION and EXCEPT.
    fn query_term(&mut self) -> Result<QueryBody> {
        let mut left = self.query_primary()?;
        for _ in 0..super::MAX_CHAIN {
            if !self.accept_word("INTERSECT") {
                return Ok(left);
            }
            left = QueryBody::Set(SetOperator::Intersect, Box::new(left), Box::new(self.query_primary()?));
        }
        Err(super::too_deep().at(self.position().line))
    }

    fn query_primary(&mut self) -> Result<QueryBody> {
        if self.is_mark("(") {
            return Ok(QueryBody::Nested(Box::new(self.parenthesised_query()?)));
        }
        Ok(QueryBody::Select(Box::new(self.select()?)))
    }

    fn select(&mut self) -> Result<Select> {
        let position = self.position();
        self.expect_word("SELECT")?;
        let distinct = self.accept_word("DISTINCT");
        let _ = distinct || self.accept_word("ALL");
        let top = self.top()?;
        let items = self.select_items()?;
        if self.is_word("INTO") {
            return self.unsupported("SELECT … INTO");
        }
        let from = if self.accept_word("FROM") { Some(self.sources()?) } else { None };
        let filter = if self.accept_word("WHERE") { Some(self.condition()?) } else { None };
        let group_by = if self.accept_words(&["GROUP", "BY"]) { self.group_by()? } else { Vec::new() };
        let having = if self.accept_word("HAVING") { Some(self.condition()?) } else { None };
        Ok(Select { distinct, top, items, from, filter, group_by, having, position })
    }

    fn group_by(&mut self) -> Result<Vec<Expression>> {
        if matches!(self.word_at(0), "ROLLUP" | "CUBE" | "GROUPING") {
            return self.unsupported(format!("GROUP BY {}", self.word_at(0)));
        }
        self.scalar_list()
    }

    /// `TOP (n)` or `TOP n`.
    pub(super) fn top(&mut self) -> Result<Option<Expression>> {
        if !self.accept_word("TOP") {
            return Ok(None);
        }
        let limit = if self.accept_mark("(") {
            let limit = self.condition()?;
            self.expect_mark(")")?;
            limit
        } else {
            let digits = self.integer::<u32>()?.to_string();
            Expression::Literal(crate::engine::ast::Literal::Integer(digits))
        };
        if self.is_word("PERCENT") {
            return self.unsupported("TOP … PERCENT");
        }
        if self.is_word("WITH") && self.word_at(1) == "TIES" {
            return self.unsupported("TOP … WITH TIES");
        }
        Ok(Some(limit))
    }

    pub(super) fn select_items(&mut self) -> Result<Vec<SelectItem>> {
        let mut items = vec![self.select_item()?];
        while self.accept_mark(",") {
            items.push(self.select_item()?);
        }
        Ok(items)
    }

    fn select_item(&mut self) -> Result<SelectItem> {
        if self.accept_mark("*") {
            return Ok(SelectItem::Star(None));
        }
        if matches!(self.kind(), Kind::Variable(_))
            && let Some(operator) = self.assignment_operator_at(1)
        {
            let position = self.position();
            let variable = self.variable()?;
            self.advance();
            return Ok(SelectItem::Assign { variable, operator, value: self.scalar()?, position });
        }
        if let Some(star) = self.qualified_star()? {
            return Ok(star);
        }
        if self.is_name() && self.is_mark_at(1, "=") {
            let alias = Some(self.name()?);
            self.advance();
            return Ok(SelectItem::Expression { value: self.scalar()?, alias });
        }
        let value = self.scalar()?;
        Ok(SelectItem::Expression { value, alias: self.column_alias()? })
    }

    /// `t.*`, `s.t.*`
    fn qualified_star(&mut self) -> Result<Option<SelectItem>> {
        let mut ahead = 0;
        while matches!(self.token_at(ahead), Kind::Word { .. } | Kind::Quoted(_))
            && self.is_mark_at(ahead + 1, ".")
        {
            ahead += 2;
            if self.is_mark_at(ahead, "*") {
                let position = self.position();
                let mut parts = Vec::new();
                while !self.is_mark("*") {
                    parts.push(self.name()?);
                    self.expect_mark(".")?;
                }
                self.advance();
                return Ok(Some(SelectItem::Star(Some(crate::engine::ast::ObjectName { parts, position }))));
            }
        }
        Ok(None)
    }

    fn column_alias(&mut self) -> Result<Option<String>> {
        let explicit = self.accept_word("AS");
        if let Kind::Text { text, .. } = self.kind() {
            let alias = text.clone();
            self.advance();
            return Ok(Some(alias));
        }
        if explicit || self.is_name() { self.name().map(Some) } else { Ok(None) }
    }

    // --- FROM --------------------------------------------------------------------------------------------

    pub(super) fn sources(&mut self) -> Result<Source> {
        let mut left = self.joined_source()?;
        for _ in 0..super::MAX_CHAIN {
            if !self.accept_mark(",") {
                return Ok(left);
            }
            let right = Box::new(self.joined_source()?);
            left = Source::Join { kind: JoinKind::Cross, left: Box::new(left), right, on: None };
        }
        Err(super::too_deep().at(self.position().line))
    }

    fn joined_source(&mut self) -> Result<Source> {
        let mut left = self.source()?;
        for _ in 0..super::MAX_CHAIN {
            let Some(kind) = self.join_kind()? else { return Ok(left) };
            let right = Box::new(self.source()?);
            let on = match kind {
                JoinKind::Cross | JoinKind::CrossApply | JoinKind::OuterApply => None,
                _ => {
                    self.expect_word("ON")?;
                    Some(self.condition()?)
                }
            };
            left = Source::Join { kind, left: Box::new(left), right, on };
        }
        Err(super::too_deep().at(self.position().line))
    }

    fn join_kind(&mut self) -> Result<Option<JoinKind>> {
        let kind = match (self.word_at(0), self.word_at(1)) {
            ("CROSS", "APPLY") => JoinKind::CrossApply,
            ("OUTER", "APPLY") => JoinKind::OuterApply,
            ("CROSS", "JOIN") => JoinKind::Cross,
            ("JOIN", _) | ("INNER", _) => JoinKind::Inner,
            ("LEFT", _) => JoinKind::Left,
            ("RIGHT", _) => JoinKind::Right,
            ("FULL", _) => JoinKind::Full,
            ("PIVOT" | "UNPIVOT", _) => return self.unsupported(self.word_at(0).to_owned()),
            _ => return Ok(None),
        };
        if self.word_at(0) != "JOIN" {
            self.advance();
            self.accept_word("OUTER");
            if matches!(self.word_at(0), "LOOP" | "HASH" | "MERGE" | "REMOTE") {
                self.advance();
            }
        }
        self.advance();
        Ok(Some(kind))
    }

    fn source(&mut self) -> Result<Source> {
        let position = self.position();
        if self.is_mark("(") {
            return match self.word_at(1) {
                "SELECT" | "WITH" => self.derived_table(),
                "VALUES" => self.values_table(),
                _ if self.is_mark_at(1, "(") && self.word_at(2) != "VALUES" => {
                    // `((SELECT …) UNION …) AS t`, or a join that begins with a derived table.
                    let first = self.at;
                    self.derived_table().or_else(|error| {
                        self.at = first;
                        self.parenthesised_join().map_err(|_| error)
                    })
                }
                _ => self.parenthesised_join(),
            };
        }
        if !matches!(self.word_at(0), "") && self.is_mark_at(1, "(") && self.is_name() {
            return self.function_source();
        }
        if matches!(
            self.word_at(0),
            "OPENROWSET" | "OPENQUERY" | "OPENXML" | "CONTAINSTABLE" | "FREETEXTTABLE"
        ) {
            return self.unsupported(self.word_at(0).to_owned());
        }
        let name = self.object_name()?;
        if self.is_mark("(") {
            return Err(SqlError::unsupported_at(
                format!("the table-valued function {}", name.shown()),
                position,
            ));
        }
        if self.is_word("FOR") && self.word_at(1) == "SYSTEM_TIME" {
            return self.unsupported("FOR SYSTEM_TIME");
        }
        let mut hints = self.table_hints()?;
        let alias = self.table_alias()?;
        hints.extend(self.table_hints()?);
        if self.is_word("TABLESAMPLE") {
            return self.unsupported("TABLESAMPLE");
        }
        Ok(Source::Table { name, alias, hints })
    }

    fn parenthesised_join(&mut self) -> Result<Source> {
        self.nested(|parser| {
            parser.expect_mark("(")?;
            let source = parser.joined_source()?;
            parser.expect_mark(")")?;
            Ok(source)
        })
    }

    /// `WITH (READPAST, INDEX (1))`: the names, upper case.
    pub(super) fn table_hints(&mut self) -> Result<Vec<String>> {
        let mut hints = Vec::new();
        if !(self.is_word("WITH") && self.is_mark_at(1, "(")) {
            return Ok(hints);
        }
        self.advance();
        self.advance();
        loop {
            match self.kind() {
                Kind::Word { upper, .. } => hints.push(upper.clone()),
                _ => return Err(self.unexpected()),
            }
            self.advance();
            if self.accept_mark("=") {
                self.name()?;
            } else if self.is_mark("(") {
                self.skip_parentheses()?;
            }
            // The comma between hints may be left out.
            self.accept_mark(",");
            if self.accept_mark(")") {
                return Ok(hints);
            }
        }
    }

    fn table_alias(&mut self) -> Result<Option<String>> {
        if self.accept_word("AS") {
            return self.name().map(Some);
        }
        // `OPTION` and `WITH` end a source; every other bare name is an alias.
        if self.is_name() && !matches!(self.word_at(0), "OFFSET" | "GO") {
            self.name().map(Some)
        } else {
            Ok(None)
        }
    }

    fn required_alias(&mut self) -> Result<(String, Vec<String>)> {
        let Some(alias) = self.table_alias()? else { return Err(self.unexpected()) };
        let columns = if self.is_mark("(") { self.name_list()? } else { Vec::new() };
        Ok((alias, columns))
    }

    fn derived_table(&mut self) -> Result<Source> {
        let query = Box::new(self.parenthesised_query()?);
        let (alias, columns) = self.required_alias()?;
        Ok(Source::Derived { query, alias, columns })
    }

    fn values_table(&mut self) -> Result<Source> {
        self.expect_mark("(")?;
        let position = self.position();
        self.expect_word("VALUES")?;
        let rows = self.value_rows()?;
        self.expect_mark(")")?;
        let (alias, columns) = self.required_alias()?;
        Ok(Source::Values { rows, alias, columns, position })
    }

    /// `(1, 2), (3, 4)`
    pub(super) fn value_rows(&mut self) -> Result<Vec<Vec<Expression>>> {
        let mut rows = Vec::new();
        loop {
            self.expect_mark("(")?;
            rows.push(self.scalar_list()?);
            self.expect_mark(")")?;
            if !self.accept_mark(",") {
                return Ok(rows);
            }
        }
    }

    fn function_source(&mut self) -> Result<Source> {
        let position = self.position();
        let name = self.word_at(0).to_owned();
        self.advance();
        let Expression::Function(call) = self.call(name, position)? else { return Err(self.unexpected()) };
        let call: Call = *call;
        let with = if call.name == "OPENJSON" && self.is_word("WITH") && self.is_mark_at(1, "(") {
            Some(self.json_columns()?)
        } else {
            None
        };
        let alias = self.table_alias()?;
        Ok(Source::Function { call, with, alias })
    }

    fn json_columns(&mut self) -> Result<Vec<JsonColumn>> {
        self.advance();
        self.expect_mark("(")?;
        let mut columns = Vec::new();
        loop {
            let position = self.position();
            let name = self.name()?;
            let ty = self.data_type(1)?;
            if self.accept_word("COLLATE") {
                return self.unsupported("COLLATE in OPENJSON's WITH");
            }
            let path = match self.kind() {
                Kind::Text { text, .. } => Some(text.clone()),
                _ => None,
            };
            if path.is_some() {
                self.advance();
            }
            let as_json = self.accept_words(&["AS", "JSON"]);
            columns.push(JsonColumn { name, ty, path, as_json, position });
            if !self.accept_mark(",") {
                break;
            }
        }
        self.expect_mark(")")?;
        Ok(columns)
    }
}

/// 1033.
fn order_without_top() -> SqlError {
    SqlError::syntax(
        1033,
        "The ORDER BY clause is invalid in views, inline functions, derived tables, subqueries, and common table \
         expressions, unless TOP, OFFSET or FOR XML is also specified.",
    )
}
