//! Bad input, by request and by frame alike: a clear refusal, nothing written, nobody disturbed.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use message_service::limits::{FIRST_FRAME_BYTES, FRAME_BYTES, PROTOCOL_VERSION};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::http::try_send;
use crate::person::{MainApp, Person, direct, part, text};
use crate::server::{SECRET, TestServer, now, token, token_until};
use crate::socket::Socket;

/// A request, and the frame that asks the same.
struct Case {
    name: &'static str,
    method: &'static str,
    /// After `/v1/`.
    path: String,
    body: Option<Value>,
    frame: Option<(&'static str, Value)>,
    status: u16,
    code: &'static str,
}

fn conversation(id: &str, rest: &str) -> String {
    format!("conversations/{}{rest}", part(id))
}

/// A message to a conversation, in both ways.
fn sending(name: &'static str, id: &str, content: &Value, status: u16, code: &'static str) -> Case {
    let body = json!({ "clientMsgId": name, "content": content });
    let frame = json!({ "conversation": id, "clientMsgId": name, "content": content });
    Case {
        name,
        method: "POST",
        path: conversation(id, "/messages"),
        body: Some(body),
        frame: Some(("send", frame)),
        status,
        code,
    }
}

/// Reading up to a position, in both ways.
fn reading(name: &'static str, id: &str, more: &Value, status: u16, code: &'static str) -> Case {
    let mut frame = more.clone();
    frame["conversation"] = json!(id);
    let path = conversation(id, "/read");
    let frame = Some(("read", frame));
    Case { name, method: "POST", path, body: Some(more.clone()), frame, status, code }
}

/// A page of messages, in both ways.
fn paging(name: &'static str, query: &str, frame: Value, status: u16, code: &'static str) -> Case {
    let path = conversation("direct:ann:bob", &format!("/messages?{query}"));
    let mut frame = frame;
    frame["conversation"] = json!("direct:ann:bob");
    Case { name, method: "GET", path, body: None, frame: Some(("pull", frame)), status, code }
}

fn cases() -> Vec<Case> {
    let ours = "direct:ann:bob";
    let foreign = "direct:bob:cid";
    let hello = text("hello");
    let link = json!({ "kind": "notice", "title": "t", "link": "javascript:alert(1)" });
    let mentions = json!({ "kind": "text", "text": "x", "mentions": vec!["a"; 65] });
    let data = json!({ "kind": "custom", "type": "x", "data": "a".repeat(20_000) });
    let recall = |name, seq: &str, frame: Value, status, code| Case {
        name,
        method: "DELETE",
        path: conversation(ours, &format!("/messages/{seq}")),
        body: None,
        frame: Some(("recall", frame)),
        status,
        code,
    };
    let request = |name, method, path: &str, body: Option<Value>, status, code| Case {
        name,
        method,
        path: path.to_owned(),
        body,
        frame: None,
        status,
        code,
    };
    vec![
        sending("over-long text", ours, &text(&"界".repeat(8_001)), 400, "invalid"),
        sending("empty text", ours, &text("  \n"), 400, "invalid"),
        sending("a link that runs code", ours, &link, 400, "invalid"),
        sending("too many mentions", ours, &mentions, 400, "invalid"),
        sending("too much data", ours, &data, 400, "invalid"),
        sending("content of no kind", ours, &json!({ "kind": "video" }), 400, "invalid"),
        sending("content that is a text", ours, &json!("hello"), 400, "invalid"),
        sending("an unknown user", "direct:ann:nobody", &hello, 404, "user_unknown"),
        sending("an unknown group", "group:none", &hello, 404, "conversation_unknown"),
        sending("others' conversation", foreign, &hello, 404, "conversation_unknown"),
        sending("the product's conversation", "system:ann", &hello, 403, "forbidden"),
        sending("the announcements", "announcement", &hello, 403, "forbidden"),
        sending("no conversation id", "channel:x", &hello, 400, "invalid"),
        sending("users out of order", "direct:bob:ann", &hello, 400, "invalid"),
        sending("a control character", "direct:a\u{7}:bob", &hello, 400, "invalid"),
        sending(
            "an id of 257 bytes",
            &format!("direct:{}:bob", "a".repeat(257)),
            &hello,
            400,
            "invalid",
        ),
        reading("past the end", ours, &json!({ "seq": 4 }), 409, "seq_past_end"),
        reading("far past the end", ours, &json!({ "seq": 1_u64 << 52 }), 409, "seq_past_end"),
        reading("beyond all positions", ours, &json!({ "seq": 1_u64 << 53 }), 400, "invalid"),
        reading("below zero", ours, &json!({ "seq": -1 }), 400, "invalid"),
        reading("a fraction", ours, &json!({ "seq": 1.5 }), 400, "invalid"),
        reading("a text for a number", ours, &json!({ "seq": "1" }), 400, "invalid"),
        reading("nothing", ours, &json!({}), 400, "invalid"),
        reading("another epoch", ours, &json!({ "seq": 1, "epoch": "old" }), 409, "wrong_epoch"),
        reading("others' messages", foreign, &json!({ "seq": 1 }), 404, "conversation_unknown"),
        reading("an object for an id", ours, &json!({ "seq": { "$gt": "" } }), 400, "invalid"),
        paging("no entries", "limit=0", json!({ "limit": 0 }), 400, "invalid"),
        paging("too many entries", "limit=201", json!({ "limit": 201 }), 400, "invalid"),
        paging("after the end", "after=4", json!({ "after": 4 }), 409, "seq_past_end"),
        paging("after nothing", "after=x", json!({ "after": "x" }), 400, "invalid"),
        recall(
            "somebody else's message",
            "2",
            json!({ "conversation": ours, "seq": 2 }),
            403,
            "forbidden",
        ),
        recall(
            "no message",
            "9",
            json!({ "conversation": ours, "seq": 9 }),
            404,
            "message_unknown",
        ),
        request("a cursor of nobody's", "GET", "conversations?before=x", None, 400, "invalid"),
        request("not there", "GET", &conversation(foreign, ""), None, 404, "conversation_unknown"),
        request("acting for others", "GET", "unread?as=bob", None, 403, "forbidden"),
        request("a user's own name", "PUT", "users/ann", Some(json!({})), 403, "forbidden"),
        request("ending sessions", "DELETE", "users/bob/sessions", None, 403, "forbidden"),
        request(
            "writing to oneself",
            "POST",
            "direct/ann/messages",
            Some(json!({ "content": hello })),
            400,
            "invalid",
        ),
    ]
}

/// A service with a small conversation, and somebody who listens.
struct Scene {
    server: TestServer,
    ann: Person,
    bob: Person,
    listening: Socket,
}

impl Scene {
    async fn set() -> Self {
        let server = TestServer::start().await;
        let (ann, bob) = (server.person("ann").await, server.person("bob").await);
        let cid = server.person("cid").await;
        ann.say("bob", "one").await;
        bob.say("ann", "two").await;
        ann.say("bob", "three").await;
        bob.say("cid", "between us").await;
        cid.say("bob", "sure").await;
        server.main_app().push(&json!({ "user": "ann" }), "welcome").await;
        let listening = bob.connect().await;
        Self { server, ann, bob, listening }
    }

