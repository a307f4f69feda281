//! Judges the keys that nothing reads: mistyped ones of our sections, and known ones without effect.
//!
//! They warn and do not stop the start: a file may be shared with a newer version or with .NET processes.

use super::keys::{self, IGNORED, SECTIONS};
use super::merge::Flat;
use super::source::{Entry, Origin};

/// A section name this close to one of ours is taken for a slip.
const SECTION_SLIP_MAX: usize = 2;
/// Below this likeness no suggestion is better than a wrong one.
const LIKENESS_MIN: f64 = 0.7;

/// One line for each key without effect, in the order of the keys.
pub fn warnings(flat: &Flat) -> Vec<String> {
    flat.entries().filter_map(judge).collect()
}

fn judge(entry: &Entry) -> Option<String> {
    if is_read(&entry.key) {
        return None;
    }
    if let Some(ignored) = IGNORED.iter().find(|ignored| covers(ignored.name, &entry.key)) {
        let line = format!("{}: {} has no effect: {}", entry.origin, entry.key, ignored.reason);
        return (!ignored.reason.is_empty()).then_some(line);
    }
    if keys::is_ours(&entry.key) {
        let suggestion = closest(&entry.key).map_or(String::new(), |key| format!("; did you mean {key}?"));
        return Some(format!("{}: unknown key {}{suggestion}", entry.origin, entry.key));
    }
    // Environment variables of other programs are not slips.
    if matches!(entry.origin, Origin::Environment(_)) {
        return None;
    }
    let suggestion = closest(&entry.key).filter(|_| is_slip_of_a_section(&entry.key))?;
    Some(format!("{}: unknown key {}; did you mean {suggestion}?", entry.origin, entry.key))
}

/// A key of the table, or an element of one of its arrays.
fn is_read(key: &str) -> bool {
    let array = key.rsplit_once(':').filter(|(_, index)| index.bytes().all(|b| b.is_ascii_digit()));
    let is_named = |name: &str, list: bool| {
        keys::find(name).is_some_and(|key| matches!(key.form, keys::Form::List(_)) == list)
    };
    is_named(key, false) || is_named(key, true) || array.is_some_and(|(name, _)| is_named(name, true))
}

fn covers(ignored: &str, key: &str) -> bool {
    if ignored.ends_with(':') {
        key.get(..ignored.len()).is_some_and(|start| start.eq_ignore_ascii_case(ignored))
    } else {
        key.eq_ignore_ascii_case(ignored)
    }
}

fn closest(key: &str) -> Option<&'static str> {
    let lower = key.to_lowercase();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&lower, &name.to_lowercase());
    let scored = keys::spellings().map(|(name, _)| (likeness(name), name));
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= LIKENESS_MIN).then_some(best.1)
}

/// Whether the first words of a key look like one of our sections, mistyped.
fn is_slip_of_a_section(key: &str) -> bool {
    let lower = key.to_lowercase();
    SECTIONS.iter().any(|section| {
        let depth = section.matches(':').count() + 1;
        let start: Vec<&str> = lower.splitn(depth + 1, ':').take(depth).collect();
        strsim::damerau_levenshtein(&start.join(":"), &section.to_lowercase()) <= SECTION_SLIP_MAX
    })
}
