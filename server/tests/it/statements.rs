//! The product's statements, as far as the server makes them true. Each has a case in which it must
//! not happen, too.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use message_service::MessageService;
use serde_json::{Value, json};

use crate::http::try_send;
use crate::person::{MainApp, Person, direct, part, text};
use crate::process::Process;
use crate::server::{KEY, TestServer, config, token};
use crate::socket::Socket;

fn messages_path(conversation: &str) -> String {
    format!("/v1/conversations/{}/messages", part(conversation))
}

async fn total(person: &Person) -> Value {
    person.get("/v1/unread").await.good()["total"].clone()
}

fn row_of<'a>(rows: &'a Value, conversation: &str) -> Option<&'a Value> {
    rows["rows"].as_array().unwrap().iter().find(|row| row["id"] == conversation)
}

#[tokio::test]
async fn s01_router_nests_under_any_prefix() {
    let folder = tempfile::tempdir().unwrap();
    let service = MessageService::start(config(folder.path().join("messages.db"))).await.unwrap();
    let host = Router::new()
        .route("/", get(async || "the host's own page"))
        .nest("/deep/{shop}/messages", service.router());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, host).await });
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let path = "/deep/a/messages/v1/users/ann";
    let put = try_send(at, "PUT", path, &headers, r#"{"name":"Ann"}"#).await.unwrap();
    assert_eq!(put.status, 204, "{}", put.text);
    let mut socket = Socket::open(at, "/deep/a/messages").await;
    let welcome = socket.authenticate(&token("ann")).await.unwrap();
    assert_eq!(welcome["user"]["name"], "Ann");
    // What is not ours stays the host's.
    let own = try_send(at, "GET", "/", &[], "").await.unwrap();
    assert_eq!(own.text, "the host's own page");
    let outside = try_send(at, "PUT", "/v1/users/ann", &headers, "{}").await.unwrap();
    assert_eq!((outside.status, outside.text.as_str()), (404, ""));
    let unknown = try_send(at, "GET", "/deep/a/messages/v1/nothing", &[], "").await.unwrap();
    assert_eq!(unknown.outcome(), (404, "unknown_command".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s01_runs_beside_the_main_app() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(&folder.path().join("messages.db"));
    let main_app = MainApp::at(process.address);
    main_app.upsert("ann").await;
    let ann = Person::at(process.address, "ann");
    assert_eq!(ann.get("/healthz").await.status, 200);
    assert_eq!(ann.get("/readyz").await.good()["checks"]["store"], "ok");
    let mut socket = ann.connect().await;
    main_app.push(&json!({ "user": "ann" }), "from next door").await;
    assert_eq!(socket.message().await["content"]["title"], "from next door");
    // Measurements are not told to everybody.
    assert_eq!(ann.get("/metrics").await.status, 404);
}

#[tokio::test]
async fn s02_a_push_reaches_one_many_and_everyone() {
    let server = TestServer::start().await;
    let main_app = server.main_app();
    let mut sockets = Vec::new();
    for id in ["ann", "bob", "cid"] {
        sockets.push(server.person(id).await.connect().await);
    }
    main_app.push(&json!({ "user": "ann" }), "one").await;
    main_app.push(&json!({ "users": ["ann", "bob"] }), "many").await;
    let answer = main_app.push(&json!({ "everyone": true }), "everyone").await;
    assert_eq!(answer["messages"].as_array().unwrap().len(), 1, "one message for everyone");
    let expected: [&[&str]; 3] =
        [&["one", "many", "everyone"], &["many", "everyone"], &["everyone"]];
    for (socket, expected) in sockets.iter_mut().zip(expected) {
        let pushes = socket.pushes_so_far().await;
        let title = |push: &Value| push["data"]["message"]["content"]["title"].clone();
        assert_eq!(pushes.iter().map(title).collect::<Vec<_>>(), expected);
    }
    // Nobody, and a user without a service key.
    let nobody = json!({ "to": {}, "content": { "kind": "notice", "title": "x" } });
    let refused = main_app.ask("POST", "/v1/push", Some(&nobody)).await;
    assert_eq!(refused.outcome(), (400, "invalid".to_owned()));
    let body = json!({ "to": { "everyone": true }, "content": { "kind": "notice", "title": "x" } });
    let ann = Person::at(server.address, "ann");
    let refused = ann.ask("POST", "/v1/push", Some(&body)).await;
    assert_eq!(refused.outcome(), (403, "forbidden".to_owned()));
}

#[tokio::test]
async fn s02_messages_can_be_fetched() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    for title in ["a", "b", "c"] {
        server.main_app().push(&json!({ "user": "ann" }), title).await;
    }
    let path = messages_path("system:ann");
    let titles = |page: &Value| -> Vec<String> {
        let messages = page["messages"].as_array().unwrap();
        messages.iter().map(|it| it["content"]["title"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(titles(&ann.get(&path).await.good()), ["a", "b", "c"]);
    assert_eq!(titles(&ann.get(&format!("{path}?limit=2")).await.good()), ["b", "c"]);
    assert_eq!(titles(&ann.get(&format!("{path}?before=2")).await.good()), ["a"]);
    let mut socket = ann.connect().await;
    let pull = json!({ "conversation": "system:ann", "after": 1, "limit": 1 });
    assert_eq!(titles(&socket.call("pull", pull).await.unwrap()), ["b"]);
    // Not by somebody else, in neither way.
    assert_eq!(bob.get(&path).await.outcome(), (404, "conversation_unknown".to_owned()));
    let mut other = bob.connect().await;
    let refused = other.call("pull", json!({ "conversation": "system:ann" })).await.unwrap_err();
    assert_eq!(refused["code"], "conversation_unknown");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s03_every_message_is_in_the_store() {
    let server = TestServer::start().await;
    let (ann, _bob) = (server.person("ann").await, server.person("bob").await);
    ann.say("bob", "by request").await;
    let mut socket = ann.connect().await;
    let conversation = direct("ann", "bob");
    let send = json!({
        "conversation": conversation, "clientMsgId": "x", "content": text("by socket"),
    });
    socket.call("send", send).await.unwrap();
    server.main_app().push(&json!({ "user": "bob" }), "by the product").await;
    // Refused, so not there.
    let empty = json!({ "conversation": conversation, "clientMsgId": "y", "content": text("") });
    socket.call("send", empty).await.unwrap_err();
    let server = server.restart().await;
    let bob = Person::at(server.address, "bob");
    let page = bob.get(&messages_path(&conversation)).await.good();
    let texts: Vec<&Value> =
        page["messages"].as_array().unwrap().iter().map(|it| &it["content"]["text"]).collect();
    assert_eq!(texts, ["by request", "by socket"]);
    let system = bob.get(&messages_path("system:bob")).await.good();
    assert_eq!(system["messages"][0]["content"]["title"], "by the product");
}

#[tokio::test]
async fn s04_an_online_user_hears_at_once_and_it_is_stored() {
    let server = TestServer::start().await;
    let (ann, bob, cid) =
        (server.person("ann").await, server.person("bob").await, server.person("cid").await);
    let (mut listener, mut stranger) = (bob.connect().await, cid.connect().await);
    let sent = ann.say("bob", "hello").await;
    let heard = listener.message().await;
    assert_eq!(heard, sent["message"]);
    let page = bob.get(&messages_path(&direct("ann", "bob"))).await.good();
    assert_eq!(page["messages"][0], heard);
    assert!(stranger.pushes_so_far().await.is_empty(), "nobody else hears it");
}

#[tokio::test]
async fn s04_an_offline_user_gets_it_later() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let sent = ann.say("bob", "are you there?").await;
    let mut socket = bob.connect().await;
    let resumed = socket.call("resume", json!({})).await.unwrap();
    let row = row_of(&resumed, &direct("ann", "bob")).unwrap();
    assert_eq!((&row["unread"], &row["last"]["text"]), (&json!(1), &json!("are you there?")));
    let pull = json!({ "conversation": row["id"], "after": 0 });
    assert_eq!(socket.call("pull", pull).await.unwrap()["messages"][0], sent["message"]);
    // Whoever was there all the time and read it gets nothing again.
    socket.call("read", json!({ "conversation": row["id"], "seq": 1 })).await.unwrap();
    let resumed = bob.connect().await.call("resume", json!({})).await.unwrap();
    assert_eq!(row_of(&resumed, &direct("ann", "bob")), None);
}

#[tokio::test]
async fn s05_the_node_that_owns_the_sockets_decides_who_is_online() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let main_app = server.main_app();
    let online = async || {
        main_app.ask("GET", "/v1/presence?users=ann,bob", None).await.good()["online"].clone()
    };
    assert_eq!(online().await, json!([]));
    let (one, mut two) = (bob.connect().await, bob.connect().await);
    assert_eq!(online().await, json!(["bob"]));
    one.close().await;
    assert_eq!(online().await, json!(["bob"]), "another session of theirs is open");
    ann.say("bob", "at once").await;
    assert_eq!(two.message().await["content"]["text"], "at once");
    two.close().await;
    // A close is answered before the server has put everything away.
    while online().await != json!([]) {
        tokio::task::yield_now().await;
    }
    ann.say("bob", "for later").await;
    assert_eq!(total(&bob).await, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s06_a_push_from_another_process_reaches_the_session() {
    let folder = tempfile::tempdir().unwrap();
    let process = Process::serve(&folder.path().join("messages.db"));
    let main_app = MainApp::at(process.address);
    for id in ["ann", "bob"] {
        main_app.upsert(id).await;
    }
    let (ann, bob) = (Person::at(process.address, "ann"), Person::at(process.address, "bob"));
    let (mut listener, mut other) = (ann.connect().await, bob.connect().await);
    let pushed = main_app.push(&json!({ "user": "ann" }), "from outside").await;
    assert_eq!(listener.message().await, pushed["messages"][0]);
    assert!(other.pushes_so_far().await.is_empty());
}

#[tokio::test]
async fn s06_a_push_in_process_reaches_the_session() {
    use message_service::message::Content;
    use message_service::service::{PushRequest, To};
    let server = TestServer::start().await;
    let mut listener = server.person("ann").await.connect().await;
    let service = Arc::clone(&server.service);
    let request = |id: &str| PushRequest {
        to: To::Users(vec![id.parse().unwrap()]),
        content: Content::notice("from inside"),
        quiet: false,
        key: None,
    };
    service.push(request("somebody else")).await.unwrap();
    service.push(request("ann")).await.unwrap();
    let heard = listener.pushes_so_far().await;
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0]["data"]["message"]["conversation"], "system:ann");
}

#[tokio::test]
async fn s12_login_tells_whether_anything_is_unread() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let conversation = direct("ann", "bob");
    let resumed = bob.connect().await.call("resume", json!({})).await.unwrap();
    let unread = |resumed: &Value| {
        resumed["rows"].as_array().unwrap().iter().filter(|row| row["unread"] != 0).count()
    };
    assert_eq!(unread(&resumed), 0);
    assert_eq!(total(&bob).await, 0);
    ann.say("bob", "one").await;
    ann.say("bob", "two").await;
    let mut socket = bob.connect().await;
    let resumed = socket.call("resume", json!({})).await.unwrap();
    assert_eq!((unread(&resumed), total(&bob).await), (1, json!(2)));
    // Later the values travel with what changes them: no further question is needed.
    ann.say("bob", "three").await;
    assert_eq!(socket.message().await["seq"], 3);
    let mut elsewhere = bob.connect().await;
    socket.call("read", json!({ "conversation": conversation, "seq": 3 })).await.unwrap();
    let news = elsewhere.push().await;
    assert_eq!((&news["push"], &news["data"]["member"]["readSeq"]), (&json!("member"), &json!(3)));
    assert_eq!(total(&bob).await, 0);
}

#[tokio::test]
async fn s13_the_list_is_newest_first_with_name_avatar_latest_and_unread() {
    let server = TestServer::start().await;
    for id in ["ann", "bob", "cid"] {
        server.person(id).await;
    }
    let person = |id| Person::at(server.address, id);
    let (ann, bob, cid) = (person("ann"), person("bob"), person("cid"));
    bob.say("ann", "first").await;
    cid.say("ann", "second").await;
    cid.say("ann", "third").await;
    let list = ann.get("/v1/conversations").await.good();
    let rows: Vec<Value> = list["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| json!([row["name"], row["avatar"], row["last"]["text"], row["unread"]]))
        .collect();
    assert_eq!(
        rows,
        [
            json!(["cid's name", "/avatars/7.png", "third", 2]),
            json!(["bob's name", "/avatars/7.png", "first", 1]),
        ]
    );
    bob.say("ann", "fourth").await;
    let page = ann.get("/v1/conversations?limit=1").await.good();
    assert_eq!(page["rows"][0]["peer"], "bob", "the newest comes first");
    let next = page["next"].as_str().unwrap();
    let rest = ann.get(&format!("/v1/conversations?before={}", part(next))).await.good();
    assert_eq!(
        (&rest["rows"][0]["peer"], rest["rows"].as_array().unwrap().len()),
        (&json!("cid"), 1)
    );
    // Nothing of others, and nothing that was removed from the list.
    assert_eq!(bob.get("/v1/conversations").await.good()["rows"].as_array().unwrap().len(), 1);
    let clear = format!("/v1/conversations/{}/clear", part(&direct("ann", "cid")));
    ann.ask("POST", &clear, Some(&json!({ "seq": 2 }))).await.good();
    assert_eq!(ann.get("/v1/conversations").await.good()["rows"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn s14_sending_updates_the_row_for_both_sides() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let conversation = direct("ann", "bob");
    let (mut elsewhere, mut listener) = (ann.connect().await, bob.connect().await);
    bob.say("ann", "hi").await;
    elsewhere.message().await;
    listener.pushes_so_far().await;
    ann.say("bob", "hi yourself").await;
    // The sender's other tab: its own half, and the message.
    let pushes = elsewhere.pushes_so_far().await;
    assert!(pushes.iter().any(|push| push["push"] == "member"), "{pushes:?}");
    assert!(pushes.iter().any(|push| push["data"]["message"]["seq"] == 2), "{pushes:?}");
    assert_eq!(listener.message().await["content"]["text"], "hi yourself");
    let row = bob.row(&conversation).await;
    assert_eq!((&row["last"]["text"], &row["unread"]), (&json!("hi yourself"), &json!(1)));
    // Writing is not reading: what the sender has not rendered stays unread.
    assert_eq!(ann.row(&conversation).await["unread"], 1);
    let body = json!({ "content": text("now I have seen it"), "readSeq": 1 });
    ann.ask("POST", &messages_path(&conversation), Some(&body)).await.good();
    assert_eq!(ann.row(&conversation).await["unread"], 0);
}

#[tokio::test]
async fn s15_a_push_says_whether_another_tab_attends() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let conversation = direct("ann", "bob");
    ann.say("bob", "first").await;
    let (mut open, mut away) = (bob.connect().await, bob.connect().await);
    let attended = async |socket: &mut Socket| socket.push().await["data"]["attended"].clone();
    let view = |focused: bool| {
        json!({ "views": [
            { "page": "messages", "open": conversation, "visible": true, "focused": focused },
        ] })
    };
    open.call("look", view(true)).await.unwrap();
    ann.say("bob", "second").await;
    assert_eq!(attended(&mut away).await, json!(true), "hold the dot back");
    assert_eq!(attended(&mut open).await, Value::Null);
    // Reading is the tab's own act; the server read nothing for it.
    assert_eq!(total(&bob).await, 2);
    open.call("read", json!({ "conversation": conversation, "seq": 2 })).await.unwrap();
    assert_eq!(total(&bob).await, 0);
    // A tab that is open and not looked at attends to nothing.
    open.call("look", view(false)).await.unwrap();
    away.pushes_so_far().await;
    ann.say("bob", "third").await;
    assert_eq!(attended(&mut away).await, Value::Null);
    assert_eq!(total(&bob).await, 1);
}

#[tokio::test]
async fn s16_opening_reads_what_was_rendered_and_no_more() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let conversation = direct("ann", "bob");
    for words in ["one", "two", "three"] {
        ann.say("bob", words).await;
    }
    let read = format!("/v1/conversations/{}/read", part(&conversation));
    bob.ask("POST", &read, Some(&json!({ "seq": 2 }))).await.good();
    assert_eq!(bob.row(&conversation).await["unread"], 1, "the third was not rendered");
    bob.ask("POST", &read, Some(&json!({ "seq": 3 }))).await.good();
    assert_eq!(bob.row(&conversation).await["unread"], 0);
    // Reading again, or less, changes nothing; and it explains itself.
    bob.ask("POST", &read, Some(&json!({ "seq": 1 }))).await.good();
    assert_eq!(bob.row(&conversation).await["unread"], 0);
    let reads = bob.get(&format!("{read}s")).await.good();
    assert_eq!((&reads["reads"][0]["seq"], &reads["reads"][0]["by"]), (&json!(3), &json!("rest")));
}
