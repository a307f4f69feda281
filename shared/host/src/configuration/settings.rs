//! The typed settings of a process, read once at start and never changed.
//!
//! One struct a section. Rules that join several keys are at the end of [`Settings::read`]; what a single key may
//! be is in `keys`.

use std::net::SocketAddr;
use std::time::Duration;

use backplane::RedisOptions;
use sql::ConnectionString;

use super::keys;
use super::merge::Flat;
use super::mistake::Mistake;
use super::reader::Reader;
use super::secret::Secret;
use super::time_span::milliseconds;
use crate::Service;

/// Everything that a process of ours can be told. Debug output shows no secret.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which process this is.
    pub service: Service,
    /// The name of the environment, `Production` unless one is named.
    pub environment: String,
    /// SQL Server.
    pub sql: Sql,
    /// Redis; `None`: no hints.
    pub redis: Option<RedisOptions>,
    /// Background jobs.
    pub hangfire: Hangfire,
    /// The local cache and the change feed.
    pub caching: Caching,
    /// Push notifications.
    pub push: Push,
    /// The HTTP server and its limits.
    pub http: Http,
    /// Whether the API document and its viewer are served.
    pub openapi_enabled: bool,
    /// Accounts, sign-in and access tokens.
    pub authorization: Authorization,
    /// Catalog imports.
    pub imports: Imports,
    /// A directive for the log filter: `info`, `debug`, `off` …
    pub log_level: &'static str,
}

/// SQL Server: one database for everything.
#[derive(Clone)]
pub struct Sql {
    /// Where and as whom.
    pub connection: ConnectionString,
    /// Pool and time limits.
    pub options: sql::Options,
    /// Whether a start changes the schema; `None`: only on local-sql.
    pub migrate: Option<Migrate>,
    /// How long a starting process waits for its database.
    pub start_timeout: Duration,
}

impl std::fmt::Debug for Sql {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (server, database) = (self.connection.server(), self.connection.database());
        f.debug_struct("Sql").field("server", &server).field("database", &database).finish_non_exhaustive()
    }
}

/// Whether a start brings the schema up to date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// Yes, whichever server it is.
    Auto,
    /// No; an outdated schema refuses the start.
    Never,
}

/// Background jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hangfire {
    /// Whether this process runs jobs.
    pub use_server: bool,
    /// Jobs at the same time; `None`: as the job engine decides.
    pub worker_count: Option<usize>,
    /// Queues in the order of their service; never empty, lower case, `default` among them.
    pub queues: Vec<String>,
    /// How often a failed job is tried again.
    pub automatic_retry_count: u32,
    /// How long a job stays with a worker that does not renew its lease.
    pub lease: Duration,
    /// Longest time between looks at empty queues; `None`: as the job engine decides.
    pub poll_max: Option<Duration>,
}

/// The local cache and the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caching {
    /// Whether answers are kept at all.
    pub enabled: bool,
    /// How long an entry may live.
    pub time_to_live: Duration,
    /// Prefix of the Redis channels.
    pub channel_name: String,
    /// Memory for values and bookkeeping.
    pub max_bytes: u64,
    /// The bound on staleness while SQL Server answers.
    pub max_staleness: Duration,
    /// Slots of the invalidation table, a power of two.
    pub slots: usize,
    /// How long old answers are given while SQL Server is away.
    pub fail_safe_max: Duration,
    /// How often a cached answer is compared with SQL Server; `None`: never.
    pub staleness_check_interval: Option<Duration>,
}

/// Push notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Push {
    /// How pushes reach other instances.
    pub scalability: Scalability,
    /// Prefix of the push channels.
    pub channel_name: String,
    /// Azure SignalR Service.
    pub azure_connection: Option<Secret>,
    /// How long a notification is kept after its last change.
    pub retention: Duration,
    /// Notifications that are kept for one user.
    pub max_per_user: u32,
    /// Whether WebSockets are the only transport.
    pub force_web_sockets: bool,
    /// Between two questions to SQL Server; `None`: as the courier decides.
    pub poll_interval: Option<Duration>,
}

/// How pushes reach other instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scalability {
    /// They do not.
    None,
    /// Through Redis.
    RedisBackplane,
    /// Through Azure.
    AzureSignalRService,
}

