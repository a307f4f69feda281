//! Values: forms, rules between keys, the article's configurations as settings.

use std::time::Duration;

use host::Service;
use host::configuration::{Migrate, Scalability, format_time_span, parse_time_span};

use crate::configuration::{CONNECTION, Setup};

const COMMERCE: &str = include_str!("../../../../deploy/settings/commerce.appsettings.json");
const AUTHORING: &str = include_str!("../../../../deploy/settings/authoring.appsettings.json");

#[test]
fn the_commerce_configuration_of_the_article_starts_a_frontend_that_only_enqueues() {
    let settings = Setup::with_file(COMMERCE).load(Service::FrontendApi).unwrap().settings;
    assert_eq!(settings.sql.connection.server(), "dev-odt.database.windows.net");
    assert_eq!(settings.sql.connection.port(), 1433);
    assert_eq!(settings.sql.connection.database(), "{db-name}");
    assert!(settings.redis.is_some());
    assert!(!settings.hangfire.use_server);
    assert_eq!(settings.push.scalability, Scalability::RedisBackplane);
    assert_eq!(settings.push.channel_name, "VirtoCommerceChannel");
}

#[test]
fn the_authoring_configuration_of_the_article_starts_authoring_and_a_worker_with_a_job_server() {
    for service in [Service::AuthoringApi, Service::JobWorker] {
        let settings = Setup::with_file(AUTHORING).load(service).unwrap().settings;
        assert!(settings.hangfire.use_server);
        assert_eq!(settings.authorization.signing_key, None);
        assert!(settings.http.listen.ip().is_loopback());
    }
}

