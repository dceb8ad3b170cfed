//! The process is killed while many send; whatever it acknowledged is there afterwards.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::http::try_send;
use crate::person::{MainApp, Person, direct, part, text};
use crate::process::Process;
use crate::server::token;

const KILLS: u64 = 20;

/// Who writes to whom: two conversations with two writers each, and one with one.
const SENDERS: [(&str, &str); 5] =
    [("ann", "bob"), ("bob", "ann"), ("ann", "cid"), ("cid", "ann"), ("bob", "cid")];

/// What the server said of a message: where it is.
type Acknowledged = Arc<Mutex<BTreeMap<String, (String, u64)>>>;

/// Sends until the server is gone. The message that got no answer is sent again next time, as a
/// client does.
async fn send_until_gone(
    at: SocketAddr,
    sender: usize,
    mut number: u32,
    acknowledged: Acknowledged,
) -> u32 {
    let (from, to) = SENDERS[sender];
    let conversation = direct(from, to);
    let path = format!("/v1/conversations/{}/messages", part(&conversation));
    let bearer = format!("Bearer {}", token(from));
    let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    loop {
        let name = format!("{sender}-{number}");
        let body = json!({ "clientMsgId": name, "content": text(&name) }).to_string();
        let Ok(reply) = try_send(at, "POST", &path, &headers, body).await else { return number };
        let sent = reply.good();
        let seq = sent["message"]["seq"].as_u64().unwrap();
        acknowledged.lock().unwrap().insert(name, (conversation.clone(), seq));
        number += 1;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_acknowledged_message_survives_sigkill_once_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("messages.db");
    let acknowledged = Acknowledged::default();
    let mut numbers = [0; SENDERS.len()];
    let random = RandomState::new();
    for round in 0..KILLS {
        let mut process = Process::serve(&store);
        let main_app = MainApp::at(process.address);
        if round == 0 {
            for user in ["ann", "bob", "cid"] {
                main_app.upsert(user).await;
            }
        }
        let sending = (0..SENDERS.len()).map(|sender| {
            let acknowledged = Arc::clone(&acknowledged);
            tokio::spawn(send_until_gone(process.address, sender, numbers[sender], acknowledged))
        });
        let sending: Vec<_> = sending.collect();
        // No event to wait for: the moment is what is drawn.
        tokio::time::sleep(Duration::from_millis(10 + random.hash_one(round) % 120)).await;
        process.kill();
        for (sender, task) in sending.into_iter().enumerate() {
            numbers[sender] = task.await.unwrap();
        }
    }
    let process = Process::serve(&store);
    let mut stored = BTreeMap::new();
    for (user, conversation) in [
        ("ann", direct("ann", "bob")),
        ("ann", direct("ann", "cid")),
        ("bob", direct("bob", "cid")),
    ] {
        for (expected, message) in (1..).zip(everything(process.address, user, &conversation).await)
        {
            assert_eq!(message["seq"], expected, "a gap in {conversation}");
            let name = message["clientMsgId"].as_str().unwrap().to_owned();
            assert_eq!(message["content"]["text"], name);
            let twice = stored.insert(name, (conversation.clone(), expected));
            assert_eq!(twice, None, "stored twice");
        }
    }
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.len() > SENDERS.len(), "hardly anything was sent");
    for (name, place) in acknowledged.iter() {
        assert_eq!(stored.get(name), Some(place), "{name} was acknowledged");
    }
}

async fn everything(at: SocketAddr, user: &str, conversation: &str) -> Vec<Value> {
    let person = Person::at(at, user);
    let mut all: Vec<Value> = Vec::new();
    loop {
        let path = format!("/v1/conversations/{}/messages", part(conversation));
        let page = person.get(&format!("{path}?after={}&limit=200", all.len())).await.good();
        let messages = page["messages"].as_array().unwrap();
        if messages.is_empty() {
            return all;
        }
        all.extend_from_slice(messages);
    }
}
