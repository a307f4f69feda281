//! The syntax tree of a batch: what was written, before any name is looked up.

use super::lexer::Position;
use super::types::SqlType;

/// A name of up to four parts as written: `[server.][database.][schema.]object`. Temporary tables and table
/// variables keep their `#` or `@`.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectName {
    pub parts: Vec<String>,
    pub position: Position,
}

impl ObjectName {
    /// The last part.
    pub fn object(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// The part before the last, if written.
    pub fn schema(&self) -> Option<&str> {
        self.parts
            .len()
            .checked_sub(2)
            .and_then(|i| self.parts.get(i))
            .map(String::as_str)
            .filter(|s| !s.is_empty())
    }

    /// The whole name as written, for messages.
    pub fn shown(&self) -> String {
        self.parts.join(".")
    }
}

/// A literal as written.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    Null,
    Integer(String),
    Decimal(String),
    Float(f64),
    Text { text: String, national: bool },
    Binary(Vec<u8>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    BitAnd,
    BitOr,
    BitXor,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnaryOperator {
    Minus,
    Plus,
    BitNot,
}

/// Scalars and conditions alike; the binder tells them apart.
#[derive(Debug, Clone, PartialEq)]
pub enum Expression {
    Literal(Literal),
    Variable(String, Position),
    /// `@@NAME`
    System(String, Position),
    Column(ObjectName),
    Unary(UnaryOperator, Box<Self>),
    Binary(BinaryOperator, Box<Self>, Box<Self>),
    Function(Box<Call>),
    Case {
        operand: Option<Box<Self>>,
        branches: Vec<(Self, Self)>,
        otherwise: Option<Box<Self>>,
    },
    Cast {
        value: Box<Self>,
        ty: SqlType,
        tolerant: bool,
        position: Position,
    },
    Convert {
        ty: SqlType,
        value: Box<Self>,
        style: Option<Box<Self>>,
        tolerant: bool,
        position: Position,
    },
    Collate(Box<Self>, String, Position),
    Subquery(Box<Query>),
    And(Vec<Self>),
    Or(Vec<Self>),
    Not(Box<Self>),
    Compare(Comparison, Box<Self>, Box<Self>),
    IsNull {
        value: Box<Self>,
        negated: bool,
    },
    Between {
        value: Box<Self>,
        low: Box<Self>,
        high: Box<Self>,
        negated: bool,
    },
    InList {
        value: Box<Self>,
        list: Vec<Self>,
        negated: bool,
    },
    InQuery {
        value: Box<Self>,
        query: Box<Query>,
        negated: bool,
    },
    Like {
        value: Box<Self>,
        pattern: Box<Self>,
        escape: Option<Box<Self>>,
        negated: bool,
    },
    Exists(Box<Query>),
    /// `DEFAULT` in VALUES or SET.
    Default(Position),
}

/// A function call, aggregate or window function.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Upper case.
    pub name: String,
    /// As it was written.
    pub written: String,
    pub arguments: Vec<Expression>,
    /// `COUNT(*)`
    pub star: bool,
    /// `COUNT(DISTINCT x)`
    pub distinct: bool,
    /// `WITHIN GROUP (ORDER BY …)`
    pub within_group: Vec<OrderItem>,
    pub over: Option<Over>,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Over {
    pub partition_by: Vec<Expression>,
    pub order_by: Vec<OrderItem>,
    /// `ROWS …` or `RANGE …`, in the words that SQLite has, too.
    pub frame: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct OrderItem {
    pub expression: Expression,
    pub descending: bool,
}

/// A whole query expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub ctes: Vec<Cte>,
    /// `OPTION (MAXRECURSION n)`
    pub max_recursion: Option<u32>,
    pub body: QueryBody,
    pub order_by: Vec<OrderItem>,
    pub offset: Option<Expression>,
    pub fetch: Option<Expression>,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Cte {
    pub name: String,
    pub columns: Vec<String>,
    pub query: Query,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperator {
    Union,
    UnionAll,
    Except,
    Intersect,
}

#[derive(Debug, Clone, PartialEq)]
pub enum QueryBody {
    Select(Box<Select>),
    Set(SetOperator, Box<Self>, Box<Self>),
    /// A parenthesised query.
    Nested(Box<Query>),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Select {
    pub distinct: bool,
    pub top: Option<Expression>,
    pub items: Vec<SelectItem>,
    pub from: Option<Source>,
    pub filter: Option<Expression>,
    pub group_by: Vec<Expression>,
    pub having: Option<Expression>,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub enum SelectItem {
    /// `*` or `t.*`
    Star(Option<ObjectName>),
    Expression {
        value: Expression,
        alias: Option<String>,
    },
    /// `@v = value`, `@v += value`
    Assign {
        variable: String,
        operator: Option<BinaryOperator>,
        value: Expression,
        position: Position,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Cross,
    CrossApply,
    OuterApply,
}

/// Something in FROM.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    Table { name: ObjectName, alias: Option<String>, hints: Vec<String> },
    Derived { query: Box<Query>, alias: String, columns: Vec<String> },
    Values { rows: Vec<Vec<Expression>>, alias: String, columns: Vec<String>, position: Position },
    Function { call: Call, with: Option<Vec<JsonColumn>>, alias: Option<String> },
    Join { kind: JoinKind, left: Box<Self>, right: Box<Self>, on: Option<Expression> },
}

/// A column of OPENJSON's WITH clause.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonColumn {
    pub name: String,
    pub ty: SqlType,
    pub path: Option<String>,
    pub as_json: bool,
    pub position: Position,
}

/// A statement and where it begins. `ordinal` numbers the statements of a batch in textual order.
#[derive(Debug, Clone, PartialEq)]
pub struct Statement {
    pub kind: StatementKind,
    pub position: Position,
    pub ordinal: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub enum StatementKind {
    /// Variables with their initial values.
    Declare(Vec<(String, SqlType, Option<Expression>)>),
    DeclareTable(String, TableDefinition),
    /// `SET @v += x` comes as `SET @v = @v + x`.
    Set {
        variable: String,
        value: Expression,
    },
    SetOption {
        name: String,
        value: String,
    },
    If {
        condition: Expression,
        then: Box<Statement>,
        otherwise: Option<Box<Statement>>,
    },
    While {
        condition: Expression,
        body: Box<Statement>,
    },
    Block(Vec<Statement>),
    Break,
    Continue,
    Return(Option<Expression>),
    TryCatch {
        body: Vec<Statement>,
        handler: Vec<Statement>,
    },
    Throw(Option<[Expression; 3]>),
    RaiseError {
        message: Expression,
        severity: Expression,
        state: Expression,
        arguments: Vec<Expression>,
    },
    Print(Expression),
    /// The name matters only to ROLLBACK.
    Begin(Option<String>),
    Commit,
    Rollback(Option<String>),
    Save(String),
    WaitFor(Expression),
    Select(Query),
    Insert(Insert),
    Update(Update),
    Delete(Delete),
    Truncate(ObjectName),
    CreateTable(ObjectName, TableDefinition),
    DropTable {
        names: Vec<ObjectName>,
        if_exists: bool,
    },
    CreateIndex(CreateIndex),
    DropIndex {
        name: String,
        table: ObjectName,
        if_exists: bool,
    },
    AlterTable(ObjectName, AlterTable),
    CreateSchema(String),
    DropSchema {
        name: String,
        if_exists: bool,
    },
    CreateDatabase(String),
    DropDatabase {
        names: Vec<String>,
        if_exists: bool,
    },
    /// `ALTER DATABASE x SET …`: the options that hold anyway are accepted.
    AlterDatabase(String),
    Use(String),
    Execute(Execute),
    /// `EXEC (N'…')`
    ExecuteText(Expression),
    /// Logins, users, roles and what they may do.
    Security(Security),
}

/// Statements about who may do what.
#[derive(Debug, Clone, PartialEq)]
pub enum Security {
    CreateLogin { name: String, password: String },
    AlterLogin { name: String, password: String },
    DropLogin(String),
    CreateUser { name: String, login: String },
    DropUser { name: String, if_exists: bool },
    CreateRole(String),
    DropRole { name: String, if_exists: bool },
    AddMember { role: String, member: String },
    DropMember { role: String, member: String },
    Permit { verb: PermitVerb, rights: Vec<Right>, on: WrittenSecurable, to: Vec<String> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PermitVerb {
    Grant,
    Deny,
    Revoke,
}

/// What can be granted: the rights to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Right {
    Select,
    Insert,
    Update,
    Delete,
}

/// What a permission is on, as written.
#[derive(Debug, Clone, PartialEq)]
pub enum WrittenSecurable {
    Database,
    Schema(String),
    Object(ObjectName),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Insert {
    pub ctes: Vec<Cte>,
    pub table: ObjectName,
    pub columns: Vec<String>,
    pub output: Option<Output>,
    pub source: InsertSource,
}

#[derive(Debug, Clone, PartialEq)]
pub enum InsertSource {
    Values(Vec<Vec<Expression>>),
    Query(Query),
    Default,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub items: Vec<SelectItem>,
    pub into: Option<(ObjectName, Vec<String>)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    pub ctes: Vec<Cte>,
    pub top: Option<Expression>,
    pub target: ObjectName,
    pub hints: Vec<String>,
    pub assignments: Vec<Assignment>,
    pub output: Option<Output>,
    pub from: Option<Source>,
    pub filter: Option<Expression>,
}

/// `column = value`, `@variable = value` or `@variable = column = value`.
#[derive(Debug, Clone, PartialEq)]
pub struct Assignment {
    pub variable: Option<String>,
    pub column: Option<ObjectName>,
    pub operator: Option<BinaryOperator>,
    pub value: Expression,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Delete {
    pub ctes: Vec<Cte>,
    pub top: Option<Expression>,
    pub target: ObjectName,
    pub hints: Vec<String>,
    pub output: Option<Output>,
    pub from: Option<Source>,
    pub filter: Option<Expression>,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableDefinition {
    pub columns: Vec<ColumnDefinition>,
    pub constraints: Vec<Constraint>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDefinition {
    pub name: String,
    pub ty: SqlType,
    pub collation: Option<String>,
    /// `None` = not written: nullable, unless part of the primary key.
    pub nullable: Option<bool>,
    pub identity: Option<(i64, i64)>,
    pub default: Option<DefaultDefinition>,
    /// Constraints written beside the column.
    pub constraints: Vec<Constraint>,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub struct DefaultDefinition {
    pub name: Option<String>,
    pub value: Expression,
    /// The source text of the value, kept in the catalog.
    pub text: String,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    pub name: Option<String>,
    pub kind: ConstraintKind,
    pub position: Position,
}

#[derive(Debug, Clone, PartialEq)]
pub enum ConstraintKind {
    Unique {
        primary: bool,
        columns: Vec<IndexColumn>,
        ignore_duplicates: bool,
    },
    Foreign {
        columns: Vec<String>,
        parent: ObjectName,
        parent_columns: Vec<String>,
        on_delete: Action,
        on_update: Action,
    },
    /// The condition and its source text.
    Check {
        condition: Expression,
        text: String,
    },
    /// `ALTER TABLE … ADD CONSTRAINT n DEFAULT v FOR c`
    Default {
        value: DefaultDefinition,
        column: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Action {
    Nothing,
    Cascade,
    SetNull,
    SetDefault,
}

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct IndexColumn {
    pub name: String,
    pub descending: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct CreateIndex {
    pub name: String,
    pub table: ObjectName,
    pub unique: bool,
    pub columns: Vec<IndexColumn>,
    pub include: Vec<String>,
    /// The condition of a filtered index and its source text.
    pub filter: Option<(Expression, String)>,
    pub ignore_duplicates: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum AlterTable {
    Add(TableDefinition),
    DropConstraint { names: Vec<String>, if_exists: bool },
    DropColumn { names: Vec<String>, if_exists: bool },
    AlterColumn(ColumnDefinition),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Execute {
    /// `EXEC @status = …`
    pub status: Option<String>,
    pub procedure: ObjectName,
    pub arguments: Vec<Argument>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    pub name: Option<String>,
    pub value: Expression,
    pub output: bool,
}

/// A parsed batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    pub statements: Vec<Statement>,
    /// Variables in the order of their declaration, with the ordinal of the declaring statement.
    pub variables: Vec<(String, SqlType, usize)>,
    /// Table variables likewise.
    pub tables: Vec<(String, TableDefinition, usize)>,
    /// How many statements there are, nested ones included.
    pub count: usize,
}
