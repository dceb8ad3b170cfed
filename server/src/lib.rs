//! message-service: messages and notifications for a web product.
//!
//! The service runs beside the main app, as the binary `message-service`, or inside it, as an
//! [`axum::Router`] nested under any prefix:
//!
//! ```no_run
//! use message_service::config::{Config, StoreAt};
//! use message_service::service::{PushRequest, To};
//! use message_service::{MessageService, message::Content};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = Config::new(StoreAt::Sqlite("data/messages.db".into()))?;
//! config.jwt.secrets = vec![std::env::var("MESSAGE_SECRET")?.as_str().into()];
//! config.service_keys = vec![std::env::var("MESSAGE_KEY")?.as_str().into()];
//! let messages = MessageService::start(config).await?;
//!
//! let app: axum::Router = axum::Router::new().nest("/messages", messages.router());
//!
//! messages
//!     .push(PushRequest {
//!         to: To::Users(vec!["ann".parse()?]),
//!         content: Content::notice("Your order is on its way"),
//!         quiet: false,
//!         key: None,
//!     })
//!     .await?;
//!
//! let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
//! axum::serve(listener, app).await?;
//! messages.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! A frame's or request's road leads from the edges (`rest`, `ws`) through [`session`] to
//! [`service`], which decides, and from there to the [`store`] and, by the [`bus`], to the
//! [`hub`] of every node, where the sessions are.

pub mod bus;
pub mod caller;
pub mod clock;
pub mod config;
pub mod hub;
pub mod logouts;
mod measure;
mod node;
pub mod origin;
pub mod outbox;
mod problem;
mod rest;
pub mod roster;
pub mod serve;
pub mod service;
pub mod session;
pub mod store;
pub mod transfer;
mod webhook;
mod ws;

pub use measure::RecorderTaken;
pub use message_service_shared::{
    close, command, error, id, limits, message, push, row, seq, view,
};
pub use webhook::EndpointError;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use message_service_shared::close::CloseCode;
use message_service_shared::id::Epoch;
use message_service_shared::push::{Goodbye, Push};
use tokio::sync::Notify;
use tokio::task::JoinError;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use self::bus::nats::{NatsBus, NatsError};
use self::bus::{Bus, InProcess, NodeId};
use self::caller::{Jwt, Resolver, ServiceKeys};
use self::clock::{Clock, Ids, RandomIds, SystemClock};
use self::config::{BusAt, Config, ConfigError, DrainConfig, Secret, StoreAt};
use self::hub::Hub;
use self::node::Node;
use self::outbox::{Outbox, Worker};
use self::roster::{Alone, Leased, Leases, Roster};
use self::service::{Away, Parts, PushRequest, Pushed, Rules, Service};
use self::store::archive::Archive;
use self::store::memory::MemoryStore;
use self::store::mongodb::{self, Migrate, MongoStore};
use self::store::sqlite::{OpenError, SqliteStore};
use self::store::waiting::Waiting;
use self::store::{Profile, Store, StoreError};
use self::webhook::{Endpoint, Teller};

/// The service, started.
#[derive(Debug)]
pub struct MessageService {
    node: Arc<Node>,
    idle: Duration,
    drain: DrainConfig,
    /// Ends what runs beside the requests, at the latest when the service is dropped.
    _ended: DropGuard,
}

