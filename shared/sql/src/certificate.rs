//! Why a server's certificate is not accepted, as sentences that say what to do.
//!
//! rustls decides; what it says reaches us as text through tiberius, so that text is sorted here. The tests make
//! real handshakes fail, so a wording that changes is noticed.

use std::fmt;

/// Why a certificate is not accepted. `Display` is a sentence with the remedy, for SQL Server and Redis alike.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// It carries other names than the one that was connected to.
    WrongName {
        /// What the TLS library says of the names.
        detail: String,
    },
    /// It was valid once.
    Expired {
        /// Since when, whole days.
        days_ago: u64,
    },
    /// It is not valid yet.
    NotYetValid,
    /// Nobody who is trusted has signed it.
    UnknownAuthority,
    /// Something else is wrong with it.
    Other {
        /// What the TLS library says.
        detail: String,
    },
}

impl CertificateProblem {
    /// Sorts what rustls said about a handshake; `None` if that was not about the certificate.
    pub fn from_message(message: &str) -> Option<Self> {
        const STARTS: [&str; 2] =
            ["certificate was rejected during the TLS handshake: ", "invalid peer certificate: "];
        let said = STARTS.iter().find_map(|start| message.split_once(start)).map(|(_, said)| said)?;
        // tiberius goes on with advice for programmers.
        let said = said.split(" To connect anyway").next().unwrap_or(said).trim_end_matches('.');
        Some(if said.contains("not valid for name") || said.contains("NotValidForName") {
            Self::WrongName { detail: said.to_owned() }
        } else if said.contains("certificate expired") || said.starts_with("Expired") {
            Self::Expired { days_ago: seconds_ago(said) / 86_400 }
        } else if said.contains("not valid yet") || said.starts_with("NotValidYet") {
            Self::NotYetValid
        } else if said.starts_with("UnknownIssuer") {
            Self::UnknownAuthority
        } else {
            Self::Other { detail: said.to_owned() }
        })
    }
}

/// The number in `(… seconds ago)`.
fn seconds_ago(said: &str) -> u64 {
    let number = said.rsplit_once('(').and_then(|(_, rest)| rest.split_once(' ')).map(|(number, _)| number);
    number.and_then(|number| number.parse().ok()).unwrap_or_default()
}

impl fmt::Display for CertificateProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongName { detail } => write!(
                f,
                "the server's certificate is for another name ({detail}): connect by a name that it carries, or name \
                 the one to expect with HostNameInCertificate (SQL Server) or sslHost (Redis)"
            ),
            Self::Expired { days_ago } => write!(
                f,
                "the server's certificate has expired {days_ago} days ago: give the server a new one (or correct this \
                 machine's clock)"
            ),
            Self::NotYetValid => f.write_str(
                "the server's certificate is not valid yet: correct this machine's clock or give the server another one",
            ),
            Self::UnknownAuthority => f.write_str(
                "the server's certificate was signed by an authority that is not trusted here: name the authority's \
                 PEM file with Tls:CertificateAuthorities or SSL_CERT_FILE, or for SQL Server alone with \
                 TrustServerCertificateCA",
            ),
            Self::Other { detail } => write!(f, "the server's certificate is not accepted: {detail}"),
        }
    }
}
