//! The main app leaves what it wants said in its own database, inside its own transactions.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime};

use message_service::config::StoreAt;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::ClientOptions;
use mongodb::{ClientSession, Collection};
use serde_json::{Value, json};

use crate::backing::{Secantus, database_at, eventually, free_port, shared_database};
use crate::http::try_send;
use crate::person::{Person, part};
use crate::process::{Process, command, output};
use crate::server::{TestServer, now};

/// The main app, at its own database.
struct App {
    address: String,
    entries: Collection<Document>,
}

impl App {
    async fn at(address: String) -> Self {
        let options = ClientOptions::parse(&address).await.unwrap();
        let client = mongodb::Client::with_options(options).unwrap();
        let entries = client.default_database().unwrap().collection("outbox");
        Self { address, entries }
    }

    async fn start() -> Self {
        Self::at(shared_database()).await
    }

    /// A service that looks at this outbox.
    async fn served(&self) -> TestServer {
        self.served_by(None).await
    }

    async fn served_by(&self, store: Option<&str>) -> TestServer {
        let server = TestServer::start_with(|config| {
            config.outbox = Some(self.address.parse().unwrap());
            if let Some(store) = store {
                config.store = StoreAt::MongoDb(store.to_owned());
            }
        });
        let server = server.await;
        self.is_prepared().await;
        server
    }

    /// Waits until the service has made its indexes.
    async fn is_prepared(&self) {
        // SecantusDB stands still for ever where an insert meets the making of an index.
        eventually(async || self.entries.list_index_names().await.is_ok_and(|all| all.len() == 3))
            .await;
    }

    async fn transaction(&self) -> ClientSession {
        let mut session = self.entries.client().start_session().await.unwrap();
        session.start_transaction().await.unwrap();
        session
    }

    async fn insert(&self, entry: Document) -> Bson {
        self.entries.insert_one(entry).await.unwrap().inserted_id
    }

    async fn entry(&self, id: impl Into<Bson>) -> Document {
        self.entries.find_one(doc! { "_id": id.into() }).await.unwrap().unwrap()
    }

    /// Waits until an entry has ended so.
    async fn is(&self, id: impl Into<Bson>, state: &str) -> Document {
        let id = id.into();
        let is_so = async || {
            self.entry(id.clone()).await.get_str("state").is_ok_and(|found| found == state)
        };
        eventually(is_so).await;
        self.entry(id).await
    }

    /// Waits until nothing is unfinished.
    async fn is_settled(&self) {
        let unfinished =
            async || self.entries.count_documents(doc! { "state": Bson::Null }).await.unwrap();
        eventually(async || unfinished().await == 0).await;
    }
}

fn notice(user: &str, title: &str) -> Document {
    doc! { "to": { "user": user }, "content": { "kind": "notice", "title": title } }
}

/// The same with a field more.
fn with(mut entry: Document, more: Document) -> Document {
    entry.extend(more);
    entry
}

/// Later than a test waits, and no later than a node would write.
fn in_a_minute() -> DateTime {
    DateTime::from_system_time(SystemTime::now() + Duration::from_mins(1))
}

/// What the product has said to a user, oldest first.
async fn said(server: &TestServer, user: &str) -> Vec<Value> {
    let path = format!("/v1/conversations/{}/messages", part(&format!("system:{user}")));
    let person = Person::at(server.address, user);
    let page = person.get(&format!("{path}?after=0&limit=200")).await;
    if page.status == 404 {
        return Vec::new();
    }
    page.good()["messages"].as_array().unwrap().clone()
}

