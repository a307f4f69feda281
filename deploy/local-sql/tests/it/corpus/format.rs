//! The corpus' files: cases of one or more batches, each followed by what it must yield. The format is described in
//! `tests/corpus/README.md`.

use super::client::Event;

/// A case: batches of one connection, each with its outcome.
#[derive(Debug)]
pub struct Case {
    pub id: String,
    pub batches: Vec<Batch>,
}

#[derive(Debug)]
pub struct Batch {
    pub text: String,
    pub expected: Vec<Expected>,
}

/// A line of an outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum Expected {
    /// `--: name type | type`: a result set; no columns means that any will do.
    Set { columns: Vec<String>, rows: Vec<String> },
    /// `--! number[, level n][, state n][, line n][: text]`; `*` in the text stands for anything.
    Error(String),
    /// `--i number[: text]`
    Information(String),
    /// `--n count`
    Affected(u64),
}

/// Reads a file.
///
/// # Panics
/// For a line that means nothing, a case without an outcome and an id that occurs twice: the corpus is ours.
pub fn parse(name: &str, text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let mut open = false;
    for (number, line) in text.lines().enumerate() {
        let at = || format!("{name}.sql:{}", number + 1);
        if let Some(id) = line.strip_prefix("--# ") {
            assert!(cases.iter().all(|case| case.id != id), "{}: {id} occurs twice", at());
            cases.push(Case { id: id.to_owned(), batches: Vec::new() });
            open = false;
            continue;
        }
        let Some(case) = cases.last_mut() else {
            assert!(line.is_empty() || line.starts_with("--"), "{}: a batch before the first case", at());
            continue;
        };
        if is_expectation(line) {
            let batch = case.batches.last_mut().unwrap_or_else(|| panic!("{}: no batch", at()));
            open = false;
            expect(&mut batch.expected, line).unwrap_or_else(|| panic!("{}: {line}", at()));
        } else if open {
            let batch = case.batches.last_mut().unwrap();
            batch.text.push('\n');
            batch.text.push_str(line);
        } else if !line.is_empty() {
            case.batches.push(Batch { text: line.to_owned(), expected: Vec::new() });
            open = true;
        }
    }
    for case in &cases {
        assert!(!open && !case.batches.is_empty(), "{name}.sql: {} has no outcome", case.id);
    }
    cases
}

fn is_expectation(line: &str) -> bool {
    ["--:", "--=", "--!", "--i ", "--n ", "--ok"].iter().any(|mark| line.starts_with(mark))
}

fn expect(outcome: &mut Vec<Expected>, line: &str) -> Option<()> {
    let (mark, rest) = line.split_at(3);
    let rest = rest.strip_prefix(' ').unwrap_or(rest);
    match mark {
        "--:" if rest == "*" => outcome.push(Expected::Set { columns: Vec::new(), rows: Vec::new() }),
        "--:" => {
            let columns = rest.split(" | ").map(str::to_owned).collect();
            outcome.push(Expected::Set { columns, rows: Vec::new() });
        }
        "--=" => match outcome.last_mut() {
            Some(Expected::Set { rows, .. }) => rows.push(rest.to_owned()),
            _ => outcome.push(Expected::Set { columns: Vec::new(), rows: vec![rest.to_owned()] }),
        },
        "--!" => outcome.push(Expected::Error(rest.to_owned())),
        "--i" => outcome.push(Expected::Information(rest.to_owned())),
        "--n" => outcome.push(Expected::Affected(rest.parse().ok()?)),
        _ if line == "--ok" => {}
        _ => return None,
    }
    Some(())
}

impl Batch {
    /// Whether this is what the batch must yield. Counts and informations are looked at only where a case writes
    /// one.
    pub fn holds(&self, events: &[Event]) -> bool {
        let wanted = |event: &&Event| match event {
            Event::Affected(_) => self.expected.iter().any(|line| matches!(line, Expected::Affected(_))),
            Event::Message { class: ..=10, .. } => {
                self.expected.iter().any(|line| matches!(line, Expected::Information(_)))
            }
            _ => true,
        };
        let mut events: Vec<&Event> = events.iter().filter(wanted).collect();
        // Where a query fails before its first row, servers differ in whether they have described its columns.
        let is_error = |event: &&Event| matches!(event, Event::Message { class: 11.., .. });
        let mut at = 0;
        while at + 1 < events.len() {
            let empty = matches!(events[at], Event::Set { rows, .. } if rows.is_empty());
            if empty && is_error(&events[at + 1]) {
                events.remove(at);
            }
            at += 1;
        }
        let expected = self.expected.iter();
        events.len() == self.expected.len() && expected.zip(events).all(|(line, event)| line.holds(event))
    }
}

