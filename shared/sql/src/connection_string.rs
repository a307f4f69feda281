//! ADO.NET connection strings: read whole, each keyword either works or is refused by name.
//!
//! Does not open anything; see `connection`. Start at [`ConnectionString::parse`]; the meaning of each
//! keyword is in `keywords`, quoting in `grammar`, the forms of `Data Source` in `address`.

mod address;
mod grammar;
mod keywords;

use std::fmt;
use std::path::{Path, PathBuf};

/// Stands in errors and in `Display` for what must not be shown.
const HIDDEN: &str = "***";
/// `Connect Timeout` when the string has none, seconds: the default of ADO.NET.
const LOGIN_TIMEOUT_S: u64 = 15;
/// Name shown in `sys.dm_exec_sessions` when the string has no `Application Name`.
const APPLICATION_NAME: &str = "Stoa";

/// Said of a string that asks for no check of the certificate.
const ANYBODY_IS_TRUSTED: &str = "TrustServerCertificate=True: whoever answers at this address is believed and gets \
                                  the password; name the authority that signed the server's certificate instead";

/// A connection string that was read and checked. `Debug` and `Display` never show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    host: String,
    port: u16,
    database: String,
    user: String,
    password: Option<String>,
    pub(crate) application_name: String,
    pub(crate) workstation: Option<String>,
    pub(crate) encryption: Encryption,
    pub(crate) trust_any_certificate: bool,
    pub(crate) certificate_authority: Option<PathBuf>,
    pub(crate) host_in_certificate: Option<String>,
    pub(crate) login_timeout_s: u64,
    pub(crate) command_timeout_s: Option<u64>,
    pub(crate) pool_min: Option<u32>,
    pub(crate) pool_max: Option<u32>,
    pub(crate) connection_lifetime_s: Option<u64>,
    pub(crate) packet_size: Option<u32>,
    pub(crate) multi_subnet_failover: bool,
    pub(crate) address_preference: AddressPreference,
    remarks: Vec<String>,
}

/// What `Encrypt` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// The whole connection inside TLS, with a valid certificate unless it says otherwise. The default.
    Mandatory,
    /// TLS for the login where the server has it, and its certificate is not looked at, as in ADO.NET.
    Optional,
}

/// What `IPAddressPreference` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressPreference {
    Ipv4First,
    Ipv6First,
    PlatformDefault,
}

/// A connection string that cannot be used. Holds no secret: safe to log and to print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("connection string: {keyword} is {value:?}, expected {expected}")]
pub struct ConnectionStringError {
    /// The keyword as written, or a description where there is none.
    pub keyword: String,
    /// The value as written; `***` where it may be a secret.
    pub value: String,
    /// What would have been accepted.
    pub expected: String,
}

impl ConnectionString {
    /// Reads an ADO.NET string.
    ///
    /// # Errors
    /// The first pair that is unknown, refused or malformed; then a missing `Data Source`,
    /// `Initial Catalog`, `User ID` or `Password`; then pairs that contradict each other.
    pub fn parse(text: &str) -> Result<Self, ConnectionStringError> {
        let mut target = Self::empty();
        let mut after_password = false;
        for pair in grammar::pairs(text)? {
            keywords::apply(&mut target, &pair.keyword, &pair.value)
                .map_err(|error| if after_password { without_guess(error) } else { error })?;
            after_password |= keywords::is_password(&pair.keyword);
        }
        target.check()?;
        if target.trust_any_certificate {
            target.remarks.push(ANYBODY_IS_TRUSTED.to_owned());
        }
        Ok(target)
    }

