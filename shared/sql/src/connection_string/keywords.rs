//! What each keyword of an ADO.NET string means here: it works, or it is refused by name with the reason.
//!
//! The list is that of `Microsoft.Data.SqlClient`'s and of the older `System.Data.SqlClient`'s `ConnectionString`
//! property (with their synonyms) plus `TrustServerCertificateCA`, the keyword that tiberius has for a CA file; a
//! test keeps it. Keywords are compared without case, blanks and underscores. As in ADO.NET the last of several equal
//! keywords wins, and an empty value leaves the default.

use super::{AddressPreference, ConnectionString, ConnectionStringError, Encryption, address};

type Outcome = Result<(), ConnectionStringError>;

/// What an error about an unknown keyword expects.
pub(super) const UNKNOWN: &str =
    "a keyword of ADO.NET; this one is unknown (a value with ; in it needs quotes)";
/// Longest time-out that a string may ask for: ten minutes; zero would mean "wait for ever".
const TIMEOUT_MAX_S: u64 = 600;
/// Most connections that a string may ask for.
const POOL_MAX: u32 = 1_000;

/// Applies one pair to `target`.
pub(super) fn apply(target: &mut ConnectionString, keyword: &str, value: &str) -> Outcome {
    let entry = Entry { keyword, value };
    let name = normalised(keyword);
    if value.is_empty() && !is_password(keyword) {
        // Nothing is asked for; only the name still has to be one that we know.
        let refusal = apply_named(&mut target.clone(), &name, &entry).err();
        return refusal.filter(|e| e.expected == UNKNOWN).map_or(Ok(()), Err);
    }
    apply_named(target, &name, &entry)
}

/// Whether the value of this keyword is a secret.
pub(super) fn is_password(keyword: &str) -> bool {
    matches!(normalised(keyword).as_str(), "password" | "pwd")
}

fn apply_named(target: &mut ConnectionString, name: &str, entry: &Entry<'_>) -> Outcome {
    match name {
        "datasource" | "server" | "address" | "addr" | "networkaddress" => server(target, entry),
        "initialcatalog" | "database" => text(&mut target.database, entry),
        "userid" | "uid" | "user" => text(&mut target.user, entry),
        "password" | "pwd" => {
            target.password = Some(entry.value.to_owned());
            Ok(())
        }
        "applicationname" | "app" => text(&mut target.application_name, entry),
        "workstationid" | "wsid" => entry.short(128).map(|v| target.workstation = Some(v)),
        _ => apply_security(target, name, entry),
    }
}

fn apply_security(target: &mut ConnectionString, name: &str, entry: &Entry<'_>) -> Outcome {
    match name {
        "encrypt" => encrypt(target, entry),
        "trustservercertificate" => entry.boolean().map(|on| target.trust_any_certificate = on),
        "trustservercertificateca" => {
            target.certificate_authority = Some(entry.value.into());
            Ok(())
        }
        "servercertificate" => Err(entry.refuse(
            "TrustServerCertificateCA=<PEM or DER file of the certificate authority> instead: pinning one \
             server certificate is not supported",
        )),
        "hostnameincertificate" => entry.short(253).map(|v| target.host_in_certificate = Some(v)),
        "integratedsecurity" | "trustedconnection" => integrated_security(entry),
        "authentication" => entry.only(
            &["sql password", "sqlpassword", "notspecified", "not specified"],
            "Sql Password: directory logins are not supported, use a SQL login",
        ),
        "persistsecurityinfo" => entry.boolean().map(drop),
        "columnencryptionsetting" | "columnencryption" => {
            entry.only(&["disabled"], "Disabled: Always Encrypted is not supported")
        }
        // The last of them is a secret: none of the values is shown.
        "clientcertificate" | "clientkey" | "clientkeypassword" => Err(ConnectionStringError {
            value: super::HIDDEN.to_owned(),
            ..entry.refuse("no client certificate: give User ID and Password of a SQL login")
        }),
        _ => apply_limits(target, name, entry),
    }
}