impl Expected {
    fn holds(&self, event: &Event) -> bool {
        match (self, event) {
            (Self::Set { columns, rows }, Event::Set { columns: found, rows: found_rows }) => {
                let named = |wanted: &String, (name, ty): &(String, String)| match wanted.rsplit_once(' ') {
                    Some((wanted, wanted_ty)) => wanted == name && wanted_ty == ty,
                    None => wanted == ty,
                };
                let same_columns = columns.is_empty()
                    || (columns.len() == found.len() && columns.iter().zip(found).all(|(a, b)| named(a, b)));
                same_columns && *rows == found_rows.iter().map(|row| row.join(" | ")).collect::<Vec<_>>()
            }
            (Self::Affected(count), Event::Affected(found)) => count == found,
            (Self::Error(wanted), Event::Message { class: 11.., .. })
            | (Self::Information(wanted), Event::Message { class: ..=10, .. }) => {
                message_holds(wanted, event)
            }
            _ => false,
        }
    }
}

fn message_holds(wanted: &str, event: &Event) -> bool {
    let Event::Message { number, state, class, line, text } = event else { return false };
    let (facts, pattern) = match wanted.split_once(": ") {
        Some((facts, pattern)) => (facts, Some(pattern)),
        None => (wanted, None),
    };
    let facts_hold = facts.split(", ").all(|fact| match fact.split_once(' ') {
        Some(("level", value)) => value == class.to_string(),
        Some(("state", value)) => value == state.to_string(),
        Some(("line", value)) => value == line.to_string(),
        _ => fact == number.to_string(),
    });
    facts_hold && pattern.is_none_or(|pattern| matches_pattern(text, pattern))
}

/// `*` stands for anything.
fn matches_pattern(text: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// What a batch yielded, in the words of the format.
pub fn shown(events: &[Event]) -> String {
    let mut lines = Vec::new();
    for event in events {
        match event {
            Event::Set { columns, rows } => {
                let columns: Vec<String> = columns
                    .iter()
                    .map(|(name, ty)| if name.is_empty() { ty.clone() } else { format!("{name} {ty}") })
                    .collect();
                lines.push(format!("--: {}", columns.join(" | ")));
                lines.extend(rows.iter().map(|row| format!("--= {}", row.join(" | "))));
            }
            Event::Message { number, state, class, line, text } => {
                let mark = if *class > 10 { "--!" } else { "--i" };
                lines.push(format!("{mark} {number}, level {class}, state {state}, line {line}: {text}"));
            }
            Event::Affected(count) => lines.push(format!("--n {count}")),
            Event::Lost => lines.push("the connection is lost".to_owned()),
        }
    }
    if lines.is_empty() { "--ok".to_owned() } else { lines.join("\n") }
}

#[test]
fn a_case_is_read_with_its_batches_and_outcomes() {
    let cases = parse(
        "x",
        "-- about\n--# one\nSELECT 1,\n 2\n--: a int | bit\n--= 1 | 1\n\nSELECT\n--! 102\n--# two\nX\n--ok\n",
    );
    assert_eq!(cases.iter().map(|case| case.id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    let [first, second] = cases[0].batches.as_slice() else { panic!("two batches") };
    assert_eq!((first.text.as_str(), second.text.as_str()), ("SELECT 1,\n 2", "SELECT"));
    let columns = vec!["a int".to_owned(), "bit".to_owned()];
    assert_eq!(first.expected, [Expected::Set { columns, rows: vec!["1 | 1".to_owned()] }]);
}

#[test]
fn an_outcome_that_differs_in_anything_written_does_not_hold() {
    let batch = |line: &str| {
        let mut batch = Batch { text: String::new(), expected: Vec::new() };
        line.lines().for_each(|line| expect(&mut batch.expected, line).unwrap());
        batch
    };
    let set = |rows: &[&str]| Event::Set {
        columns: vec![("a".to_owned(), "int".to_owned())],
        rows: rows.iter().map(|cell| vec![(*cell).to_owned()]).collect(),
    };
    let error =
        Event::Message { number: 245, state: 1, class: 16, line: 2, text: "Conversion failed.".to_owned() };
    let holds = |line: &str, events: &[Event]| batch(line).holds(events);
    assert!(holds("--: a int\n--= 1", &[set(&["1"])]));
    assert!(!holds("--: b int\n--= 1", &[set(&["1"])]));
    assert!(!holds("--: bigint\n--= 1", &[set(&["1"])]));
    assert!(!holds("--= 1", &[set(&["1", "2"])]));
    assert!(!holds("--= 1", &[set(&["1"]), error.clone()]));
    assert!(holds("--! 245, state 1, line 2: Conv*ed.", std::slice::from_ref(&error)));
    assert!(!holds("--! 245, state 2", std::slice::from_ref(&error)));
    assert!(!holds("--! 245: Conv*ed", std::slice::from_ref(&error)));
    assert!(!holds("--ok", &[error]));
    assert!(holds("--ok", &[Event::Affected(1)]));
    assert!(!holds("--n 2", &[Event::Affected(1)]));
}
