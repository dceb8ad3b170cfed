//! Several nodes on one MongoDB database, with NATS between them: a user need not know on which one
//! anything happens.

use std::path::Path;
use std::time::Duration;

use message_service::close::CloseCode;
use message_service::config::{BusAt, Config, StoreAt};
use serde_json::{Value, json};

use crate::backing::{Nats, Secantus, eventually, shared_database};
use crate::person::{MainApp, Person, direct, part, text};
use crate::process::{Process, command};
use crate::server::{TestServer, fresh};

/// Two nodes in this process.
struct Nodes {
    one: TestServer,
    other: TestServer,
    nats: Option<Nats>,
}

fn on(database: &str, bus: &str) -> impl FnOnce(&mut Config) {
    let (store, bus) = (StoreAt::MongoDb(database.to_owned()), bus.to_owned());
    move |config| {
        config.store = store;
        config.bus = BusAt::try_from(bus).unwrap();
    }
}

impl Nodes {
    async fn start() -> Self {
        let (database, nats) = (shared_database(), Nats::start().await);
        let one = TestServer::start_with(on(&database, &nats.url())).await;
        let other = TestServer::start_with(on(&database, &nats.url())).await;
        let nodes = Self { one, other, nats: Some(nats) };
        nodes.are("ok").await;
        nodes
    }

    /// Waits until both say so of themselves.
    async fn are(&self, status: &str) {
        for node in [&self.one, &self.other] {
            let asking = Person::at(node.address, "operator");
            let is_so = async || asking.get("/readyz").await.good()["status"] == status;
            eventually(is_so).await;
        }
    }

