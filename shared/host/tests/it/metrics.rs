//! What `deploy/metrics.md` says, and what Prometheus is told.

use std::path::Path;

use host::metrics::documentation;

#[test]
fn the_document_has_the_table_of_the_definitions() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/metrics.md");
    let document = std::fs::read_to_string(path).unwrap();
    let table: String =
        document.lines().filter(|line| line.starts_with('|')).map(|line| format!("{line}\n")).collect();
    let expected = documentation();
    assert!(table == expected, "deploy/metrics.md must hold exactly this table:\n{expected}");
}
