use contracts::jobs::ImportCatalog;

#[test]
fn the_import_job_is_addressed_and_written_as_before() {
    insta::assert_snapshot!(
        serde_json::to_string(&ImportCatalog { import_id: 42 }).unwrap(),
        @r#"{"importId":42}"#
    );
}