/// The HTTP server and its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Http {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Threads that serve; `None`: one a processor.
    pub workers: Option<usize>,
    /// Open connections of one thread.
    pub max_connections: usize,
    /// Size of a body, uploads apart.
    pub max_body_bytes: usize,
    /// Size of path and headers.
    pub max_header_bytes: usize,
    /// Time to send the headers.
    pub header_timeout: Duration,
    /// Time for an answer to begin.
    pub request_timeout: Duration,
    /// The same for `multipart/form-data`.
    pub upload_timeout: Duration,
    /// Idle time of a connection; zero: one request a connection.
    pub keep_alive: Duration,
    /// From the request to stop until connections are refused: load balancers see meanwhile that readiness fails.
    pub stop_delay: Duration,
    /// After that, time for running requests to end.
    pub drain_timeout: Duration,
    /// Proxies in front whose `X-Forwarded-For` is believed.
    pub trusted_proxy_hops: usize,
    /// Which requests are logged.
    pub access_log: AccessLog,
    /// Which answers are compressed.
    pub compression: Compression,
    /// Pages of other origins that may use this API; `None`: those of the same origin only.
    pub cors: Option<Cors>,
}

/// Which answers are compressed for clients that accept it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// Whether any is.
    pub enabled: bool,
    /// Shorter ones are not.
    pub min_bytes: usize,
}

/// What pages of other origins may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// Whose pages.
    pub allowed_origins: AllowedOrigins,
    /// Request headers that they may send, beside those that every API of ours reads; lower case.
    pub allowed_headers: Vec<String>,
    /// Whether the browser may add cookies; never with [`AllowedOrigins::Any`].
    pub allow_credentials: bool,
    /// How long a browser need not ask again.
    pub max_age: Duration,
}

/// Origins whose pages may use an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AllowedOrigins {
    /// Every page.
    Any,
    /// These, as browsers write them.
    These(Vec<String>),
}

/// Which requests get a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccessLog {
    /// Every one.
    All,
    /// Those answered with 400 or above.
    Failures,
    /// None.
    None,
}

/// Accounts, sign-in and access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    /// Who issues access tokens.
    pub issuer: String,
    /// Whom they are for.
    pub audience: String,
    /// How long an access token is believed.
    pub access_token_lifetime: Duration,
    /// How long a sign-in lasts that is not used.
    pub refresh_token_lifetime: Duration,
    /// How long a used refresh token may be sent once more.
    pub refresh_token_reuse_leeway: Duration,
    /// Signs access tokens; `None`: keys in SQL Server do.
    pub signing_key: Option<Secret>,
    /// Verifies those of the time before.
    pub previous_signing_key: Option<Secret>,
    /// Of the first administrator; `None`: a random one.
    pub bootstrap_password: Option<Secret>,
    /// Passwords that are checked at the same time.
    pub password_hashes_at_once: usize,
    /// Requests to the token routes from one address.
    pub per_address_per_minute: u32,
    /// Sign-ins with one user name or client id, refreshes of one session.
    pub per_account_per_minute: u32,
    /// Shortest password that may be set, characters.
    pub password_length_min: usize,
    /// When an account is locked, and for how long.
    pub lockout: Lockout,
}

/// When an account is locked, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lockout {
    /// Wrong passwords in a row.
    pub max_failed: u32,
    /// How long it stays locked.
    pub time_span: Duration,
}

/// Catalog imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imports {
    /// Size of an uploaded file.
    pub max_upload_bytes: u64,
    /// Files that are received at the same time, each in memory.
    pub max_concurrent_uploads: usize,
}

