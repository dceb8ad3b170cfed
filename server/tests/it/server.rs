//! The service in this process, on a real port and a real file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use message_service::MessageService;
use message_service::caller::Mint;
use message_service::clock::{Clock, SystemClock};
use message_service::config::{Config, StoreAt};
use message_service::serve::{listen, serve};
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::person::{MainApp, Person};

pub(crate) const SECRET: &str = "the secret that the main app signs users' tokens with";
pub(crate) const KEY: &str = "the key that the main app comes with and long enough";

/// A running service.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    pub(crate) service: Arc<MessageService>,
    folder: Arc<TempDir>,
    stop: CancellationToken,
    running: Option<JoinHandle<()>>,
}

/// A configuration that the tests' tokens and keys fit.
pub(crate) fn config(store: PathBuf) -> Config {
    let listen = "127.0.0.1:0".to_owned();
    let mut config = Config { listen, ..Config::new(StoreAt::Sqlite(store)).unwrap() };
    config.jwt.secrets = vec![SECRET.into()];
    config.service_keys = vec![KEY.into()];
    config.product_name = Some("The Shop".to_owned());
    config
}

impl TestServer {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(Arc::new(tempfile::tempdir().unwrap()), change).await
    }

    async fn start_in(folder: Arc<TempDir>, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(folder.path().join("messages.db"));
        change(&mut config);
        let listener = listen(&config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Arc::new(MessageService::start(config).await.unwrap());
        let stop = CancellationToken::new();
        let (served, until) = (Arc::clone(&service), stop.clone().cancelled_owned());
        let running = tokio::spawn(async move { serve(&served, listener, until).await });
        Self { address, service, folder, stop, running: Some(running) }
    }

    /// Begins to end it, as a signal would.
    pub(crate) fn drain(&self) {
        self.stop.cancel();
    }

    /// Ends it, and starts another one on the same file.
    pub(crate) async fn restart(mut self) -> Self {
        self.drain();
        self.running.take().unwrap().await.unwrap();
        let Self { folder, service, .. } = self;
        drop(service);
        Self::start_in(folder, |_| {}).await
    }

    /// Waits for its end.
    pub(crate) async fn ended(mut self) {
        self.running.take().unwrap().await.unwrap();
    }

    /// Where its data is.
    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("messages.db")
    }

    pub(crate) fn main_app(&self) -> MainApp {
        MainApp::at(self.address)
    }

    /// A user of whom the main app has told.
    pub(crate) async fn person(&self, id: &str) -> Person {
        let person = Person::at(self.address, id);
        self.main_app().upsert(id).await;
        person
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemClock.now() / 1_000
}

pub(crate) fn token(id: &str) -> String {
    token_until(id, now() + 3_600)
}

pub(crate) fn token_until(id: &str, exp: u64) -> String {
    let sub = id.parse().unwrap();
    Mint { sub: &sub, exp, name: None, iss: None, aud: None }.sign(SECRET).unwrap()
}

/// A text that no other call gives.
pub(crate) fn fresh(prefix: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{prefix}-{}", NEXT.fetch_add(1, Ordering::Relaxed))
}
