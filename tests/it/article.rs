//! The configurations that the article prints, given to the real binaries: as printed, and repaired.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;
use e2e::{Process, binary};

const BLOCKS: [&str; 6] = ["redis", "signalr", "hangfire-client", "hangfire-server", "commerce", "authoring"];

fn host_tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/host/tests/it")
}

/// The sentences that the reader of files has for a block, from its own snapshot: `line:column: what`.
fn sentences(block: &str) -> Result<Vec<String>> {
    let name = format!("snapshots/it__syntax__article_{}.snap", block.replace('-', "_"));
    let snapshot = std::fs::read_to_string(host_tests().join(name))?;
    let sentences: Vec<String> = snapshot
        .lines()
        .filter_map(|line| line.strip_prefix("appsettings.json"))
        .map(str::to_owned)
        .collect();
    assert!(!sentences.is_empty(), "{block}");
    Ok(sentences)
}

#[tokio::test]
async fn each_printed_block_is_refused_by_each_binary_with_every_place_and_what_is_missing() -> Result<()> {
    let directory = tempfile::tempdir()?;
    for block in BLOCKS {
        let file = host_tests().join(format!("article/{block}.txt"));
        for service in ["frontend-api", "authoring-api", "job-worker"] {
            let mut command = Command::new(binary(service)?);
            command.arg("--config").arg(&file);
            let log = directory.path().join(format!("{block}.{service}.log"));
            let mut process = Process::start(service, &mut command, &log)?;
            let status = process.ended().await?;
            let said = process.log()?;
            assert_eq!(status.code(), Some(2), "{block}, {service}: {said}");
            for sentence in sentences(block)? {
                assert!(
                    said.contains(&format!("{block}.txt{sentence}")),
                    "{block}, {service}: {sentence}\n{said}"
                );
            }
            assert!(!said.contains("listening") && !said.contains("panicked"), "{said}");
        }
    }
    Ok(())
}

/// What stands in quotation marks, comments left out: the keys and the texts.
fn quoted(text: &str) -> Vec<&str> {
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| line.split('"').skip(1).step_by(2))
        .collect()
}

/// `topologies` starts all three services with them.
#[test]
fn the_sample_settings_are_the_printed_blocks_with_their_punctuation_repaired() -> Result<()> {
    for block in ["commerce", "authoring"] {
        let printed = std::fs::read_to_string(host_tests().join(format!("article/{block}.txt")))?;
        let settings = format!("../deploy/settings/{block}.appsettings.json");
        let repaired = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(settings))?;
        assert_eq!(quoted(&printed), quoted(&repaired), "{block}");
    }
    Ok(())
}
