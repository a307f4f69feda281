//! Every limit ends the connection that exceeds it, and no other.

use std::time::Duration;

use signalr::protocol::{Message, Outcome as Ending, Protocol};
use signalr::testing::{Client, ClientOptions, Socket, TestServer};
use signalr::{EndReason, HubOptions, TransportKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::hub::{Outcome, client, declare, every_way, start};

/// Time-outs short enough to be waited for; none is compared with a measured time.
fn impatient() -> HubOptions {
    HubOptions {
        heartbeat_interval: Duration::from_millis(20),
        handshake_timeout: Duration::from_millis(300),
        client_timeout: Duration::from_millis(600),
        disconnect_timeout: Duration::from_millis(600),
        send_timeout: Duration::from_millis(300),
        long_poll_timeout: Duration::from_millis(300),
        keep_alive_interval: Duration::from_millis(100),
        close_timeout: Duration::from_secs(2),
        ..HubOptions::default()
    }
}

/// A hub that reports why connections end.
async fn watched(
    options: HubOptions,
) -> std::io::Result<(signalr::Hub, TestServer, mpsc::UnboundedReceiver<EndReason>)> {
    let (sender, ends) = mpsc::unbounded_channel();
    let hub = declare(options)
        .on_disconnected(move |_, reason| {
            let _ = sender.send(reason);
            async {}
        })
        .start();
    let server = TestServer::start(&hub).await?;
    Ok((hub, server, ends))
}

#[actix_web::test]
async fn a_message_that_is_too_long_closes_its_connection_only() -> Outcome {
    let (_hub, server, mut ends) =
        watched(HubOptions { max_message_bytes: Some(2048), ..HubOptions::default() }).await?;
    let mut other = client(&server).await?;
    for way in every_way() {
        let mut client = Client::connect(&server.url(), way).await?;
        client.notify("Echo", ("x".repeat(4096),)).await?;
        let (error, allow_reconnect) = client.closed().await?.ok_or("no Close message")?;
        assert!(error.is_some_and(|text| text.contains("The maximum message size of 2048B was exceeded.")));
        assert!(!allow_reconnect);
        assert_eq!(ends.recv().await, Some(EndReason::ProtocolViolation));
    }
    assert_eq!(other.invoke::<String>("Echo", ("unharmed",)).await?, "unharmed");
    Ok(())
}

#[actix_web::test]
async fn malformed_messages_close_their_connection_only_and_tell_no_detail() -> Outcome {
    let (_hub, server, mut ends) = watched(HubOptions::default()).await?;
    let mut other = client(&server).await?;
    for way in every_way() {
        let mut client = Client::connect(&server.url(), way.clone()).await?;
        let nonsense: &[u8] = match way.protocol {
            Protocol::Json => b"{\"type\":1,\x1e",
            Protocol::MessagePack => b"\x02\x91\xc1",
        };
        client.send_bytes(bytes::Bytes::from_static(nonsense)).await?;
        let closed = client.closed().await?.ok_or("no Close message")?;
        assert_eq!(closed, (Some("Connection closed with an error.".to_owned()), false));
        assert_eq!(ends.recv().await, Some(EndReason::ProtocolViolation));
    }
    assert_eq!(other.invoke::<String>("Echo", ("unharmed",)).await?, "unharmed");
    Ok(())
}

#[actix_web::test]
async fn broken_websocket_frames_close_their_connection_only() -> Outcome {
    let (hub, server) = start(HubOptions::default()).await?;
    let mut other = client(&server).await?;
    // Reserved bits, an unmasked frame, a continuation of nothing, a frame of 2^63 bytes.
    for bytes in
        [&b"\xf1\x80\0\0\0\0"[..], b"\x81\x01x", b"\x80\x80\0\0\0\0", b"\x82\xff\x80\0\0\0\0\0\0\0\0\0\0\0"]
    {
        let mut socket = Socket::open(&server.url(), &ClientOptions::default()).await?;
        socket.stream().write_all(bytes).await?;
        while socket.next().await.is_some() {}
    }
    assert_eq!(other.invoke::<String>("Echo", ("unharmed",)).await?, "unharmed");
    assert_eq!(hub.status().connections, 1);
    Ok(())
}

#[actix_web::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() -> Outcome {
    let (hub, server) = start(impatient()).await?;
    for way in every_way().into_iter().filter(|way| way.protocol == Protocol::Json) {
        let mut client = Client::open(&server.url(), way).await?;
        // A byte now and then is no handshake either.
        client.send_bytes(bytes::Bytes::from_static(b"{")).await?;
        // What comes is the refusal, which is no hub message.
        let refused = client.next().await;
        assert!(refused.is_err_and(|error| error.to_string() == "Missing required property 'type'."));
    }
    // Nor do polls without end help.
    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let mut polls = Client::open(&server.url(), polls).await?;
    assert!(polls.next().await.is_err_and(|error| error.to_string() == "Missing required property 'type'."));
    while hub.status().connections > 0 {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[actix_web::test]
async fn a_client_that_pinged_and_fell_silent_is_told_and_cut() -> Outcome {
    let (_hub, server, mut ends) = watched(impatient()).await?;
    let mut silent = client(&server).await?;
    silent.send(&Message::Ping).await?;
    let (error, _) = silent.closed().await?.ok_or("no Close message")?;
    assert!(error.is_some_and(|text| text.contains("ClientTimeoutInterval")));
    assert_eq!(ends.recv().await, Some(EndReason::ClientTimeout));
    Ok(())
}

#[actix_web::test]
async fn a_connection_without_transport_is_forgotten() -> Outcome {
    let (hub, server, mut ends) = watched(impatient()).await?;
    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let client = Client::connect(&server.url(), polls).await?;
    assert_eq!(hub.status().connections, 1);
    // It polls no more.
    assert_eq!(ends.recv().await, Some(EndReason::TransportLost));
    drop(client);
    assert_eq!(hub.status().connections, 0);
    Ok(())
}

#[actix_web::test]
async fn a_client_that_reads_nothing_is_cut_and_delays_nobody() -> Outcome {
    let options = HubOptions { send_buffer_bytes: 64 * 1024, ..HubOptions::default() };
    let (hub, server, mut ends) = watched(options).await?;
    let slow = client(&server).await?;
    let mut quick = client(&server).await?;
    let slow_id = slow.connection_id().to_owned();
    let text = "x".repeat(16 * 1024);
    let mut sent = 0;
    // As much as sockets and buffers hold, and then a little more; the quick one reads along.
    while hub.local().contains(&slow_id) {
        hub.clients().all().send("Message", (&text,)).await?;
        sent += 1;
        assert_eq!(quick.expect_call::<String>("Message").await?, std::slice::from_ref(&text));
        assert!(sent < 10_000, "it was never cut");
    }
    assert_eq!(ends.recv().await, Some(EndReason::SlowClient));
    assert_eq!(quick.invoke::<String>("Echo", ("here",)).await?, "here");
    drop(slow);
    Ok(())
}

#[actix_web::test]
async fn a_stream_waits_for_a_slow_client_and_cuts_it_only_by_time() -> Outcome {
    let options = HubOptions { send_buffer_bytes: 16 * 1024, ..impatient() };
    let (_hub, server, mut ends) = watched(options).await?;
    let mut slow = client(&server).await?;
    slow.start_stream("Endless", ()).await?;
    assert_eq!(ends.recv().await, Some(EndReason::SlowClient));
    drop(slow);
    Ok(())
}

#[actix_web::test]
async fn all_buffers_together_are_bounded() -> Outcome {
    let options =
        HubOptions { send_buffer_bytes: 1 << 20, total_buffer_bytes: 256 * 1024, ..HubOptions::default() };
    let (hub, server) = start(options).await?;
    let mut slow = Vec::new();
    for _ in 0..4 {
        slow.push(client(&server).await?);
    }
    let text = "x".repeat(8 * 1024);
    let mut sent = 0;
    while hub.local().count() > 0 {
        hub.clients().all().send("Message", (&text,)).await?;
        // At most everybody's last message above the limit.
        assert!(hub.status().buffered_bytes <= 256 * 1024 + 4 * 9 * 1024);
        sent += 1;
        assert!(sent < 20_000, "none was ever cut");
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[actix_web::test]
async fn one_connection_too_many_is_refused_and_comes_in_when_another_has_gone() -> Outcome {
    let (_hub, server) = start(HubOptions { max_connections: 1, ..impatient() }).await?;
    let first = client(&server).await?;
    let second = client(&server).await;
    assert!(second.is_err_and(|error| error.to_string().contains("503")));
    drop(first);
    while client(&server).await.is_err() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[actix_web::test]
async fn groups_and_streams_of_a_connection_are_bounded() -> Outcome {
    let options = HubOptions { max_groups_per_connection: 1, max_streams: 1, ..HubOptions::default() };
    let (_hub, server) = start(options).await?;
    let mut client = client(&server).await?;
    client.invoke::<()>("Join", ("one",)).await?;
    assert!(client.invoke::<()>("Join", ("two",)).await.is_err());
    client.start_stream("Silent", ()).await?;
    let second = client.start_stream("Silent", ()).await?;
    let Message::Completion(refused) = client.next().await? else { panic!("no completion") };
    assert_eq!(refused.invocation_id, second);
    assert_eq!(refused.outcome, Ending::Error("A connection may have 1 streams at most.".to_owned()));
    let refused = client.start_with("Sum", (1,), &["u"], false).await?;
    let Message::Completion(completion) = client.next().await? else { panic!("no completion") };
    assert_eq!(completion.invocation_id, refused);
    assert!(matches!(completion.outcome, Ending::Error(_)));
    Ok(())
}

#[actix_web::test]
async fn a_post_that_is_too_large_is_refused_and_the_connection_lives() -> Outcome {
    let (_hub, server) = start(HubOptions { max_post_bytes: 1000, ..HubOptions::default() }).await?;
    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let mut client = Client::connect(&server.url(), polls).await?;
    let refused = client.notify("Echo", ("x".repeat(2000),)).await;
    assert!(refused.is_err_and(|error| error.to_string().contains("413")));
    assert_eq!(client.invoke::<String>("Echo", ("still here",)).await?, "still here");
    Ok(())
}

#[actix_web::test]
async fn a_post_whose_body_does_not_arrive_is_not_waited_for() -> Outcome {
    let options = HubOptions { post_timeout: Duration::from_millis(100), ..HubOptions::default() };
    let (_hub, server) = start(options).await?;
    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let mut client = Client::connect(&server.url(), polls).await?;
    let mut slow = tokio::net::TcpStream::connect(server.address()).await?;
    let token = &client.negotiated().token;
    let head = format!("POST /hub?id={token} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{\"type\"");
    slow.write_all(head.as_bytes()).await?;
    let mut answer = Vec::new();
    slow.read_buf(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(client.invoke::<String>("Echo", ("unharmed",)).await?, "unharmed");
    Ok(())
}
