//! A node on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use message_service::MessageService;
use message_service::bus::Reach;
use message_service::caller::Mint;
use message_service::clock::{Clock, SystemClock};
use message_service::config::{BusAt, Config, StoreAt};
use message_service::serve::{listen, serve};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Outcome;

const SECRET: &str = "the secret that a benchmark signs its users' tokens with";

/// Where a node keeps everything.
pub(crate) enum Backing {
    Memory,
    Sqlite,
    /// At this address, each node in a database of its own.
    MongoDb(String),
    /// In this database, several nodes together.
    Database(String),
}

impl Backing {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Sqlite => "sqlite",
            Self::MongoDb(_) | Self::Database(_) => "secantusdb",
        }
    }

    pub(crate) fn with_one_database(self) -> Self {
        match self {
            Self::MongoDb(address) => Self::Database(database(&address)),
            other => other,
        }
    }

    fn store(&self, folder: &TempDir) -> StoreAt {
        match self {
            Self::Memory => StoreAt::Memory,
            Self::Sqlite => StoreAt::Sqlite(folder.path().join("messages.db")),
            Self::MongoDb(address) => StoreAt::MongoDb(database(address)),
            Self::Database(database) => StoreAt::MongoDb(database.clone()),
        }
    }
}

/// A database that nobody else uses.
fn database(address: &str) -> String {
    let name = format!("bench_{}", uuid::Uuid::now_v7().simple());
    let (servers, options) = address.split_once('?').unwrap_or((address, "retryReads=true"));
    format!("{}/{name}?{options}", servers.trim_end_matches('/'))
}

pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    service: Arc<MessageService>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
    _folder: TempDir,
}

impl Node {
    pub(crate) async fn start(backing: &Backing, bus: Option<String>) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = Config::new(backing.store(&folder))?;
        config.jwt.secrets = vec![SECRET.into()];
        config.service_keys = vec![SECRET.into()];
        if let Some(bus) = bus {
            config.bus = BusAt::try_from(bus)?;
        }
        let listener = listen("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let service = Arc::new(MessageService::start(config).await?);
        let stop = CancellationToken::new();
        let until = stop.clone().cancelled_owned();
        let served = Arc::clone(&service);
        let serving = tokio::spawn(async move { serve(&served, listener, until).await });
        Ok(Self { address, service, stop, serving, _folder: folder })
    }

    /// Waits until the other nodes hear of what happens here.
    pub(crate) async fn reaches_all(&self) {
        while self.service.service().reach() != Reach::Every {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    pub(crate) async fn end(self) {
        self.stop.cancel();
        // How it ended is of no use to a figure that is taken.
        let _ = self.serving.await;
    }
}

pub(crate) fn token(user: &str) -> Outcome<String> {
    let sub = user.parse()?;
    let exp = SystemClock.now() / 1_000 + 3_600;
    Ok(Mint { sub: &sub, exp, name: None, iss: None, aud: None }.sign(SECRET)?)
}
