//! What is HTTP's own: caching, origins, names for what was asked, and errors for every path.

use serde_json::{Value, json};

use crate::http::{Reply, try_send};
use crate::person::{direct, part, text};
use crate::server::{KEY, TestServer};
use crate::socket::Socket;

#[tokio::test]
async fn an_unread_count_that_did_not_change_is_not_sent_again() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    ann.say("bob", "one").await;
    let first = bob.get("/v1/unread").await;
    assert_eq!(first.good()["rows"][0]["unread"], 1);
    assert_eq!(first.header("cache-control"), Some("private, no-cache"));
    let tag = first.header("etag").unwrap();
    assert!(tag.starts_with('"'), "{tag} is not strong");
    let again = bob.get_with("/v1/unread", &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.text.as_str(), again.header("etag")), (304, "", Some(tag)));
    ann.say("bob", "two").await;
    let changed = bob.get_with("/v1/unread", &[("if-none-match", tag)]).await;
    assert_eq!(changed.good()["total"], 2);
    assert_ne!(changed.header("etag"), Some(tag));
    let settings = format!("/v1/conversations/{}/settings", part(&direct("ann", "bob")));
    bob.ask("PATCH", &settings, Some(&json!({ "muted": true }))).await.good();
    let muted = bob.get("/v1/unread").await.good();
    assert_eq!((&muted["total"], &muted["rows"][0]["unread"]), (&json!(0), &json!(2)));
}

#[tokio::test]
async fn a_name_makes_asking_again_safe() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    server.person("bob").await;
    let body = json!({ "clientMsgId": "one", "content": text("once") });
    let first = ann.ask("POST", "/v1/direct/bob/messages", Some(&body)).await;
    let again = ann.ask("POST", "/v1/direct/bob/messages", Some(&body)).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.json()["message"], again.json()["message"]);
    assert_eq!((&first.json()["fresh"], &again.json()["fresh"]), (&json!(true), &json!(false)));
    let other = json!({ "clientMsgId": "one", "content": text("something else") });
    let refused = ann.ask("POST", "/v1/direct/bob/messages", Some(&other)).await;
    assert_eq!(refused.outcome(), (409, "idempotency_conflict".to_owned()));

    let bearer = format!("Bearer {KEY}");
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-type", "application/json"),
        ("idempotency-key", "order-7"),
    ];
    let push = json!({ "to": { "user": "ann" }, "content": { "kind": "notice", "title": "7" } });
    let push = push.to_string();
    let first = try_send(server.address, "POST", "/v1/push", &headers, push.clone()).await.unwrap();
    let again = try_send(server.address, "POST", "/v1/push", &headers, push.clone()).await.unwrap();
    assert_eq!(first.good(), again.good());
    let nameless = try_send(server.address, "POST", "/v1/push", &headers[..2], push).await.unwrap();
    assert_ne!(first.good(), nameless.good());
}

#[tokio::test]
async fn the_main_app_acts_for_a_user_and_users_for_themselves_alone() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let main_app = server.main_app();
    let body = json!({ "content": text("written for ann") });
    let sent = main_app.ask("POST", "/v1/direct/bob/messages?as=ann", Some(&body)).await;
    assert_eq!((sent.status, &sent.json()["message"]["sender"]), (201, &json!("ann")));
    let list = main_app.ask("GET", "/v1/conversations?as=bob", None).await.good();
    assert_eq!(list["rows"][0]["unread"], 1);
    let nobody = main_app.ask("GET", "/v1/conversations", None).await;
    assert_eq!((nobody.outcome().0, &nobody.json()["field"]), (400, &json!("as")));
    let refused = ann.get("/v1/conversations?as=bob").await;
    assert_eq!(refused.outcome(), (403, "forbidden".to_owned()));
    // A user takes back their own, the main app any.
    let message = format!("/v1/conversations/{}/messages/1", part(&direct("ann", "bob")));
    assert_eq!(bob.ask("DELETE", &message, None).await.status, 403);
    let recalled = main_app.ask("DELETE", &message, None).await.good();
    assert_eq!((&recalled["content"], &recalled["revision"]), (&Value::Null, &json!(1)));
    assert_eq!(bob.get("/v1/unread").await.good()["total"], 0, "a recalled message never counts");
}

