//! The binary's commands, and how it begins and ends.

use std::net::TcpListener;

use serde_json::json;

use crate::http::try_send;
use crate::person::{MainApp, Person};
use crate::process::{Process, command, output};
use crate::server::{KEY, SECRET};
use crate::socket::Socket;

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn a_busy_port_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = output(command().args(["serve", "--store", "memory", "--listen", &address]));
    let told = text(&ran.stderr);
    assert!(!ran.status.success());
    assert!(told.contains(&address) && told.contains("--listen"), "{told}");
}

#[test]
fn a_folder_that_is_missing_is_told_with_the_way_out() {
    let ran = output(command().args(["serve", "--listen=127.0.0.1:0", "--store=/nowhere/a.db"]));
    let told = text(&ran.stderr);
    assert!(!ran.status.success());
    assert!(told.contains("/nowhere") && told.contains("create it"), "{told}");
}

#[test]
fn the_configuration_is_checked_and_printed_without_secrets() {
    let good = output(command().arg("check-config"));
    assert!(good.status.success(), "{}", text(&good.stderr));
    let bad = output(command().arg("check-config").env_remove("MESSAGE_SERVICE__SERVICE_KEYS"));
    assert!(!bad.status.success());
    assert!(text(&bad.stderr).contains("SERVICE_KEYS"), "{}", text(&bad.stderr));
    let printed = text(&output(command().arg("print-config")).stdout);
    assert!(printed.contains("[redacted]"), "{printed}");
    assert!(!printed.contains(SECRET) && !printed.contains(KEY), "{printed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_told_where_they_were_asked_for_and_name_no_user() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command.env("MESSAGE_SERVICE__METRICS__LISTEN", free.to_string());
    let process = Process::serve_with(command, &folder.path().join("messages.db"));
    MainApp::at(process.address).upsert("bob").await;
    let ann = Person::at(process.address, "ann");
    let mut socket = ann.connect().await;
    socket.call("list", json!({})).await.unwrap();
    ann.say("bob", "hello").await;
    let told = try_send(free, "GET", "/metrics", &[], "").await.unwrap().text;
    for expected in [
        "message_service_sessions 1",
        "message_service_commands_total{command=\"list\",outcome=\"ok\"} 1",
        "message_service_http_requests_total{method=\"POST\",route=\"/v1/direct/{user}/messages\",status=\"201\"} 1",
        "message_service_store_append_seconds_count 1",
    ] {
        assert!(told.contains(expected), "{expected} is not in\n{told}");
    }
    assert!(!told.contains("ann") && !told.contains("bob"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_minted_token_opens_a_session_and_sigterm_ends_it_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Process::serve(&folder.path().join("messages.db"));
    let minted = output(command().args(["token", "--user", "ann", "--name", "Ann"]));
    let token = text(&minted.stdout).trim().to_owned();
    let mut socket = Socket::open(process.address, "").await;
    let welcome = socket.authenticate(&token).await.unwrap();
    assert_eq!(welcome["user"]["name"], "Ann");
    MainApp::at(process.address).upsert("bob").await;
    Person::at(process.address, "ann").say("bob", "a body that no log shows").await;
    process.terminate();
    let (code, before) = socket.closed().await;
    assert_eq!((code, before.last().unwrap()["push"].as_str()), (1012, Some("goodbye")));
    let (well, log) = process.ended();
    assert!(well, "{log:?}");
    let log = log.join("\n");
    assert!(log.contains("drained"), "{log}");
    for secret in [SECRET, KEY, token.as_str(), "a body that no log shows"] {
        assert!(!log.contains(secret), "the log shows {secret}");
    }
}
