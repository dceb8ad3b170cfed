//! Connections that ask for nothing: each is a file that the process holds open, so they end.

use std::net::SocketAddr;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::http::{PATIENCE, try_send};
use crate::process::{Process, command_with_files};
use crate::server::{KEY, TestServer};

/// A connection as somebody holds it who speaks no HTTP.
struct Raw(TcpStream);

impl Raw {
    async fn open(at: SocketAddr) -> Self {
        Self(TcpStream::connect(at).await.unwrap())
    }

    async fn say(&mut self, text: &str) {
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Waits until so much has been answered.
    async fn hear(&mut self, text: &str) {
        let mut heard = Vec::new();
        while !String::from_utf8_lossy(&heard).contains(text) {
            let mut more = [0; 1_024];
            let count = timeout(PATIENCE, self.0.read(&mut more)).await.unwrap().unwrap();
            assert!(count > 0, "it ended before {text:?} came");
            heard.extend_from_slice(&more[..count]);
        }
    }

    /// Waits until the server closes it.
    async fn closed(mut self) {
        let mut last = Vec::new();
        timeout(PATIENCE, self.0.read_to_end(&mut last)).await.expect("it stays open").unwrap();
    }
}

/// A server whose connections may be silent for a second.
async fn impatient() -> TestServer {
    TestServer::start_with(|config| config.idle_ms = 1_000).await
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let server = impatient().await;
    Raw::open(server.address).await.closed().await;
}

#[tokio::test]
async fn a_connection_that_sends_half_a_head_is_closed() {
    let server = impatient().await;
    let mut connection = Raw::open(server.address).await;
    connection.say("GET /healthz HTTP/1.1\r\nhost: a\r\n").await;
    connection.closed().await;
}

#[tokio::test]
async fn a_connection_on_which_no_further_request_comes_is_closed() {
    let server = impatient().await;
    let mut connection = Raw::open(server.address).await;
    for _ in 0..2 {
        connection.say("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
        connection.hear("HTTP/1.1 200 OK").await;
    }
    connection.closed().await;
}

#[tokio::test]
async fn sockets_and_requests_under_way_may_be_silent_for_longer() {
    let server = impatient().await;
    let ann = server.person("ann").await;
    let mut socket = ann.connect().await;
    let mut request = Raw::open(server.address).await;
    let head = format!(
        "POST /v1/push HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: 2\r\n\r\n"
    );
    request.say(&(head + "{")).await;
    // Opened after them, and closed for its silence.
    Raw::open(server.address).await.closed().await;
    assert!(socket.call("heartbeat", json!({})).await.is_ok());
    request.say("}").await;
    request.hear("HTTP/1.1 400 Bad Request").await;
}

#[tokio::test]
async fn a_drain_waits_for_no_silent_connection() {
    let server = TestServer::start().await;
    let silent = Raw::open(server.address).await;
    let mut kept = Raw::open(server.address).await;
    kept.say("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n").await;
    kept.hear("HTTP/1.1 200 OK").await;
    server.drain();
    tokio::join!(silent.closed(), kept.closed());
    server.ended().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_keep_others_out_for_a_while_only() {
    let folder = tempfile::tempdir().unwrap();
    // As many files as others have thousands, and more connections than files.
    let mut few = command_with_files(64);
    few.env("MESSAGE_SERVICE__IDLE_MS", "1000");
    let mut process = Process::serve_with(few, &folder.path().join("messages.db"));
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(Raw::open(process.address).await);
    }
    let answer = try_send(process.address, "GET", "/healthz", &[], "").await.unwrap();
    assert_eq!(answer.status, 200);
    process.terminate();
    let (well, log) = process.ended();
    assert!(
        well && log.iter().any(|line| line.contains("no connection can be taken in")),
        "{log:?}"
    );
}