#[tokio::test]
async fn presence_is_told_to_those_who_know_each_other() {
    let server = TestServer::start().await;
    let (ann, bob) = (server.person("ann").await, server.person("bob").await);
    let _session = bob.connect().await;
    let asked = "/v1/presence?users=bob&users=x,y";
    assert_eq!(ann.get(asked).await.good(), json!({ "online": [] }));
    ann.say("bob", "hello").await;
    assert_eq!(ann.get(asked).await.good(), json!({ "online": ["bob"] }));
}

#[tokio::test]
async fn every_error_is_a_problem_and_nothing_is_kept_by_caches() {
    let server = TestServer::start().await;
    let ann = server.person("ann").await;
    let large = json!({ "content": text(&"a".repeat(70_000)) });
    let check = |reply: &Reply, status: u16, code: &str| {
        assert_eq!(reply.outcome(), (status, code.to_owned()), "{}", reply.text);
        assert_eq!(reply.header("content-type"), Some("application/problem+json"));
        assert_eq!(reply.header("cache-control"), Some("no-store"));
        let problem = reply.json();
        assert_eq!(problem["status"], status);
        assert!(problem["title"].is_string() && problem["detail"].is_string());
        assert!(problem["retryable"].is_boolean());
    };
    check(&ann.get("/v1/nothing").await, 404, "unknown_command");
    check(&ann.get("/").await, 404, "unknown_command");
    check(&ann.ask("PUT", "/v1/unread", None).await, 405, "unknown_command");
    check(&ann.ask("POST", "/v1/direct/bob/messages", None).await, 415, "malformed");
    check(&ann.ask("POST", "/v1/direct/bob/messages", Some(&large)).await, 413, "too_large");
    check(&ann.get("/v1/conversations/%FF").await, 400, "malformed");
    check(&ann.get("/v1/conversations?limit=0").await, 400, "invalid");
    check(&ann.get("/v1/conversations?limit=1&limit=2").await, 400, "invalid");
    check(&ann.get("/v1/socket").await, 400, "malformed");
    check(
        &try_send(server.address, "GET", "/v1/unread", &[], "").await.unwrap(),
        401,
        "unauthenticated",
    );
}

#[tokio::test]
async fn pages_of_allowed_origins_alone_may_call() {
    let server = TestServer::start_with(|config| {
        config.allowed_origins = vec!["https://app.example.com".to_owned()];
    })
    .await;
    let preflight = async |origin: &str| {
        let headers = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization,content-type,idempotency-key"),
        ];
        try_send(server.address, "OPTIONS", "/v1/push", &headers, "").await.unwrap()
    };
    let good = preflight("https://app.example.com").await;
    assert_eq!(good.header("access-control-allow-origin"), Some("https://app.example.com"));
    assert!(good.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert_eq!(good.header("access-control-allow-credentials"), None);
    let ann = server.person("ann").await;
    let read = ann.get_with("/v1/unread", &[("origin", "https://app.example.com")]).await;
    assert!(read.header("access-control-expose-headers").unwrap().contains("etag"));
    for foreign in ["https://app.example.com.evil.test", "null", "http://app.example.com"] {
        let bad = preflight(foreign).await;
        assert_eq!(bad.header("access-control-allow-origin"), None, "{foreign}");
        let refused = Socket::try_open(server.address, "", Some(foreign)).await;
        assert_eq!(refused.err(), Some(403), "{foreign}");
    }
    assert!(Socket::try_open(server.address, "", Some("https://app.example.com")).await.is_ok());
}

#[tokio::test]
async fn by_default_a_page_may_come_from_the_same_host() {
    let server = TestServer::start().await;
    let own = format!("http://{}", server.address);
    assert!(Socket::try_open(server.address, "", Some(&own)).await.is_ok());
    let port = format!("http://{}:1", server.address.ip());
    assert_eq!(Socket::try_open(server.address, "", Some(&port)).await.err(), Some(403));
}