    fn empty() -> Self {
        Self {
            host: String::new(),
            port: 0,
            database: String::new(),
            user: String::new(),
            password: None,
            application_name: APPLICATION_NAME.to_owned(),
            workstation: None,
            encryption: Encryption::Mandatory,
            trust_any_certificate: false,
            certificate_authority: None,
            host_in_certificate: None,
            login_timeout_s: LOGIN_TIMEOUT_S,
            command_timeout_s: None,
            pool_min: None,
            pool_max: None,
            connection_lifetime_s: None,
            packet_size: None,
            multi_subnet_failover: false,
            address_preference: AddressPreference::Ipv4First,
            remarks: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), ConnectionStringError> {
        let missing = |keyword: &str, expected: &str| {
            Err(ConnectionStringError {
                keyword: keyword.to_owned(),
                value: String::new(),
                expected: expected.to_owned(),
            })
        };
        if self.host.is_empty() {
            return missing("Data Source", "tcp:host,port");
        }
        if self.database.is_empty() {
            return missing("Initial Catalog", "the name of the database");
        }
        if self.user.is_empty() {
            return missing("User ID", "the name of a SQL login");
        }
        if self.password.is_none() {
            return missing("Password", "the password of the SQL login");
        }
        if self.trust_any_certificate && self.certificate_authority.is_some() {
            return missing("TrustServerCertificateCA", "only one of it and TrustServerCertificate=True");
        }
        if let (Some(min), Some(max)) = (self.pool_min, self.pool_max)
            && min > max
        {
            return missing("Min Pool Size", "a number not above Max Pool Size");
        }
        Ok(())
    }

    /// Host name or address, without the protocol prefix.
    pub fn server(&self) -> &str {
        &self.host
    }

    /// TCP port; 1433 unless given.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The database (`Initial Catalog`).
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The SQL login.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Sentences on pairs that were accepted but change nothing or are a risk, for a start-up log.
    pub fn remarks(&self) -> &[String] {
        &self.remarks
    }

    /// The same server and login with another database.
    pub fn with_database(&self, database: &str) -> Self {
        Self { database: database.to_owned(), ..self.clone() }
    }

    /// The same login and database through another address (a proxy, a routed host).
    pub fn with_address(&self, host: &str, port: u16) -> Self {
        Self { host: host.to_owned(), port, ..self.clone() }
    }

    /// The same, trusting the certificate authorities in this PEM or DER file as well as the system's. A string that
    /// names a file of its own, or trusts anybody, stays as it is.
    #[must_use]
    pub fn with_certificate_authorities(mut self, file: &Path) -> Self {
        if self.certificate_authority.is_none() && !self.trust_any_certificate {
            self.certificate_authority = Some(file.to_owned());
        }
        self
    }

    /// The same in all but the certificate name that the string asked for.
    pub(crate) fn routed_to(&self, host: &str, port: u16) -> Self {
        Self { host_in_certificate: None, ..self.with_address(host, port) }
    }

    pub(crate) fn password(&self) -> &str {
        self.password.as_deref().unwrap_or_default()
    }

    /// The whole string **with the password**, to hand to a child process. Never log it.
    pub fn to_secret_string(&self) -> String {
        self.render(self.password())
    }

    fn render(&self, password: &str) -> String {
        let on = |value: bool| if value { "True" } else { "False" }.to_owned();
        let text = |value: &str| grammar::quoted(value);
        let mut pairs = vec![
            ("Data Source", format!("tcp:{},{}", self.host, self.port)),
            ("Initial Catalog", text(&self.database)),
            ("User ID", text(&self.user)),
            ("Password", text(password)),
            ("Application Name", text(&self.application_name)),
            ("Encrypt", on(self.encryption == Encryption::Mandatory)),
            ("TrustServerCertificate", on(self.trust_any_certificate)),
            ("MultiSubnetFailover", on(self.multi_subnet_failover)),
            ("Connect Timeout", self.login_timeout_s.to_string()),
        ];
        let mut option = |keyword, value: Option<String>| pairs.extend(value.map(|v| (keyword, v)));
        option(
            "TrustServerCertificateCA",
            self.certificate_authority.as_ref().map(|p| text(&p.to_string_lossy())),
        );
        option("HostNameInCertificate", self.host_in_certificate.as_deref().map(text));
        option("Workstation ID", self.workstation.as_deref().map(text));
        option("Command Timeout", self.command_timeout_s.map(|s| s.to_string()));
        option("Min Pool Size", self.pool_min.map(|n| n.to_string()));
        option("Max Pool Size", self.pool_max.map(|n| n.to_string()));
        option("Connection Lifetime", self.connection_lifetime_s.map(|s| s.to_string()));
        option("Packet Size", self.packet_size.map(|n| n.to_string()));
        option(
            "IPAddressPreference",
            match self.address_preference {
                AddressPreference::Ipv4First => None,
                AddressPreference::Ipv6First => Some("IPv6First".to_owned()),
                AddressPreference::PlatformDefault => Some("UsePlatformDefault".to_owned()),
            },
        );
        pairs.iter().map(|(keyword, value)| format!("{keyword}={value}")).collect::<Vec<_>>().join(";")
    }
}

/// An unknown keyword behind the password may be the rest of a password with an unquoted `;`.
fn without_guess(error: ConnectionStringError) -> ConnectionStringError {
    if error.expected != keywords::UNKNOWN {
        return error;
    }
    ConnectionStringError { keyword: "(a pair after the password)".to_owned(), ..error }
}

impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(HIDDEN))
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectionString({self})")
    }
}
