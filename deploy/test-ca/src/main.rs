//! The command `test-ca`, called by make: makes the certificates of the tests where they are missing or old.

fn main() -> anyhow::Result<()> {
    let certificates = test_ca::Certificates::ready()?;
    println!("certificates of the tests: {}", certificates.directory().display());
    Ok(())
}
