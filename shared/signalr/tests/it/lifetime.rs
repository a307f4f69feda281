//! How connections begin and end, and what survives a broken socket.

use std::sync::Arc;
use std::time::Duration;

use signalr::protocol::{Message, Payload, Protocol};
use signalr::testing::{Client, ClientOptions, TestServer};
use signalr::{EndReason, HubError, HubOptions, TransportKind};
use tokio::sync::{Mutex, mpsc};

use crate::hub::{Outcome, client, declare, every_way, start};

#[actix_web::test]
async fn each_connected_hook_is_followed_by_one_disconnected_hook() -> Outcome {
    let (sender, mut told) = mpsc::unbounded_channel();
    let leaving = sender.clone();
    let hub = declare(HubOptions::default())
        .on_connected(move |caller| {
            let _ = sender.send((caller.connection_id().to_owned(), None));
            async { Ok(()) }
        })
        .on_disconnected(move |caller, reason| {
            let _ = leaving.send((caller.connection_id().to_owned(), Some(reason)));
            async {}
        })
        .start();
    let server = TestServer::start(&hub).await?;
    for way in every_way() {
        let mut client = Client::connect(&server.url(), way).await?;
        let id = client.connection_id().to_owned();
        assert_eq!(told.recv().await, Some((id.clone(), None)));
        client.send(&Message::Close { error: None, allow_reconnect: false }).await?;
        assert_eq!(told.recv().await, Some((id, Some(EndReason::ClientClosed))));
    }
    let client = client(&server).await?;
    let id = client.connection_id().to_owned();
    assert_eq!(told.recv().await, Some((id.clone(), None)));
    drop(client);
    assert_eq!(told.recv().await, Some((id, Some(EndReason::TransportLost))));
    Ok(())
}

#[actix_web::test]
async fn a_connected_hook_that_fails_refuses_the_connection() -> Outcome {
    let hub = declare(HubOptions::default()).on_connected(async |_| Err(HubError::new("not you"))).start();
    let server = TestServer::start(&hub).await?;
    for way in every_way() {
        let mut client = Client::connect(&server.url(), way).await?;
        let closed = client.closed().await?.ok_or("no Close message")?;
        assert_eq!(
            closed,
            (Some("Connection closed with an error. HubException: not you".to_owned()), false)
        );
    }
    Ok(())
}

#[actix_web::test]
async fn a_closing_hub_tells_every_client_whether_to_come_back_and_lets_nobody_in() -> Outcome {
    for allow_reconnect in [true, false] {
        let (hub, server) = start(HubOptions::default()).await?;
        let mut clients = Vec::new();
        for way in every_way() {
            clients.push(Client::connect(&server.url(), way).await?);
        }
        let closing = {
            let hub = hub.clone();
            tokio::spawn(async move { hub.close(allow_reconnect).await })
        };
        for client in &mut clients {
            assert_eq!(client.closed().await?, Some((None, allow_reconnect)));
        }
        closing.await?;
        assert_eq!(hub.status().connections, 0);
        assert!(client(&server).await.is_err_and(|error| error.to_string().contains("503")));
    }
    Ok(())
}

#[actix_web::test]
async fn a_client_between_two_polls_still_learns_that_the_hub_closes() -> Outcome {
    let (hub, server) = start(HubOptions::default()).await?;
    let polls = ClientOptions { transport: TransportKind::LongPolling, ..ClientOptions::default() };
    let mut client = Client::connect(&server.url(), polls).await?;
    let closing = {
        let hub = hub.clone();
        tokio::spawn(async move { hub.close(true).await })
    };
    while !hub.status().is_closing {
        tokio::task::yield_now().await;
    }
    assert!(matches!(client.next().await?, Message::Close { allow_reconnect: true, .. }));
    closing.await?;
    Ok(())
}

#[actix_web::test]
async fn a_call_whose_client_has_gone_is_told_that_it_has() -> Outcome {
    let gone = Arc::new(Mutex::new(None));
    let (sender, receiver) = tokio::sync::oneshot::channel();
    *gone.lock().await = Some(sender);
    let hub = declare(HubOptions::default())
        .method("WaitForEnd", move |caller: signalr::Caller, (): ()| {
            let gone = gone.clone();
            async move {
                caller.clients().caller().send("Message", ("running",)).await?;
                caller.ended().await;
                if let Some(gone) = gone.lock().await.take() {
                    let _ = gone.send(caller.has_ended());
                }
                Ok(())
            }
        })
        .start();
    let server = TestServer::start(&hub).await?;
    let mut client = client(&server).await?;
    client.notify("WaitForEnd", ()).await?;
    assert_eq!(client.expect_call::<String>("Message").await?, ["running"]);
    drop(client);
    assert!(receiver.await?);
    Ok(())
}

fn stateful(protocol: Protocol) -> ClientOptions {
    ClientOptions { stateful_reconnect: true, protocol, ..ClientOptions::default() }
}

