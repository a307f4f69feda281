//! What a form sent: read, and believed only with the token of the visitor's own session.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use host::auth::Principal;
use host::problem::Problem;
use subtle::ConstantTimeEq;

use crate::accounts::connect::page_session::Visitor;

/// Fields of one form; a page of selected jobs has the most.
const FIELDS_MAX: usize = 600;
/// The hidden field with the token.
pub(super) const TOKEN: &str = "token";

/// A form of a visitor who may send it.
pub(super) struct Submitted {
    pub(super) visitor: Visitor,
    fields: Vec<(String, String)>,
}

impl Submitted {
    /// The first field of this name; empty if there is none.
    pub(super) fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(field, _)| field == name).map_or("", |(_, value)| value.as_str())
    }

    /// All fields of this name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.fields.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// Who did it, for the audit log.
    pub(super) fn principal(&self) -> &Principal {
        &self.visitor.principal
    }
}

impl FromRequest for Submitted {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let visitor = request.extensions().get::<Visitor>().cloned();
        let body = Bytes::from_request(request, payload);
        Box::pin(async move {
            let visitor = visitor.ok_or_else(|| Problem::unauthorized("sign in"))?;
            let body =
                body.await.map_err(|_| Problem::bad_request("the form cannot be read or is too large"))?;
            let pairs = form_urlencoded::parse(&body).into_owned();
            let fields: Vec<(String, String)> = pairs.take(FIELDS_MAX + 1).collect();
            if fields.len() > FIELDS_MAX {
                return Err(Problem::bad_request("the form has too many fields"));
            }
            let submitted = Self { visitor, fields };
            let is_ours: bool =
                submitted.get(TOKEN).as_bytes().ct_eq(submitted.visitor.form_token.as_bytes()).into();
            if !is_ours {
                return Err(Problem::cross_origin_refused(
                    "the form is not of this session: open the page again",
                ));
            }
            Ok(submitted)
        })
    }
}
