//! What an operator sees from outside: metrics, traces and log lines of every process.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};
use e2e::collector::{Collector, Span};
use e2e::{ADMIN_PASSWORD, COLLECTOR_TOKEN, Instance, Layout, SA_PASSWORD, World, catalog, eventually};
use reqwest::multipart;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::{JOB_LIMIT, STORE, product_id, with_demo_catalog};

#[tokio::test]
async fn every_process_exposes_what_the_document_names_and_nothing_else() -> Result<()> {
    let world = World::start(Layout { frontends: 1, ..Layout::default() }).await?;
    with_demo_catalog(&world).await?;
    let mug = product_id(&world, "enamel-mug").await?;
    world.shoppers[0].product(STORE, &mug.to_string()).await?;
    let absent = reqwest::get(format!("http://{}/no/such/address", world.addresses[0])).await?;
    assert_eq!(absent.status(), 404);

    let mut exposed = BTreeSet::new();
    let mut texts = Vec::new();
    for instance in world.instances() {
        let text = metrics(&world, instance).await?;
        exposed.extend(text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).map(str::to_owned));
        texts.push(text);
    }

    // Only the backlog may be missing: there are no rows for queues in which nothing waits.
    let optional = ["stoa_jobs_waiting gauge", "stoa_jobs_oldest_waiting_seconds gauge"];
    let mut documented = documented()?;
    for name in optional {
        assert!(documented.remove(name), "{name}");
        exposed.remove(name);
    }
    assert_eq!(exposed, documented);
    let all = texts.concat();
    for expected in [
        r#"http_route="/v1/{store}/products/{reference}""#,
        r#"http_route="/admin/imports/{id}""#,
        r#"http_route="none""#,
        r#"transaction="imports.chunk""#,
        r#"outcome="succeeded""#,
    ] {
        assert!(all.contains(expected), "no sample with {expected} in\n{all}");
    }
    for raw in ["enamel-mug", "no/such", &format!("products/{mug}")] {
        assert!(!all.contains(raw), "{raw} became a label");
    }
    world.stop().await
}

async fn metrics(world: &World, instance: Instance) -> Result<String> {
    let address = world.address(instance)?;
    let answer = reqwest::get(format!("http://{address}/metrics")).await?.error_for_status()?;
    Ok(answer.text().await?)
}

/// `name kind` of each row of the document.
fn documented() -> Result<BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/metrics.md");
    let text = std::fs::read_to_string(path)?;
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let name = cells.next().context("no name")?.trim_matches('`');
        Ok(format!("{name} {}", cells.next().context("no kind")?))
    })
    .collect()
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

#[tokio::test]
async fn one_trace_goes_from_the_upload_through_sql_and_the_job_to_the_publication() -> Result<()> {
    let collector = Collector::start()?;
    let layout = Layout { frontends: 1, collector: Some(collector.address), ..Layout::default() };
    let world = World::start(layout).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let import = upload_within_trace(&world).await?;
    world.merchant.import_ended(import, JOB_LIMIT).await?;
    // What is still in memory is sent at the end.
    world.stop().await?;

    let mut spans = collector.spans();
    spans.retain(|span| span.trace_id == TRACE);
    let published =
        spans.iter().find(|span| span.name == "publish change").context("nothing was published")?;
    let way = ancestors(&spans, published);
    let names: Vec<_> = way.iter().map(|span| (span.service.as_str(), span.name.as_str())).collect();
    assert_eq!(names.last(), Some(&("authoring-api", "POST /admin/imports")), "{names:#?}");
    let is_job = |(service, name): &(&str, &str)| *service == "job-worker" && name.starts_with("JOB ");
    assert!(names.iter().any(is_job), "{names:#?}");
    assert_eq!(way.last().map(|span| span.parent_id.as_str()), Some(CALLER));
    for service in ["authoring-api", "job-worker"] {
        let system = |span: &Span| span.attributes.get("db.system.name").cloned().unwrap_or_default();
        let is_sql = |span: &Span| span.service == service && system(span) == "microsoft.sql_server";
        assert!(spans.iter().any(is_sql), "no statement of {service} in {spans:#?}");
    }
    Ok(())
}