async fn titles(server: &TestServer, user: &str) -> Vec<String> {
    let title = |message: &Value| message["content"]["title"].as_str().unwrap().to_owned();
    said(server, user).await.iter().map(title).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_transaction_committed_is_said_once_and_in_order() {
    let app = App::start().await;
    let server = app.served().await;
    let ann = server.person("ann").await;
    let mut at_ann = ann.connect().await;
    let mut transaction = app.transaction().await;
    let mut ids = Vec::new();
    for title in ["paid", "packed", "shipped"] {
        let inserting = app.entries.insert_one(notice("ann", title)).session(&mut transaction);
        ids.push(inserting.await.unwrap().inserted_id.as_object_id().unwrap());
    }
    transaction.commit_transaction().await.unwrap();
    for (title, id) in ["paid", "packed", "shipped"].into_iter().zip(&ids) {
        let heard = at_ann.message().await;
        assert_eq!(
            (&heard["content"]["title"], &heard["clientMsgId"]),
            (&json!(title), &json!(id.to_hex()))
        );
    }
    for id in ids {
        let entry = app.is(id, "done").await;
        assert!(entry.get_datetime("doneAt").is_ok() && entry.get("claimedUntil").is_none());
        assert_eq!(entry.get_i64("attempts").unwrap(), 1);
    }
    assert_eq!(titles(&server, "ann").await, ["paid", "packed", "shipped"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_rolled_back_is_not_said() {
    let app = App::start().await;
    let server = app.served().await;
    let begun = app.insert(notice("ann", "before")).await;
    app.is(begun, "done").await;
    let mut transaction = app.transaction().await;
    let inserting = app.entries.insert_one(notice("ann", "never")).session(&mut transaction);
    let id = inserting.await.unwrap().inserted_id;
    // Looked at while the transaction is open, and after it has ended.
    let meanwhile = app.insert(notice("ann", "meanwhile")).await;
    app.is(meanwhile, "done").await;
    transaction.abort_transaction().await.unwrap();
    let after = app.insert(notice("ann", "after")).await;
    app.is(after, "done").await;
    assert_eq!(titles(&server, "ann").await, ["before", "meanwhile", "after"]);
    assert_eq!(app.entries.find_one(doc! { "_id": id }).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_speaks_and_everyone_is_spoken_to() {
    let app = App::start().await;
    let server = app.served().await;
    let (ann, _) = (server.person("ann").await, server.person("bob").await);
    let words = doc! { "kind": "text", "text": "Hello", "data": { "order": 17 } };
    let id = doc! { "_id": "order-17", "from": "bob", "to": { "user": "ann" }, "content": words };
    app.is(app.insert(id).await, "done").await;
    let everyone = doc! {
        "to": { "everyone": true }, "content": { "kind": "notice", "title": "to all" },
    };
    app.is(app.insert(everyone).await, "done").await;
    let page = ann.get("/v1/conversations/direct%3Aann%3Abob/messages").await.good();
    let message = &page["messages"][0];
    assert_eq!((&message["sender"], &message["clientMsgId"]), (&json!("bob"), &json!("order-17")));
    assert_eq!(message["content"]["data"], json!({ "order": 17 }));
    assert_eq!(ann.get("/v1/unread").await.good()["total"], 2);
}

const USERS: [&str; 8] = ["u0", "u1", "u2", "u3", "u4", "u5", "u6", "u7"];

async fn two_services_share(app: &App) {
    let store = shared_database();
    let (one, other) = (app.served_by(Some(&store)).await, app.served_by(Some(&store)).await);
    let user = |number: usize| USERS[number % USERS.len()];
    let entries: Vec<Document> =
        (0..200).map(|number| notice(user(number), &format!("{number:03}"))).collect();
    app.entries.insert_many(&entries).await.unwrap();
    app.is_settled().await;
    for (first, user) in USERS.into_iter().enumerate() {
        let expected: Vec<String> =
            (first..200).step_by(USERS.len()).map(|number| format!("{number:03}")).collect();
        assert_eq!(titles(&one, user).await, expected, "to {user}");
    }
    let mut by = BTreeSet::new();
    let mut cursor = app.entries.find(doc! {}).await.unwrap();
    while cursor.advance().await.unwrap() {
        let entry = cursor.deserialize_current().unwrap();
        assert_eq!(entry.get_str("state").unwrap(), "done");
        by.insert(entry.get_str("claimedBy").unwrap().to_owned());
    }
    assert_eq!(by.len(), 2, "both had a part in it");
    drop(other);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_services_on_one_outbox_say_each_entry_once_and_in_order() {
    two_services_share(&App::start().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_needs_no_more_than_the_basic_operations() {
    let app = App::at(database_at("MESSAGE_SERVICE_TEST_FERRETDB")).await;
    let server = app.served().await;
    for title in ["one", "two", "three"] {
        app.insert(notice("ann", title)).await;
    }
    let bad = app.insert(doc! { "to": { "user": "ann" }, "content": { "kind": "odd" } }).await;
    app.is_settled().await;
    assert_eq!(titles(&server, "ann").await, ["one", "two", "three"]);
    let listed = server.main_app().ask("GET", "/v1/outbox/dead", None).await.good();
    assert_eq!(listed["entries"][0]["id"], bad.as_object_id().unwrap().to_hex());
    let retried = server.main_app().ask("POST", "/v1/outbox/dead/retry", None).await.good();
    assert_eq!(retried, json!({ "retried": 1 }));
    app.is(bad, "dead").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_claimer_left_is_taken_over_and_what_a_living_one_has_is_not() {
    let app = App::start().await;
    let claim = |until| doc! { "claimedBy": "another", "claimedUntil": until, "attempts": 1_i64 };
    let over = app.insert(with(notice("ann", "left"), claim(DateTime::from_millis(1)))).await;
    let held = app.insert(with(notice("bob", "held"), claim(in_a_minute()))).await;
    let behind = app.insert(notice("bob", "behind")).await;
    let elsewhere = app.insert(notice("cyd", "elsewhere")).await;
    let server = app.served().await;
    assert_eq!(app.is(over, "done").await.get_i64("attempts").unwrap(), 2);
    app.is(elsewhere, "done").await;
    for waiting in [held, behind] {
        assert_eq!(app.entry(waiting).await.get("state"), None);
    }
    assert_eq!(titles(&server, "bob").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_waits_holds_back_its_own_conversations_alone() {
    let app = App::start().await;
    let due = doc! { "dueAt": in_a_minute(), "attempts": 3_i64 };
    let first = app.insert(with(notice("ann", "first"), due)).await;
    let both = doc! {
        "to": { "users": ["ann", "bob"] }, "content": { "kind": "notice", "title": "both" },
    };
    app.insert(both).await;
    app.insert(notice("bob", "after both")).await;
    let other = app.insert(notice("cyd", "other")).await;
    let server = app.served().await;
    app.is(other, "done").await;
    for user in ["ann", "bob"] {
        assert_eq!(titles(&server, user).await, [""; 0]);
    }
    app.entries
        .update_one(doc! { "_id": first }, doc! { "$unset": { "dueAt": "" } })
        .await
        .unwrap();
    app.is_settled().await;
    assert_eq!(titles(&server, "ann").await, ["first", "both"]);
    assert_eq!(titles(&server, "bob").await, ["both", "after both"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bad_entry_is_dead_with_its_reason_and_holds_nobody_back() {
    let app = App::start().await;
    let server = app.served().await;
    let words = doc! { "kind": "text", "text": "Hi" };
    let cases = [
        (with(notice("ann", "x"), doc! { "_id": 17 }), "invalid: _id: "),
        (doc! { "_id": "a", "to": { "usr": "ann" }, "content": &words }, "invalid: to: "),
        (with(notice("ann", &"x".repeat(201)), doc! { "_id": "b" }), "content.title"),
        (
            doc! { "_id": "c", "from": "ann", "to": { "user": "nobody" }, "content": &words },
            "user_unknown: ",
        ),
    ];
    for (entry, expected) in cases {
        let id = app.insert(entry).await;
        let dead = app.is(id, "dead").await;
        let reason = dead.get_str("reason").unwrap();
        assert!(reason.contains(expected), "{reason:?} lacks {expected:?}");
        assert!(dead.get_datetime("deadAt").is_ok());
    }
    app.is(app.insert(notice("ann", "good")).await, "done").await;
    assert_eq!(titles(&server, "ann").await, ["good"]);
    // A name that was used for something else.
    let again = with(notice("ann", "other"), doc! { "_id": ObjectId::new() });
    let id = app.insert(again.clone()).await;
    app.is(id.clone(), "done").await;
    app.entries.delete_one(doc! { "_id": &id }).await.unwrap();
    app.insert(with(again, notice("ann", "changed"))).await;
    let dead = app.is(id, "dead").await;
    assert!(dead.get_str("reason").unwrap().starts_with("idempotency_conflict: "));
}

/// Entries to somebody whom the main app has not told of yet.
async fn four_dead(app: &App) -> Vec<String> {
    let words = doc! { "kind": "text", "text": "Hi" };
    let mut ids = Vec::new();
    for number in 0..4 {
        let to = doc! { "user": format!("late-{number}") };
        let entry = doc! { "from": "ann", "to": to, "content": &words };
        let id = app.insert(entry).await;
        app.is(id.clone(), "dead").await;
        ids.push(id.as_object_id().unwrap().to_hex());
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_and_tried_again_over_rest() {
    let app = App::start().await;
    let server = app.served().await;
    let main_app = server.main_app();
    let ann = server.person("ann").await;
    let ids = four_dead(&app).await;
    let mut listed = Vec::new();
    let mut path = "/v1/outbox/dead?limit=3".to_owned();
    loop {
        let page = main_app.ask("GET", &path, None).await.good();
        listed.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/outbox/dead?limit=3&before={next}");
    }
    let newest_first: Vec<&str> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert_eq!(newest_first, ids.iter().rev().map(String::as_str).collect::<Vec<_>>());
    assert!(listed[0]["reason"].as_str().unwrap().starts_with("user_unknown: "));
    assert_eq!(listed[0]["attempts"], 1);
    assert_eq!(listed[0]["entry"]["to"], json!({ "user": "late-3" }));
    assert_eq!(listed[0]["entry"].get("state"), None);

    for number in 0..4 {
        main_app.upsert(&format!("late-{number}")).await;
    }
    let one = format!("/v1/outbox/dead/{}/retry", ids[0]);
    assert_eq!(main_app.ask("POST", &one, None).await.status, 204);
    app.is(ObjectId::parse_str(&ids[0]).unwrap(), "done").await;
    assert_eq!(main_app.ask("POST", &one, None).await.status, 404);
    assert_eq!(
        main_app.ask("GET", "/v1/outbox/dead", None).await.good()["entries"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let all = main_app.ask("POST", "/v1/outbox/dead/retry", None).await.good();
    assert_eq!(all, json!({ "retried": 3 }));
    app.is_settled().await;
    assert_eq!(main_app.ask("GET", "/v1/outbox/dead", None).await.good(), json!({ "entries": [] }));
    let list = ann.get("/v1/conversations").await.good();
    assert_eq!(list["rows"].as_array().unwrap().len(), 4);

    assert_eq!(ann.get("/v1/outbox/dead").await.status, 403);
    assert_eq!(main_app.ask("GET", "/v1/outbox/dead?limit=0", None).await.status, 400);
    let without = TestServer::start().await;
    let refused = without.main_app().ask("GET", "/v1/outbox/dead", None).await;
    assert_eq!(refused.status, 404, "{}", refused.text);
    assert!(refused.text.contains("`outbox`"), "{}", refused.text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_are_listed_and_tried_again_by_the_command() {
    let app = App::start().await;
    let server = app.served().await;
    server.person("ann").await;
    let ids = four_dead(&app).await;
    let run = |arguments: &[&str]| {
        output(command().arg("outbox").args(arguments).args(["--outbox", &app.address]))
    };
    let listed = run(&["list"]);
    let listed = String::from_utf8(listed.stdout).unwrap();
    let listed: Vec<Value> =
        listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(listed.len(), 4);
    assert_eq!(listed[3]["id"], ids[0]);
    for number in 0..4 {
        server.main_app().upsert(&format!("late-{number}")).await;
    }
    assert!(run(&["retry", &ids[0]]).status.success());
    app.is(ObjectId::parse_str(&ids[0]).unwrap(), "done").await;
    let unknown = run(&["retry", &ids[0]]);
    assert!(!unknown.status.success());
    assert!(String::from_utf8(unknown.stderr).unwrap().contains("no entry"));
    let all = run(&["retry", "--all"]);
    assert_eq!(String::from_utf8(all.stdout).unwrap(), "3 will be tried again\n");
    app.is_settled().await;
    assert_eq!(app.entries.count_documents(doc! { "state": "done" }).await.unwrap(), 4);
    assert!(!run(&["retry"]).status.success());
    let nowhere = output(command().args(["outbox", "list"]));
    assert!(String::from_utf8(nowhere.stderr).unwrap().contains("`outbox` is empty"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_store_can_not_take_now_is_tried_again() {
    let app = App::start().await;
    let mut backing = Secantus::start().await;
    let server = app.served_by(Some(&backing.database("messages"))).await;
    backing.kill();
    let (first, second) =
        (app.insert(notice("ann", "one")).await, app.insert(notice("ann", "two")).await);
    let failed = async || app.entry(first.clone()).await.get("reason").is_some();
    eventually(failed).await;
    let waiting = app.entry(first.clone()).await;
    assert_eq!(waiting.get("state"), None);
    assert!(waiting.get_str("reason").unwrap().starts_with("unavailable: "));
    assert_eq!(app.entry(second.clone()).await.get("attempts"), None, "it waits for the first");
    backing.start_again().await;
    assert!(app.is(first, "done").await.get("reason").is_none());
    app.is(second, "done").await;
    assert_eq!(titles(&server, "ann").await, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_an_entry_is_noted_until_somebody_answers() {
    let app = App::start().await;
    let mut backing = Secantus::start().await;
    let server = app.served_by(Some(&backing.database("messages"))).await;
    backing.kill();
    let left = doc! {
        "claimedBy": "two", "claimedUntil": DateTime::from_millis(1), "leftBy": ["one"],
    };
    let id = app.insert(with(notice("ann", "left"), left)).await;
    // Nothing is answered while the store is looked for.
    let noted = async || {
        let entry = app.entry(id.clone()).await;
        entry.get_array("leftBy").is_ok_and(|nodes| nodes == &["one".into(), "two".into()])
    };
    eventually(noted).await;
    let answered = async || {
        let entry = app.entry(id.clone()).await;
        entry.get("reason").is_some() && entry.get("leftBy").is_none()
    };
    eventually(answered).await;
    drop(server);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_that_five_nodes_have_left_is_dead_until_an_operator_has_it_tried_again() {
    let app = App::start().await;
    let left = |nodes: &[&str]| {
        doc! {
            "attempts": 5_i64, "claimedBy": "the last", "claimedUntil": DateTime::from_millis(1),
            "leftBy": nodes,
        }
    };
    let fewer = app.insert(with(notice("ann", "fewer"), left(&["1", "2", "3"]))).await;
    let five = app.insert(with(notice("bob", "five"), left(&["1", "2", "3", "4"]))).await;
    let server = app.served().await;
    app.is(fewer, "done").await;
    let dead = app.is(five.clone(), "dead").await;
    assert!(dead.get_str("reason").unwrap().contains("5 nodes"), "{dead}");
    assert_eq!(titles(&server, "bob").await, [""; 0]);
    let retried = server.main_app().ask("POST", "/v1/outbox/dead/retry", None).await.good();
    assert_eq!(retried, json!({ "retried": 1 }));
    app.is(five, "done").await;
    assert_eq!(titles(&server, "bob").await, ["five"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_may_be_away_and_come_back() {
    let mut own = Secantus::start().await;
    let app = App::at(own.database("app")).await;
    own.kill();
    // Neither a start nor anything else waits for it.
    let server = TestServer::start_with(|config| {
        config.outbox = Some(app.address.parse().unwrap());
    });
    let server = server.await;
    let main_app = server.main_app();
    main_app.push(&json!({ "user": "ann" }), "by request").await;
    assert_eq!(
        main_app.ask("GET", "/v1/outbox/dead", None).await.outcome(),
        (503, "unavailable".to_owned())
    );
    own.start_again().await;
    app.is_prepared().await;
    app.is(app.insert(notice("ann", "one")).await, "done").await;
    own.kill();
    own.start_again().await;
    app.is(app.insert(notice("ann", "two")).await, "done").await;
    assert_eq!(titles(&server, "ann").await, ["by request", "one", "two"]);
}

/// A process that looks at an outbox, and where it tells its metrics.
fn measured(outbox: &str, folder: &Path) -> (Process, SocketAddr) {
    let free = free_port();
    let at = SocketAddr::from(([127, 0, 0, 1], free));
    let mut command = command();
    command.env("MESSAGE_SERVICE__METRICS__LISTEN", at.to_string());
    command.env("MESSAGE_SERVICE__OUTBOX", outbox);
    (Process::serve_with(command, &folder.join("messages.db")), at)
}

/// What a gauge says, where it says anything.
async fn gauge(at: SocketAddr, name: &str) -> Option<f64> {
    let told = try_send(at, "GET", "/metrics", &[], "").await.unwrap().text;
    let line = told.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map(|number| number.parse().unwrap())
}

const LOOKED_AT: &str = "message_service_outbox_look_timestamp_seconds";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_is_counted_and_tells_when_it_was_looked_at() {
    let app = App::at(database_at("MESSAGE_SERVICE_TEST_FERRETDB")).await;
    let waits = doc! { "dueAt": in_a_minute(), "attempts": 1_i64 };
    for title in ["one", "two"] {
        app.insert(with(notice("ann", title), waits.clone())).await;
    }
    app.insert(with(notice("ann", "dead"), doc! { "state": "dead", "deadKey": "1" })).await;
    let folder = tempfile::tempdir().unwrap();
    let begun = now();
    let (_process, at) = measured(&app.address, folder.path());
    let is = async |name, number: f64| gauge(at, name).await.is_some_and(|told| told >= number);
    eventually(async || is(LOOKED_AT, f64::from(u32::try_from(begun).unwrap())).await).await;
    eventually(async || is("message_service_outbox_waiting", 2.0).await).await;
    assert_eq!(gauge(at, "message_service_outbox_waiting").await, Some(2.0));
    assert_eq!(gauge(at, "message_service_outbox_dead").await, Some(1.0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_that_was_never_reached_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let nobody = format!("mongodb://127.0.0.1:{}/app", free_port());
    let (_process, at) = measured(&nobody, folder.path());
    eventually(async || gauge(at, LOOKED_AT).await == Some(0.0)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_that_ends_brings_what_it_has_in_hand_to_its_end() {
    let app = App::start().await;
    let server = app.served().await;
    let entries: Vec<Document> =
        (0..100).map(|number| notice(USERS[number % USERS.len()], "x")).collect();
    app.entries.insert_many(&entries).await.unwrap();
    let begun = async || app.entries.count_documents(doc! { "state": "done" }).await.unwrap() > 0;
    eventually(begun).await;
    server.drain();
    server.ended().await;
    let claimed = doc! { "claimedUntil": { "$gt": DateTime::from_millis(0) } };
    assert_eq!(app.entries.count_documents(claimed).await.unwrap(), 0);
    let done = app.entries.count_documents(doc! { "state": "done" }).await.unwrap();
    assert!(done < 100, "it ended in the middle");
}
