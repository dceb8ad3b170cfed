//! NATS between the nodes: core publish and subscribe, a subject for each user and one for everyone.
//!
//! A node delivers to its own sessions first and by itself, so what NATS does concerns other nodes
//! alone. While NATS is away, nothing is kept for them but whom it was about; when it is back, the
//! sessions on both sides are told to resume, and have what they missed at once.
//!
//! Deliberately not here: anything durable. The store is the truth.

mod debt;
mod listening;
mod subjects;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectError, ConnectOptions, Event, SubscribeError};
use async_trait::async_trait;
use bytes::Bytes;
use message_service_shared::id::UserId;
use message_service_shared::push::{Push, Resync};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio_util::task::AbortOnDropHandle;

use self::debt::Debt;
use self::listening::{Ask, Listening, ask};
use self::subjects::Subjects;
use self::wire::Wire;
use super::{Audience, Bus, Envelope, News, NodeId, Reach};
use crate::hub::Hub;

/// Envelopes that wait to be sent. More wait only where NATS is slower than the store.
const WAITING: usize = 16_384;
/// Commands that wait while the connection is being made again: a login is two.
const COMMANDS: usize = 65_536;
/// A connection that says nothing for twice so long is given up.
const PING: Duration = Duration::from_secs(5);
/// The longest wait between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(2);
/// A session waits for its user to be listened to, and begins without after so long.
const LISTEN: Duration = Duration::from_secs(3);
/// Over how long sessions resume after pushes may have been lost.
const RESUME_WITHIN_MS: u64 = 2_000;

/// The bus.
#[derive(Debug)]
pub struct NatsBus {
    hub: Arc<Hub>,
    client: Client,
    outgoing: mpsc::Sender<Outgoing>,
    asks: UnboundedSender<Ask>,
    debt: Arc<Debt>,
    _tasks: [AbortOnDropHandle<()>; 4],
}

/// Why there is no bus.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The address is none, or is refused.
    #[error("NATS can't be used: {0}; change `bus`")]
    Connect(#[from] ConnectError),
    /// The client was closed while it began.
    #[error("NATS can't be listened to: {0}")]
    Subscribe(#[from] SubscribeError),
}

struct Outgoing {
    to: Audience,
    payload: Bytes,
}

impl NatsBus {
    /// Connects this node to the others. It need not be reachable yet: until it is, the node works
    /// by itself.
    ///
    /// `url` is `nats://host:port`, several with commas between them; `prefix` keeps services that
    /// share a NATS apart.
    pub async fn connect(
        url: &str,
        prefix: &str,
        node: NodeId,
        hub: Arc<Hub>,
    ) -> Result<Self, NatsError> {
        let (tell, events) = mpsc::unbounded_channel();
        let options = ConnectOptions::new()
            .name("message-service")
            .no_echo()
            .retry_on_initial_connect()
            .ping_interval(PING)
            .client_capacity(COMMANDS)
            .reconnect_delay_callback(|attempts| {
                let doubled = 50_u64.saturating_mul(1 << attempts.min(10));
                Duration::from_millis(doubled).min(RECONNECT)
            })
            .event_callback(move |event| {
                // The task that listens ends with the bus.
                let _ = tell.send(event);
                std::future::ready(())
            });
        let urls: Vec<&str> = url.split(',').map(str::trim).collect();
        let client = options.connect(urls).await?;
        let subjects = Subjects::new(prefix);
        let listening = Listening { node, hub: Arc::clone(&hub), client: client.clone(), subjects };
        let everyone = client.subscribe(listening.subjects.everyone()).await?;
        let (outgoing, waiting) = mpsc::channel(WAITING);
        let (asks, asked) = mpsc::unbounded_channel();
        let debt = Arc::new(Debt::default());
        let speaking = Speaking { listening: listening.clone(), debt: Arc::clone(&debt) };
        let tasks = [
            tokio::spawn(listening.clone().hear_everyone(everyone)),
            tokio::spawn(listening.run(asked, hub.follow())),
            tokio::spawn(speaking.clone().watch(events)),
            tokio::spawn(speaking.send(waiting)),
        ];
        let tasks = tasks.map(AbortOnDropHandle::new);
        Ok(Self { hub, client, outgoing, asks, debt, _tasks: tasks })
    }
}

#[async_trait]
impl Bus for NatsBus {
    fn publish(&self, envelope: Envelope) {
        self.hub.receive(&envelope);
        let Envelope { to, news } = envelope;
        if self.reach() == Reach::ThisAlone {
            return self.debt.add(&to);
        }
        let payload = Wire::of(&news).write();
        match self.outgoing.try_send(Outgoing { to, payload }) {
            Ok(()) => {}
            Err(TrySendError::Full(unsent) | TrySendError::Closed(unsent)) => {
                metrics::counter!("message_service_bus_dropped_total").increment(1);
                self.debt.add(&unsent.to);
            }
        }
    }

    async fn listen(&self, user: &UserId) {
        if tokio::time::timeout(LISTEN, ask(&self.asks, user)).await.is_err() {
            tracing::warn!("a session begins before its user is listened to on the bus");
        }
    }

    fn reach(&self) -> Reach {
        match self.client.connection_state() {
            State::Connected => Reach::Every,
            State::Pending | State::Disconnected => Reach::ThisAlone,
        }
    }
}

/// What speaking to the other nodes stands on.
#[derive(Clone)]
struct Speaking {
    listening: Listening,
    debt: Arc<Debt>,
}

impl Speaking {
    async fn send(self, mut waiting: mpsc::Receiver<Outgoing>) {
        while let Some(Outgoing { to, payload }) = waiting.recv().await {
            self.say(&to, payload).await;
        }
    }

    async fn say(&self, to: &Audience, payload: Bytes) {
        let Listening { client, subjects, .. } = &self.listening;
        let subjects = match to {
            Audience::Everyone => vec![subjects.everyone()],
            Audience::Users(users) => users.iter().map(|user| subjects.user(user)).collect(),
        };
        for subject in subjects {
            if let Err(error) = client.publish(subject, payload.clone()).await {
                tracing::warn!(%error, "the other nodes can't be told");
                self.debt.add(to);
            }
        }
        metrics::counter!("message_service_bus_published_total").increment(1);
    }

    /// Makes good what a lost connection, or one that was too slow, has cost.
    async fn watch(self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Connected => {
                    tracing::info!("the other nodes can be reached");
                    // What this node listens to is listened to again before anybody resumes.
                    self.listening.round_trip().await;
                    self.resync_here();
                    if let Some(to) = self.debt.take() {
                        self.say(&to, Wire::of(&resync()).write()).await;
                    }
                }
                Event::SlowConsumer(_) => {
                    tracing::warn!("this node hears the others too slowly; its sessions resume");
                    self.resync_here();
                }
                Event::Disconnected | Event::Closed => {
                    tracing::warn!("the other nodes can't be reached; this one goes on by itself");
                }
                Event::LameDuckMode | Event::Draining => {
                    tracing::info!("NATS is about to close the connection");
                }
                Event::ServerError(error) => tracing::warn!(%error, "NATS complains"),
                Event::ClientError(error) => tracing::debug!(%error, "NATS can't be reached"),
            }
        }
    }

    fn resync_here(&self) {
        metrics::counter!("message_service_bus_resyncs_total").increment(1);
        self.listening.hub.receive(&Envelope { to: Audience::Everyone, news: resync() });
    }
}

fn resync() -> News {
    News::Push(Push::Resync(Resync { within_ms: RESUME_WITHIN_MS }))
}
