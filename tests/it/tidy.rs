//! Facts about our own house that a reader relies on.

use std::path::{Path, PathBuf};

use anyhow::Result;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files_below(directory: &Path, extension: &str, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            files_below(&path, extension, found)?;
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn every_module_says_what_it_is_for() -> Result<()> {
    let mut sources = Vec::new();
    for part in ["services", "shared", "deploy", "tests"] {
        files_below(&repository().join(part), "rs", &mut sources)?;
    }
    let silent: Vec<_> = sources
        .into_iter()
        .filter(|path| {
            let text = std::fs::read_to_string(path).unwrap_or_default();
            !(text.starts_with("//!") || text.starts_with("#![doc"))
        })
        .collect();
    assert!(silent.is_empty(), "without a header: {silent:?}");
    Ok(())
}

#[test]
fn every_path_that_the_readme_names_exists() -> Result<()> {
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    let named = readme.split('`').skip(1).step_by(2).filter(|text| {
        ["services/", "shared/", "deploy/", "tests/"].iter().any(|top| text.starts_with(top))
            && !text.contains([' ', '*', '{'])
    });
    let missing: Vec<_> = named.filter(|path| !repository().join(path).exists()).collect();
    assert!(missing.is_empty(), "the README names {missing:?}");
    Ok(())
}

#[test]
fn shared_crates_keep_the_dependency_rule() -> Result<()> {
    // What each may depend on of ours; shared/README.md draws it.
    let allowed = [
        ("shared/sql", "local-sql"),
        ("shared/domain", ""),
        ("shared/jobs", "sql"),
        ("shared/signalr", ""),
        ("shared/backplane", "sql signalr test-ca"),
        ("shared/contracts", "domain sql backplane jobs"),
        ("shared/store", "domain contracts sql jobs backplane"),
        ("shared/handlers", "domain contracts store sql backplane jobs"),
        ("shared/host", "sql backplane signalr jobs"),
    ];
    let ours = "domain contracts store handlers sql backplane signalr jobs host frontend-api authoring-api job-worker local-sql test-ca";
    for (folder, allowed) in allowed {
        let manifest = std::fs::read_to_string(repository().join(folder).join("Cargo.toml"))?;
        let runtime = manifest.split("[dependencies]").nth(1).unwrap_or_default();
        let runtime = runtime.split("\n[").next().unwrap_or_default();
        for name in ours.split(' ').filter(|name| !allowed.split(' ').any(|allowed| allowed == *name)) {
            let depends = runtime
                .lines()
                .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '.', '='])));
            assert!(!depends, "{folder} must not depend on {name}");
        }
    }
    Ok(())
}

#[test]
fn the_configuration_table_of_the_readme_is_the_one_that_the_keys_print() -> Result<()> {
    // `host` keeps a snapshot of what its table of keys prints; the README shows the same.
    let snapshots = repository().join("shared/host/tests/it/snapshots");
    let snapshot = snapshots.join("it__configuration__the_table_of_keys_is_what_documents_show.snap");
    let printed = std::fs::read_to_string(&snapshot)?;
    let table = printed.splitn(3, "---\n").nth(2).unwrap_or_default().trim();
    let readme = std::fs::read_to_string(repository().join("README.md"))?;
    assert!(table.starts_with("| key |"), "{} holds no table", snapshot.display());
    assert!(readme.contains(table), "copy the table of {} into the README", snapshot.display());
    Ok(())
}
