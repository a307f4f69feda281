//! Secrets: read from files, and never shown, whatever the spelling of the key and whichever source has it.

use tempfile::TempDir;

use crate::configuration::{CONNECTION, Setup};

const TOKEN: &str = "a-token-of-this-test";

/// A folder like `/run/secrets`.
struct Secrets(TempDir);

impl Secrets {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

fn token(setup: &Setup) -> Option<String> {
    setup.loaded().settings.authorization.bootstrap_password.map(|token| token.expose().to_owned())
}

#[test]
fn a_secret_can_stand_in_a_file_without_its_last_line_end() {
    let secrets = Secrets::new();
    let sql = secrets.file("sql", &format!("{CONNECTION}\r\n"));
    let setup = Setup::with_file("{}")
        .variable("ConnectionStrings__VirtoCommerce__File", &sql)
        .variable("AUTHORIZATION__BOOTSTRAPPASSWORD__FILE", &secrets.file("token", &format!("{TOKEN}\n")));
    assert_eq!(setup.loaded().settings.sql.connection.database(), "stoa");
    assert_eq!(token(&setup).as_deref(), Some(TOKEN));
    assert!(setup.warnings().is_empty());
    let printed = setup.loaded().print();
    let origin = format!("# environment variable ConnectionStrings__VirtoCommerce__File, file {sql}");
    assert!(printed.contains(&origin), "{printed}");
}

#[test]
fn a_secret_file_has_the_precedence_of_the_source_that_names_it() {
    let secrets = Secrets::new();
    let members = format!(r#""Authorization": {{"BootstrapPassword": "{}"}},"#, "a-placeholder-of-the-file");
    let setup = Setup::with_members(&members)
        .variable("Authorization__BootstrapPassword__File", &secrets.file("t", TOKEN));
    assert_eq!(token(&setup).as_deref(), Some(TOKEN));
    let setup = setup.flag("Authorization:BootstrapPassword", "the-flag-wins-over-it");
    assert_eq!(token(&setup).as_deref(), Some("the-flag-wins-over-it"));
    let members =
        format!(r#""Authorization": {{"BootstrapPassword:File": {:?}}},"#, secrets.file("t", TOKEN));
    assert_eq!(token(&Setup::with_members(&members)).as_deref(), Some(TOKEN));
}

#[test]
fn a_secret_file_that_cannot_be_used_is_a_mistake_that_says_why() {
    let secrets = Secrets::new();
    let named = |path: &str| Setup::with_members("").variable("Authorization__BootstrapPassword__File", path);
    let both = named(&secrets.file("t", TOKEN)).variable("Authorization__BootstrapPassword", TOKEN);
    let alias = Setup::with_members("")
        .variable("SignalR__AzureSignalRService__ConnectionString", "Endpoint=x")
        .variable(
            "PushNotifications__AzureSignalRService__ConnectionString__File",
            &secrets.file("t", TOKEN),
        );
    for (setup, reason) in [
        (named("/nowhere/at/all"), "a file that can be read: No such file"),
        (named(secrets.0.path().to_str().unwrap()), "a file that can be read"),
        (named(&secrets.file("empty", "\n")), "this one is empty"),
        (named(&secrets.file("long", &"x".repeat(65_537))), "at most 65536 bytes"),
        (both, "not both: environment variable Authorization__BootstrapPassword has it too"),
        (alias, "not both: environment variable SignalR__AzureSignalRService__ConnectionString has it too"),
    ] {
        let found = setup.mistakes();
        assert!(matches!(&found[..], [one] if one.contains(reason) && one.contains("__File: ")), "{found:?}");
        assert!(!found[0].contains(TOKEN), "{found:?}");
    }
    // What the file holds is judged like any other value, and not shown.
    let short = named(&secrets.file("short", "geheim")).mistakes().join("\n");
    assert!(short.contains(", file ") && short.contains("at least 8 characters"), "{short}");
    assert!(!short.contains("geheim"), "{short}");
}

#[test]
fn only_secrets_come_from_files() {
    let warnings = Setup::with_members("").variable("Caching__Slots__File", "/nowhere").warnings();
    assert!(
        warnings[0].contains("unknown key Caching:Slots:File; did you mean Caching:Slots?"),
        "{warnings:?}"
    );
}

#[test]
fn what_is_printed_hides_every_secret_in_every_spelling_from_every_source() {
    let secrets = Secrets::new();
    let file = secrets.file("redis", "localhost,name=shop,password=planted-4=");
    let setup = Setup::with_file(
        r#"{"connectionSTRINGS": {"virtoCommerce": "Server=db;Database=d;UID=u;PWD='planted;1'"},
            "VirtoCommerce": {"SignalR": {"AzureSignalRService": {"ConnectionString": "planted-2"}}},
            "ConnectionStrings:RedisConectionString": "planted-7", "Authorization": {"SigningKy": "planted-8"}}"#,
    )
    .file("appsettings.Production.json", r#"{"Authorization": {"BootstrapPassword": "planted-3-0123456"}}"#)
    .variable("CONNECTIONSTRINGS__REDISCONNECTIONSTRING__FILE", &file)
    .variable("PushNotifications__AzureSignalRService__ConnectionString", "planted-5")
    .flag("ConnectionStrings:VirtoCommerce.Hangfire", "Server=db;Database=d;UID=u;Password = planted-6");
    let configuration = setup.loaded();
    let shown = format!(
        "{}{:?}{}{configuration:?}",
        configuration.print(),
        configuration.settings,
        configuration.warnings.join("\n")
    );
    assert!(!shown.contains("planted"), "{shown}");
    let printed = configuration.print();
    assert!(
        printed.contains("ConnectionStrings:VirtoCommerce = Data Source=tcp:db,1433;Initial Catalog=d;"),
        "{printed}"
    );
    assert!(
        printed.contains("ConnectionStrings:RedisConnectionString = localhost:6379,password=***,"),
        "{printed}"
    );
    assert!(printed.contains("Authorization:BootstrapPassword = (hidden)  # "), "{printed}");
}

#[test]
fn the_first_users_password_is_as_long_as_passwords_have_to_be_and_a_refusal_does_not_show_it() {
    let setup = Setup::with_members("").variable("STOA_BOOTSTRAP_PASSWORD", "eleven-char");
    let mistakes = setup.mistakes();
    assert_eq!(mistakes.len(), 1, "{mistakes:?}");
    assert!(
        mistakes[0].contains("at least 12 characters, as IdentityOptions:Password:RequiredLength says"),
        "{mistakes:?}"
    );
    assert!(
        mistakes[0].contains("STOA_BOOTSTRAP_PASSWORD") && !mistakes[0].contains("eleven-char"),
        "{mistakes:?}"
    );
    setup.flag("IdentityOptions:Password:RequiredLength", "11").loaded();
}