impl Settings {
    /// Reads all settings of one service.
    ///
    /// # Errors
    /// Every value that does not fit, every required key that is missing, every contradiction.
    pub(super) fn read(flat: &Flat, service: Service) -> Result<Self, Vec<Mistake>> {
        let mut reader = Reader::new(flat, service);
        let mut connection = read_sql_connection(&mut reader);
        let options = read_sql_options(&mut reader);
        let migrate = match reader.choice(&keys::MIGRATE) {
            "Auto" => Some(Migrate::Auto),
            "Never" => Some(Migrate::Never),
            _ => None,
        };
        let start_timeout = reader.span(&keys::SQL_START_TIMEOUT);
        let mut redis = reader.parsed(&keys::REDIS_CONNECTION, RedisOptions::parse);
        if let Some(file) = reader.pem_file(&keys::TLS_AUTHORITIES) {
            connection = connection.map(|connection| connection.with_certificate_authorities(&file));
            redis = redis.map(|redis| redis.with_tls_authorities(file));
        }
        let hangfire = read_hangfire(&mut reader);
        let caching = read_caching(&mut reader);
        let push = read_push(&mut reader);
        let http = read_http(&mut reader);
        let openapi_enabled = reader.bool(&keys::OPENAPI_ENABLE);
        let authorization = read_authorization(&mut reader);
        let imports = Imports {
            max_upload_bytes: reader.integer(&keys::IMPORT_MAX_UPLOAD_BYTES),
            max_concurrent_uploads: reader.size(&keys::IMPORT_MAX_CONCURRENT_UPLOADS),
        };
        let log_level = log_directive(reader.choice(&keys::LOG_LEVEL));
        let environment = flat.environment.clone();
        match connection {
            Some(connection) if reader.mistakes.is_empty() => Ok(Self {
                service,
                environment,
                sql: Sql { connection, options, migrate, start_timeout },
                redis,
                hangfire,
                caching,
                push,
                http,
                openapi_enabled,
                authorization,
                imports,
                log_level,
            }),
            _ => Err(reader.mistakes),
        }
    }

    /// What is accepted and changes nothing, beyond unknown keys: one line each.
    pub(super) fn remarks(&self) -> Vec<String> {
        let of_connection = |remark: &String| format!("{}: {remark}", keys::SQL_CONNECTION.name);
        let mut remarks: Vec<String> = self.sql.connection.remarks().iter().map(of_connection).collect();
        if self.push.scalability == Scalability::AzureSignalRService {
            let key = keys::SCALABILITY_MODE.name;
            remarks.push(format!(
                "{key}: AzureSignalRService is not built yet; each instance serves its own clients"
            ));
        }
        remarks
    }
}

/// The main database, and the proof that the job database is the same.
fn read_sql_connection(reader: &mut Reader<'_>) -> Option<ConnectionString> {
    let main = reader.parsed(&keys::SQL_CONNECTION, ConnectionString::parse);
    let jobs = reader.parsed(&keys::HANGFIRE_CONNECTION, ConnectionString::parse);
    if let (Some(main), Some(jobs)) = (&main, &jobs) {
        let place = |c: &ConnectionString| (c.server().to_lowercase(), c.port(), c.database().to_lowercase());
        if place(main) != place(jobs) {
            let expected = format!(
                "the server and database of {} ({}, {}), not {}, {}: a job commits together with the change it \
                 follows from, and two databases cannot do that",
                keys::SQL_CONNECTION.name,
                main.server(),
                main.database(),
                jobs.server(),
                jobs.database(),
            );
            reader.refuse(&keys::HANGFIRE_CONNECTION, &expected);
        }
    }
    main
}

fn read_sql_options(reader: &mut Reader<'_>) -> sql::Options {
    sql::Options {
        pool_max: u32::try_from(reader.integer(&keys::SQL_MAX_POOL_SIZE)).unwrap_or(u32::MAX),
        acquire_timeout_ms: milliseconds(reader.span(&keys::SQL_ACQUIRE_TIMEOUT)),
        command_timeout_ms: milliseconds(reader.span(&keys::SQL_COMMAND_TIMEOUT)),
        ..sql::Options::default()
    }
}