fn apply_limits(target: &mut ConnectionString, name: &str, entry: &Entry<'_>) -> Outcome {
    match name {
        "connecttimeout" | "connectiontimeout" | "timeout" => {
            entry.seconds(TIMEOUT_MAX_S).map(|s| target.login_timeout_s = s)
        }
        "commandtimeout" => entry.seconds(TIMEOUT_MAX_S).map(|s| target.command_timeout_s = Some(s)),
        "minpoolsize" => entry.number(0, POOL_MAX).map(|n| target.pool_min = Some(n)),
        "maxpoolsize" => entry.number(1, POOL_MAX).map(|n| target.pool_max = Some(n)),
        "pooling" => entry.only(&["true", "yes"], "True: there is always a pool"),
        "loadbalancetimeout" | "connectionlifetime" => {
            entry.number(0, 86_400).map(|s| target.connection_lifetime_s = (s > 0).then_some(u64::from(s)))
        }
        "packetsize" => entry.number(512, 32_767).map(|n| target.packet_size = Some(n)),
        "multisubnetfailover" => entry.boolean().map(|on| target.multi_subnet_failover = on),
        "ipaddresspreference" => address_preference(target, entry),
        _ => apply_accepted(target, name, entry),
    }
}

/// Keywords that change nothing here, because what they ask for is so anyway or never happens.
fn apply_accepted(target: &mut ConnectionString, name: &str, entry: &Entry<'_>) -> Outcome {
    let remark = match name {
        "multipleactiveresultsets" => {
            entry.boolean()?.then_some("never asked for on the wire: one statement at a time per connection")
        }
        "applicationintent" => {
            return entry.only(
                &["readwrite"],
                "ReadWrite: a readable secondary lags behind, and the change feed must be read from the primary",
            );
        }
        "asynchronousprocessing" | "async" => entry.boolean().map(|_| None)?,
        "enlist" => entry.boolean()?.then_some("there are no distributed transactions to enlist in"),
        "connectionreset" => return entry.only(&["true", "yes"], "True (it is obsolete)"),
        "connectretrycount" => {
            entry.number(0, 255)?;
            Some("lost idle connections are always replaced; transactions are retried as Options say")
        }
        "connectretryinterval" => {
            entry.number(1, 60)?;
            Some("lost idle connections are always replaced; transactions are retried as Options say")
        }
        "poolblockingperiod" => {
            entry.only(&["auto", "alwaysblock", "neverblock"], "Auto, AlwaysBlock or NeverBlock")?;
            Some("the pool never blocks after a failed login")
        }
        "transparentnetworkipresolution" => {
            entry.boolean()?;
            Some("of several addresses each is tried in turn; MultiSubnetFailover=True tries all at once")
        }
        "vectortypesupport" => {
            entry.only(&["off", "v1"], "Off or V1")?;
            Some("no statement of ours uses vectors")
        }
        "typesystemversion" => return entry.only(&["latest"], "Latest"),
        "networklibrary" | "network" | "net" => {
            return entry.only(&["dbmssocn"], "dbmssocn: only TCP is supported");
        }
        _ => return apply_refused(name, entry),
    };
    if let Some(remark) = remark {
        target.remarks.push(format!("{}={}: {remark}", entry.keyword, entry.value));
    }
    Ok(())
}

/// Keywords that only work when they ask for nothing.
fn apply_refused(name: &str, entry: &Entry<'_>) -> Outcome {
    const OFF: &[&str] = &["false", "no"];
    match name {
        "userinstance" => entry.only(OFF, "False: user instances are not supported"),
        "replication" => entry.only(OFF, "False: replication is not supported"),
        "contextconnection" => entry.only(OFF, "False: this does not run inside SQL Server"),
        "transactionbinding" => entry.only(&["implicit unbind"], "Implicit Unbind"),
        "failoverpartner" | "failoverpartnerspn" => {
            Err(entry.refuse("no failover partner: use an availability group listener as Data Source"))
        }
        "serverspn" => Err(entry.refuse("no SPN: integrated security is not supported")),
        "attachdbfilename" | "extendedproperties" | "initialfilename" => {
            Err(entry.refuse("Initial Catalog: attaching a database file is not supported"))
        }
        "currentlanguage" | "language" => {
            Err(entry.refuse("the login's own language: it may not be set here"))
        }
        "enclaveattestationurl" | "attestationprotocol" => {
            Err(entry.refuse("no enclave: Always Encrypted is not supported"))
        }
        _ => Err(ConnectionStringError {
            keyword: entry.keyword.to_owned(),
            value: super::HIDDEN.to_owned(),
            expected: UNKNOWN.to_owned(),
        }),
    }
}

