//! The one table of every configuration key: name, other spellings, form, default, meaning.
//!
//! `settings` reads through it, unknown keys are judged by it, `--print-config-keys` prints it, and a snapshot
//! test keeps it. To add a key: a line in [`table!`] below, a field in `settings`, the snapshot.

use std::time::Duration;

use crate::Service;

/// One configuration key.
#[derive(Debug)]
pub struct Key {
    /// As documents write it; compared without regard to case.
    pub name: &'static str,
    /// Other spellings that mean the same, older ones last.
    pub aliases: &'static [&'static str],
    /// What a value must look like.
    pub form: Form,
    /// What holds when no source has the key.
    pub fallback: Fallback,
    /// One clause for the configuration table.
    pub meaning: &'static str,
}

/// What a value must look like.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// `true` or `false`, in any case.
    Bool,
    /// A whole number.
    Integer { min: u64, max: u64 },
    /// A number of bytes, plain or with `KiB`, `MiB`, `GiB`.
    Bytes { min: u64, max: u64 },
    /// A time span of .NET.
    TimeSpan { min: Duration, max: Duration },
    /// One of a few words, in any case.
    Choice(&'static [&'static str]),
    /// Any text up to this many characters.
    Text { max: usize },
    /// An array, each element of this form.
    List(Element),
    /// An IP address with a port.
    Address,
    /// An ADO.NET connection string of SQL Server.
    SqlConnection,
    /// A StackExchange.Redis connection string.
    RedisConnection,
    /// A secret of at least this many characters.
    Secret { min: usize },
    /// A file of certificates.
    PemFile,
}

/// What an element of an array must look like.
#[derive(Clone, Copy, Debug)]
pub enum Element {
    /// Letters, digits, `_` and `-`.
    Name,
    /// The origin of a web page, or `*`.
    Origin,
    /// The name of an HTTP header.
    Header,
}

