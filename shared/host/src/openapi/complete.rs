//! Adds to a document what all operations have in common: error answers by their kind, request ids.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use crate::problem::{CONTENT_TYPE_PROBLEM, Kind, kind};

/// Where an operation names its kinds of problems; not part of the finished document.
const PROBLEMS: &str = "x-problems";
const REQUEST_ID: &str = "x-request-id";

/// What any operation may answer with.
static ALWAYS: [&Kind; 4] =
    [&kind::HEADERS_TOO_LARGE, &kind::INTERNAL_ERROR, &kind::UNAVAILABLE, &kind::TIMED_OUT];
/// What reading a body may lead to.
static WITH_BODY: [&Kind; 3] = [&kind::BAD_REQUEST, &kind::PAYLOAD_TOO_LARGE, &kind::UNSUPPORTED_MEDIA_TYPE];
/// What the guard in front may answer.
static GUARDED: [&Kind; 2] = [&kind::UNAUTHORIZED, &kind::FORBIDDEN];

/// Completes `document`, whose operations may name `kinds`.
pub(super) fn complete(document: &mut Value, kinds: &[&Kind]) -> Result<()> {
    let is_guarded = document.get("security").is_some_and(asks_for_something);
    let mut answers = BTreeMap::new();
    let paths = document.get_mut("paths").and_then(Value::as_object_mut);
    for (path, item) in paths.into_iter().flatten() {
        for (method, operation) in item.as_object_mut().into_iter().flatten() {
            let operation = operation.as_object_mut().context("an operation is an object")?;
            complete_operation(operation, method, is_guarded, kinds, &mut answers)
                .with_context(|| format!("{method} {path}"))?;
        }
    }
    let components = member(document, "components");
    member(components, "responses").as_object_mut().context("responses")?.extend(answers);
    member(components, "headers")[REQUEST_ID] = json!({
        "description": "The id of the request: the one it brought, if that is short and plain, else a new one.",
        "schema": { "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,64}$" },
    });
    member(components, "parameters")[REQUEST_ID] = json!({
        "name": REQUEST_ID,
        "in": "header",
        "description": "An id for the request, at most 64 letters, digits, `-`, `_`, `.` and `:`; any other is replaced.",
        "schema": { "type": "string" },
    });
    Ok(())
}

fn complete_operation(
    operation: &mut Map<String, Value>,
    method: &str,
    is_guarded: bool,
    kinds: &[&Kind],
    answers: &mut BTreeMap<String, Value>,
) -> Result<()> {
    let mut wanted = named(operation, kinds)?;
    wanted.extend(ALWAYS);
    if operation.contains_key("requestBody") {
        wanted.extend(WITH_BODY);
    }
    if operation.get("security").map_or(is_guarded, asks_for_something) {
        wanted.extend(GUARDED);
    }
    if !matches!(method, "get" | "head") {
        wanted.extend([&kind::CROSS_ORIGIN_REFUSED, &kind::UNSUPPORTED_MEDIA_TYPE]);
    }
    let has_query = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] == "query"));
    if has_query {
        wanted.push(&kind::BAD_REQUEST);
    }
    wanted.sort_by_key(|kind| (kind.status.as_u16(), kind.code));
    wanted.dedup();

    let parameters = operation.entry("parameters").or_insert_with(|| json!([]));
    let request_id = json!({ "$ref": format!("#/components/parameters/{REQUEST_ID}") });
    parameters.as_array_mut().context("parameters are a list")?.push(request_id);

    let responses = operation.get_mut("responses").and_then(Value::as_object_mut).context("no responses")?;
    for response in responses.values_mut() {
        member(response, "headers")[REQUEST_ID] = request_id_header();
        if method == "head" {
            response.as_object_mut().context("a response is an object")?.remove("content");
        }
    }
    for of_status in wanted.chunk_by(|one, next| one.status == next.status) {
        let name = of_status.iter().map(|kind| kind.code).collect::<Vec<_>>().join("_or_");
        let reference = json!({ "$ref": format!("#/components/responses/{name}") });
        let status = of_status[0].status.as_u16().to_string();
        // What the operation says of a status itself is what it answers: another standard may prescribe a form.
        if !responses.contains_key(&status) {
            responses.insert(status, reference);
            answers.entry(name).or_insert_with(|| answer(of_status));
        }
    }
    // One handler for both methods has one id, and ids are unique.
    if method == "head"
        && let Some(Value::String(id)) = operation.get_mut("operationId")
    {
        id.push_str("_head");
    }
    Ok(())
}