fn server(target: &mut ConnectionString, entry: &Entry<'_>) -> Outcome {
    let (host, port) = address::parse(entry.value).map_err(|expected| entry.refuse(expected))?;
    target.host = host;
    target.port = port;
    Ok(())
}

fn encrypt(target: &mut ConnectionString, entry: &Entry<'_>) -> Outcome {
    target.encryption = match entry.value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "mandatory" => Encryption::Mandatory,
        "false" | "no" | "optional" => Encryption::Optional,
        "strict" => return Err(entry.refuse("Mandatory: TDS 8.0 (Strict) is not supported")),
        _ => return Err(entry.refuse("True, False, Mandatory or Optional")),
    };
    Ok(())
}

fn integrated_security(entry: &Entry<'_>) -> Outcome {
    entry.only(
        &["false", "no"],
        "False: Windows logins are not supported, give User ID and Password of a SQL login",
    )
}

fn address_preference(target: &mut ConnectionString, entry: &Entry<'_>) -> Outcome {
    target.address_preference = match entry.value.to_ascii_lowercase().as_str() {
        "ipv4first" => AddressPreference::Ipv4First,
        "ipv6first" => AddressPreference::Ipv6First,
        "useplatformdefault" => AddressPreference::PlatformDefault,
        _ => return Err(entry.refuse("IPv4First, IPv6First or UsePlatformDefault")),
    };
    Ok(())
}

fn text(target: &mut String, entry: &Entry<'_>) -> Outcome {
    // 128 characters is the limit of sysname and of the LOGIN7 fields.
    entry.short(128).map(|value| *target = value)
}

fn normalised(keyword: &str) -> String {
    keyword.chars().filter(|c| !c.is_whitespace() && *c != '_').flat_map(char::to_lowercase).collect()
}

struct Entry<'a> {
    keyword: &'a str,
    value: &'a str,
}

impl Entry<'_> {
    fn refuse(&self, expected: impl Into<String>) -> ConnectionStringError {
        ConnectionStringError {
            keyword: self.keyword.to_owned(),
            value: self.value.to_owned(),
            expected: expected.into(),
        }
    }

    fn boolean(&self) -> Result<bool, ConnectionStringError> {
        match self.value.to_ascii_lowercase().as_str() {
            "true" | "yes" => Ok(true),
            "false" | "no" => Ok(false),
            _ => Err(self.refuse("True or False")),
        }
    }

    fn number(&self, min: u32, max: u32) -> Result<u32, ConnectionStringError> {
        let number = self.value.parse().ok().filter(|n| (min..=max).contains(n));
        number.ok_or_else(|| self.refuse(format!("a whole number from {min} to {max}")))
    }

    fn seconds(&self, max: u64) -> Result<u64, ConnectionStringError> {
        let seconds = self.value.parse().ok().filter(|n| (1..=max).contains(n));
        seconds.ok_or_else(|| self.refuse(format!("seconds from 1 to {max} (0 would wait for ever)")))
    }

    fn short(&self, limit: usize) -> Result<String, ConnectionStringError> {
        if self.value.encode_utf16().count() > limit || self.value.contains('\0') {
            return Err(self.refuse(format!("at most {limit} characters")));
        }
        Ok(self.value.to_owned())
    }

    fn only(&self, accepted: &[&str], expected: &str) -> Outcome {
        let value = self.value.to_ascii_lowercase();
        if accepted.contains(&value.as_str()) { Ok(()) } else { Err(self.refuse(expected)) }
    }
}
