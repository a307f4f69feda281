//! Uploads that are slow, too many, or cut off: answered, and never half stored.

use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Instance, Layout, World, catalog, eventually, raw};
use reqwest::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::STORE;

const AUTHORING: Instance = Instance::Authoring(0);
/// Only ends a hung test.
const LIMIT: Duration = Duration::from_secs(60);

/// An upload of which the first half has been sent.
struct Slow {
    stream: TcpStream,
    rest: Vec<u8>,
}

impl Slow {
    /// Sends the first half once the server has said that it reads.
    async fn begin(world: &World) -> Result<Self> {
        let address = world.address(AUTHORING)?;
        let mut body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"store\"\r\n\r\n{STORE}\r\n\
             --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"slow.csv\"\r\n\r\n"
        )
        .into_bytes();
        body.extend_from_slice(catalog::DEMO);
        body.extend_from_slice(b"\r\n--b--\r\n");
        let head = format!(
            "POST /admin/imports HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nexpect: 100-continue\r\n\
             content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            world.merchant.token().await?,
            body.len()
        );
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(head.as_bytes()).await?;
        let mut interim = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
        stream.read_exact(&mut interim).await?;
        let rest = body.split_off(body.len() / 2);
        stream.write_all(&body).await?;
        Ok(Self { stream, rest })
    }

    /// Sends the rest and gives status line, headers and body of the answer.
    async fn finish(mut self) -> Result<String> {
        self.stream.write_all(&self.rest).await?;
        self.answer().await
    }

    /// Whatever comes until the server closes.
    async fn answer(mut self) -> Result<String> {
        let mut answer = Vec::new();
        // A reset is an end like any other.
        let _ = self.stream.read_to_end(&mut answer).await;
        Ok(String::from_utf8(answer)?)
    }
}

async fn start(set: &'static [&'static str]) -> Result<World> {
    let layout = Layout { frontends: 1, authorings: 2, workers: 0, redis: false, set, ..Layout::default() };
    let world = World::start(layout).await?;
    world.merchant.put_store(STORE, "Stoa Outdoor", "EUR").await?;
    Ok(world)
}

/// What an authoring instance that was not touched says of an import.
async fn import_status(world: &World, id: i64) -> Result<StatusCode> {
    let url = format!("http://{}/admin/imports/{id}", world.address(Instance::Authoring(1))?);
    let token = world.merchant.token().await?;
    Ok(reqwest::Client::new().get(url).bearer_auth(token).send().await?.status())
}

#[tokio::test]
async fn an_upload_above_the_places_is_asked_to_come_back_and_succeeds_when_one_is_free() -> Result<()> {
    let world = start(&["Http:StopDelay=00:00:00", "Imports:MaxConcurrentUploads=2"]).await?;
    let slow = [Slow::begin(&world).await?, Slow::begin(&world).await?];
    let upload = async || world.merchant.upload("no-such-store", "more.csv", catalog::DEMO.to_vec()).await;

    let (refused, _) = eventually("all places are taken", LIMIT, async || {
        let answer = upload().await?;
        Ok((answer.status != StatusCode::UNPROCESSABLE_ENTITY).then_some(answer))
    })
    .await?;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{}", refused.body);
    assert_eq!(refused.headers["retry-after"], "5");

    for upload in slow {
        let answer = upload.finish().await?;
        assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    }
    assert_eq!(upload().await?.status, StatusCode::UNPROCESSABLE_ENTITY, "there is a place again");
    world.stop().await
}

#[tokio::test]
async fn an_upload_that_is_under_way_at_a_stop_is_received_to_its_end() -> Result<()> {
    let mut world = start(Layout::default().set).await?;
    let slow = Slow::begin(&world).await?;

    world.ask_to_stop(AUTHORING)?;

    let address = world.address(AUTHORING)?.to_owned();
    eventually("no connection is accepted any more", LIMIT, async || {
        Ok(TcpStream::connect(&address).await.is_err().then_some(()))
    })
    .await?;
    let answer = slow.finish().await?;
    assert!(answer.starts_with("HTTP/1.1 202 "), "{answer}");
    world.ended(AUTHORING).await?;
    let location = answer.lines().find_map(|line| line.strip_prefix("location: /admin/imports/"));
    let id = location.context("an import without address")?.trim().parse()?;
    assert_eq!(import_status(&world, id).await?, StatusCode::OK);
    world.stop().await
}

#[tokio::test]
async fn an_upload_that_never_ends_is_cut_off_and_nothing_of_it_is_stored() -> Result<()> {
    let mut world = start(&["Http:StopDelay=00:00:00", "Http:DrainTimeout=00:00:01"]).await?;
    // One client goes away half-way, the other stays and says nothing until the process gives up.
    let gone = Slow::begin(&world).await?;
    drop(gone);
    let stays = Slow::begin(&world).await?;
    world.ask_to_stop(AUTHORING)?;
    world.ended(AUTHORING).await?;
    assert!(!stays.answer().await?.contains(" 202 "));

    for id in 1..4 {
        assert_eq!(import_status(&world, id).await?, StatusCode::NOT_FOUND);
    }
    world.stop().await
}

#[tokio::test]
async fn a_form_that_is_cut_off_is_no_form() -> Result<()> {
    let world = start(Layout::default().set).await?;
    let token = world.merchant.token().await?;
    let request = |rest: &str| {
        format!(
            "POST /admin/imports HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n{rest}"
        )
    };
    let part = "--b\r\nContent-Disposition: form-data; name=\"store\"\r\n\r\noutdoor\r\n";
    for rest in [
        format!(
            "content-type: multipart/form-data; boundary=b\r\ncontent-length: {}\r\n\r\n{part}",
            part.len()
        ),
        format!(
            "content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{part}"
        ),
    ] {
        let (head, body) = raw(world.address(AUTHORING)?, request(&rest).as_bytes()).await?;
        assert!(head.starts_with("HTTP/1.1 4") && body.contains("urn:stoa:problem:"), "{head}\n{body}");
    }
    assert_eq!(import_status(&world, 1).await?, StatusCode::NOT_FOUND);
    world.stop().await
}