fn read_hangfire(reader: &mut Reader<'_>) -> Hangfire {
    const DEFAULT_QUEUE: &str = "default";
    let storage = reader.find(&keys::JOB_STORAGE_TYPE).map(|found| found.entry.value.as_str());
    if storage.is_some_and(|value| value.trim().eq_ignore_ascii_case("Memory")) {
        let expected = "SqlServer or Database: jobs in memory would be lost with the process; where there is no SQL \
                        Server, run local-sql, our embedded stand-in (deploy/local-sql)";
        reader.refuse(&keys::JOB_STORAGE_TYPE, expected);
    } else {
        reader.choice(&keys::JOB_STORAGE_TYPE);
    }
    reader.choice(&keys::HANGFIRE_SCHEMA);
    let mut queues = Vec::new();
    for queue in reader.list(&keys::QUEUES).into_iter().chain([DEFAULT_QUEUE.to_owned()]) {
        if !queues.contains(&queue) {
            queues.push(queue);
        }
    }
    let count = reader.optional_integer(&keys::WORKER_COUNT);
    Hangfire {
        use_server: reader.bool(&keys::USE_HANGFIRE_SERVER),
        worker_count: count.and_then(|count| usize::try_from(count).ok()),
        queues,
        automatic_retry_count: u32::try_from(reader.integer(&keys::AUTOMATIC_RETRY_COUNT))
            .unwrap_or(u32::MAX),
        lease: reader.span(&keys::SLIDING_INVISIBILITY_TIMEOUT),
        poll_max: Some(reader.span(&keys::QUEUE_POLL_INTERVAL)).filter(|interval| !interval.is_zero()),
    }
}

fn read_caching(reader: &mut Reader<'_>) -> Caching {
    let slots = reader.size(&keys::CACHE_SLOTS);
    if !slots.is_power_of_two() && slots > 0 {
        let near = slots.next_power_of_two();
        reader.refuse(&keys::CACHE_SLOTS, &format!("a power of two, such as {} or {near}", near / 2));
    }
    let sliding = reader.span(&keys::CACHE_SLIDING_EXPIRATION);
    Caching {
        enabled: reader.bool(&keys::CACHE_ENABLED),
        time_to_live: reader.optional_span(&keys::CACHE_ABSOLUTE_EXPIRATION).unwrap_or(sliding),
        channel_name: reader.text(&keys::CACHE_CHANNEL_NAME),
        max_bytes: reader.integer(&keys::CACHE_MAX_BYTES),
        max_staleness: reader.span(&keys::CACHE_MAX_STALENESS),
        slots,
        fail_safe_max: reader.span(&keys::CACHE_FAIL_SAFE),
        staleness_check_interval: Some(reader.span(&keys::CACHE_STALENESS_CHECK_INTERVAL))
            .filter(|interval| !interval.is_zero()),
    }
}

fn read_push(reader: &mut Reader<'_>) -> Push {
    Push {
        scalability: match reader.choice(&keys::SCALABILITY_MODE) {
            "RedisBackplane" => Scalability::RedisBackplane,
            "AzureSignalRService" => Scalability::AzureSignalRService,
            _ => Scalability::None,
        },
        channel_name: reader.text(&keys::PUSH_CHANNEL_NAME),
        azure_connection: reader.secret(&keys::AZURE_SIGNALR_CONNECTION),
        retention: reader.span(&keys::PUSH_RETENTION),
        max_per_user: u32::try_from(reader.integer(&keys::PUSH_MAX_PER_USER)).unwrap_or(u32::MAX),
        force_web_sockets: reader.bool(&keys::PUSH_FORCE_WEB_SOCKETS),
        poll_interval: reader.optional_span(&keys::PUSH_POLL_INTERVAL),
    }
}

/// Longest time that the HTTP server takes to stop; the rest of the process ends after it, see `lifecycle`.
const HTTP_STOP_MAX: Duration = Duration::from_secs(25);