/// What holds when no source has the key.
#[derive(Clone, Copy, Debug)]
pub enum Fallback {
    /// This value, in the same form.
    Value(&'static str),
    /// Nothing; the text says what that means.
    Absent(&'static str),
    /// The start is refused.
    Required,
    /// A value for each service; the text is for the configuration table.
    PerService(fn(Service) -> &'static str, &'static str),
}

impl Form {
    /// Whether values may never be shown. Connection strings hold passwords.
    pub fn is_secret(self) -> bool {
        matches!(self, Self::SqlConnection | Self::RedisConnection | Self::Secret { .. })
    }
}

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
const YEAR: Duration = Duration::from_secs(365 * 86_400);
const MAX_INDEX: u64 = 1 << 26;

macro_rules! table {
    ($($constant:ident: $name:literal $(| $alias:literal)*, $form:expr, $fallback:expr, $meaning:literal;)*) => {
        $(
            #[doc = concat!("`", $name, "`: ", $meaning)]
            pub static $constant: Key = Key {
                name: $name,
                aliases: &[$($alias),*],
                form: $form,
                fallback: $fallback,
                meaning: $meaning,
            };
        )*
        /// Every key, in the order in which documents list them.
        pub static ALL: &[&Key] = &[$(&$constant),*];
    };
}

use Fallback::{Absent, PerService, Required, Value};

table! {
    SQL_CONNECTION: "ConnectionStrings:VirtoCommerce",
        Form::SqlConnection, Required,
        "SQL Server: business data, jobs and the change feed, in one database";
    HANGFIRE_CONNECTION: "ConnectionStrings:VirtoCommerce.Hangfire",
        Form::SqlConnection, Absent("the same database"),
        "accepted if it names the same server and database; jobs commit together with the data they follow from";
    REDIS_CONNECTION: "ConnectionStrings:RedisConnectionString",
        Form::RedisConnection, Absent("no hints: everything works, later"),
        "Redis; the only switch that turns cache hints and job wake-ups on";

    JOB_STORAGE_TYPE: "VirtoCommerce:Hangfire:JobStorageType",
        Form::Choice(&["SqlServer", "Database"]), Value("SqlServer"),
        "both words mean SQL Server";
    USE_HANGFIRE_SERVER: "VirtoCommerce:Hangfire:UseHangfireServer",
        Form::Bool, PerService(Service::default_use_hangfire_server, "true on job-worker, else false"),
        "whether this process runs jobs; false only enqueues them";
    WORKER_COUNT: "VirtoCommerce:Hangfire:WorkerCount",
        Form::Integer { min: 1, max: 1000 }, Absent("processors × 5, at most 20"),
        "jobs that run at the same time in this process";
    QUEUES: "VirtoCommerce:Hangfire:Queues",
        Form::List(Element::Name), Absent("`default`"),
        "queues that this process serves, first to last; `default` is always added";
    AUTOMATIC_RETRY_COUNT: "VirtoCommerce:Hangfire:AutomaticRetryCount",
        Form::Integer { min: 0, max: 100 }, Value("1"),
        "how often a failed job is tried again";
    SLIDING_INVISIBILITY_TIMEOUT: "VirtoCommerce:Hangfire:SqlServerStorageOptions:SlidingInvisibilityTimeout",
        Form::TimeSpan { min: Duration::from_secs(5), max: DAY }, Value("00:05:00"),
        "how long a job stays with a worker that does not renew its lease";
    QUEUE_POLL_INTERVAL: "VirtoCommerce:Hangfire:SqlServerStorageOptions:QueuePollInterval",
        Form::TimeSpan { min: Duration::ZERO, max: HOUR }, Value("00:00:00"),
        "longest time between two looks at empty queues; zero leaves it to the engine";
    HANGFIRE_SCHEMA: "VirtoCommerce:Hangfire:SqlServerStorageOptions:SchemaName",
        Form::Choice(&["HangFire"]), Value("HangFire"),
        "SQL schema of the job tables";

    SCALABILITY_MODE: "PushNotifications:ScalabilityMode"
            | "SignalR:ScalabilityProvider" | "VirtoCommerce:SignalR:ScalabilityProvider",
        Form::Choice(&["None", "RedisBackplane", "AzureSignalRService"]), Value("RedisBackplane"),
        "what carries live messages between instances; without a Redis string RedisBackplane starts without and says so";
    PUSH_CHANNEL_NAME: "PushNotifications:RedisBackplane:ChannelName"
            | "SignalR:RedisBackplane:ChannelName" | "VirtoCommerce:SignalR:RedisBackplane:ChannelName",
        Form::Text { max: 200 }, Value("VirtoCommerceChannel"),
        "prefix of the push channels; separates systems that share one Redis";
    AZURE_SIGNALR_CONNECTION: "PushNotifications:AzureSignalRService:ConnectionString"
            | "SignalR:AzureSignalRService:ConnectionString"
            | "VirtoCommerce:SignalR:AzureSignalRService:ConnectionString",
        Form::Secret { min: 1 }, Absent("–"),
        "Azure SignalR Service; read and not used yet";
    PUSH_RETENTION: "PushNotifications:Retention",
        Form::TimeSpan { min: HOUR, max: YEAR }, Value("30.00:00:00"),
        "how long a notification is kept after its last change";
    PUSH_MAX_PER_USER: "PushNotifications:MaxPerUser",
        Form::Integer { min: 10, max: 100_000 }, Value("1000"),
        "notifications that are kept for one user; of more the oldest go";
    PUSH_HUB_URL: "PushNotifications:HubUrl",
        Form::Text { max: 2000 }, Absent("–"),
        "accepted and not needed: instances reach each other through SQL Server and Redis";
    PUSH_FORCE_WEB_SOCKETS: "PushNotifications:ForceWebSockets",
        Form::Bool, Value("false"),
        "true offers WebSockets alone: then a load balancer in front needs no sticky sessions";
    PUSH_POLL_INTERVAL: "PushNotifications:PollInterval",
        Form::TimeSpan { min: Duration::from_millis(100), max: HOUR },
        Absent("00:00:05 while hints come through Redis, else 00:00:01"),
        "how often an instance asks SQL Server for notifications of the users who are connected to it";

    CACHE_ENABLED: "Caching:CacheEnabled",
        Form::Bool, Value("true"),
        "false loads every answer from SQL Server";
    CACHE_SLIDING_EXPIRATION: "Caching:CacheSlidingExpiration",
        Form::TimeSpan { min: SECOND, max: DAY }, Value("00:15:00"),
        "how long an entry may live, spread by up to a tenth; used when no absolute expiration is set";
    CACHE_ABSOLUTE_EXPIRATION: "Caching:CacheAbsoluteExpiration",
        Form::TimeSpan { min: SECOND, max: DAY }, Absent("the sliding expiration"),
        "wins over the sliding expiration";
    CACHE_CHANNEL_NAME: "Caching:Redis:ChannelName",
        Form::Text { max: 200 }, Value("VirtoCommerceChannel"),
        "prefix of the Redis channels; separates systems that share one Redis";
    CACHE_MAX_BYTES: "Caching:MaxBytes",
        Form::Bytes { min: 1 << 20, max: 1 << 40 }, Value("256MiB"),
        "memory that cached values and their bookkeeping may take";
    CACHE_MAX_STALENESS: "Caching:MaxStaleness",
        Form::TimeSpan { min: Duration::from_millis(300), max: HOUR }, Value("00:00:05"),
        "no answer is older than this while SQL Server answers, whatever Redis does";
    CACHE_SLOTS: "Caching:Slots",
        Form::Integer { min: 1024, max: MAX_INDEX }, Value("1048576"),
        "slots of the invalidation table (8 bytes each); a power of two";
    CACHE_FAIL_SAFE: "Caching:FailSafe:MaxDuration",
        Form::TimeSpan { min: Duration::ZERO, max: DAY }, Value("00:10:00"),
        "how long old answers, marked as such, are given while SQL Server is away";
    CACHE_STALENESS_CHECK_INTERVAL: "Caching:StalenessCheck:Interval",
        Form::TimeSpan { min: Duration::ZERO, max: DAY }, Value("00:00:01"),
        "how often frontend-api compares one cached answer with SQL Server, see `stoa_cache_stale_beyond_bound_total`; zero: never";

    LISTEN: "Http:Listen" | "Listen",
        Form::Address, PerService(Service::default_listen, "127.0.0.1:8080 frontend-api, :8081 authoring-api, :8082 job-worker"),
        "address and port; port 0 takes a free one";
    HTTP_WORKERS: "Http:Workers",
        Form::Integer { min: 1, max: 1024 }, Absent("one a processor"),
        "threads that serve requests";
    HTTP_MAX_CONNECTIONS: "Http:MaxConnections",
        Form::Integer { min: 1, max: 1_000_000 }, Value("10000"),
        "open connections of one HTTP thread; more wait to be accepted";
    HTTP_MAX_BODY_BYTES: "Http:MaxBodyBytes",
        Form::Bytes { min: 1024, max: 1 << 30 }, Value("1MiB"),
        "size of a request's body, uploads apart; above: 413";
    HTTP_MAX_HEADER_BYTES: "Http:MaxHeaderBytes",
        Form::Bytes { min: 1024, max: 1 << 17 }, Value("16KiB"),
        "size of a request's path and headers; above: 431";
    HTTP_HEADER_TIMEOUT: "Http:HeaderTimeout",
        Form::TimeSpan { min: Duration::from_millis(100), max: HOUR }, Value("00:00:05"),
        "time for a connection to send its request line and headers";
    HTTP_REQUEST_TIMEOUT: "Http:RequestTimeout",
        Form::TimeSpan { min: Duration::from_millis(100), max: HOUR }, Value("00:00:30"),
        "time for an answer to begin; above: 503";
    HTTP_UPLOAD_TIMEOUT: "Http:UploadTimeout",
        Form::TimeSpan { min: Duration::from_millis(100), max: DAY }, Value("00:10:00"),
        "the same for `multipart/form-data` uploads";
    HTTP_KEEP_ALIVE: "Http:KeepAlive",
        Form::TimeSpan { min: Duration::ZERO, max: HOUR }, Value("00:01:15"),
        "idle time after which a connection is closed; longer than the load balancer's";
    HTTP_STOP_DELAY: "Http:StopDelay",
        Form::TimeSpan { min: Duration::ZERO, max: Duration::from_secs(20) },
        PerService(Service::default_stop_delay, "00:00:05, job-worker 00:00:00"),
        "after SIGTERM, time for load balancers to see that `/health/ready` fails; requests are still taken meanwhile";
    HTTP_DRAIN_TIMEOUT: "Http:DrainTimeout",
        Form::TimeSpan { min: Duration::ZERO, max: Duration::from_secs(20) }, Value("00:00:15"),
        "after that, time for running requests and uploads to end; together with `Http:StopDelay` at most 00:00:25";
    HTTP_TRUSTED_PROXY_HOPS: "Http:TrustedProxyHops",
        Form::Integer { min: 0, max: 16 }, Value("0"),
        "proxies in front that write X-Forwarded-For and X-Forwarded-Host: the client is that many addresses from the end; 0 ignores both";
    HTTP_ACCESS_LOG: "Http:AccessLog",
        Form::Choice(&["All", "Failures", "None"]), Value("All"),
        "one log line a request; `Failures` writes those of 400 and above only";
    COMPRESSION_ENABLE: "Http:Compression:Enable",
        Form::Bool, Value("true"),
        "whether answers are compressed for clients that accept brotli or gzip; false where the proxy in front does it";
    COMPRESSION_MIN_BYTES: "Http:Compression:MinBytes",
        Form::Bytes { min: 64, max: 1 << 30 }, Value("1KiB"),
        "shorter answers are sent as they are";
    CORS_ALLOWED_ORIGINS: "Http:Cors:AllowedOrigins",
        Form::List(Element::Origin), Absent("none: pages of the same origin only"),
        "origins whose pages may use this API from a browser, such as `https://shop.example`; `*` is every origin";
    CORS_ALLOWED_HEADERS: "Http:Cors:AllowedHeaders",
        Form::List(Element::Header), Absent("those that the APIs read"),
        "further request headers that such pages may send";
    CORS_ALLOW_CREDENTIALS: "Http:Cors:AllowCredentials",
        Form::Bool, Value("false"),
        "whether such pages may let the browser add cookies, as SignalR's client does unless told otherwise; not with `*`";
    CORS_MAX_AGE: "Http:Cors:MaxAge",
        Form::TimeSpan { min: Duration::ZERO, max: DAY }, Value("01:00:00"),
        "how long a browser need not ask again what is allowed; browsers keep it for two hours at most";

    OPENAPI_ENABLE: "OpenApi:Enable" | "VirtoCommerce:Swagger:Enable",
        Form::Bool, Value("true"),
        "whether the APIs serve their OpenAPI document at /openapi.json and a viewer for it at /docs/";

    SQL_MAX_POOL_SIZE: "Sql:MaxPoolSize",
        Form::Integer { min: 1, max: 1000 }, Value("16"),
        "connections to SQL Server of this process";
    SQL_ACQUIRE_TIMEOUT: "Sql:AcquireTimeout",
        Form::TimeSpan { min: Duration::from_millis(100), max: HOUR }, Value("00:00:15"),
        "time to wait for a free connection";
    SQL_COMMAND_TIMEOUT: "Sql:CommandTimeout",
        Form::TimeSpan { min: Duration::from_millis(100), max: HOUR }, Value("00:00:30"),
        "time for one statement";
    SQL_START_TIMEOUT: "Sql:StartTimeout",
        Form::TimeSpan { min: SECOND, max: DAY }, Value("00:10:00"),
        "how long a starting process waits for its database";
    MIGRATE: "Sql:Migrate" | "Migrate",
        Form::Choice(&["Auto", "Never"]), Absent("Auto on local-sql, else Never"),
        "whether a start brings the database's schema up to date";

    TLS_AUTHORITIES: "Tls:CertificateAuthorities",
        Form::PemFile, Absent("those of the system"),
        "certificate authorities to trust beside the system's, for SQL Server and Redis";

    IMPORT_MAX_UPLOAD_BYTES: "Imports:MaxUploadBytes",
        Form::Bytes { min: 1024, max: 1 << 32 }, Value("256MiB"),
        "size of an uploaded catalog file; above: 413";
    IMPORT_MAX_CONCURRENT_UPLOADS: "Imports:MaxConcurrentUploads",
        Form::Integer { min: 1, max: 1024 }, Value("4"),
        "catalog files that are received at the same time, each in memory; above: 503 with `Retry-After`";

    AUTH_ISSUER: "Auth:Authority",
        Form::Text { max: 200 }, Value("stoa"),
        "issuer that access tokens name and must name; the same on all instances";
    AUTH_AUDIENCE: "Auth:Audience",
        Form::Text { max: 200 }, Value("resource_server"),
        "audience that access tokens name and must name; the same on all instances";
    ACCESS_TOKEN_LIFETIME: "Authorization:AccessTokenLifeTime",
        Form::TimeSpan { min: SECOND, max: DAY }, Value("00:10:00"),
        "how long an access token is believed, whatever happens to its account; the same on all instances";
    REFRESH_TOKEN_LIFETIME: "Authorization:RefreshTokenLifeTime",
        Form::TimeSpan { min: SECOND, max: YEAR }, Value("30.00:00:00"),
        "how long a sign-in lasts that is not used; each use begins it anew";
    REFRESH_TOKEN_REUSE_LEEWAY: "Authorization:RefreshTokenReuseLeeway",
        Form::TimeSpan { min: Duration::ZERO, max: Duration::from_secs(300) }, Value("00:00:10"),
        "how long after its use a refresh token may be sent once more, by a client that lost the answer";
    SIGNING_KEY: "Authorization:SigningKey",
        Form::Secret { min: 32 }, Absent("keys in SQL Server, shared by all instances"),
        "key that signs access tokens; set it on all instances or on none";
    PREVIOUS_SIGNING_KEY: "Authorization:PreviousSigningKey",
        Form::Secret { min: 32 }, Absent("–"),
        "beside a signing key, one that only verifies: the next key while some instances do not have it yet, then the one before";
    BOOTSTRAP_PASSWORD: "Authorization:BootstrapPassword" | "STOA_BOOTSTRAP_PASSWORD",
        Form::Secret { min: 8 }, Absent("a random one, printed once"),
        "password of the user `admin`, whom authoring-api makes where there is no user yet";
    PASSWORD_HASHES_AT_ONCE: "Authorization:MaxConcurrentPasswordHashes",
        Form::Integer { min: 1, max: 64 }, Value("2"),
        "passwords that are checked at the same time; each takes 19 MiB and one thread, others wait";
    SIGN_INS_PER_ADDRESS: "Authorization:RateLimit:PerAddressPerMinute",
        Form::Integer { min: 1, max: 100_000 }, Value("60"),
        "requests to the token routes from one client address (of IPv6: one /64), in each instance; above: 429";
    SIGN_INS_PER_ACCOUNT: "Authorization:RateLimit:PerAccountPerMinute",
        Form::Integer { min: 1, max: 100_000 }, Value("30"),
        "sign-ins with one user name or client id, and refreshes of one session, in each instance; above: 429";
    PASSWORD_LENGTH_MIN: "IdentityOptions:Password:RequiredLength",
        Form::Integer { min: 8, max: 128 }, Value("12"),
        "shortest password that a user may be given, characters";
    LOCKOUT_TIME_SPAN: "IdentityOptions:Lockout:DefaultLockoutTimeSpan",
        Form::TimeSpan { min: SECOND, max: YEAR }, Value("00:15:00"),
        "how long an account is locked after too many wrong passwords";
    LOCKOUT_MAX_FAILED: "IdentityOptions:Lockout:MaxFailedAccessAttempts",
        Form::Integer { min: 1, max: 1000 }, Value("5"),
        "wrong passwords in a row that lock an account";

    LOG_LEVEL: "Logging:LogLevel:Default",
        Form::Choice(&["Trace", "Debug", "Information", "Warning", "Error", "Critical", "None"]),
        Value("Information"),
        "lowest level that is logged; RUST_LOG, where set, wins and can name modules";
}

/// A key that users of the platforms we follow have in their files, and that changes nothing here.
#[derive(Debug)]
pub struct Ignored {
    /// The key; one that ends in `:` stands for everything below it.
    pub name: &'static str,
    /// Why, as one clause for the log. Empty: not worth a line.
    pub reason: &'static str,
}

const SHARED_KEYS: &str = "signing keys are shared through SQL Server or Authorization:SigningKey";
const NO_COOKIES: &str = "there are no sign-in cookies, only bearer tokens";
const PASSWORD_RULES: &str = "a password is judged by its length only";
const NO_LOCKOUT_JOB: &str = "accounts that nobody uses are not locked by themselves";
const OWN_STATEMENTS: &str = "the job engine chooses isolation, locks and batches itself";

/// Known keys without effect.
pub static IGNORED: &[Ignored] = &[
    Ignored { name: "Logging:", reason: "" },
    Ignored { name: "Urls", reason: "Http:Listen says where to listen" },
    Ignored {
        name: "Kestrel:",
        reason: "Http:Listen says where to listen, other keys of Http: set the limits",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:UseRecommendedIsolationLevel",
        reason: OWN_STATEMENTS,
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:UseIgnoreDupKeyOption",
        reason: OWN_STATEMENTS,
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:UsePageLocksOnDequeue",
        reason: OWN_STATEMENTS,
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:DisableGlobalLocks",
        reason: OWN_STATEMENTS,
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:CommandBatchMaxTimeout",
        reason: OWN_STATEMENTS,
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:TransactionTimeout",
        reason: "Sql:CommandTimeout limits each statement",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:CommandTimeout",
        reason: "Sql:CommandTimeout limits each statement",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:EnableHeavyMigrations",
        reason: "Sql:Migrate decides about the schema",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:PrepareSchemaIfNecessary",
        reason: "Sql:Migrate decides about the schema",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:TryAutoDetectSchemaDependentOptions",
        reason: "the schema version is known",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:InactiveStateExpirationTimeout",
        reason: "ended jobs are kept as long as Hangfire keeps them by default",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:JobExpirationCheckInterval",
        reason: "the job engine paces its own cleaning",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:CountersAggregateInterval",
        reason: "counters are written summed",
    },
    Ignored {
        name: "VirtoCommerce:Hangfire:SqlServerStorageOptions:DashboardJobListLimit",
        reason: "there is no dashboard yet",
    },
    Ignored { name: "VirtoCommerce:Hangfire:MySqlStorageOptions:", reason: "the storage is SQL Server" },
    Ignored { name: "VirtoCommerce:Hangfire:PostgreSqlStorageOptions:", reason: "the storage is SQL Server" },
    Ignored {
        name: "Caching:Redis:BusRetryCount",
        reason: "a lost hint costs time, not correctness, so none is sent twice",
    },
    Ignored { name: "Auth:PublicCertPath", reason: SHARED_KEYS },
    Ignored { name: "Auth:PrivateKeyPath", reason: SHARED_KEYS },
    Ignored { name: "Auth:PrivateKeyPassword", reason: SHARED_KEYS },
    Ignored { name: "Authorization:SecurityStampValidationInterval", reason: NO_COOKIES },
    Ignored { name: "Authorization:CookieExpireTimeSpan", reason: NO_COOKIES },
    Ignored { name: "Authorization:CookieSlidingExpiration", reason: NO_COOKIES },
    Ignored { name: "Authorization:LimitedCookiePermissions", reason: NO_COOKIES },
    Ignored { name: "Authorization:AllowApiAccessForCustomers", reason: "customers have no accounts here" },
    Ignored {
        name: "Authorization:EnablePersistentStorageTokenValidation",
        reason: "access tokens are believed until they expire; Authorization:AccessTokenLifeTime bounds that",
    },
    Ignored { name: "Authorization:NonEditableUsers", reason: "permissions decide who may edit whom" },
    Ignored { name: "Authorization:ReturnPasswordHash", reason: "password hashes are never given out" },
    Ignored {
        name: "Authorization:AllowUpdateProtectedUserFields",
        reason: "permissions decide who may edit whom",
    },
    Ignored { name: "IdentityOptions:User:", reason: "a user name is what tells users apart" },
    Ignored { name: "IdentityOptions:DataProtection:", reason: NO_COOKIES },
    Ignored { name: "IdentityOptions:Password:", reason: PASSWORD_RULES },
    Ignored { name: "IdentityOptions:Lockout:AllowedForNewUsers", reason: "every account can be locked" },
    Ignored { name: "IdentityOptions:Lockout:AutoAccountsLockoutJobEnabled", reason: NO_LOCKOUT_JOB },
    Ignored { name: "IdentityOptions:Lockout:CronAutoAccountsLockoutJob", reason: NO_LOCKOUT_JOB },
    Ignored { name: "IdentityOptions:Lockout:LockoutMaximumDaysFromLastLogin", reason: NO_LOCKOUT_JOB },
    Ignored { name: "IdentityOptions:Lockout:AutoAccountsLockoutJobBatchSize", reason: NO_LOCKOUT_JOB },
];

/// Sections whose every key is judged; a key outside them belongs to somebody else and is left alone.
pub static SECTIONS: &[&str] = &[
    "ConnectionStrings",
    "VirtoCommerce:Hangfire",
    "VirtoCommerce:SignalR",
    "SignalR",
    "PushNotifications",
    "Caching",
    "Http",
    "OpenApi",
    "Sql",
    "Tls",
    "Auth",
    "Authorization",
    "IdentityOptions",
    "Imports",
    "Logging",
];

/// The key with this spelling, in any case.
pub fn find(name: &str) -> Option<&'static Key> {
    spellings().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, key)| key)
}

/// Whether a key lies in one of our sections or is one of our few keys without a section.
pub fn is_ours(key: &str) -> bool {
    let in_section = |section: &&str| {
        key.get(..section.len()).is_some_and(|start| start.eq_ignore_ascii_case(section))
            && key[section.len()..].starts_with(':')
    };
    SECTIONS.iter().any(in_section) || find(key).is_some()
}

/// Every spelling of every key.
pub fn spellings() -> impl Iterator<Item = (&'static str, &'static Key)> {
    ALL.iter()
        .flat_map(|key| std::iter::once(key.name).chain(key.aliases.iter().copied()).map(move |n| (n, *key)))
}
