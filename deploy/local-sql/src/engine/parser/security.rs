//! Logins, users, roles, GRANT, DENY and REVOKE: in the forms that a script for a SQL Server's administrator needs.
//! Every other option of these statements is refused by name.

use super::Parser;
use crate::engine::ast::{ObjectName, PermitVerb, Right, Security, StatementKind, WrittenSecurable};
use crate::engine::error::{Result, SqlError};
use crate::engine::lexer::Kind;

impl Parser<'_> {
    /// CREATE, ALTER and DROP of a principal; the verb is behind us.
    pub(super) fn principal(&mut self, verb: &str) -> Result<StatementKind> {
        let kind = self.word_at(0).to_owned();
        self.advance();
        let if_exists = verb == "DROP" && kind != "LOGIN" && self.accept_words(&["IF", "EXISTS"]);
        let name = self.name()?;
        let security = match (verb, kind.as_str()) {
            ("CREATE", "LOGIN") => Security::CreateLogin { name, password: self.password(verb)? },
            ("ALTER", "LOGIN") => Security::AlterLogin { name, password: self.password(verb)? },
            ("DROP", "LOGIN") => Security::DropLogin(name),
            ("CREATE", "USER") => self.create_user(name)?,
            ("DROP", "USER") => Security::DropUser { name, if_exists },
            ("CREATE", "ROLE") if self.is_word("AUTHORIZATION") => {
                return self.unsupported("CREATE ROLE … AUTHORIZATION");
            }
            ("CREATE", "ROLE") => Security::CreateRole(name),
            ("DROP", "ROLE") => Security::DropRole { name, if_exists },
            ("ALTER", "ROLE") => self.alter_role(name)?,
            (verb, kind) => return self.unsupported(format!("{verb} {kind}")),
        };
        Ok(StatementKind::Security(security))
    }

    /// `WITH PASSWORD = N'…'`
    fn password(&mut self, verb: &str) -> Result<String> {
        if !self.is_word("WITH") || self.word_at(1) != "PASSWORD" {
            return self.unsupported(format!("{verb} LOGIN without WITH PASSWORD"));
        }
        self.advance();
        self.advance();
        self.expect_mark("=")?;
        let Kind::Text { text, .. } = self.kind() else {
            return self.unsupported("a password that is not a literal");
        };
        let password = text.clone();
        self.advance();
        if self.is_mark(",") || matches!(self.word_at(0), "HASHED" | "MUST_CHANGE" | "OLD_PASSWORD") {
            return self.unsupported("options of a login besides its password");
        }
        Ok(password)
    }

    fn create_user(&mut self, name: String) -> Result<Security> {
        if !(self.accept_words(&["FOR", "LOGIN"]) || self.accept_words(&["FROM", "LOGIN"])) {
            return self.unsupported("CREATE USER without FOR LOGIN");
        }
        let login = self.name()?;
        if self.is_word("WITH") && !self.word_at(1).is_empty() {
            return self.unsupported(format!("CREATE USER … WITH {}", self.word_at(1)));
        }
        Ok(Security::CreateUser { name, login })
    }

    fn alter_role(&mut self, role: String) -> Result<Security> {
        if self.accept_words(&["ADD", "MEMBER"]) {
            return Ok(Security::AddMember { role, member: self.name()? });
        }
        if self.accept_words(&["DROP", "MEMBER"]) {
            return Ok(Security::DropMember { role, member: self.name()? });
        }
        self.unsupported(format!("ALTER ROLE … {}", self.word_at(0)))
    }

    /// `GRANT SELECT, INSERT ON SCHEMA::x TO y`, and the same with DENY and REVOKE.
    pub(super) fn permit(&mut self, verb: &str) -> Result<StatementKind> {
        self.advance();
        let verb = match verb {
            "GRANT" => PermitVerb::Grant,
            "DENY" => PermitVerb::Deny,
            _ => PermitVerb::Revoke,
        };
        let mut rights = vec![self.right()?];
        while self.accept_mark(",") {
            rights.push(self.right()?);
        }
        let on = if self.accept_word("ON") { self.securable()? } else { WrittenSecurable::Database };
        if !(self.accept_word("TO") || (verb == PermitVerb::Revoke && self.accept_word("FROM"))) {
            return Err(self.unexpected());
        }
        let mut to = vec![self.grantee()?];
        while self.accept_mark(",") {
            to.push(self.grantee()?);
        }
        match self.word_at(0) {
            "WITH" if self.word_at(1) == "GRANT" => return self.unsupported("WITH GRANT OPTION"),
            "CASCADE" => return self.unsupported("CASCADE of a permission"),
            "AS" => return self.unsupported("a permission AS another grantor"),
            _ => {}
        }
        Ok(StatementKind::Security(Security::Permit { verb, rights, on, to }))
    }

    fn right(&mut self) -> Result<Right> {
        let right = match self.word_at(0) {
            "SELECT" => Right::Select,
            "INSERT" => Right::Insert,
            "UPDATE" => Right::Update,
            "DELETE" => Right::Delete,
            "" => return Err(self.unexpected()),
            other => return self.unsupported(format!("the permission {other}")),
        };
        self.advance();
        if self.is_mark("(") {
            return self.unsupported("permissions on columns");
        }
        Ok(right)
    }

    fn securable(&mut self) -> Result<WrittenSecurable> {
        if self.is_mark_at(1, "::") {
            let class = self.word_at(0).to_owned();
            self.advance();
            self.advance();
            return match class.as_str() {
                "SCHEMA" => Ok(WrittenSecurable::Schema(self.name()?)),
                "OBJECT" => self.securable_object(),
                other => self.unsupported(format!("permissions ON {other}::")),
            };
        }
        self.securable_object()
    }

    fn securable_object(&mut self) -> Result<WrittenSecurable> {
        let name: ObjectName = self.object_name()?;
        if name.object().starts_with(['#', '@']) {
            return Err(SqlError::unsupported_at("permissions on a temporary table", name.position));
        }
        Ok(WrittenSecurable::Object(name))
    }

    /// A user or role; `public` is a reserved word everywhere else.
    fn grantee(&mut self) -> Result<String> {
        if self.accept_word("PUBLIC") { Ok("public".to_owned()) } else { self.name() }
    }
}
