//! Scalars and conditions. One grammar for both: the binder refuses a condition where a value is wanted
//! (4145).

use super::{MAX_CHAIN, Parser, too_deep};
use crate::engine::ast::{
    BinaryOperator, Call, Comparison, Expression, Literal, OrderItem, Over, UnaryOperator,
};
use crate::engine::error::Result;
use crate::engine::lexer::Kind;

/// Functions that may be written without parentheses.
const BARE_FUNCTIONS: &[&str] = &["CURRENT_TIMESTAMP", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER", "USER"];
/// Reserved words that are functions when a parenthesis follows.
const RESERVED_FUNCTIONS: &[&str] = &["COALESCE", "NULLIF", "LEFT", "RIGHT"];

impl Parser<'_> {
    /// A scalar or a condition, lowest precedence.
    pub(super) fn condition(&mut self) -> Result<Expression> {
        self.nested(|parser| {
            let first = parser.conjunction()?;
            if !parser.is_word("OR") {
                return Ok(first);
            }
            let mut parts = vec![first];
            while parser.accept_word("OR") {
                parts.push(parser.conjunction()?);
            }
            Ok(Expression::Or(parts))
        })
    }

    fn conjunction(&mut self) -> Result<Expression> {
        let first = self.negation()?;
        if !self.is_word("AND") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.accept_word("AND") {
            parts.push(self.negation()?);
        }
        Ok(Expression::And(parts))
    }

    fn negation(&mut self) -> Result<Expression> {
        if self.accept_word("NOT") {
            return self.nested(|parser| Ok(Expression::Not(Box::new(parser.negation()?))));
        }
        if self.is_word("EXISTS") && self.is_mark_at(1, "(") {
            self.advance();
            return Ok(Expression::Exists(Box::new(self.parenthesised_query()?)));
        }
        let value = self.scalar()?;
        self.predicate(value)
    }

    /// What may follow a value to make it a condition.
    fn predicate(&mut self, value: Expression) -> Result<Expression> {
        if let Some(comparison) = self.comparison() {
            if matches!(self.word_at(0), "ALL" | "ANY" | "SOME") {
                return self.unsupported(format!("comparison with {}", self.word_at(0)));
            }
            let right = self.scalar()?;
            return Ok(Expression::Compare(comparison, Box::new(value), Box::new(right)));
        }
        if self.accept_word("IS") {
            let negated = self.accept_word("NOT");
            if self.is_word("DISTINCT") {
                return self.unsupported("IS DISTINCT FROM");
            }
            self.expect_word("NULL")?;
            return Ok(Expression::IsNull { value: Box::new(value), negated });
        }
        let negated = self.is_word("NOT") && matches!(self.word_at(1), "IN" | "LIKE" | "BETWEEN");
        if negated {
            self.advance();
        }
        if self.accept_word("BETWEEN") {
            let low = Box::new(self.scalar()?);
            self.expect_word("AND")?;
            let high = Box::new(self.scalar()?);
            return Ok(Expression::Between { value: Box::new(value), low, high, negated });
        }
        if self.accept_word("IN") {
            return self.in_list(value, negated);
        }
        if self.accept_word("LIKE") {
            let pattern = Box::new(self.scalar()?);
            let escape = if self.accept_word("ESCAPE") { Some(Box::new(self.scalar()?)) } else { None };
            return Ok(Expression::Like { value: Box::new(value), pattern, escape, negated });
        }
        Ok(value)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let Kind::Mark(mark) = self.kind() else { return None };
        let comparison = match *mark {
            "=" => Comparison::Equal,
            "<>" | "!=" => Comparison::NotEqual,
            "<" => Comparison::Less,
            "<=" | "!>" => Comparison::LessOrEqual,
            ">" => Comparison::Greater,
            ">=" | "!<" => Comparison::GreaterOrEqual,
            _ => return None,
        };
        self.advance();
        Some(comparison)
    }

    fn in_list(&mut self, value: Expression, negated: bool) -> Result<Expression> {
        let value = Box::new(value);
        if self.is_mark("(") && matches!(self.word_at(1), "SELECT" | "WITH") {
            let query = Box::new(self.parenthesised_query()?);
            return Ok(Expression::InQuery { value, query, negated });
        }
        self.expect_mark("(")?;
        let list = self.scalar_list()?;
        self.expect_mark(")")?;
        Ok(Expression::InList { value, list, negated })
    }

    pub(super) fn scalar_list(&mut self) -> Result<Vec<Expression>> {
        let mut list = vec![self.scalar()?];
        while self.accept_mark(",") {
            list.push(self.scalar()?);
        }
        Ok(list)
    }

    /// A value: everything below comparison.
    pub(super) fn scalar(&mut self) -> Result<Expression> {
        self.chain(Self::product, |mark| match mark {
            "+" => Some(BinaryOperator::Add),
            "-" => Some(BinaryOperator::Subtract),
            "&" => Some(BinaryOperator::BitAnd),
            "|" => Some(BinaryOperator::BitOr),
            "^" => Some(BinaryOperator::BitXor),
            _ => None,
        })
    }

    fn product(&mut self) -> Result<Expression> {
        self.chain(Self::unary, |mark| match mark {
            "*" => Some(BinaryOperator::Multiply),
            "/" => Some(BinaryOperator::Divide),
            "%" => Some(BinaryOperator::Modulo),
            _ => None,
        })
    }

    fn chain(
        &mut self,
        operand: fn(&mut Self) -> Result<Expression>,
        operator: fn(&str) -> Option<BinaryOperator>,
    ) -> Result<Expression> {
        let mut left = operand(self)?;
        for _ in 0..MAX_CHAIN {
            let Kind::Mark(mark) = self.kind() else { return Ok(left) };
            let Some(operator) = operator(mark) else { return Ok(left) };
            self.advance();
            left = Expression::Binary(operator, Box::new(left), Box::new(operand(self)?));
        }
        Err(too_deep().at(self.position().line))
    }

    fn unary(&mut self) -> Result<Expression> {
        let operator = match self.kind() {
            Kind::Mark("-") => UnaryOperator::Minus,
            Kind::Mark("+") => UnaryOperator::Plus,
            Kind::Mark("~") => UnaryOperator::BitNot,
            _ => return self.collated(),
        };
        self.advance();
        self.nested(|parser| Ok(Expression::Unary(operator, Box::new(parser.unary()?))))
    }

    fn collated(&mut self) -> Result<Expression> {
        let value = self.primary()?;
        let position = self.position();
        if self.accept_word("COLLATE") {
            let collation = self.name()?;
            return Ok(Expression::Collate(Box::new(value), collation, position));
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expression> {
        let position = self.position();
        let literal = match self.kind().clone() {
            Kind::Integer(digits) => Literal::Integer(digits),
            Kind::Decimal(digits) => Literal::Decimal(digits),
            Kind::Float(number) => Literal::Float(number),
            Kind::Text { text, national } => Literal::Text { text, national },
            Kind::Binary(bytes) => Literal::Binary(bytes),
            Kind::Word { ref upper, .. } if upper == "NULL" => Literal::Null,
            Kind::Variable(name) => {
                self.advance();
                return Ok(Expression::Variable(name, position));
            }
            Kind::System(name) => {
                self.advance();
                return Ok(Expression::System(name, position));
            }
            Kind::Mark("(") => return self.parenthesised(),
            Kind::Word { upper, .. } => return self.word_expression(&upper),
            Kind::Quoted(_) => return self.column_or_call(),
            Kind::Mark(_) | Kind::End => return Err(self.unexpected()),
        };
        self.advance();
        Ok(Expression::Literal(literal))
    }

    fn parenthesised(&mut self) -> Result<Expression> {
        if matches!(self.word_at(1), "SELECT" | "WITH") {
            return Ok(Expression::Subquery(Box::new(self.parenthesised_query()?)));
        }
        self.expect_mark("(")?;
        let inner = self.condition()?;
        self.expect_mark(")")?;
        Ok(inner)
    }

    fn word_expression(&mut self, upper: &str) -> Result<Expression> {
        let position = self.position();
        match upper {
            "CASE" => self.nested(Self::case),
            "CAST" | "TRY_CAST" if self.is_mark_at(1, "(") => self.cast(upper == "TRY_CAST"),
            "CONVERT" | "TRY_CONVERT" => self.convert(upper == "TRY_CONVERT"),
            "DEFAULT" => {
                self.advance();
                Ok(Expression::Default(position))
            }
            _ if BARE_FUNCTIONS.contains(&upper) => {
                self.advance();
                Ok(Expression::Function(Box::new(call(upper, position))))
            }
            _ if RESERVED_FUNCTIONS.contains(&upper) => {
                self.advance();
                self.call(upper.to_owned(), position)
            }
            _ => self.column_or_call(),
        }
    }

    fn case(&mut self) -> Result<Expression> {
        self.expect_word("CASE")?;
        let operand = if self.is_word("WHEN") { None } else { Some(Box::new(self.scalar()?)) };
        let mut branches = Vec::new();
        while self.accept_word("WHEN") {
            let when = if operand.is_some() { self.scalar()? } else { self.condition()? };
            self.expect_word("THEN")?;
            branches.push((when, self.scalar()?));
        }
        if branches.is_empty() {
            return Err(self.unexpected());
        }
        let otherwise = if self.accept_word("ELSE") { Some(Box::new(self.scalar()?)) } else { None };
        self.expect_word("END")?;
        Ok(Expression::Case { operand, branches, otherwise })
    }

    fn cast(&mut self, tolerant: bool) -> Result<Expression> {
        let position = self.position();
        self.advance();
        self.expect_mark("(")?;
        let value = Box::new(self.nested(Self::scalar)?);
        self.expect_word("AS")?;
        let ty = self.data_type(30)?;
        self.expect_mark(")")?;
        Ok(Expression::Cast { value, ty, tolerant, position })
    }

    fn convert(&mut self, tolerant: bool) -> Result<Expression> {
        let position = self.position();
        self.advance();
        self.expect_mark("(")?;
        let ty = self.data_type(30)?;
        self.expect_mark(",")?;
        let value = Box::new(self.nested(Self::scalar)?);
        let style = if self.accept_mark(",") { Some(Box::new(self.scalar()?)) } else { None };
        self.expect_mark(")")?;
        Ok(Expression::Convert { ty, value, style, tolerant, position })
    }

    fn column_or_call(&mut self) -> Result<Expression> {
        let position = self.position();
        if let Kind::Word { text, upper } = self.kind()
            && self.is_mark_at(1, "(")
            && !super::keywords::is_reserved(upper)
        {
            let name = text.clone();
            self.advance();
            return self.call(name, position);
        }
        let name = self.object_name()?;
        if self.is_mark("(") {
            return self.unsupported(format!("the user-defined function {}", name.shown()));
        }
        if self.is_mark("::") {
            return self.unsupported("static methods");
        }
        Ok(Expression::Column(name))
    }

    pub(super) fn call(
        &mut self,
        name: String,
        position: crate::engine::lexer::Position,
    ) -> Result<Expression> {
        let mut result = call(&name, position);
        self.expect_mark("(")?;
        if self.is_mark("*") {
            self.advance();
            result.star = true;
        } else if !self.is_mark(")") {
            result.distinct = self.accept_word("DISTINCT");
            let _ = result.distinct || self.accept_word("ALL");
            result.arguments = self.nested(|parser| parser.arguments(&name.to_uppercase()))?;
        }
        self.expect_mark(")")?;
        if self.accept_words(&["WITHIN", "GROUP"]) {
            self.expect_mark("(")?;
            result.within_group = self.order_by()?;
            self.expect_mark(")")?;
        }
        if self.accept_word("OVER") {
            result.over = Some(self.over()?);
        }
        Ok(Expression::Function(Box::new(result)))
    }

    fn arguments(&mut self, function: &str) -> Result<Vec<Expression>> {
        // IIF takes a condition, the date functions the name of a part.
        let mut arguments = Vec::new();
        loop {
            arguments.push(if function == "IIF" && arguments.is_empty() {
                self.condition()?
            } else {
                self.scalar()?
            });
            if !self.accept_mark(",") {
                return Ok(arguments);
            }
        }
    }

    fn over(&mut self) -> Result<Over> {
        self.expect_mark("(")?;
        let mut over = Over { partition_by: Vec::new(), order_by: Vec::new(), frame: None };
        if self.accept_words(&["PARTITION", "BY"]) {
            over.partition_by = self.scalar_list()?;
        }
        over.order_by = self.order_by()?;
        if matches!(self.word_at(0), "ROWS" | "RANGE") && !over.order_by.is_empty() {
            over.frame = Some(self.frame()?);
        }
        self.expect_mark(")")?;
        Ok(over)
    }

    /// `ROWS BETWEEN 1 PRECEDING AND CURRENT ROW`; RANGE knows no numbers.
    fn frame(&mut self) -> Result<String> {
        let unit = self.word_at(0).to_owned();
        self.advance();
        if !self.accept_word("BETWEEN") {
            return Ok(format!("{unit} {}", self.frame_bound(&unit)?));
        }
        let from = self.frame_bound(&unit)?;
        self.expect_word("AND")?;
        Ok(format!("{unit} BETWEEN {from} AND {}", self.frame_bound(&unit)?))
    }

    fn frame_bound(&mut self, unit: &str) -> Result<String> {
        if self.accept_words(&["CURRENT", "ROW"]) {
            return Ok("CURRENT ROW".to_owned());
        }
        let distance = match self.kind() {
            Kind::Integer(digits) if unit == "ROWS" => digits.clone(),
            Kind::Word { upper, .. } if upper == "UNBOUNDED" => upper.clone(),
            _ => return Err(self.unexpected()),
        };
        self.advance();
        let side = self.word_at(0).to_owned();
        if !matches!(side.as_str(), "PRECEDING" | "FOLLOWING") {
            return Err(self.unexpected());
        }
        self.advance();
        Ok(format!("{distance} {side}"))
    }

    /// `ORDER BY …`, or nothing.
    pub(super) fn order_by(&mut self) -> Result<Vec<OrderItem>> {
        let mut items = Vec::new();
        if !self.accept_words(&["ORDER", "BY"]) {
            return Ok(items);
        }
        loop {
            let expression = self.scalar()?;
            let descending = self.accept_word("DESC");
            let _ = descending || self.accept_word("ASC");
            items.push(OrderItem { expression, descending });
            if !self.accept_mark(",") {
                return Ok(items);
            }
        }
    }
}

fn call(name: &str, position: crate::engine::lexer::Position) -> Call {
    Call {
        name: name.to_uppercase(),
        written: name.to_owned(),
        arguments: Vec::new(),
        star: false,
        distinct: false,
        within_group: Vec::new(),
        over: None,
        position,
    }
}
