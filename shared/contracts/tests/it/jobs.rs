//! Snapshots of job payloads.

use contracts::jobs::ImportCatalog;
use jobs::Payload;

#[test]
fn the_import_job_is_addressed_and_written_as_before() {
    insta::assert_snapshot!(ImportCatalog::TYPE, @"Stoa.Jobs.ImportCatalog, Stoa");
    insta::assert_snapshot!(ImportCatalog::METHOD, @"Run");
    insta::assert_snapshot!(ImportCatalog::QUEUE, @"default");
    insta::assert_snapshot!(
        serde_json::to_string(&ImportCatalog { import_id: 42 }).unwrap(),
        @r#"{"importId":42}"#
    );
}
