//! The certificate authority of the tests, and the server certificates that it and a stranger have signed.
//!
//! They lie under `target/tls`, are made by `make` or by the first test that wants them, and anew once they are
//! [`RENEW_AFTER`] old. Nothing outside of tests trusts them. Start at [`Certificates::ready`].

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use time::OffsetDateTime;

/// How long the certificates are valid.
const VALID_FOR: time::Duration = time::Duration::days(90);
/// At this age they are made anew: what a test starts with stays valid for longer than any test.
pub const RENEW_AFTER: Duration = Duration::from_secs(30 * 86_400);
/// Raised when what is made changes, so that an older set is not taken for this one.
const LAYOUT: &str = "layout-1";

/// What kind of server certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// For `localhost`, signed by the authority.
    Good,
    /// Signed by the authority, for [`OTHER_NAME`].
    OtherName,
    /// For `localhost`, signed by the authority, and no longer valid.
    Expired,
    /// For `localhost`, signed by an authority that nobody knows.
    Stranger,
}

/// The name in the certificate of [`Kind::OtherName`].
pub const OTHER_NAME: &str = "other.example";
const KINDS: [Kind; 4] = [Kind::Good, Kind::OtherName, Kind::Expired, Kind::Stranger];

/// A set of certificates that are valid today.
#[derive(Clone, Debug)]
pub struct Certificates {
    directory: PathBuf,
}

impl Certificates {
    /// The set under this workspace's `target`, made first where it is missing or old. Safe to call from many
    /// processes at once.
    ///
    /// # Errors
    /// The files cannot be written.
    pub fn ready() -> anyhow::Result<Self> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tls");
        Self::ready_in(&directory)
    }

    fn ready_in(directory: &Path) -> anyhow::Result<Self> {
        fs::create_dir_all(directory).with_context(|| directory.display().to_string())?;
        let directory = directory.canonicalize()?;
        let lock = File::create(directory.join("lock"))?;
        lock.lock()?;
        if !is_fresh(&directory.join(LAYOUT)) {
            make(&directory)?;
            // Last: without it the next one starts over.
            fs::write(directory.join(LAYOUT), "")?;
        }
        Ok(Self { directory })
    }

    /// Where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The PEM file of the authority.
    pub fn authority(&self) -> PathBuf {
        self.directory.join("authority.pem")
    }

    /// The PEM file of a server's certificate.
    pub fn chain(&self, kind: Kind) -> PathBuf {
        self.directory.join(format!("{}.pem", stem(kind)))
    }

    /// The PEM file of its private key.
    pub fn key(&self, kind: Kind) -> PathBuf {
        self.directory.join(format!("{}.key", stem(kind)))
    }
}

fn stem(kind: Kind) -> &'static str {
    match kind {
        Kind::Good => "good",
        Kind::OtherName => "other-name",
        Kind::Expired => "expired",
        Kind::Stranger => "stranger",
    }
}

fn is_fresh(mark: &Path) -> bool {
    let made = fs::metadata(mark).and_then(|metadata| metadata.modified());
    made.is_ok_and(|made| made.elapsed().is_ok_and(|age| age < RENEW_AFTER))
}

fn make(directory: &Path) -> anyhow::Result<()> {
    let now = OffsetDateTime::now_utc();
    let (trusted, trusted_pem) = authority("Stoa test authority", now)?;
    let (stranger, _) = authority("An authority that nobody trusts", now)?;
    fs::write(directory.join("authority.pem"), trusted_pem)?;
    for kind in KINDS {
        let name = if kind == Kind::OtherName { OTHER_NAME } else { "localhost" };
        let mut params = CertificateParams::new(vec![name.to_owned()])?;
        params.not_before = now - VALID_FOR;
        params.not_after =
            if kind == Kind::Expired { now - time::Duration::days(3) } else { now + VALID_FOR };
        let key = KeyPair::generate()?;
        let signer = if kind == Kind::Stranger { &stranger } else { &trusted };
        let certificate = params.signed_by(&key, signer)?;
        fs::write(directory.join(format!("{}.pem", stem(kind))), certificate.pem())?;
        fs::write(directory.join(format!("{}.key", stem(kind))), key.serialize_pem())?;
    }
    Ok(())
}

fn authority(name: &str, now: OffsetDateTime) -> anyhow::Result<(Issuer<'static, KeyPair>, String)> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = now - VALID_FOR;
    params.not_after = now + VALID_FOR;
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_kept_while_it_is_fresh_and_made_anew_when_it_is_old() -> anyhow::Result<()> {
        let directory = std::env::temp_dir().join(format!("test-ca-{}", std::process::id()));
        let authority = || Certificates::ready_in(&directory).map(|set| fs::read_to_string(set.authority()));
        let first = authority()??;
        assert_eq!(authority()??, first);
        let mark = File::options().write(true).open(directory.join(LAYOUT))?;
        mark.set_modified(std::time::SystemTime::now() - RENEW_AFTER)?;
        assert_ne!(authority()??, first);
        fs::remove_dir_all(&directory)?;
        Ok(())
    }
}