fn read_http(reader: &mut Reader<'_>) -> Http {
    let workers = reader.optional_integer(&keys::HTTP_WORKERS);
    let stop_delay = reader.span(&keys::HTTP_STOP_DELAY);
    let drain_timeout = reader.span(&keys::HTTP_DRAIN_TIMEOUT);
    if stop_delay + drain_timeout > HTTP_STOP_MAX {
        let expected = format!(
            "at most 00:00:25 together with {} ({} ms): a process has to end within 30 s of SIGTERM",
            keys::HTTP_STOP_DELAY.name,
            milliseconds(stop_delay)
        );
        reader.refuse(&keys::HTTP_DRAIN_TIMEOUT, &expected);
    }
    Http {
        listen: reader.address(&keys::LISTEN),
        workers: workers.and_then(|workers| usize::try_from(workers).ok()),
        max_connections: reader.size(&keys::HTTP_MAX_CONNECTIONS),
        max_body_bytes: reader.size(&keys::HTTP_MAX_BODY_BYTES),
        max_header_bytes: reader.size(&keys::HTTP_MAX_HEADER_BYTES),
        header_timeout: reader.span(&keys::HTTP_HEADER_TIMEOUT),
        request_timeout: reader.span(&keys::HTTP_REQUEST_TIMEOUT),
        upload_timeout: reader.span(&keys::HTTP_UPLOAD_TIMEOUT),
        keep_alive: reader.span(&keys::HTTP_KEEP_ALIVE),
        stop_delay,
        drain_timeout,
        trusted_proxy_hops: reader.size(&keys::HTTP_TRUSTED_PROXY_HOPS),
        access_log: match reader.choice(&keys::HTTP_ACCESS_LOG) {
            "Failures" => AccessLog::Failures,
            "None" => AccessLog::None,
            _ => AccessLog::All,
        },
        compression: Compression {
            enabled: reader.bool(&keys::COMPRESSION_ENABLE),
            min_bytes: reader.size(&keys::COMPRESSION_MIN_BYTES),
        },
        cors: read_cors(reader),
    }
}

fn read_cors(reader: &mut Reader<'_>) -> Option<Cors> {
    let origins = reader.list(&keys::CORS_ALLOWED_ORIGINS);
    let any = origins.iter().any(|origin| origin == "*");
    let cors = Cors {
        allowed_headers: reader.list(&keys::CORS_ALLOWED_HEADERS),
        allow_credentials: reader.bool(&keys::CORS_ALLOW_CREDENTIALS),
        max_age: reader.span(&keys::CORS_MAX_AGE),
        allowed_origins: if any { AllowedOrigins::Any } else { AllowedOrigins::These(origins) },
    };
    if any && cors.allow_credentials {
        let expected = format!(
            "false, or origins by name in {}: with *, any page could act as whoever looks at it",
            keys::CORS_ALLOWED_ORIGINS.name
        );
        reader.refuse(&keys::CORS_ALLOW_CREDENTIALS, &expected);
    }
    (cors.allowed_origins != AllowedOrigins::These(Vec::new())).then_some(cors)
}

fn read_authorization(reader: &mut Reader<'_>) -> Authorization {
    let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let signing_key = reader.secret(&keys::SIGNING_KEY);
    let previous_signing_key = reader.secret(&keys::PREVIOUS_SIGNING_KEY);
    let password_length_min = reader.size(&keys::PASSWORD_LENGTH_MIN);
    let bootstrap_password = reader.secret(&keys::BOOTSTRAP_PASSWORD);
    if bootstrap_password.as_ref().is_some_and(|given| given.expose().chars().count() < password_length_min) {
        let expected =
            format!("at least {password_length_min} characters, as {} says", keys::PASSWORD_LENGTH_MIN.name);
        reader.refuse(&keys::BOOTSTRAP_PASSWORD, &expected);
    }
    Authorization {
        issuer: reader.text(&keys::AUTH_ISSUER),
        audience: reader.text(&keys::AUTH_AUDIENCE),
        access_token_lifetime: reader.span(&keys::ACCESS_TOKEN_LIFETIME),
        refresh_token_lifetime: reader.span(&keys::REFRESH_TOKEN_LIFETIME),
        refresh_token_reuse_leeway: reader.span(&keys::REFRESH_TOKEN_REUSE_LEEWAY),
        signing_key,
        previous_signing_key,
        bootstrap_password,
        password_hashes_at_once: reader.size(&keys::PASSWORD_HASHES_AT_ONCE),
        per_address_per_minute: count(reader.integer(&keys::SIGN_INS_PER_ADDRESS)),
        per_account_per_minute: count(reader.integer(&keys::SIGN_INS_PER_ACCOUNT)),
        password_length_min,
        lockout: Lockout {
            max_failed: count(reader.integer(&keys::LOCKOUT_MAX_FAILED)),
            time_span: reader.span(&keys::LOCKOUT_TIME_SPAN),
        },
    }
}

/// .NET's level words in the words of `tracing`; critical errors are errors here.
fn log_directive(level: &str) -> &'static str {
    match level {
        "Trace" => "trace",
        "Debug" => "debug",
        "Warning" => "warn",
        "Error" | "Critical" => "error",
        "None" => "off",
        _ => "info",
    }
}
