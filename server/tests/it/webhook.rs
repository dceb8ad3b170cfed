//! The main app is told of users who are away: over real connections, by real processes, and
//! verified by the libraries that a main app would use.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use message_service::config::{BusAt, Config, StoreAt};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::backing::{Nats, shared_database};
use crate::http::{PATIENCE, try_send};
use crate::person::Person;
use crate::process::{Process, command};
use crate::server::TestServer;

const HOOK_SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// What came to the main app.
#[derive(Clone, Debug)]
struct Delivery {
    headers: HeaderMap,
    body: Bytes,
}

impl Delivery {
    fn id(&self) -> String {
        self.headers["webhook-id"].to_str().unwrap().to_owned()
    }

    fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The messages, as conversation and position.
    fn messages(&self) -> Vec<(String, u64)> {
        let place = |message: &Value| {
            let conversation = message["conversation"].as_str().unwrap().to_owned();
            (conversation, message["seq"].as_u64().unwrap())
        };
        self.event()["data"]["messages"].as_array().unwrap().iter().map(place).collect()
    }
}

/// A main app that hears, and takes what it hears or not.
struct Hook {
    address: SocketAddr,
    answer: Arc<Mutex<StatusCode>>,
    heard: UnboundedReceiver<Delivery>,
}

type Hearing = (UnboundedSender<Delivery>, Arc<Mutex<StatusCode>>);

async fn hear(
    State((heard, answer)): State<Hearing>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    heard.send(Delivery { headers, body }).ok();
    *answer.lock().unwrap()
}

impl Hook {
    async fn start() -> Self {
        let answer = Arc::new(Mutex::new(StatusCode::NO_CONTENT));
        let (sender, heard) = unbounded_channel();
        let routes =
            Router::new().route("/hook", post(hear)).with_state((sender, Arc::clone(&answer)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { address, answer, heard }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    fn settings(&self) -> impl FnOnce(&mut Config) {
        let url = self.url().parse().unwrap();
        move |config| {
            config.webhook.url = Some(url);
            config.webhook.secrets = vec![HOOK_SECRET.into()];
            config.webhook.after_ms = 0;
        }
    }

    async fn next(&mut self) -> Delivery {
        timeout(PATIENCE, self.heard.recv()).await.expect("nothing came").unwrap()
    }
}

/// A receiver of the documents, as a process.
struct Receiver {
    address: SocketAddr,
    child: Child,
}

impl Receiver {
    fn start(program: impl AsRef<std::ffi::OsStr>, file: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/receivers");
        let mut child = Command::new(program)
            .arg(file)
            .current_dir(folder)
            .env("WEBHOOK_SECRET", HOOK_SECRET)
            .env("PORT", "0")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { address: ([127, 0, 0, 1], port).into(), child }
    }

    /// Hands it a delivery; the status that it answers.
    async fn hand(&self, headers: &HeaderMap, body: Bytes) -> u16 {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .filter(|(name, _)| name.as_str().starts_with("webhook-"))
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        try_send(self.address, "POST", "/", &headers, body).await.unwrap().status
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_away_is_told_of_and_npm_and_pypi_verify_it() {
    let mut hook = Hook::start().await;
    let server = TestServer::start_with(hook.settings()).await;
    let (ann, _bob) = (server.person("ann").await, server.person("bob").await);
    ann.say("bob", "你好, are you there?").await;
    let delivery = hook.next().await;
    let event = delivery.event();
    assert_eq!(event["type"], "messages.unread");
    assert_eq!((&event["data"]["user"], &event["data"]["unread"]), (&json!("bob"), &json!(1)));
    assert_eq!(event["data"]["messages"][0]["content"]["text"], "你好, are you there?");

    let python = std::env::var("MESSAGE_SERVICE_TEST_PYTHON")
        .expect("`cargo xtask servers -- cargo test …` brings a Python and says where it is");
    for receiver in
        [Receiver::start("node", "receiver.mjs"), Receiver::start(python, "receiver.py")]
    {
        let Delivery { headers, body } = &delivery;
        assert_eq!(receiver.hand(headers, body.clone()).await, 204);
        let tampered = String::from_utf8(body.to_vec()).unwrap().replace("bob", "eve");
        assert_eq!(receiver.hand(headers, tampered.into()).await, 400);
        for (name, value) in [
            ("webhook-id", "msg_another"),
            ("webhook-timestamp", "1700000000"),
            ("webhook-signature", "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4="),
        ] {
            let mut forged = headers.clone();
            forged.insert(name, value.parse().unwrap());
            assert_eq!(receiver.hand(&forged, body.clone()).await, 400, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_not_taken_is_told_after_a_restart_under_the_same_id() {
    let mut hook = Hook::start().await;
    *hook.answer.lock().unwrap() = StatusCode::SERVICE_UNAVAILABLE;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("messages.db");
    let url = hook.url();
    let serve = || {
        let mut command = command();
        command
            .env("MESSAGE_SERVICE__WEBHOOK__URL", &url)
            .env("MESSAGE_SERVICE__WEBHOOK__SECRETS", HOOK_SECRET)
            .env("MESSAGE_SERVICE__WEBHOOK__AFTER_MS", "0");
        Process::serve_with(command, &file)
    };
    let mut process = serve();
    let (ann, bob) = (Person::at(process.address, "ann"), Person::at(process.address, "bob"));
    // Who has shown a token exists.
    for person in [&ann, &bob] {
        person.connect().await;
    }
    ann.say("bob", "hello").await;
    let refused = hook.next().await;
    process.terminate();
    assert!(process.ended().0);
    *hook.answer.lock().unwrap() = StatusCode::OK;
    let _process = serve();
    let taken = hook.next().await;
    assert_eq!((taken.id(), taken.messages()), (refused.id(), refused.messages()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_tell_each_message_once() {
    const MESSAGES: u64 = 60;
    let mut hook = Hook::start().await;
    let (database, nats) = (shared_database(), Nats::start().await);
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let settings = hook.settings();
        let (store, bus) = (StoreAt::MongoDb(database.clone()), nats.url());
        let settings = move |config: &mut Config| {
            settings(config);
            config.store = store;
            config.bus = BusAt::try_from(bus).unwrap();
        };
        nodes.push(TestServer::start_with(settings).await);
    }
    for id in ["ann", "bob", "cid"] {
        nodes[0].main_app().upsert(id).await;
    }
    for number in 0..MESSAGES {
        let node = &nodes[usize::try_from(number % 2).unwrap()];
        let to = if number % 3 == 0 { "bob" } else { "cid" };
        Person::at(node.address, "ann").say(to, "hello").await;
    }
    let mut told: BTreeMap<(String, u64), u32> = BTreeMap::new();
    while told.len() < usize::try_from(MESSAGES).unwrap() {
        for message in hook.next().await.messages() {
            *told.entry(message).or_default() += 1;
        }
    }
    assert!(told.values().all(|times| *times == 1), "{told:?}");
    for node in &nodes {
        node.drain();
    }
    for node in nodes {
        node.ended().await;
    }
    assert!(hook.heard.try_recv().is_err(), "something was told twice");
}