#[tokio::test]
async fn every_log_line_of_a_request_and_of_its_job_names_the_trace_of_the_caller() -> Result<()> {
    let world = World::start(Layout { frontends: 1, ..Layout::default() }).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    let import = upload_within_trace(&world).await?;
    world.merchant.import_ended(import, JOB_LIMIT).await?;
    let folder = world.directory().to_owned();
    let authoring = folder.join(format!("{}.log", Instance::Authoring(0)));
    let worker = folder.join(format!("{}.log", Instance::Worker(0)));

    // An access line may wait in memory for a moment, and a job's last line follows its commit.
    eventually("both logs name the trace", JOB_LIMIT, async || {
        let access = lines_of_trace(&authoring)?.iter().any(|line| line["path"] == "/admin/imports");
        let job = lines_of_trace(&worker)?.iter().any(|line| line["span"]["name"] == "job");
        Ok((access && job).then_some(()))
    })
    .await?;
    for line in lines_of_trace(&authoring)?.iter().chain(&lines_of_trace(&worker)?) {
        let span = line["span_id"].as_str().unwrap_or_default();
        assert_eq!(span.len(), 16, "{line}");
        assert_ne!(span, CALLER, "{line}");
    }
    world.stop().await
}

#[tokio::test]
async fn a_collector_that_is_away_costs_spans_that_are_counted_and_nothing_else() -> Result<()> {
    // Taken and closed again: nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let world =
        World::start(Layout { frontends: 1, workers: 0, collector: Some(nobody), ..Layout::default() })
            .await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    eventually("the spans are counted as dropped", JOB_LIMIT, async || {
        Ok((dropped_spans(&world).await? > 0).then_some(()))
    })
    .await?;
    world.merchant.put_store(STORE, "Renamed", "EUR").await?;
    world.stop().await
}

/// Connections of a collector that accepts everything and never answers.
struct Silent {
    address: std::net::SocketAddr,
    connections: mpsc::UnboundedReceiver<TcpStream>,
    _task: JoinSet<()>,
}

impl Silent {
    async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (accepted, connections) = mpsc::unbounded_channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = accepted.send(stream);
            }
        });
        Ok(Self { address, connections, _task: task })
    }
}