    /// A user of whom the main app has told, at each of the nodes.
    async fn person(&self, id: &str) -> [Person; 2] {
        let person = self.one.person(id).await;
        [person, Person::at(self.other.address, id)]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s06_a_message_that_one_node_accepts_reaches_a_session_on_another() {
    let nodes = Nodes::start().await;
    let ([ann, _], [_, bob]) = (nodes.person("ann").await, nodes.person("bob").await);
    let mut at_ann = ann.connect().await;
    bob.say("ann", "from the other node").await;
    let heard = at_ann.message().await;
    assert_eq!(
        (&heard["seq"], &heard["content"]["text"]),
        (&json!(1), &json!("from the other node"))
    );
    // What the product says at the other node comes the same way.
    nodes.other.main_app().push(&json!({ "user": "ann" }), "pushed").await;
    assert_eq!(at_ann.message().await["content"]["title"], "pushed");
    nodes.other.main_app().push(&json!({ "everyone": true }), "to all").await;
    assert_eq!(at_ann.message().await["content"]["title"], "to all");
    assert_eq!(ann.get("/v1/unread").await.good()["total"], 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s06_a_message_for_somebody_else_reaches_nobody_on_another_node() {
    let nodes = Nodes::start().await;
    let ([ann, _], [_, bob], _) =
        (nodes.person("ann").await, nodes.person("bob").await, nodes.person("cyd").await);
    let mut at_ann = ann.connect().await;
    bob.say("cyd", "not for Ann").await;
    bob.say("ann", "for Ann").await;
    assert_eq!(at_ann.message().await["content"]["text"], "for Ann");
    assert!(at_ann.pushes_so_far().await.iter().all(|push| push["push"] != "message"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s03_every_message_is_in_the_mongodb_database() {
    let database = shared_database();
    let server = TestServer::start_with(on(&database, "none")).await;
    let (_, bob) = (server.person("ann").await, server.person("bob").await);
    bob.say("ann", "kept").await;
    server.main_app().push(&json!({ "user": "ann" }), "pushed").await;
    let nobody = json!({ "clientMsgId": fresh("m"), "content": text("to nobody") });
    let refused = bob.ask("POST", "/v1/direct/nobody/messages", Some(&nobody)).await;
    assert_eq!(refused.status, 404);
    let options = mongodb::options::ClientOptions::parse(&database).await.unwrap();
    let client = mongodb::Client::with_options(options).unwrap();
    let stored =
        client.default_database().unwrap().collection::<mongodb::bson::Document>("messages");
    let found = stored.find_one(mongodb::bson::doc! { "conversation": "direct:ann:bob" });
    let found = found.await.unwrap().unwrap();
    assert_eq!(found.get_document("content").unwrap().get_str("text").ok(), Some("kept"));
    assert_eq!(found.get_str("sender").ok(), Some("bob"));
    assert_eq!(stored.count_documents(mongodb::bson::doc! {}).await.unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_on_one_node_is_read_on_the_other() {
    let nodes = Nodes::start().await;
    let ([ann, ann_elsewhere], [bob, _]) = (nodes.person("ann").await, nodes.person("bob").await);
    bob.say("ann", "hello").await;
    let mut elsewhere = ann_elsewhere.connect().await;
    let read = json!({ "conversation": "direct:ann:bob", "seq": 1 });
    ann.connect().await.call("read", read).await.unwrap();
    loop {
        let push = elsewhere.push().await;
        if push["push"] == "member" && push["data"]["member"]["readSeq"] == 1 {
            break;
        }
    }
    assert_eq!(ann_elsewhere.get("/v1/unread").await.good()["total"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_everywhere_ends_the_sessions_of_every_node() {
    let nodes = Nodes::start().await;
    let [ann, elsewhere] = nodes.person("ann").await;
    let [_, bob] = nodes.person("bob").await;
    let (mut here, mut there) = (ann.connect().await, elsewhere.connect().await);
    let mut untouched = bob.connect().await;
    let ended = nodes.one.main_app().ask("DELETE", "/v1/users/ann/sessions", None).await;
    assert_eq!(ended.status, 204);
    let (code, _) = here.closed().await;
    assert_eq!(there.closed().await.0, code);
    assert!(untouched.call("heartbeat", json!({})).await.is_ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_nats_nodes_store_and_deliver_what_is_theirs_and_catch_up_when_it_is_back() {
    let mut nodes = Nodes::start().await;
    let ([ann, ann_elsewhere], [_, bob]) = (nodes.person("ann").await, nodes.person("bob").await);
    let (mut here, mut there) = (ann.connect().await, ann_elsewhere.connect().await);
    let port = nodes.nats.take().unwrap().kill();
    nodes.are("degraded").await;
    // Bob's node holds one of Ann's sessions and delivers to it; it can't reach the other.
    bob.say("ann", "stored all the same").await;
    assert_eq!(there.message().await["content"]["text"], "stored all the same");
    assert!(here.pushes_so_far().await.iter().all(|push| push["push"] != "message"));
    nodes.nats = Some(Nats::start_at(port).await);
    loop {
        if here.push().await["push"] == "resync" {
            break;
        }
    }
    let resumed = here.call("resume", json!({ "inbox": 10 })).await.unwrap();
    let rows = resumed["rows"].as_array().unwrap().iter();
    let mut theirs = rows.filter(|row| row["id"] == "direct:ann:bob");
    assert_eq!(theirs.next().unwrap()["last"]["text"], "stored all the same");
    nodes.are("ok").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logging_out_everywhere_needs_no_nats_and_spares_who_came_back() {
    let mut nodes = Nodes::start().await;
    let [_, ann] = nodes.person("ann").await;
    let mut before = ann.connect().await;
    let port = nodes.nats.take().unwrap().kill();
    nodes.are("degraded").await;
    let ended = nodes.one.main_app().ask("DELETE", "/v1/users/ann/sessions", None).await;
    assert_eq!(ended.status, 204);
    assert_eq!(before.closed().await.0, CloseCode::Ended as u16);
    let mut after = ann.connect().await;
    nodes.nats = Some(Nats::start_at(port).await);
    // By then the other node has said again what it could not say.
    nodes.are("ok").await;
    nodes.one.main_app().push(&json!({ "user": "ann" }), "still there").await;
    assert_eq!(after.message().await["content"]["title"], "still there");
}

/// A node as a process, that can be killed.
fn process(database: &str, bus: &str) -> Process {
    let mut command = command();
    command.env("MESSAGE_SERVICE__BUS", bus);
    Process::serve_with(command, Path::new(database))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_users_of_a_node_that_was_killed_are_offline_in_thirty_seconds_and_lose_nothing() {
    let (database, nats) = (shared_database(), Nats::start().await);
    let survivor = TestServer::start_with(on(&database, &nats.url())).await;
    let mut doomed = process(&database, &nats.url());
    let (ann, bob) = (survivor.person("ann").await, survivor.person("bob").await);
    let at_doomed = Person::at(doomed.address, "ann");
    let mut socket = at_doomed.connect().await;
    let online = async |id: &str| {
        let path = format!("/v1/presence?user={}", part(id));
        let answer = survivor.main_app().ask("GET", &path, None).await.good();
        answer["online"].as_array().unwrap().contains(&json!(id))
    };
    eventually(async || online("ann").await).await;
    let acknowledged = bob_at(&doomed, &bob).say("ann", "just before").await;
    doomed.kill();
    assert_eq!(acknowledged["message"]["seq"], 1);
    let gone = eventually(async || !online("ann").await);
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("still online after 30 s");
    socket.closed().await;
    let row = ann.row(&direct("ann", "bob")).await;
    assert_eq!((&row["last"]["text"], &row["unread"]), (&json!("just before"), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_users_of_a_node_whose_drain_took_too_long_are_offline_once_it_has_ended() {
    let (database, nats) = (shared_database(), Nats::start().await);
    let survivor = TestServer::start_with(on(&database, &nats.url())).await;
    let bus = nats.url();
    let settings = on(&database, &bus);
    let impatient = TestServer::start_with(|config| {
        settings(config);
        config.drain.wait_ms = 0;
    })
    .await;
    let _socket = impatient.person("ann").await.connect().await;
    let online = async || {
        let answer = survivor.main_app().ask("GET", "/v1/presence?user=ann", None).await.good();
        answer["online"] == json!(["ann"])
    };
    eventually(online).await;
    impatient.drain();
    impatient.ended().await;
    assert!(!online().await);
}

fn bob_at(node: &Process, bob: &Person) -> Person {
    Person::at(node.address, &bob.id)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_gone_is_said_to_be_and_comes_back_by_itself() {
    let mut database = Secantus::start().await;
    let server = TestServer::start_with(on(&database.database("messages"), "none")).await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let (mut at_ann, mut at_bob) = (ann.connect().await, bob.connect().await);
    bob.say("ann", "before").await;
    assert_eq!(at_ann.message().await["seq"], 1);

    database.kill();
    let words = json!({ "clientMsgId": "typed", "content": text("typed meanwhile") });
    let path = format!("/v1/direct/{}/messages", part("ann"));
    let refused = bob.ask("POST", &path, Some(&words)).await;
    assert_eq!(refused.status, 503);
    let params = json!({
        "conversation": "direct:ann:bob", "clientMsgId": "typed", "content": text("typed meanwhile"),
    });
    let error = at_bob.call("send", params.clone()).await.unwrap_err();
    assert_eq!((&error["code"], &error["retryable"]), (&json!("unavailable"), &json!(true)));
    assert_eq!(ann.get("/v1/conversations").await.status, 503);
    assert_eq!(ann.get("/readyz").await.status, 503);
    assert!(at_ann.pushes_that_came().is_empty(), "nothing was told that is not stored");

    database.start_again().await;
    eventually(async || ann.get("/readyz").await.status == 200).await;
    // The same call again, once, whatever became of the first ones.
    at_bob.call("send", params).await.unwrap();
    assert_eq!(at_ann.message().await["content"]["text"], "typed meanwhile");
    let history = ann.get("/v1/conversations/direct%3Aann%3Abob/messages").await.good();
    let texts: Vec<&Value> = history["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|said| &said["content"]["text"])
        .collect();
    assert_eq!(texts, [&json!("before"), &json!("typed meanwhile")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_ids_work_on_every_way_between_nodes() {
    let nodes = Nodes::start().await;
    let long = "界".repeat(85);
    for id in [".", "*", ">", "$", "/", "%", "a b", "\"'", "你好", "😀", &long] {
        let [ann, _] = nodes.person(id).await;
        let [_, bob] = nodes.person("bob").await;
        let mut socket = ann.connect().await;
        bob.say(id, id).await;
        assert_eq!(socket.message().await["content"]["text"], id);
        assert_eq!(ann.row(&direct(id, "bob")).await["unread"], 1, "{id}");
    }
}

#[tokio::test]
async fn an_id_that_no_store_should_see_is_refused() {
    let server = TestServer::start_with(on(&shared_database(), "none")).await;
    let main_app = MainApp::at(server.address);
    for id in ["a\u{7}b", &"x".repeat(257)] {
        let path = format!("/v1/users/{}", part(id));
        let refused = main_app.ask("PUT", &path, Some(&json!({ "name": "N" }))).await;
        assert!((400..500).contains(&refused.status), "{id:?}: {}", refused.status);
    }
}
