//! The operator's guide and the alerts name only what exists: metrics, keys, commands, files, log lines, runbooks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use e2e::binary;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn text(name: &str) -> Result<String> {
    std::fs::read_to_string(repository().join(name)).with_context(|| name.to_owned())
}

/// What stands between backticks, code blocks apart.
fn quoted(guide: &str) -> Vec<&str> {
    let prose = guide.split("```").step_by(2);
    prose.flat_map(|prose| prose.split('`').skip(1).step_by(2)).collect()
}

/// The first cells of a document's tables, without backticks; several names are separated by commas.
fn first_cells(document: &str) -> BTreeSet<&str> {
    let rows = document.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
    rows.flat_map(|cell| cell.split(", ")).map(|name| name.trim_matches('`')).collect()
}

fn is_metric(name: &str) -> bool {
    let is_name = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let begins = ["stoa_", "http_server_", "db_client_", "process_"];
    is_name && begins.iter().any(|start| name.starts_with(start))
}

/// A key has parts joined by `:` that begin with capitals; an address or an image's tag does not.
fn is_key(name: &str) -> bool {
    let mut parts = name.split(':');
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    name.contains(':') && parts.all(is_part)
}

#[test]
fn every_metric_of_the_guide_and_of_the_alerts_is_documented() -> Result<()> {
    let document = text("deploy/metrics.md")?;
    let documented = first_cells(&document);
    let guide = text("deploy/README.md")?;
    let in_guide: BTreeSet<&str> = quoted(&guide).into_iter().filter(|name| is_metric(name)).collect();
    assert!(in_guide.len() > 20, "{in_guide:?}");
    let alerts: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text("deploy/alerts.yaml")?)?;
    let expressions: Vec<String> = rules(&alerts).map(|rule| rule["expr"].to_string()).collect();
    let words = expressions.iter().flat_map(|text| text.split(|c: char| !c.is_ascii_lowercase() && c != '_'));
    // Labels have the same form: those that follow a metric's beginning are few.
    let labels = ["http_response_status_code", "http_route"];
    let in_alerts = words.filter(|word| is_metric(word) && !labels.contains(word));
    for name in in_guide.into_iter().chain(in_alerts) {
        let family = name.strip_suffix("_bucket").or_else(|| name.strip_suffix("_count")).unwrap_or(name);
        assert!(documented.contains(name) || documented.contains(family), "no metric {name}");
    }
    Ok(())
}

fn rules(alerts: &[serde_json::Value]) -> impl Iterator<Item = &serde_json::Value> {
    let groups = alerts.iter().flat_map(|document| document["groups"].as_array().into_iter().flatten());
    groups.flat_map(|group| group["rules"].as_array().into_iter().flatten())
}

#[test]
fn every_alert_is_in_the_guide_and_leads_to_a_runbook_there() -> Result<()> {
    let guide = text("deploy/README.md")?;
    let headings: BTreeSet<String> = guide
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace(' ', "-"))
        .collect();
    let alerts: Vec<serde_json::Value> = serde_saphyr::from_multiple(&text("deploy/alerts.yaml")?)?;
    let mut names = BTreeSet::new();
    for rule in rules(&alerts) {
        let name = rule["alert"].as_str().context("a rule without a name")?;
        names.insert(name);
        let runbook = rule["annotations"]["runbook"].as_str().context("an alert without a runbook")?;
        let heading = runbook.strip_prefix("deploy/README.md#").with_context(|| runbook.to_owned())?;
        assert!(headings.contains(heading), "{name} leads to {runbook}");
    }
    let named: BTreeSet<&str> =
        quoted(&guide).into_iter().filter(|name| name.starts_with("Stoa") && !name.contains(' ')).collect();
    assert_eq!(names, named);
    Ok(())
}

#[test]
fn every_key_of_the_guide_is_in_the_configuration_table() -> Result<()> {
    let readme = text("README.md")?;
    let keys = first_cells(&readme);
    let guide = text("deploy/README.md")?;
    let named: Vec<&str> = quoted(&guide).into_iter().filter(|name| is_key(name)).collect();
    assert!(named.len() > 20, "{named:?}");
    for name in named {
        assert!(keys.contains(name), "no key {name}");
    }
    Ok(())
}

#[test]
fn every_command_and_flag_of_the_guide_is_known_to_its_program() -> Result<()> {
    let guide = text("deploy/README.md")?;
    let mut commands = 0;
    for program in ["frontend-api", "authoring-api", "job-worker"] {
        let help = Command::new(binary(program)?).arg("--help").output()?;
        let help = String::from_utf8(help.stdout)?;
        for line in quoted(&guide).iter().filter_map(|text| text.strip_prefix(program)?.strip_prefix(' ')) {
            commands += 1;
            for word in line.split(' ') {
                assert!(help.contains(word), "{program} has no {word}:\n{help}");
            }
        }
    }
    assert!(commands > 4, "the guide names {commands} commands");
    Ok(())
}

#[test]
fn every_file_of_the_guide_exists() -> Result<()> {
    let guide = text("deploy/README.md")?;
    let is_path = |name: &&str| ["deploy/", "tests/"].iter().any(|top| name.starts_with(top));
    for name in quoted(&guide).into_iter().filter(is_path) {
        let name = name.split(' ').next().unwrap_or(name);
        // Secrets exist where somebody made them.
        assert!(name.starts_with("deploy/secrets") || repository().join(name).exists(), "no file {name}");
    }
    Ok(())
}

#[test]
fn every_log_line_of_the_guide_is_written_by_a_program() -> Result<()> {
    let guide = text("deploy/README.md")?;
    let lines: Vec<&str> =
        quoted(&guide).into_iter().filter_map(|text| text.strip_prefix('"')?.strip_suffix('"')).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| line.contains(' ')).collect();
    assert!(lines.len() > 8, "{lines:?}");
    let mut sources = String::new();
    for folder in ["shared", "services"] {
        read_sources(&repository().join(folder), &mut sources)?;
    }
    for line in lines {
        assert!(sources.contains(&format!("\"{line}\"")), "nobody logs {line:?}");
    }
    Ok(())
}

fn read_sources(folder: &Path, into: &mut String) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "tests" && name != "target") {
            read_sources(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push_str(&std::fs::read_to_string(&path)?);
        }
    }
    Ok(())
}
