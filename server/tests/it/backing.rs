//! The servers that nodes stand on, as processes that a test starts and kills.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

/// Far more than anything here takes; a test that waits so long has failed.
pub(crate) const TOO_LONG: Duration = Duration::from_secs(45);

/// A process that listens, and ends with the test.
struct Listening {
    child: Child,
    port: u16,
}

impl Listening {
    /// Starts the program that a variable names, and waits until it listens.
    async fn start(variable: &str, port: u16, arguments: &[&str]) -> Self {
        let program = std::env::var(variable).unwrap_or_else(|_| {
            panic!("{variable} is not set: run `cargo xtask servers -- cargo test …`, which does")
        });
        let child = Command::new(program)
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let listening = Self { child, port };
        let connect = async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        eventually(connect).await;
        listening
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A NATS server.
pub(crate) struct Nats(Listening);

impl Nats {
    pub(crate) async fn start() -> Self {
        Self::start_at(free_port()).await
    }

    pub(crate) async fn start_at(port: u16) -> Self {
        let at = port.to_string();
        let arguments = ["--addr", "127.0.0.1", "--port", &at];
        Self(Listening::start("MESSAGE_SERVICE_TEST_NATS_SERVER", port, &arguments).await)
    }

    pub(crate) fn port(&self) -> u16 {
        self.0.port
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.0.port)
    }

    /// Ends it, and gives back where it was.
    pub(crate) fn kill(self) -> u16 {
        self.0.port
    }
}

/// A server of MongoDB's protocol, with a folder of its own.
pub(crate) struct Secantus {
    listening: Listening,
    folder: TempDir,
}

impl Secantus {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listening = Self::listen(free_port(), folder.path()).await;
        Self { listening, folder }
    }

    async fn listen(port: u16, folder: &Path) -> Listening {
        let (at, folder) = (port.to_string(), folder.to_str().unwrap());
        let arguments = [
            "--host",
            "127.0.0.1",
            "--port",
            &at,
            "--storage-path",
            folder,
            "--sync-on-commit",
            "--log-level",
            "ERROR",
        ];
        Listening::start("MESSAGE_SERVICE_TEST_SECANTUSDB_PROGRAM", port, &arguments).await
    }

    /// Host and port.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.listening.port)
    }

    /// Its address, with a database of that name.
    pub(crate) fn database(&self, name: &str) -> String {
        format!("mongodb://127.0.0.1:{}/{name}?directConnection=true", self.listening.port)
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.listening.child.kill().unwrap();
        self.listening.child.wait().unwrap();
    }

    /// Starts it again where it was, on what it had stored.
    pub(crate) async fn start_again(&mut self) {
        self.listening = Self::listen(self.listening.port, self.folder.path()).await;
    }
}

/// The database of a test on the server that all tests share.
pub(crate) fn shared_database() -> String {
    database_at("MESSAGE_SERVICE_TEST_SECANTUSDB")
}

/// The same, on the server that a variable names.
pub(crate) fn database_at(variable: &str) -> String {
    let address = std::env::var(variable)
        .expect("`cargo xtask servers -- cargo test …` starts the servers and says where they are");
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let (servers, options) = address.split_once('?').unwrap_or((&address, "retryReads=true"));
    format!("{}/{name}?{options}", servers.trim_end_matches('/'))
}

/// Waits until something outside is as it should be, where nothing tells of it.
pub(crate) async fn eventually(mut is_so: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(TOO_LONG, waiting).await.expect("it never came to be so");
}
