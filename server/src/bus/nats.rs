//! NATS between the nodes: core publish and subscribe, a subject for each user and one for everyone.
//!
//! A node delivers to its own sessions first and by itself, so what NATS does concerns other nodes
//! alone. While NATS is away, nothing is kept for them but whom it was about; when it is back, the
//! sessions on both sides are told to resume, and have what they missed at once. The same becomes
//! of what was under way when the connection ended, though only one node may have noticed.
//!
//! Deliberately not here: anything durable. The store is the truth.

mod debt;
mod listening;
mod subjects;
mod wire;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectError, ConnectOptions, Event, SubscribeError};
use async_trait::async_trait;
use bytes::Bytes;
use message_service_shared::id::{Epoch, UserId};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use self::debt::{Cure, Debt};
use self::listening::{Ask, Listening, ask, resync_here};
use self::subjects::Subjects;
use self::wire::Wire;
use super::{Audience, Bus, Envelope, NodeId, Reach};
use crate::hub::Hub;

/// Envelopes that wait to be sent. More wait only where NATS is slower than the store.
const WAITING: usize = 16_384;
/// Commands that wait while the connection is being made again: a login is two.
const COMMANDS: usize = 65_536;
/// A connection on which two of these were not answered is given up when the third is due.
const PING: Duration = Duration::from_secs(5);
/// The longest wait between two attempts to connect.
const RECONNECT: Duration = Duration::from_secs(2);
/// A session waits for its user to be listened to, and begins without after so long.
const LISTEN: Duration = Duration::from_secs(3);
/// How often a node finds out whether what it said has arrived.
const ACCOUNT: Duration = Duration::from_secs(1);