#[test]
fn a_mode_of_push_that_is_not_built_is_named_and_the_articles_is() {
    let azure =
        Setup::with_members(r#""SignalR": {"ScalabilityProvider": "AzureSignalRService"},"#).warnings();
    assert!(azure.iter().any(|line| line.contains("AzureSignalRService is not built yet")), "{azure:?}");
    let articles = Setup::with_file(COMMERCE).warnings();
    assert!(!articles.iter().any(|line| line.contains("PushNotifications")), "{articles:?}");
    assert!(Setup::with_members("").warnings().is_empty());
}

/// The words of a configuration without its braces, commas and comments, and without `...`.
fn words(text: &str) -> Vec<String> {
    let code = |line: &str| {
        let at = line
            .match_indices("//")
            .map(|(at, _)| at)
            .find(|at| line[..*at].matches('"').count().is_multiple_of(2));
        line[..at.unwrap_or(line.len())].replace("\":", "\" :")
    };
    let words = text.lines().map(code).collect::<Vec<_>>().join("\n");
    let structure = |c: char| matches!(c, '{' | '}' | ',' | ':' | '.');
    words
        .split_whitespace()
        .map(|word| word.trim_start_matches(structure).trim_end_matches(structure).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

#[test]
fn the_files_are_the_blocks_of_the_article_with_nothing_but_braces_and_commas_mended() {
    assert_eq!(words(COMMERCE), words(include_str!("article/commerce.txt")));
    assert_eq!(words(AUTHORING), words(include_str!("article/authoring.txt")));
}

#[test]
fn a_file_of_authorities_is_there_for_both_servers_and_must_hold_some() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let setup = || {
        Setup::with_members("")
            .variable("ConnectionStrings__RedisConnectionString", "localhost,ssl=True")
            .variable("Tls__CertificateAuthorities", &path)
    };
    let refused = setup().mistakes().join("\n");
    assert!(refused.contains("expected a PEM file with one or several certificates"), "{refused}");
    std::fs::write(&path, "-----BEGIN CERTIFICATE-----\n").unwrap();
    let settings = setup().loaded().settings;
    assert!(settings.sql.connection.to_secret_string().contains(&format!("TrustServerCertificateCA={path}")));
    assert_eq!(settings.redis.unwrap().tls_authorities.as_deref(), Some(file.path()));
}

#[test]
fn values_may_be_json_strings() {
    let members = r#"
        "Caching": {"CacheEnabled": "False", "Slots": "2048", "CacheAbsoluteExpiration": "7.00:00:00"},
        "VirtoCommerce": {"Hangfire": {"WorkerCount": 11, "UseHangfireServer": "TRUE", "JobStorageType": "database"}},
    "#;
    // A day is the longest time to live.
    let setup = Setup::with_members(&members.replace("7.00", "1.00"));
    let settings = setup.loaded().settings;
    assert!(!settings.caching.enabled);
    assert_eq!(settings.caching.slots, 2048);
    assert_eq!(settings.caching.time_to_live, Duration::from_secs(86_400));
    assert_eq!(settings.hangfire.worker_count, Some(11));
    assert!(settings.hangfire.use_server);
}

#[test]
fn defaults_differ_by_service_where_they_must() {
    let setup = Setup::with_members("");
    let listen = |service| setup.load(service).unwrap().settings.http.listen.to_string();
    let use_server = |service| setup.load(service).unwrap().settings.hangfire.use_server;
    assert_eq!(listen(Service::FrontendApi), "127.0.0.1:8080");
    assert_eq!(listen(Service::AuthoringApi), "127.0.0.1:8081");
    assert_eq!(listen(Service::JobWorker), "127.0.0.1:8082");
    assert!(!use_server(Service::FrontendApi) && !use_server(Service::AuthoringApi));
    assert!(use_server(Service::JobWorker));
    let settings = setup.loaded().settings;
    assert_eq!(settings.hangfire.queues, ["default"]);
    assert_eq!(settings.hangfire.poll_max, None);
    assert_eq!(settings.sql.migrate, None);
    assert_eq!(settings.caching.time_to_live, Duration::from_secs(900));
}

#[test]
fn every_bad_value_is_named_at_once_with_its_place_and_what_was_expected() {
    let setup = Setup::with_file(
        r#"{
  "ConnectionStrings": {"VirtoCommerce": "Server=s;Database=d;User ID=u;Password=p;Encrypt=perhaps"},
  "VirtoCommerce": {"Hangfire": {
    "JobStorageType": "Memory",
    "UseHangfireServer": "ja",
    "WorkerCount": -3,
    "Queues": ["a b"],
    "SqlServerStorageOptions": {"QueuePollInterval": 15, "SchemaName": "jobs"}
  }},
  "Caching": {"MaxStaleness": "00:00:90", "MaxBytes": "2 megabytes", "Slots": 5000},
  "SignalR": {"ScalabilityProvider": "Rabbit"},
  "Authorization": {"PreviousSigningKey": "short"}
}"#,
    )
    .variable("Http__Listen", "localhost:80")
    .flag("Sql:Migrate", "Perhaps");
    insta::assert_snapshot!(setup.mistakes().join("\n"));
}

#[test]
fn a_missing_connection_string_says_where_to_write_it() {
    assert_eq!(
        Setup::with_file("{}").mistakes(),
        [
            "ConnectionStrings:VirtoCommerce: is not set; expected an ADO.NET connection string of SQL Server in the \
          configuration file or in the environment variable ConnectionStrings__VirtoCommerce"
        ]
    );
}

#[test]
fn a_mistake_in_a_connection_string_names_its_keyword_and_no_password() {
    let cases = [
        "Server=s;Database=d;Trusted_Connection=True",
        "Server=s;Database=d;User ID=u;Password=geheim;Encrypt=perhaps",
        "Server=s,port;Database=d;User ID=u;Password=geheim",
        "Server=s;User ID=u;Password=geheim;Databse=d",
    ];
    for text in cases {
        let setup = Setup::with_file("{}").variable("ConnectionStrings__VirtoCommerce", text);
        let found = setup.mistakes().join("\n");
        assert!(found.starts_with("environment variable ConnectionStrings__VirtoCommerce: "), "{found}");
        assert!(!found.contains("geheim"), "{found}");
    }
}

#[test]
fn a_separate_job_database_is_refused_and_the_same_one_is_accepted() {
    let with =
        |text: &str| Setup::with_members("").variable("ConnectionStrings__VirtoCommerce.Hangfire", text);
    assert!(with(&CONNECTION.replace("stoa", "STOA")).load(Service::JobWorker).is_ok());
    let found = with(&CONNECTION.replace("stoa", "jobs")).mistakes().join("\n");
    assert!(found.contains("two databases cannot do that"), "{found}");
    assert!(!found.contains("Pa55"), "{found}");
}

#[test]
fn all_spellings_of_the_push_keys_are_read_and_the_later_source_wins() {
    let channel = |setup: &Setup| setup.loaded().settings.push.channel_name;
    let setup =
        Setup::with_members(r#""VirtoCommerce": {"SignalR": {"RedisBackplane": {"ChannelName": "one"}}},"#);
    assert_eq!(channel(&setup), "one");
    let setup = setup.variable("SignalR__RedisBackplane__ChannelName", "two");
    assert_eq!(channel(&setup), "two");
    let setup = setup.flag("PushNotifications:RedisBackplane:ChannelName", "three");
    assert_eq!(channel(&setup), "three");
}

#[test]
fn the_schema_is_changed_only_when_asked_or_left_to_the_kind_of_server() {
    let migrate = |setup: Setup| setup.loaded().settings.sql.migrate;
    assert_eq!(migrate(Setup::with_members(r#""Migrate": "Never","#)), Some(Migrate::Never));
    assert_eq!(migrate(Setup::with_members("").flag("Sql:Migrate", "auto")), Some(Migrate::Auto));
}

#[test]
fn time_spans_are_read_as_dotnet_writes_them() {
    let seconds = |text| parse_time_span(text).map(|span: Duration| span.as_secs_f64());
    assert_eq!(seconds("00:05:00"), Some(300.0));
    assert_eq!(seconds("0:15:00"), Some(900.0));
    assert_eq!(seconds("7.00:00:00"), Some(604_800.0));
    assert_eq!(seconds("7:00:00:00"), Some(604_800.0));
    assert_eq!(seconds("01:30"), Some(5400.0));
    assert_eq!(seconds("00:00:00.25"), Some(0.25));
    assert_eq!(seconds(" 1.02:03:04.0000001 "), Some(93_784.000_000_1));
    for wrong in
        ["5", "", "-00:00:01", "24:00:00", "00:60:00", "00:00:60", "1:2:3:4:5", "7.00", "00:00:01.", "a:b"]
    {
        assert_eq!(parse_time_span(wrong), None, "{wrong}");
    }
}

proptest::proptest! {
    #[test]
    fn a_time_span_that_was_written_is_read_back(ticks in 0u64..864_000_000_000 * 3650) {
        let span = Duration::from_nanos(1) * 100;
        let span = Duration::new(ticks / 10_000_000, u32::try_from(ticks % 10_000_000).unwrap() * span.subsec_nanos());
        proptest::prop_assert_eq!(parse_time_span(&format_time_span(span)), Some(span));
    }
}

#[test]
fn a_stop_that_would_take_longer_than_orchestrators_wait_is_refused() {
    let longest = Setup::with_members("").flag("Http:StopDelay", "00:00:10");
    let http = longest.flag("Http:DrainTimeout", "00:00:15").loaded().settings.http;
    assert_eq!(http.stop_delay + http.drain_timeout, Duration::from_secs(25));

    let longer = Setup::with_members("").flag("Http:StopDelay", "00:00:11");
    let [mistake] = &longer.mistakes()[..] else { panic!("one mistake") };
    assert!(mistake.contains("Http:DrainTimeout") && mistake.contains("within 30 s of SIGTERM"), "{mistake}");
}
