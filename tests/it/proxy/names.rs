//! A name server as Docker has one: a name is the addresses of the containers that run now.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::Mutex;

use anyhow::Result;
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

/// The name that has addresses; every other has none.
pub const NAME: &str = "frontend-api";

const HEADER_BYTES: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];
const NXDOMAIN: u8 = 3;

/// A running name server; ends when dropped.
pub struct Names {
    pub address: SocketAddr,
    addresses: Arc<Mutex<Vec<Ipv4Addr>>>,
    _tasks: JoinSet<()>,
}

impl Names {
    pub async fn start(addresses: &[Ipv4Addr]) -> Result<Self> {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        let address = socket.local_addr()?;
        let addresses = Arc::new(Mutex::new(addresses.to_vec()));
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(socket, addresses.clone()));
        Ok(Self { address, addresses, _tasks: tasks })
    }

    /// What the name means from now on.
    pub fn set(&self, addresses: &[Ipv4Addr]) {
        *self.addresses.lock().expect("nobody panics under it") = addresses.to_vec();
    }
}

async fn serve(socket: UdpSocket, addresses: Arc<Mutex<Vec<Ipv4Addr>>>) {
    let mut query = [0; 512];
    while let Ok((length, from)) = socket.recv_from(&mut query).await {
        let now = addresses.lock().expect("nobody panics under it").clone();
        if let Some(answer) = answer(&query[..length], &now) {
            socket.send_to(&answer, from).await.ok();
        }
    }
}

/// RFC 1035: the question again, and a record for each address.
fn answer(query: &[u8], addresses: &[Ipv4Addr]) -> Option<Vec<u8>> {
    let labels = query.get(HEADER_BYTES..)?;
    let end = labels.iter().position(|byte| *byte == 0)?;
    let kind = labels.get(end + 1..end + 3)?;
    let question = labels.get(..end + 5)?;
    let name = labels.get(1..end)?;
    let is_known = name == NAME.as_bytes();
    let found = if is_known && kind == TYPE_A { addresses } else { &[] };
    let code = if is_known { 0 } else { NXDOMAIN };
    let mut answer = query[..2].to_vec();
    answer.extend([0x84, code, 0, 1, 0, u8::try_from(found.len()).ok()?, 0, 0, 0, 0]);
    answer.extend(question);
    for address in found {
        // The name of the question; A, IN, one second, four bytes.
        answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(address.octets());
    }
    Some(answer)
}