/// The bus.
#[derive(Debug)]
pub struct NatsBus {
    hub: Arc<Hub>,
    client: Client,
    outgoing: mpsc::Sender<Outgoing>,
    asks: UnboundedSender<Ask>,
    debt: Arc<Debt>,
    speaking: Speaking,
    _tasks: [AbortOnDropHandle<()>; 5],
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

/// What goes through the queue to the connection, in order.
enum Outgoing {
    Word {
        to: Audience,
        cure: Cure,
        payload: Bytes,
    },
    /// Whoever waits for all before it to be handed on.
    Mark(oneshot::Sender<()>),
}

impl NatsBus {
    /// Connects this node to the others. It need not be reachable yet: until it is, the node works
    /// by itself.
    ///
    /// `url` is `nats://host:port`, several with commas between them. Services that share a NATS and
    /// not a data set, as a product's trial beside the product, are kept apart by its `epoch`.
    pub async fn connect(
        url: &str,
        epoch: &Epoch,
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
        let subjects = Subjects::new(epoch);
        let listening = Listening {
            node,
            hub: Arc::clone(&hub),
            client: client.clone(),
            subjects,
            unsure: Arc::default(),
        };
        let everyone = client.subscribe(listening.subjects.everyone()).await?;
        let (outgoing, waiting) = mpsc::channel(WAITING);
        let (asks, asked) = mpsc::unbounded_channel();
        let debt = Arc::new(Debt::default());
        let speaking = Speaking {
            listening: listening.clone(),
            debt: Arc::clone(&debt),
            line: Arc::default(),
        };
        let tasks = [
            tokio::spawn(listening.clone().hear_everyone(everyone)),
            tokio::spawn(listening.run(asked, hub.follow())),
            tokio::spawn(speaking.clone().watch(events)),
            tokio::spawn(speaking.clone().keep_account()),
            tokio::spawn(speaking.clone().send(waiting)),
        ];
        let tasks = tasks.map(AbortOnDropHandle::new);
        Ok(Self { hub, client, outgoing, asks, debt, speaking, _tasks: tasks })
    }
}

#[async_trait]
impl Bus for NatsBus {
    fn publish(&self, envelope: Envelope) {
        self.hub.receive(&envelope);
        let Envelope { to, news } = envelope;
        let cure = Cure::of(&news);
        if self.reach() == Reach::ThisAlone {
            return self.debt.owe(&to, cure);
        }
        let payload = Wire::of(&news).write();
        match self.outgoing.try_send(Outgoing::Word { to, cure, payload }) {
            Ok(()) => {}
            Err(TrySendError::Full(unsent) | TrySendError::Closed(unsent)) => {
                metrics::counter!("message_service_bus_dropped_total").increment(1);
                if let Outgoing::Word { to, cure, .. } = unsent {
                    self.debt.owe(&to, cure);
                }
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

    async fn settle(&self) {
        let (mark, handed_on) = oneshot::channel();
        if self.outgoing.send(Outgoing::Mark(mark)).await.is_ok() {
            // An error is the bus ending, with nobody left to wait for.
            let _ = handed_on.await;
        }
        self.speaking.confirm().await;
    }
}

/// What speaking to the other nodes stands on.
#[derive(Clone, Debug)]
struct Speaking {
    listening: Listening,
    debt: Arc<Debt>,
    line: Arc<Line>,
}

/// What became of the connection so far.
#[derive(Debug, Default)]
struct Line {
    /// How often it was made, as far as what that cost has been seen to.
    made: AtomicU64,
    /// Whether something was heard too slowly since sessions last resumed.
    is_behind: AtomicBool,
}

impl Speaking {
    async fn send(self, mut waiting: mpsc::Receiver<Outgoing>) {
        while let Some(outgoing) = waiting.recv().await {
            match outgoing {
                Outgoing::Word { to, cure, payload } => self.say(&to, cure, payload).await,
                Outgoing::Mark(handed_on) => {
                    // Who has stopped waiting need not know.
                    let _ = handed_on.send(());
                }
            }
        }
    }

    async fn say(&self, to: &Audience, cure: Cure, payload: Bytes) {
        let Listening { client, subjects, .. } = &self.listening;
        let subjects = match to {
            Audience::Everyone => vec![subjects.everyone()],
            Audience::Users(users) => users.iter().map(|user| subjects.user(user)).collect(),
        };
        self.debt.say(to, cure);
        for subject in subjects {
            if let Err(error) = client.publish(subject, payload.clone()).await {
                tracing::warn!(%error, "the other nodes can't be told");
                self.debt.owe(to, cure);
            }
        }
        // Noted before, so that a connection which ends meanwhile owes it; and after, since an
        // answer that came meanwhile was not about it.
        self.debt.say(to, cure);
        metrics::counter!("message_service_bus_published_total").increment(1);
    }

    /// Says again what is owed.
    async fn pay(&self) {
        for Envelope { to, news } in self.debt.take() {
            self.say(&to, Cure::of(&news), Wire::of(&news).write()).await;
        }
    }

    /// Finds out, from time to time, whether what was said has arrived, and pays what is owed.
    async fn keep_account(self) {
        let mut due = interval(ACCOUNT);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            due.tick().await;
            // Events can be lost; the count is not.
            self.see_to_a_new_connection().await;
            if self.line.is_behind.swap(false, Ordering::Relaxed) {
                tracing::warn!("this node hears the others too slowly; its sessions resume");
                resync_here(&self.listening.hub);
            }
            self.listening.make_certain().await;
            self.confirm().await;
            if self.listening.client.connection_state() == State::Connected {
                self.pay().await;
            }
        }
    }

    /// Learns whether all that was handed to the connection has arrived at the server. A connection
    /// that was made meanwhile knows nothing of what was said on the one before it.
    async fn confirm(&self) {
        let before = self.line.made.load(Ordering::SeqCst);
        if self.debt.ask() && self.listening.round_trip().await && self.connections() == before {
            self.debt.arrived();
        }
    }

    /// How often the connection was made.
    fn connections(&self) -> u64 {
        self.listening.client.statistics().connects.load(Ordering::SeqCst)
    }

    /// Makes good what a lost connection has cost, once for each.
    async fn see_to_a_new_connection(&self) {
        let now = self.connections();
        if self.line.made.load(Ordering::SeqCst) == now {
            return;
        }
        // First this, so that nobody who reads the new count takes old words for arrived.
        self.debt.lost();
        if self.line.made.swap(now, Ordering::SeqCst) == now {
            return;
        }
        // What this node listens to is listened to again before anybody resumes.
        if !self.listening.round_trip().await {
            self.listening.unsure.owe(&Audience::Everyone, Cure::Resume);
        }
        resync_here(&self.listening.hub);
        self.pay().await;
    }

    async fn watch(self, mut events: UnboundedReceiver<Event>) {
        while let Some(event) = events.recv().await {
            match event {
                Event::Connected => {
                    tracing::info!("the other nodes can be reached");
                    self.see_to_a_new_connection().await;
                }
                // There is one for each message that was dropped.
                Event::SlowConsumer(_) => self.line.is_behind.store(true, Ordering::Relaxed),
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
}
