//! Sockets and requests through nginx.

use std::collections::VecDeque;
use std::net::SocketAddr;

use message_service::config::{BusAt, StoreAt};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::nginx::Nginx;
use crate::backing::{Nats, eventually, shared_database};
use crate::http::{PATIENCE, try_send};
use crate::person::{MainApp, Person};
use crate::server::TestServer;
use crate::socket::Socket;

/// How often a node is restarted: each of them once.
const ROUNDS: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_sent_through_nginx_reaches_a_socket_through_nginx() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let nginx = Nginx::start(&[server.address]).await;
    let (ann, bob) = (Person::at(nginx.address, &ann.id), Person::at(nginx.address, &bob.id));
    let mut at_ann = ann.connect().await;
    bob.say("ann", "through nginx").await;
    assert_eq!(at_ann.message().await["content"]["text"], "through nginx");
    at_ann.call("heartbeat", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nginx_refuses_a_body_that_is_too_large_as_the_service_does() {
    let server = TestServer::start().await;
    let nginx = Nginx::start(&[server.address]).await;
    let large = json!({ "large": "x".repeat(1_100_000) });
    let refused = async |at| MainApp::at(at).ask("POST", "/v1/push", Some(&large)).await;
    let (by_nginx, by_the_service) = (refused(nginx.address).await, refused(server.address).await);
    assert_eq!(by_nginx.outcome(), (413, "too_large".to_owned()));
    assert_eq!(by_nginx.header("content-type"), by_the_service.header("content-type"));
    for field in ["type", "title", "detail", "status", "code", "limit", "retryable"] {
        assert_eq!(by_nginx.json()[field], by_the_service.json()[field], "{field}");
    }
    // Up to there it is the service's to say what is wrong with it.
    let body = json!({ "large": "x".repeat(1_000_000) });
    let refused = MainApp::at(nginx.address).ask("POST", "/v1/push", Some(&body)).await;
    assert_eq!(refused.outcome(), (400, "invalid".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_the_host_that_nginx_serves_may_connect_and_others_may_not() {
    let server = TestServer::start().await;
    let nginx = Nginx::start(&[server.address]).await;
    let open = async |origin: &str| Socket::try_open(nginx.address, "", Some(origin)).await.err();
    assert_eq!(open(&format!("http://{}", nginx.address)).await, None);
    assert_eq!(open("http://127.0.0.1").await, Some(403));
    assert_eq!(open("https://example.org").await, Some(403));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_and_unknown_paths_do_not_come_through_nginx() {
    let server = TestServer::start().await;
    let nginx = Nginx::start(&[server.address]).await;
    for (path, status) in [("/healthz", 200), ("/metrics", 404), ("/readyz", 404), ("/", 404)] {
        let answer = try_send(nginx.address, "GET", path, &[], "").await.unwrap();
        assert_eq!(answer.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_outlives_a_reload_of_nginx() {
    let (one, other) = (TestServer::start().await, TestServer::start().await);
    let ann = one.person("ann").await;
    other.person("ann").await;
    let epoch = async |of: &Person| of.get("/v1/unread").await.good()["epoch"].clone();
    let theirs = epoch(&Person::at(other.address, "ann")).await;
    let nginx = Nginx::start(&[one.address]).await;
    let through = Person::at(nginx.address, &ann.id);
    let mut before = through.connect().await;
    nginx.reload(&[other.address]);
    eventually(async || epoch(&through).await == theirs).await;
    // Whoever comes now is sent to the other one; who was there stays where they were.
    one.person("bob").await.say("ann", "still here").await;
    assert_eq!(before.message().await["content"]["text"], "still here");
    through.connect().await.call("heartbeat", json!({})).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_behind_nginx_are_restarted_one_by_one_and_nothing_is_lost() {
    let (database, nats) = (shared_database(), Nats::start().await);
    let node = async |listen: String| {
        let (store, bus) = (StoreAt::MongoDb(database.clone()), nats.url());
        TestServer::start_with(move |config| {
            config.listen = listen;
            config.store = store;
            config.bus = BusAt::try_from(bus).unwrap();
        })
        .await
    };
    let anywhere = || "127.0.0.1:0".to_owned();
    let mut nodes = vec![node(anywhere()).await, node(anywhere()).await, node(anywhere()).await];
    for user in ["ann", "bob"] {
        nodes[0].person(user).await;
    }
    let addresses: Vec<SocketAddr> = nodes.iter().map(|node| node.address).collect();
    let nginx = Nginx::start(&addresses).await;
    let (ann, bob) = (Person::at(nginx.address, "ann"), Person::at(nginx.address, "bob"));
    let (tell, mut told) = mpsc::unbounded_channel();
    let following = tokio::spawn(follow(ann, tell));
    for round in 1..=ROUNDS {
        let old = nodes.remove(0);
        let place = old.address;
        old.drain();
        old.ended().await;
        // nginx has not been told, and yet nobody is sent into the void.
        let words = format!("round {round}");
        assert_eq!(bob.say("ann", &words).await["message"]["seq"], round);
        let heard = tokio::time::timeout(PATIENCE, told.recv()).await.unwrap();
        assert_eq!(heard.unwrap(), words);
        nodes.push(node(place.to_string()).await);
        nginx.clear_log();
        let is_back = async || {
            bob.get("/v1/unread").await.good();
            nginx.has_asked(place)
        };
        eventually(is_back).await;
    }
    let closes = following.await.unwrap();
    assert!(!closes.is_empty() && closes.iter().all(|code| *code == 1012), "{closes:?}");
}

/// Tells every message that the user hears, in order and once, however often their node goes away.
/// Gives the codes that their sessions were closed with.
async fn follow(person: Person, tell: mpsc::UnboundedSender<String>) -> Vec<u16> {
    let (mut known, mut closes) = (0, Vec::new());
    loop {
        let mut socket = person.connect().await;
        let mut news = missed(&mut socket, known).await;
        while known < ROUNDS {
            let Some(message) = news.pop_front() else {
                match socket.push_or_close().await {
                    Ok(push) if push["push"] == "message" => {
                        news.push_back(push["data"]["message"].clone());
                    }
                    // Its node was without NATS for a moment.
                    Ok(push) if push["push"] == "resync" => {
                        news = missed(&mut socket, known).await;
                    }
                    Ok(_) => {}
                    Err(code) => {
                        closes.push(code);
                        break;
                    }
                }
                continue;
            };
            let seq = message["seq"].as_u64().unwrap();
            if seq > known {
                assert_eq!(seq, known + 1, "a message is missing");
                known = seq;
                let _ = tell.send(message["content"]["text"].as_str().unwrap().to_owned());
            }
        }
        if known == ROUNDS {
            return closes;
        }
    }
}

/// What was said since; nothing where the conversation has not begun.
async fn missed(socket: &mut Socket, known: u64) -> VecDeque<Value> {
    let pull = json!({ "conversation": "direct:ann:bob", "after": known });
    let pulled = socket.call("pull", pull).await.unwrap_or_default();
    pulled["messages"].as_array().cloned().unwrap_or_default().into()
}
