//! How sessions end, and that nothing is lost by it.

use std::net::TcpListener;
use std::time::Duration;

use message_service::message::Content;
use message_service::service::{PushRequest, To};
use message_service::{MessageService, StartError};
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use crate::backing::eventually;
use crate::person::text;
use crate::server::{TestServer, config, now, token_until};
use crate::socket::Socket;

#[tokio::test]
async fn a_client_that_closes_gets_its_close_back() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let before = Socket::open(server.address, "").await;
    assert_eq!(before.close().await, 1005, "before it authenticated: no code, as it sent none");
    let socket = ann.connect().await;
    assert_eq!(socket.close().await, 1005);
    // A command right before the close is carried out.
    let mut socket = ann.connect().await;
    server.person("bob").await;
    let params = json!({
        "conversation": "direct:ann:bob", "clientMsgId": "last", "content": text("bye"),
    });
    let frame = json!({ "id": 7, "command": "send", "params": params });
    socket.send(Message::text(frame.to_string())).await;
    socket.close().await;
    let row = ann.row("direct:ann:bob").await;
    assert_eq!(row["last"]["text"], "bye");
}

#[tokio::test]
async fn a_push_that_its_host_does_not_wait_for_comes_to_its_end() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    let push = PushRequest {
        to: To::Users(vec!["ann".parse().unwrap()]),
        content: Content::text("on its way"),
        quiet: false,
        key: None,
    };
    let mut pushing = Box::pin(server.service.push(push));
    assert!(futures_util::poll!(&mut pushing).is_pending());
    drop(pushing);
    assert_eq!(socket.message().await["content"]["text"], "on its way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_is_closed_and_catches_up_when_it_returns() {
    const MESSAGES: u32 = 400;
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (mut slow, mut quick) = (ann.connect().await, bob.connect().await);
    for number in 0..MESSAGES {
        // 32 KB each: together far more than the system's buffers and ours.
        let push = PushRequest {
            to: To::Users(vec!["ann".parse().unwrap()]),
            content: Content::text("界".repeat(7_990) + &number.to_string()),
            quiet: false,
            key: None,
        };
        server.service.push(push).await.unwrap();
    }
    let (code, before) = slow.closed().await;
    assert_eq!(code, 4000);
    assert!(before.len() < MESSAGES as usize);
    assert!(quick.pushes_so_far().await.is_empty(), "others are not disturbed");
    let mut again = ann.connect().await;
    let resumed = again.call("resume", json!({ "inbox": 10 })).await.unwrap();
    let row = &resumed["rows"].as_array().unwrap().iter().find(|row| row["kind"] == "system");
    assert_eq!(row.unwrap()["unread"], MESSAGES);
}

#[tokio::test]
async fn a_session_ends_when_its_token_does() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let mut socket = Socket::open(server.address, "").await;
    // Five seconds of leeway belong to it, four of which are over.
    socket.authenticate(&token_until(&ann.id, now() - 3)).await.unwrap();
    let mut other = bob.connect().await;
    assert_eq!(socket.closed().await.0, 4100);
    assert!(other.call("heartbeat", json!({})).await.is_ok());
}

#[tokio::test]
async fn logging_out_everywhere_ends_every_session_of_the_user() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (mut one, mut two, mut other) =
        (ann.connect().await, ann.connect().await, bob.connect().await);
    let ended = server.main_app().ask("DELETE", "/v1/users/ann/sessions", None).await;
    assert_eq!(ended.status, 204);
    assert_eq!((one.closed().await.0, two.closed().await.0), (4202, 4202));
    assert!(other.call("heartbeat", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_logout_that_a_lone_node_was_not_told_of_ends_sessions_too() {
    let server = TestServer::start().await;
    let mut socket = server.person("ann").await.connect().await;
    // Another service at the same file has told its own sessions alone.
    let other = MessageService::start(config(server.store())).await.unwrap();
    other.service().end_sessions(&"ann".parse().unwrap()).await.unwrap();
    assert_eq!(socket.closed().await.0, 4202);
}

#[tokio::test]
async fn a_start_that_failed_leaves_no_listener_behind() {
    let folder = tempfile::tempdir().unwrap();
    let metrics = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut config = config(folder.path().to_owned());
    config.metrics.listen = Some(metrics);
    let error = MessageService::start(config).await.expect_err("a folder is no store");
    assert!(matches!(error, StartError::Open(_)), "{error}");
    eventually(async || TcpListener::bind(metrics).is_ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drain_says_when_to_come_back_and_then_closes() {
    let server = TestServer::start_with(|config| {
        config.drain.after_ms = 7;
        config.drain.within_ms = 70;
    })
    .await;
    let ann = server.person("ann").await;
    let mut waiting = Socket::open(server.address, "").await;
    let mut socket = ann.connect().await;
    assert_eq!(ann.get("/readyz").await.status, 200);
    server.service.shutdown().await;
    let (code, before) = socket.closed().await;
    assert_eq!(code, 1012);
    assert_eq!(before, [json!({ "push": "goodbye", "data": { "afterMs": 7, "withinMs": 70 } })]);
    assert_eq!(waiting.closed().await.0, 1012, "also before it authenticated");
    assert_eq!(ann.get("/readyz").await.status, 503);
    assert_eq!(ann.get("/healthz").await.status, 200);
    assert_eq!(Socket::try_open(server.address, "", None).await.err(), Some(503));
    server.drain();
    tokio::time::timeout(Duration::from_secs(10), server.ended()).await.unwrap();
}