/// Why the service did not start. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration does not do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store's file can't be used.
    #[error("the store can't be opened: {0}")]
    Open(#[from] OpenError),
    /// The store's database can't be used.
    #[error("the store can't be opened: {0}")]
    OpenMongoDb(#[from] mongodb::OpenError),
    /// The store holds a part of what it should.
    #[error(
        "the store holds an import that was not finished; run `message-service import` with the \
         same file again"
    )]
    Unfinished,
    /// The store was opened and does not work.
    #[error("the store does not work: {0}")]
    Store(#[from] StoreError),
    /// The other nodes can't be spoken to.
    #[error(transparent)]
    Bus(#[from] NatsError),
    /// The main app can't be told of users who are away.
    #[error(transparent)]
    Webhook(#[from] EndpointError),
    /// The outbox's address does not do.
    #[error("the outbox can't be used: {0}; change `outbox`")]
    Outbox(#[source] mongodb::ConnectError),
    /// Metrics are recorded elsewhere.
    #[error(transparent)]
    Metrics(#[from] RecorderTaken),
    /// Metrics can't be answered there.
    #[error("metrics can't be answered at {address} ({source}); change `metrics.listen`")]
    MetricsListen {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
}

impl MessageService {
    /// Starts, with users told by the JWTs that the main app signs.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        config.check_standalone()?;
        let secrets = config.jwt.secrets.iter().map(Secret::expose);
        let jwt = &config.jwt;
        let resolver = Jwt::new(secrets, jwt.issuer.as_deref(), jwt.audience.as_deref());
        Self::start_with(config, Arc::new(resolver)).await
    }

    /// Starts, with users told by the host itself: by its cookies, its sessions, or tokens of its
    /// own. The host may do without service keys, and push in process.
    pub async fn start_with(
        config: Config,
        resolver: Arc<dyn Resolver>,
    ) -> Result<Self, StartError> {
        config.check()?;
        let ended = CancellationToken::new();
        // What was begun ends also where the rest can't be.
        let guard = ended.clone().drop_guard();
        if let Some(address) = config.metrics.listen {
            let recorder = measure::record()?;
            let listener = serve::bind_at(address)
                .map_err(|source| StartError::MetricsListen { address, source })?;
            let idle = Duration::from_millis(config.idle_ms);
            tokio::spawn(measure::serve(listener, recorder, idle, ended.clone()));
        }
        let webhook = &config.webhook;
        let endpoint = match &webhook.url {
            Some(url) => Some(Endpoint::new(url.clone(), webhook.keys()?)?),
            None => None,
        };
        let Opened { store, leases, waiting, clock } = open(&config).await?;
        let hub = Arc::new(Hub::default());
        let id = NodeId::of(RandomIds.make(SystemClock.now()));
        let roster: Arc<dyn Roster> = match leases {
            Some(leases) => {
                Arc::new(Leased::start(id, Arc::clone(&hub), leases, Arc::clone(&store)))
            }
            None => Arc::new(Alone::new(Arc::clone(&hub))),
        };
        let wake = Arc::new(Notify::new());
        let away = endpoint.is_some().then(|| Away {
            waiting: Arc::clone(&waiting),
            when: webhook.when,
            after_ms: webhook.after_ms,
            wake: Arc::clone(&wake),
        });
        let bus = connect(&config.bus, &store.epoch().await?, id, &hub).await?;
        let parts = Parts { store, bus, roster, hub, clock, ids: Arc::new(RandomIds), away };
        let origins = config.origins()?;
        let rules = Rules { direct: config.direct, product_name: config.product_name };
        let service = Arc::new(Service::new(parts, rules));
        tokio::spawn(heal(Arc::downgrade(&service), ended.clone()));
        tokio::spawn(repair(Arc::downgrade(&service), ended.clone()));
        tokio::spawn(end_what_is_over(Arc::downgrade(&service), ended.clone()));
        let outbox = match &config.outbox {
            Some(at) => Some(Outbox::open(at.address()).await.map_err(StartError::Outbox)?),
            None => None,
        };
        // A service that is dropped without a drain ends as well.
        let (draining, work) = (ended.child_token(), TaskTracker::new());
        if let Some(outbox) = outbox.clone() {
            work.spawn(Worker::new(outbox, Arc::clone(&service), id).run(draining.clone()));
        }
        let node = Node {
            service,
            resolver,
            service_keys: ServiceKeys::new(config.service_keys.iter().map(Secret::expose)),
            origins,
            outbox,
            draining,
            work,
        };
        if let Some(endpoint) = endpoint {
            let service = Arc::clone(&node.service);
            let teller = Teller { service, waiting, endpoint, wake };
            node.work.spawn(teller.run(node.draining.clone()));
        }
        Ok(Self {
            node: Arc::new(node),
            idle: Duration::from_millis(config.idle_ms),
            drain: config.drain,
            _ended: guard,
        })
    }

    /// Every path of the service, to be nested under any prefix.
    pub fn router(&self) -> Router {
        let routes = rest::routes().route("/v1/socket", get(ws::upgrade));
        rest::finish(routes, &self.node).with_state(Arc::clone(&self.node))
    }

    /// Speaks as the product. What was begun comes to its end, also where nobody waits for it any
    /// more.
    pub async fn push(&self, request: PushRequest) -> Result<Pushed, service::Error> {
        let service = Arc::clone(&self.node.service);
        let pushing = self.node.work.spawn(async move { service.push(request).await });
        let gone = |error: JoinError| StoreError::Broken(format!("a push had no outcome: {error}"));
        pushing.await.map_err(gone)?
    }

    /// Takes in what the main app says of users.
    pub async fn upsert_users(&self, users: Vec<Profile>) -> Result<(), service::Error> {
        self.node.service.upsert_users(users).await
    }

    /// The rules themselves, for what has no method here.
    pub fn service(&self) -> &Arc<Service> {
        &self.node.service
    }

    /// How long a connection may stay without a request, where the service itself listens.
    pub(crate) const fn idle(&self) -> Duration {
        self.idle
    }

    /// Ends: nobody new comes in, every session is told when to come back and closed, and what is
    /// under way is waited for, within `drain.wait_ms`. The other nodes are told at last.
    pub async fn shutdown(&self) {
        let DrainConfig { after_ms, within_ms, wait_ms } = self.drain;
        self.node.draining.cancel();
        let goodbye = || Push::Goodbye(Goodbye { after_ms, within_ms });
        self.node.service.hub().close_all(goodbye, CloseCode::Restart);
        self.node.work.close();
        let waiting = self.node.work.wait();
        if tokio::time::timeout(Duration::from_millis(wait_ms), waiting).await.is_err() {
            let left = self.node.work.len();
            tracing::warn!(left, "sockets and requests were still open when the time was over");
        }
        // Whatever did not end in time: who was here is gone, and must not seem to be there.
        let leaving = self.node.service.leave();
        if tokio::time::timeout(LEAVE, leaving).await.is_err() {
            tracing::warn!("the other nodes could not be told in time that this one ends");
        }
    }
}

/// How long the other nodes may take to hear that this one ends.
const LEAVE: Duration = Duration::from_secs(2);

/// Heals from time to time, for as long as the service is there.
async fn heal(service: Weak<Service>, ended: CancellationToken) {
    let mut due = tokio::time::interval(HEAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(due.tick()).await.is_some() {
        let Some(service) = service.upgrade() else { return };
        service.heal().await;
    }
}

/// What a failed write may have left behind is put right after so long at the latest.
const HEAL: Duration = Duration::from_secs(5);

/// Repairs once. It may take minutes, and what fails here meanwhile is healed beside it.
async fn repair(service: Weak<Service>, ended: CancellationToken) {
    let mut due = tokio::time::interval(HEAL);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(due.tick()).await.is_some() {
        let Some(service) = service.upgrade() else { return };
        match service.repair().await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "what a crash left behind is still there"),
        }
    }
}

/// Ends from time to time what the bus should have ended, for as long as the service is there: it
/// may have lost a word, or a session was about to begin when it was said.
async fn end_what_is_over(service: Weak<Service>, ended: CancellationToken) {
    let mut due = tokio::time::interval(OVER);
    due.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.run_until_cancelled(due.tick()).await.is_some() {
        let Some(service) = service.upgrade() else { return };
        if let Err(error) = service.end_what_is_over().await {
            tracing::debug!(%error, "it is not known who was logged out on another node");
        }
    }
}

/// A logout that the bus has lost ends the sessions of other nodes after so long at the latest.
const OVER: Duration = Duration::from_secs(10);

async fn connect(
    bus: &BusAt,
    epoch: &Epoch,
    id: NodeId,
    hub: &Arc<Hub>,
) -> Result<Arc<dyn Bus>, StartError> {
    Ok(match bus {
        BusAt::InProcess => Arc::new(InProcess::new(Arc::clone(hub))),
        BusAt::Nats(servers) => {
            Arc::new(NatsBus::connect(servers, epoch, id, Arc::clone(hub)).await?)
        }
    })
}

/// A store, and where several nodes that share it look who is online.
struct Opened {
    store: Arc<dyn Store>,
    waiting: Arc<dyn Waiting>,
    leases: Option<Arc<dyn Leases>>,
    clock: Arc<dyn Clock>,
}

async fn open(config: &Config) -> Result<Opened, StartError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    Ok(match &config.store {
        StoreAt::Memory => {
            let epoch = clock::epoch(RandomIds.make(SystemClock.now()));
            let store = Arc::new(MemoryStore::new(epoch));
            Opened { waiting: Arc::clone(&store) as _, store, leases: None, clock }
        }
        StoreAt::Sqlite(path) => {
            let store = open_sqlite(path.clone()).await?;
            check_whole(&store).await?;
            let store = Arc::new(store);
            Opened { waiting: Arc::clone(&store) as _, store, leases: None, clock }
        }
        StoreAt::MongoDb(address) => {
            let migrate =
                if config.migrate_at_start { Migrate::AtStart } else { Migrate::ByCommand };
            let store = Arc::new(MongoStore::open(address, migrate).await?);
            check_whole(&*store).await?;
            let leases: Arc<dyn Leases> = Arc::clone(&store) as _;
            let clock = store.clock();
            Opened { waiting: Arc::clone(&store) as _, store, leases: Some(leases), clock }
        }
    })
}

/// Refuses a store that is being filled: who resumed there would be told that messages are gone.
async fn check_whole(store: &dyn Archive) -> Result<(), StartError> {
    if store.unfinished().await?.is_some() { Err(StartError::Unfinished) } else { Ok(()) }
}

/// Opening reads and writes a file, which may take a while.
async fn open_sqlite(path: PathBuf) -> Result<SqliteStore, StartError> {
    let opening = tokio::task::spawn_blocking(move || SqliteStore::open(path)).await;
    let broken = |error: JoinError| StoreError::Broken(error.to_string());
    Ok(opening.map_err(broken)??)
}
