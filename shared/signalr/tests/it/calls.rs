//! Calls in both directions, over every transport and in both protocols.

use signalr::protocol::{Message, Outcome as Ending, Payload, Protocol};
use signalr::testing::Client;
use signalr::{HubOptions, HubStatus};

use crate::hub::{Outcome, client, every_way, start};

#[actix_web::test]
async fn a_call_returns_its_result_over_every_transport_and_protocol() -> Outcome {
    let (hub, server) = start(HubOptions::default()).await?;
    for way in every_way() {
        let mut client = Client::connect(&server.url(), way).await?;
        assert_eq!(client.invoke::<String>("Echo", ("hällo \u{1e} \n",)).await?, "hällo \u{1e} \n");
        assert_eq!(client.invoke::<String>("eChO", ("names have no case",)).await?, "names have no case");
        client.invoke::<()>("Nothing", ()).await?;
    }
    hub.close(false).await;
    assert_eq!(hub.status(), HubStatus { connections: 0, buffered_bytes: 0, is_closing: true });
    Ok(())
}

#[actix_web::test]
async fn broadcasts_reach_all_others_groups_and_users_over_every_transport() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let mut clients = Vec::new();
    for way in every_way() {
        clients.push(Client::connect(&server.url(), way).await?);
    }
    for client in &mut clients {
        client.invoke::<()>("Join", ("room",)).await?;
    }
    clients[0].notify("ToAll", ("one",)).await?;
    for client in &mut clients {
        assert_eq!(client.expect_call::<String>("Message").await?, ["one"]);
    }
    clients[1].notify("ToOthers", ("two",)).await?;
    clients[1].notify("ToGroup", ("room", "three")).await?;
    clients[1].notify("ToAll", ("four",)).await?;
    for (index, client) in clients.iter_mut().enumerate() {
        let expected: &[&str] = if index == 1 { &["four"] } else { &["two", "three", "four"] };
        for text in expected {
            assert_eq!(client.expect_call::<String>("Message").await?, [*text]);
        }
    }
    Ok(())
}

#[actix_web::test]
async fn a_client_answers_while_its_own_call_waits_for_it() -> Outcome {
    let (_hub, server) = start(HubOptions::default()).await?;
    let mut client = client(&server).await?;
    let asking = client.start("AskCaller", (21,)).await?;
    // A second call waits its turn and blocks nothing.
    let waiting = client.start("Echo", ("after",)).await?;
    let Message::Invocation(question) = client.next().await? else { panic!("no question came") };
    let id = question.invocation_id.unwrap_or_default();
    client.complete(&id, Ending::Value(Payload::encode(Protocol::Json, &42)?)).await?;
    for (expected, text) in [(asking, "42"), (waiting, "\"after\"")] {
        let Message::Completion(completion) = client.next().await? else { panic!("no completion came") };
        assert_eq!(completion.invocation_id, expected);
        let Ending::Value(value) = completion.outcome else { panic!("no value") };
        assert_eq!(value.bytes(), text);
    }
    Ok(())
}
