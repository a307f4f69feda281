//! A user's browser tab: connects to the push hub, comes back whenever the connection ends, asks for what it missed, and
//! logs what it was told. And the judge of such a log.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use parking_lot::Mutex;
use serde_json::Value;
use signalr::TransportKind;
use signalr::protocol::{Message, Outcome, Protocol};
use signalr::testing::{Client, ClientOptions};
use tokio::task::JoinHandle;

use crate::Merchant;

/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);
/// A connection that brings nothing for so long is given up, as clients do after two missed pings.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a tab was told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its place in the user's feed.
    pub number: i64,
    /// The notification.
    pub id: String,
    /// How far the import was.
    pub state: String,
}

impl Told {
    /// As `Send` and the replay have it.
    pub fn of(notification: &Value) -> Result<Self> {
        let text = |name: &str| notification[name].as_str().map(str::to_owned);
        Ok(Self {
            number: notification["number"].as_i64().context("a notification without number")?,
            id: text("id").context("a notification without id")?,
            state: text("state").context("an import without state")?,
        })
    }
}

/// A tab; closed when dropped.
pub struct Subscriber {
    /// What it is, for messages.
    pub name: String,
    log: Arc<Mutex<Vec<Told>>>,
    system_events: Arc<Mutex<u64>>,
    tab: JoinHandle<()>,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.tab.abort();
    }
}

impl Subscriber {
    /// Opens a tab of the user; it connects to the first of these addresses that lets it in, beginning with the first.
    pub fn open(
        user: &Merchant,
        addresses: Vec<String>,
        transport: TransportKind,
        protocol: Protocol,
    ) -> Self {
        let (log, system_events) = (Arc::<Mutex<Vec<Told>>>::default(), Arc::<Mutex<u64>>::default());
        let name = format!("{transport:?} {protocol:?} at {}", addresses.first().map_or("", String::as_str));
        let (kept, events, user) = (log.clone(), system_events.clone(), user.clone());
        let tab = tokio::spawn(async move {
            for address in addresses.iter().cycle() {
                let options =
                    ClientOptions { transport, protocol, patience: PATIENCE, ..ClientOptions::default() };
                // However it ends, it comes back.
                let _ = stay(&user, address, options, &kept, &events).await;
                tokio::time::sleep(PAUSE).await;
            }
        });
        Self { name, log, system_events, tab }
    }

    /// Everything that it was told, in the order in which it came.
    pub fn log(&self) -> Vec<Told> {
        self.log.lock().clone()
    }

    /// How often it was told that messages may have been missed.
    pub fn system_events(&self) -> u64 {
        *self.system_events.lock()
    }
}

/// One connection, from its beginning to its end.
async fn stay(
    user: &Merchant,
    address: &str,
    options: ClientOptions,
    log: &Mutex<Vec<Told>>,
    system_events: &Mutex<u64>,
) -> Result<()> {
    let options = ClientOptions { access_token: Some(user.token().await?), ..options };
    let url = format!("http://{address}/pushNotificationHub?subscribe=true");
    let mut client = Client::connect(&url, options).await.map_err(|error| anyhow!("{error}"))?;
    let mut subscribing = ask(&mut client, log).await?;
    loop {
        match client.next().await.map_err(|error| anyhow!("{error}"))? {
            Message::Invocation(call) if call.target == "Send" => {
                let notification: Value = call.arguments.first().context("an empty call")?.decode()?;
                log.lock().push(Told::of(&notification)?);
            }
            Message::Invocation(call) if call.target == "SendSystemEvents" => *system_events.lock() += 1,
            Message::Completion(completion) if completion.invocation_id == subscribing => {
                let Outcome::Value(answer) = completion.outcome else { anyhow::bail!("{completion:?}") };
                if answer.decode::<Value>()?["more"] == true {
                    subscribing = ask(&mut client, log).await?;
                }
            }
            Message::Close { .. } => return Ok(()),
            _ => {}
        }
    }
}

/// Says what it knows; the id of the call.
async fn ask(client: &mut Client, log: &Mutex<Vec<Told>>) -> Result<String> {
    let after = log.lock().last().map_or(0, |told| told.number);
    client.start("Subscribe", (after,)).await.map_err(|error| anyhow!("{error}"))
}

/// Whether a tab was told everything, once and in order: numbers rise, nothing is anybody else's, and the last that it
/// heard of each notification is what the feed says of it at the end.
pub fn judge(log: &[Told], feed: &[Told]) -> Result<()> {
    for pair in log.windows(2) {
        ensure!(pair[0].number < pair[1].number, "{:?} came before {:?}", pair[0], pair[1]);
    }
    for told in log {
        ensure!(feed.iter().any(|row| row.id == told.id), "{told:?} is in no feed of this user");
    }
    for row in feed {
        let last = log.iter().rev().find(|told| told.id == row.id);
        ensure!(last == Some(row), "the feed has {row:?}, the last that was told is {last:?}");
    }
    Ok(())
}