/// The kinds that the operation names.
fn named<'a>(operation: &mut Map<String, Value>, kinds: &[&'a Kind]) -> Result<Vec<&'a Kind>> {
    let codes = operation.remove(PROBLEMS).unwrap_or_else(|| json!([]));
    let codes = codes.as_array().with_context(|| format!("{PROBLEMS} is a list of codes"))?;
    let kind_of = |code: &Value| {
        let found = kinds.iter().copied().find(|kind| code == kind.code);
        found.with_context(|| format!("there is no kind of problem with the code {code}"))
    };
    codes.iter().map(kind_of).collect()
}

/// The one answer of a status, whichever of these kinds it is.
fn answer(kinds: &[&Kind]) -> Value {
    let status = kinds[0].status.as_u16();
    let lines: Vec<String> = kinds.iter().map(|kind| format!("`{}`: {}.", kind.code, kind.title)).collect();
    let codes: Vec<&str> = kinds.iter().map(|kind| kind.code).collect();
    let mut headers = json!({ REQUEST_ID: request_id_header() });
    match status {
        401 => headers["www-authenticate"] = text_header("Which scheme is asked for."),
        429 | 503 => headers["retry-after"] = text_header("Seconds after which to try again."),
        _ => {}
    }
    let exactly = json!({
        "type": "object",
        "properties": { "status": { "const": status }, "code": { "enum": codes } },
    });
    let schema = json!({ "allOf": [{ "$ref": "#/components/schemas/Problem" }, exactly] });
    json!({
        "description": lines.join(" "),
        "headers": headers,
        "content": { CONTENT_TYPE_PROBLEM: { "schema": schema } },
    })
}

fn text_header(description: &str) -> Value {
    json!({ "description": description, "schema": { "type": "string" } })
}

fn request_id_header() -> Value {
    json!({ "$ref": format!("#/components/headers/{REQUEST_ID}") })
}

/// The member of an object, made where it is missing.
fn member<'a>(object: &'a mut Value, name: &str) -> &'a mut Value {
    let member = &mut object[name];
    if member.is_null() {
        *member = json!({});
    }
    member
}

/// Whether a list of security requirements holds one that is not empty; `[{}]` asks for nothing.
fn asks_for_something(security: &Value) -> bool {
    let requirements = security.as_array().into_iter().flatten();
    requirements.filter_map(Value::as_object).any(|requirement| !requirement.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(operation: Value) -> Result<Value> {
        let mut document = json!({
            "paths": { "/things": { "get": operation.clone(), "head": operation } },
            "security": [{ "bearer": [] }],
        });
        complete(&mut document, kind::SHARED)?;
        Ok(document)
    }

    fn statuses(operation: &Value) -> Vec<&String> {
        operation["responses"].as_object().unwrap().keys().collect()
    }

    #[test]
    fn an_operation_gets_what_its_shape_leads_to_and_what_it_names() {
        let bare = completed(json!({ "responses": { "200": {} } })).unwrap();
        assert_eq!(statuses(&bare["paths"]["/things"]["get"]), ["200", "401", "403", "431", "500", "503"]);
        let full = completed(json!({
            "responses": { "200": {} },
            "security": [{}],
            "requestBody": {},
            PROBLEMS: ["not_found"],
        }))
        .unwrap();
        let operation = &full["paths"]["/things"]["get"];
        assert_eq!(statuses(operation), ["200", "400", "404", "413", "415", "431", "500", "503"]);
        assert!(operation.get(PROBLEMS).is_none());
        let answer = &full["components"]["responses"]["timed_out_or_unavailable"];
        let exactly = &answer["content"][CONTENT_TYPE_PROBLEM]["schema"]["allOf"][1]["properties"];
        assert_eq!(exactly["code"]["enum"], json!(["timed_out", "unavailable"]));
    }

    #[test]
    fn the_same_handler_under_head_has_an_id_of_its_own_and_no_content() {
        let document = completed(json!({
            "operationId": "get_things",
            "responses": { "200": { "content": { "application/json": {} } } },
        }))
        .unwrap();
        let head = &document["paths"]["/things"]["head"];
        assert_eq!(head["operationId"], "get_things_head");
        assert!(head["responses"]["200"].get("content").is_none());
    }

    #[test]
    fn what_an_operation_says_of_a_status_itself_stays() {
        let own = json!({ "description": "as the standard says" });
        let document = completed(json!({ "responses": { "400": own }, "requestBody": {} })).unwrap();
        let operation = &document["paths"]["/things"]["get"];
        assert_eq!(operation["responses"]["400"]["description"], "as the standard says");
        assert_eq!(statuses(operation), ["400", "401", "403", "413", "415", "431", "500", "503"]);
    }

    #[test]
    fn a_code_that_does_not_exist_is_named_with_its_operation() {
        let error = completed(json!({ "responses": {}, PROBLEMS: ["nonsense"] })).unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "get /things: there is no kind of problem with the code \"nonsense\""
        );
    }
}