    /// Whatever anybody can see of the store.
    async fn stored(&self) -> Vec<Value> {
        let mut seen = Vec::new();
        for person in [&self.ann, &self.bob, &Person::at(self.server.address, "cid")] {
            let list = person.get("/v1/conversations").await.good();
            for row in list["rows"].as_array().unwrap() {
                let id = row["id"].as_str().unwrap();
                let path = format!("/v1/{}", conversation(id, "/messages"));
                seen.push(person.get(&path).await.good());
            }
            seen.push(list);
            seen.push(person.get("/v1/unread").await.good());
        }
        seen
    }

    /// Nothing was written, and the listener heard nothing and still can.
    async fn is_as_before(&mut self, before: &[Value], name: &str) {
        assert_eq!(self.stored().await, before, "{name}: something was written");
        let heard = self.listening.pushes_so_far().await;
        assert!(heard.is_empty(), "{name}: somebody else heard {heard:?}");
    }
}

#[tokio::test]
async fn bad_input_is_refused_alike_by_request_and_by_frame() {
    let mut scene = Scene::set().await;
    let before = scene.stored().await;
    let mut socket = scene.ann.connect().await;
    for case in cases() {
        let path = format!("/v1/{}", case.path);
        let reply = scene.ann.ask(case.method, &path, case.body.as_ref()).await;
        let expected = (case.status, case.code.to_owned());
        assert_eq!(reply.outcome(), expected, "{}: {}", case.name, reply.text);
        if let Some((command, params)) = case.frame {
            let error = socket.call(command, params).await.unwrap_err();
            assert_eq!(error["code"], case.code, "{}: {error}", case.name);
        }
        scene.is_as_before(&before, case.name).await;
    }
    socket.call("heartbeat", json!({})).await.unwrap();
}

#[tokio::test]
async fn nobody_learns_by_resuming_how_long_others_conversations_are() {
    let scene = Scene::set().await;
    let mut socket = scene.ann.connect().await;
    for seq in [1, 2, 3, 1_u64 << 52] {
        let known = json!({
            "id": "direct:bob:cid", "lastSeq": seq, "readSeq": 0, "markSeen": 0, "unread": 0,
        });
        let resume = json!({ "conversations": [known] });
        let error = socket.call("resume", resume).await.unwrap_err();
        assert_eq!(error["code"], "seq_past_end", "{seq}: {error}");
    }
}

#[tokio::test]
async fn a_name_that_was_used_for_something_else_is_refused() {
    let mut scene = Scene::set().await;
    let mut socket = scene.ann.connect().await;
    let send = |words: &str| json!({ "conversation": "direct:ann:bob", "clientMsgId": "x", "content": text(words) });
    socket.call("send", send("this")).await.unwrap();
    scene.listening.pushes_so_far().await;
    let before = scene.stored().await;
    let error = socket.call("send", send("that")).await.unwrap_err();
    assert_eq!(error["code"], "idempotency_conflict");
    scene.is_as_before(&before, "a used name").await;
}

#[tokio::test]
async fn broken_frames_are_answered_or_end_the_session() {
    let mut scene = Scene::set().await;
    let before = scene.stored().await;
    let mut socket = scene.ann.connect().await;
    for (frame, id, code) in [
        ("{", Value::Null, "malformed"),
        ("[]", Value::Null, "malformed"),
        ("\"\u{0}\"", Value::Null, "malformed"),
        (r#"{"command":"list"}"#, Value::Null, "malformed"),
        (r#"{"id":901,"command":"fly"}"#, json!(901), "unknown_command"),
        (r#"{"id":902,"command":"list","params":7}"#, json!(902), "invalid"),
        (r#"{"id":903,"command":"authenticate","params":{}}"#, json!(903), "invalid"),
    ] {
        socket.send(Message::text(frame)).await;
        let error = socket.reply(&id).await.unwrap_err();
        assert_eq!(error["code"], code, "{frame}");
        scene.is_as_before(&before, frame).await;
    }
    let padded = |bytes: usize| {
        let frame = r#"{"id":904,"command":"heartbeat"}"#.to_owned();
        let padding = " ".repeat(bytes - frame.len());
        Message::text(frame + &padding)
    };
    socket.send(padded(FRAME_BYTES)).await;
    socket.reply(&json!(904)).await.expect("exactly at the limit is not over it");
    for (name, message, code) in [
        ("binary", Message::binary(b"{}".to_vec()), 1003),
        ("one byte too large", padded(FRAME_BYTES + 1), 1009),
        ("much too large", padded(FRAME_BYTES * 20), 1009),
    ] {
        let mut socket = scene.ann.connect().await;
        socket.send(message).await;
        assert_eq!(socket.closed().await.0, code, "{name}");
        scene.is_as_before(&before, name).await;
    }
}

#[tokio::test]
async fn the_first_frame_must_authenticate() {
    let mut scene = Scene::set().await;
    let before = scene.stored().await;
    let good = token("ann");
    let first = |token: &str, protocol: u32| {
        let params = json!({ "token": token, "protocol": protocol });
        json!({ "id": 1, "command": "authenticate", "params": params }).to_string()
    };
    for (name, frame, code) in [
        ("another command", json!({ "id": 1, "command": "list" }).to_string(), 4200),
        ("no JSON", "hello".to_owned(), 4200),
        ("another protocol", first(&good, PROTOCOL_VERSION + 1), 4201),
        ("too large", first(&"a".repeat(FIRST_FRAME_BYTES), PROTOCOL_VERSION), 1009),
    ] {
        let mut socket = Socket::open(scene.server.address, "").await;
        socket.send(Message::text(frame)).await;
        assert_eq!(socket.closed().await.0, code, "{name}");
        scene.is_as_before(&before, name).await;
    }
}

#[tokio::test]
async fn tokens_that_are_not_good_are_refused_alike() {
    let mut scene = Scene::set().await;
    let before = scene.stored().await;
    let sign = |secret: &str, claims: Value| {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap()
    };
    let exp = now() + 60;
    let good = token("ann");
    let unsigned =
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", good.split('.').nth(1).unwrap());
    for (name, token, code, close) in [
        ("expired", token_until("ann", now() - 60), "token_expired", 4100),
        (
            "a foreign secret",
            sign("a secret of somebody else altogether", json!({ "sub": "ann", "exp": exp })),
            "unauthenticated",
            4101,
        ),
        ("alg none", unsigned, "unauthenticated", 4101),
        ("without exp", sign(SECRET, json!({ "sub": "ann" })), "unauthenticated", 4101),
        ("without sub", sign(SECRET, json!({ "exp": exp })), "unauthenticated", 4101),
        (
            "a user of control characters",
            sign(SECRET, json!({ "sub": "\u{1}", "exp": exp })),
            "unauthenticated",
            4101,
        ),
        ("no token at all", "x".to_owned(), "unauthenticated", 4101),
        ("almost the service key", "the key that the main app".to_owned(), "unauthenticated", 4101),
    ] {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let at = scene.server.address;
        let reply = try_send(at, "GET", "/v1/conversations", &headers, "").await.unwrap();
        assert_eq!(reply.outcome(), (401, code.to_owned()), "{name}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer"));
        let mut socket = Socket::open(at, "").await;
        let error = socket.authenticate(&token).await.unwrap_err();
        assert_eq!(error["code"], code, "{name}");
        assert_eq!(socket.closed().await.0, close, "{name}");
        scene.is_as_before(&before, name).await;
    }
}

#[tokio::test]
async fn a_flood_is_refused_and_then_ended() {
    let mut scene = Scene::set().await;
    let before = scene.stored().await;
    let mut socket = scene.ann.connect().await;
    for id in 1_000..1_600 {
        let frame = json!({ "id": id, "command": "mark", "params": {} }).to_string();
        socket.send(Message::text(frame)).await;
    }
    let (code, frames) = socket.closed().await;
    assert_eq!(code, 4005);
    let refused = frames.iter().filter(|frame| frame["error"]["code"] == "rate_limited").count();
    assert!(refused >= 200, "{refused} were refused");
    scene.is_as_before(&before, "a flood of commands").await;
    let mut socket = scene.ann.connect().await;
    for _ in 0..600 {
        socket.send(Message::Ping(Vec::new().into())).await;
    }
    assert_eq!(socket.closed().await.0, 4005);
    scene.is_as_before(&before, "a flood of pings").await;
}

#[tokio::test]
async fn strange_ids_work_like_any_other() {
    let server = TestServer::start().await;
    let long = "a".repeat(256);
    for id in
        [long.as_str(), "\"'`", "🙂 你好", ".*>$/%", "a:b~c", "../..", "a b&c=d?e#f", "{\"$gt\":1}"]
    {
        let (strange, bob) = (server.person(id).await, server.person("bob").await);
        let mut listener = bob.connect().await;
        let mut session = strange.connect().await;
        strange.say("bob", "hello").await;
        let heard = listener.message().await;
        assert_eq!(heard["sender"], id);
        bob.say(id, "hello yourself").await;
        assert_eq!(session.message().await["content"]["text"], "hello");
        let row = strange.row(&direct(id, "bob")).await;
        assert_eq!((&row["last"]["text"], &row["unread"]), (&json!("hello yourself"), &json!(1)));
        let path = format!("/v1/unread?as={}", part(id));
        let unread = MainApp::at(server.address).ask("GET", &path, None).await.good();
        assert_eq!(unread["total"], 1, "{id}");
    }
    for id in ["a\u{7}", "a\nb", &"a".repeat(257)] {
        let path = format!("/v1/users/{}", part(id));
        let refused = server.main_app().ask("PUT", &path, Some(&json!({}))).await;
        assert_eq!(refused.outcome(), (400, "invalid".to_owned()), "{id:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_messages_come_in_shorter_pages_and_close_nobody() {
    const MESSAGES: u64 = 60;
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let long = "界".repeat(8_000);
    for _ in 0..MESSAGES {
        bob.say("ann", &long).await;
    }
    let mut socket = ann.connect().await;
    let (mut after, mut pages) = (0, 0);
    while after < MESSAGES {
        let params = json!({ "conversation": direct("ann", "bob"), "after": after, "limit": 200 });
        let page = socket.call("pull", params).await.unwrap();
        let seqs = page["messages"].as_array().unwrap().iter();
        let seqs: Vec<u64> = seqs.map(|message| message["seq"].as_u64().unwrap()).collect();
        assert_eq!(seqs.first(), Some(&(after + 1)));
        assert_eq!(page["lastSeq"], MESSAGES);
        after = *seqs.last().unwrap();
        pages += 1;
    }
    assert!(pages > 1, "so many bytes are more than one page");
    // The newest ones, as whoever opens the conversation asks for them.
    let newest = json!({ "conversation": direct("ann", "bob") });
    let newest = socket.call("pull", newest).await.unwrap();
    assert_eq!(newest["messages"].as_array().unwrap().last().unwrap()["seq"], MESSAGES);
}