/// Whether whoever sends on this connection still waits for its answer.
async fn is_waiting(stream: &mut TcpStream) -> Result<bool> {
    let mut sent = [0; 16 * 1024];
    loop {
        match stream.try_read(&mut sent) {
            Ok(0) => return Ok(false),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

#[tokio::test]
async fn a_collector_that_never_answers_holds_up_no_request_and_no_stop() -> Result<()> {
    let mut silent = Silent::start().await?;
    let layout = Layout {
        frontends: 0,
        workers: 0,
        collector: Some(silent.address),
        variables: &[("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"), ("OTEL_BSP_SCHEDULE_DELAY", "100")],
        ..Layout::default()
    };
    let world = World::start(layout).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    // Answered while a batch is on its way and gets no answer. On a slow machine the batch may be given up first: then
    // the next one is looked at.
    loop {
        let mut stream = silent.connections.recv().await.context("the collector is gone")?;
        world.merchant.put_store(STORE, "Renamed", "EUR").await?;
        if is_waiting(&mut stream).await? {
            break;
        }
    }
    eventually("the spans are counted as dropped", JOB_LIMIT, async || {
        Ok((dropped_spans(&world).await? > 0).then_some(()))
    })
    .await?;
    // More for the last batch, which nobody takes either.
    world.merchant.put_store(STORE, "Renamed again", "EUR").await?;
    world.stop().await
}

async fn dropped_spans(world: &World) -> Result<u64> {
    let text = metrics(world, Instance::Authoring(0)).await?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(r#"stoa_traces_spans_total{outcome="dropped"} "#));
    Ok(line.map_or(Ok(0), str::parse)?)
}

#[tokio::test]
async fn no_secret_is_in_any_log_metric_or_trace() -> Result<()> {
    const PLANTED: &str = "planted-secret-7c1f";
    let collector = Collector::start()?;
    let layout = Layout {
        frontends: 1,
        collector: Some(collector.address),
        set: &["Http:StopDelay=00:00:00", "Logging:LogLevel:Default=Debug"],
        ..Layout::default()
    };
    let mut world = World::start(layout).await?;
    with_demo_catalog(&world).await?;
    let client = reqwest::Client::new();
    for instance in world.instances() {
        let url = format!("http://{}/admin/stores/x?password={PLANTED}", world.address(instance)?);
        let body = format!(r#"{{"name":"{PLANTED}","password":"{PLANTED}"}}"#);
        let request = client.put(url).bearer_auth(PLANTED).header("cookie", format!("session={PLANTED}"));
        let refused = request.header("content-type", "application/json").body(body).send().await?;
        assert!(refused.status().is_client_error(), "{}", refused.status());
    }
    let api_key = &secret_of_a_used_api_key(&world, PLANTED).await?;
    let mut told: Vec<(String, String)> = Vec::new();
    for instance in world.instances() {
        told.push((format!("metrics of {instance}"), metrics(&world, instance).await?));
    }
    // To their ends: logs and spans that wait in memory are written there.
    let instances: Vec<Instance> = world.instances().collect();
    for instance in instances {
        world.terminate(instance).await?;
        let log = world.directory().join(format!("{instance}.log"));
        told.push((format!("log of {instance}"), std::fs::read_to_string(log)?));
    }
    told.push(("traces".to_owned(), format!("{:?}", collector.spans())));

    for secret in [PLANTED, SA_PASSWORD, ADMIN_PASSWORD, COLLECTOR_TOKEN, api_key] {
        for (place, text) in &told {
            assert!(!text.is_empty(), "{place} is empty");
            assert!(!text.contains(secret), "{secret} is in the {place}");
        }
    }
    Ok(())
}

/// Makes an API key, signs in with it both ways and with a wrong secret, and tells its secret.
async fn secret_of_a_used_api_key(world: &World, wrong: &str) -> Result<String> {
    let address = world.address(Instance::Authoring(0))?;
    let client = reqwest::Client::new();
    let make = client.post(format!("http://{address}/api/platform/security/apikeys"));
    let make = make.bearer_auth(world.merchant.token().await?);
    let key = make.json(&serde_json::json!({ "name": "erp", "permissions": ["store:read"] })).send().await?;
    let key: Value = key.error_for_status()?.json().await?;
    let text = |field: &str| key[field].as_str().map(str::to_owned).context("a key without its secret");
    let (id, secret) = (text("clientId")?, text("clientSecret")?);

    let token = || client.post(format!("http://{address}/connect/token"));
    let grant = [("grant_type", "client_credentials")];
    for (secret, status) in [(secret.as_str(), 200), (wrong, 401)] {
        let in_form = [grant[0], ("client_id", &id), ("client_secret", secret)];
        for request in [token().form(&in_form), token().form(&grant).basic_auth(&id, Some(secret))] {
            assert_eq!(request.send().await?.status(), status);
        }
    }
    Ok(secret)
}

/// Uploads the demo catalog as a caller that traces.
async fn upload_within_trace(world: &World) -> Result<i64> {
    let file = multipart::Part::bytes(catalog::DEMO.to_vec()).file_name("demo.csv").mime_str("text/csv")?;
    let form = multipart::Form::new().text("store", STORE).part("file", file);
    let address = world.address(Instance::Authoring(0))?;
    let request = reqwest::Client::new().post(format!("http://{address}/admin/imports"));
    let request = request
        .bearer_auth(world.merchant.token().await?)
        .header("traceparent", format!("00-{TRACE}-{CALLER}-01"));
    let answer = request.multipart(form).send().await?.error_for_status()?;
    answer.json::<Value>().await?["id"].as_i64().context("an import without id")
}

/// A span and everything around it, the outermost last.
fn ancestors<'a>(spans: &'a [Span], of: &'a Span) -> Vec<&'a Span> {
    let parent = |span: &&'a Span| spans.iter().find(|other| other.id == span.parent_id);
    std::iter::successors(Some(of), parent).collect()
}

fn lines_of_trace(log: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(log)?;
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(lines.filter(|line| line["trace_id"] == TRACE).collect())
}
