//! A cable between our processes and a server, which a story can pull out: connections are passed on to a port of
//! loopback until then.

use anyhow::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A cable; ends when dropped.
pub(crate) struct Wire {
    port: u16,
    is_cut: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Wire {
    /// To this port of loopback.
    pub(crate) async fn start(server: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (is_cut, watching) = watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, server, watching));
        Ok(Self { port, is_cut, _tasks: tasks })
    }

    /// Where it is to be reached instead of the server.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Pulled out: every connection ends, also one that is just being made, and new ones end at once. `false`: in
    /// place again.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.is_cut.send_replace(is_cut);
    }
}

async fn accept(listener: TcpListener, server: u16, is_cut: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let mut is_cut = is_cut.clone();
        connections.spawn(async move {
            tokio::select! {
                biased;
                _ = is_cut.wait_for(|is_cut| *is_cut) => {}
                () = pass_on(client, server) => {}
            }
        });
    }
}

async fn pass_on(mut client: TcpStream, server: u16) {
    if let Ok(mut server) = TcpStream::connect(("127.0.0.1", server)).await {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        tokio::io::copy_bidirectional(&mut client, &mut server).await.ok();
    }
}
