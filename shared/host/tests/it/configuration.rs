//! Sources, their precedence, unknown keys, what is printed.

use std::ffi::OsString;
use std::path::PathBuf;

use host::Service;
use host::configuration::{Configuration, ConfigurationError, FlagValue, Sources, keys_table};
use tempfile::TempDir;

/// The least that starts a service.
pub const CONNECTION: &str = "Server=127.0.0.1,1433;Database=stoa;User ID=sa;Password=Pa55;Encrypt=False";

/// A folder with an `appsettings.json`, and whatever else a start is made from.
pub struct Setup {
    folder: TempDir,
    variables: Vec<(OsString, OsString)>,
    flags: Vec<FlagValue>,
}

impl Setup {
    /// A folder whose `appsettings.json` has this text.
    pub fn with_file(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("appsettings.json"), text).unwrap();
        Self { folder, variables: Vec::new(), flags: Vec::new() }
    }

    /// The least that starts a service, as a file, with more members before it.
    pub fn with_members(members: &str) -> Self {
        Self::with_file(&format!(r#"{{{members}"ConnectionStrings": {{"VirtoCommerce": "{CONNECTION}"}}}}"#))
    }

    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    pub fn flag(mut self, key: &str, value: &str) -> Self {
        let flag = FlagValue { flag: "--set".to_owned(), key: key.to_owned(), value: value.to_owned() };
        self.flags.push(flag);
        self
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("appsettings.json")
    }

    pub fn load(&self, service: Service) -> Result<Configuration, ConfigurationError> {
        let sources =
            Sources { file: Some(self.path()), variables: self.variables.clone(), flags: self.flags.clone() };
        Configuration::load(&sources, service)
    }

    pub fn loaded(&self) -> Configuration {
        self.load(Service::FrontendApi).unwrap()
    }

    /// The lines of all mistakes, the folder's name left out.
    pub fn mistakes(&self) -> Vec<String> {
        let error = self.load(Service::FrontendApi).expect_err("a mistake");
        self.lines(error.mistakes)
    }

    /// The lines of all warnings, the folder's name left out.
    pub fn warnings(&self) -> Vec<String> {
        self.lines(self.loaded().warnings)
    }

    fn lines<T: ToString>(&self, lines: Vec<T>) -> Vec<String> {
        let folder = format!("{}/", self.folder.path().display());
        lines.iter().map(|line| line.to_string().replace(&folder, "")).collect()
    }
}

#[test]
fn each_source_wins_over_the_one_before_it() {
    const KEY: &str = "Caching:MaxStaleness";
    let file = r#""Caching": {"MaxStaleness": "00:00:01", "Slots": 2048},"#;
    let second = r#"{"caching": {"maxStaleness": "00:00:02"}}"#;
    let staleness = |setup: &Setup| setup.loaded().settings.caching.max_staleness.as_secs();

    let setup = Setup::with_members(file);
    assert_eq!(staleness(&setup), 1);
    let setup = setup.file("appsettings.Production.json", second);
    assert_eq!(staleness(&setup), 2);
    let setup = setup.variable("CACHING__MAXSTALENESS", "00:00:03");
    assert_eq!(staleness(&setup), 3);
    let setup = setup.flag(KEY, "00:00:04");
    assert_eq!(staleness(&setup), 4);
    // What a later source does not mention stays.
    assert_eq!(setup.loaded().settings.caching.slots, 2048);
}

#[test]
fn the_environment_names_the_second_file() {
    let setup = Setup::with_members("")
        .file("appsettings.Production.json", r#"{"Caching": {"Slots": 1024}}"#)
        .file("appsettings.Desk.json", r#"{"Caching": {"Slots": 2048}}"#)
        .file("appsettings.Stage.json", r#"{"Caching": {"Slots": 4096}}"#);
    assert_eq!(setup.loaded().settings.caching.slots, 1024);
    let setup = setup.variable("ASPNETCORE_ENVIRONMENT", "Desk");
    assert_eq!(setup.loaded().settings.caching.slots, 2048);
    let setup = setup.variable("STOA_ENVIRONMENT", "Stage");
    assert_eq!(setup.loaded().settings.caching.slots, 4096);
    assert_eq!(setup.loaded().settings.environment, "Stage");

    let setup = Setup::with_members("").variable("STOA_ENVIRONMENT", "../../etc");
    assert_eq!(
        setup.mistakes(),
        ["environment variable STOA_ENVIRONMENT: STOA_ENVIRONMENT = \"../../etc\": expected the name of an \
          environment: letters, digits, `-` and `_`"]
    );
}

#[test]
fn array_elements_are_overridden_by_their_index() {
    let file = r#""VirtoCommerce": {"Hangfire": {"Queues": ["Critical", "mail"]}},"#;
    let queues = |setup: &Setup| setup.loaded().settings.hangfire.queues;
    let setup = Setup::with_members(file);
    assert_eq!(queues(&setup), ["critical", "mail", "default"]);
    let setup = setup.variable("VirtoCommerce__Hangfire__Queues__1", "imports");
    assert_eq!(queues(&setup), ["critical", "imports", "default"]);
    let setup = setup.variable("VirtoCommerce__Hangfire__Queues__0", "").variable("Path", "/bin");
    assert_eq!(queues(&setup), ["imports", "default"]);
}

#[test]
fn an_empty_value_is_a_value_that_is_not_set() {
    let members = r#""Caching": {"Slots": null, "MaxBytes": ""},"#;
    let setup = Setup::with_members(members);
    assert_eq!(setup.loaded().settings.caching.slots, 1 << 20);
    assert_eq!(setup.loaded().settings.caching.max_bytes, 256 << 20);
}

#[test]
fn a_service_starts_from_environment_variables_alone() {
    let setup = Setup::with_file("{}").variable("ConnectionStrings__VirtoCommerce", CONNECTION);
    assert_eq!(setup.loaded().settings.sql.connection.database(), "stoa");
    let sources = Sources { variables: setup.variables.clone(), ..Sources::default() };
    assert!(Configuration::load(&sources, Service::JobWorker).is_ok(), "a default file need not exist");
    let sources = Sources { file: Some("/nowhere/at/all.json".into()), ..sources };
    let error = Configuration::load(&sources, Service::JobWorker).expect_err("a named file must exist");
    assert!(error.to_string().contains("/nowhere/at/all.json: cannot be opened"), "{error}");
}

#[test]
fn an_unknown_key_of_ours_is_named_with_the_closest_known_one() {
    let setup = Setup::with_members(
        r#"
        "Caching": {"MaxStalenes": "00:00:01", "Redis": {"BusRetryCount": 3}},
        "Cachng": {"MaxBytes": 1048576},
        "VirtoCommerce": {"Hangfire": {"SqlServerStorageOptions": {"DisableGlobalLocks": true}}, "Theme": "dark"},
        "AzureAd": {"Enabled": true},
        "Logging": {"LogLevel": {"Default": "Warning", "Microsoft": "Error"}},
        "#,
    )
    .variable("HTTP__LISTN", "127.0.0.1:0")
    .variable("HTTP_PROXY", "none")
    .variable("CACHING", "yes");
    insta::assert_snapshot!(setup.warnings().join("\n"));
}

#[test]
fn what_is_printed_says_where_each_value_comes_from() {
    let printed = Setup::with_members("").flag("Caching:Slots", "2048").loaded().print();
    assert!(printed.contains("Caching:Slots = 2048  # flag --set"), "{printed}");
    assert!(printed.contains("Caching:CacheEnabled = true  # default"), "{printed}");
    assert!(printed.contains("appsettings.json:1:"), "{printed}");
}

#[test]
fn the_table_of_keys_is_what_documents_show() {
    insta::assert_snapshot!(keys_table());
}