#[actix_web::test]
async fn what_was_not_acknowledged_is_sent_again_after_a_broken_socket() -> Outcome {
    let (hub, server) = start(HubOptions::default()).await?;
    for protocol in Protocol::ALL {
        let mut client = Client::connect(&server.url(), stateful(protocol)).await?;
        let id = client.connection_id().to_owned();
        client.invoke::<()>("Join", ("room",)).await?;
        hub.clients().client(&id).send("Message", ("one",)).await?;
        assert_eq!(client.expect_call::<String>("Message").await?, ["one"]);
        // Two were received (the completion and "one"); one is acknowledged.
        client.send(&Message::Ack(1)).await?;
        client.invoke::<()>("Nothing", ()).await?;
        client.tear();
        hub.clients().group("room").send("Message", ("two",)).await?;
        client.attach().await?;
        assert_eq!(client.next().await?, Message::Sequence(2));
        // Before the client's own Sequence nothing counts.
        client.notify("ToAll", ("ignored",)).await?;
        client.send(&Message::Sequence(3)).await?;
        assert_eq!(client.expect_call::<String>("Message").await?, ["one"]);
        assert!(matches!(client.next().await?, Message::Completion(_)));
        assert_eq!(client.expect_call::<String>("Message").await?, ["two"]);
        assert_eq!(client.invoke::<String>("Echo", ("on we go",)).await?, "on we go");
        client.send(&Message::Close { error: None, allow_reconnect: false }).await?;
        while hub.local().contains(&id) {
            tokio::task::yield_now().await;
        }
    }
    Ok(())
}

#[actix_web::test]
async fn a_message_that_is_sent_twice_is_taken_once() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let mut client = Client::connect(&server.url(), stateful(Protocol::Json)).await?;
    client.notify("ToAll", ("first",)).await?;
    assert_eq!(client.expect_call::<String>("Message").await?, ["first"]);
    client.tear();
    client.attach().await?;
    // The first message again, as a client that saw no acknowledgement sends it, and a second one.
    client.send(&Message::Sequence(1)).await?;
    client.notify("ToAll", ("first",)).await?;
    client.notify("ToAll", ("second",)).await?;
    assert_eq!(client.next().await?, Message::Sequence(1));
    assert_eq!(client.expect_call::<String>("Message").await?, ["first"], "resent by the server");
    assert_eq!(client.expect_call::<String>("Message").await?, ["second"]);
    // And a gap is an error.
    client.tear();
    client.attach().await?;
    client.send(&Message::Sequence(9)).await?;
    let (error, _) = client.closed().await?.ok_or("no Close message")?;
    assert_eq!(error.as_deref(), Some("Sequence ID greater than amount of messages we've received."));
    Ok(())
}

#[actix_web::test]
async fn unacknowledged_messages_are_bounded_and_the_rest_waits() -> Outcome {
    let options = HubOptions { reconnect_buffer_bytes: 300, ..HubOptions::default() };
    let (hub, server) = start(options).await?;
    let mut client = Client::connect(&server.url(), stateful(Protocol::Json)).await?;
    let text = "x".repeat(100);
    for _ in 0..10 {
        hub.clients().all().send("Message", (&text,)).await?;
    }
    let mut received = 0;
    while received < 10 {
        client.expect_call::<String>("Message").await?;
        received += 1;
        client.send(&Message::Ack(received)).await?;
    }
    Ok(())
}

#[actix_web::test]
async fn a_client_that_does_not_come_back_in_time_is_gone() -> Outcome {
    let (sender, mut ends) = mpsc::unbounded_channel();
    let options = HubOptions {
        disconnect_timeout: Duration::from_millis(200),
        heartbeat_interval: Duration::from_millis(20),
        ..HubOptions::default()
    };
    let hub = declare(options)
        .on_disconnected(move |_, reason| {
            let _ = sender.send(reason);
            async {}
        })
        .start();
    let server = TestServer::start(&hub).await?;
    let mut client = Client::connect(&server.url(), stateful(Protocol::Json)).await?;
    client.tear();
    assert_eq!(ends.recv().await, Some(EndReason::TransportLost));
    while client.attach().await.is_ok() {
        tokio::task::yield_now().await;
    }
    Ok(())
}

#[actix_web::test]
async fn the_server_acknowledges_what_it_has() -> Outcome {
    let options = HubOptions { heartbeat_interval: Duration::from_millis(20), ..HubOptions::default() };
    let (_hub, server) = start(options).await?;
    let mut client = Client::connect(&server.url(), stateful(Protocol::MessagePack)).await?;
    client.notify("Nothing", ()).await?;
    client.notify("Nothing", ()).await?;
    loop {
        match client.next().await? {
            Message::Ack(2) => return Ok(()),
            Message::Ack(1) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[actix_web::test]
async fn streams_go_both_ways_and_are_cancelled() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    for way in every_way() {
        let polls = way.transport == TransportKind::LongPolling;
        let protocol = way.protocol;
        let mut client = Client::connect(&server.url(), way).await?;
        let id = client.start_stream("Count", (3,)).await?;
        for number in 1..=3 {
            let item = Payload::encode(protocol, &number)?;
            assert_eq!(client.next().await?, Message::StreamItem { invocation_id: id.clone(), item });
        }
        assert!(matches!(client.next().await?, Message::Completion(_)));
        let sum = client.start_with("Sum", (10,), &["u1"], false).await?;
        client.upload("u1", &1).await?;
        client.upload("u1", &2).await?;
        client.complete("u1", signalr::protocol::Outcome::Void).await?;
        let Message::Completion(completion) = client.next().await? else { panic!("no completion") };
        assert_eq!(completion.invocation_id, sum);
        let signalr::protocol::Outcome::Value(value) = completion.outcome else { panic!("no value") };
        assert_eq!(value.decode::<i64>()?, 13);
        let id = client.start_stream("Silent", ()).await?;
        client.send(&Message::CancelInvocation { invocation_id: id.clone() }).await?;
        let Message::Completion(completion) = client.next().await? else { panic!("no completion, {polls}") };
        assert_eq!((completion.invocation_id, completion.outcome), (id, signalr::protocol::Outcome::Void));
    }
    Ok(())
}
