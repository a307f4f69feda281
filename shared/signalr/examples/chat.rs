//! The smallest useful hub: rooms in which everybody hears everybody else. `cargo run -p signalr --example chat`

use actix_web::{App, HttpServer};
use signalr::{Caller, Hub};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let hub = Hub::builder()
        .method("Join", async |caller: Caller, (room,): (String,)| Ok(caller.join(&room).await?))
        .method("Send", async |caller: Caller, (room, text): (String, String)| {
            let from = caller.connection_id();
            Ok(caller.clients().others_in_group(&room).send("Receive", (room, from, text)).await?)
        })
        .start();
    let routes = hub.configure("/chat");
    let server = HttpServer::new(move || App::new().configure(routes.clone())).bind("127.0.0.1:5000")?.run();
    println!("http://127.0.0.1:5000/chat");
    server.await?;
    hub.close(true).await;
    Ok(())
}
