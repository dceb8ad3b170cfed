//! A socket's two halves over streams that behave as no real peer can be made to.

use std::future::pending;
use std::time::Instant;

use axum::extract::ws::Message;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use message_service_shared::close::CloseCode;
use message_service_shared::limits::PROTOCOL_VERSION;
use tokio_util::task::TaskTracker;

use super::*;
use crate::bus::InProcess;
use crate::caller::{Jwt, Mint, ServiceKeys};
use crate::clock::{Clock, Ids, RandomIds, SystemClock, epoch};
use crate::hub::Hub;
use crate::origin::Origins;
use crate::roster::Alone;
use crate::service::{Parts, Rules, Service};
use crate::store::memory::MemoryStore;

const SECRET: &str = "a secret that only these tests know";

fn node() -> Node {
    let hub = Arc::new(Hub::default());
    let parts = Parts {
        store: Arc::new(MemoryStore::new(epoch(RandomIds.make(0)))),
        bus: Arc::new(InProcess::new(Arc::clone(&hub))),
        roster: Arc::new(Alone::new(Arc::clone(&hub))),
        hub,
        clock: Arc::new(SystemClock),
        ids: Arc::new(RandomIds),
        away: None,
    };
    Node {
        service: Arc::new(Service::new(parts, Rules::default())),
        resolver: Arc::new(Jwt::new([SECRET], None, None)),
        service_keys: ServiceKeys::default(),
        outbox: None,
        origins: Origins::Same,
        draining: CancellationToken::new(),
        work: TaskTracker::new(),
    }
}

/// A line on which everything takes a moment at most.
fn impatient() -> Line {
    let moment = Duration::from_millis(50);
    let patience = Patience {
        authenticate: moment,
        silence: moment,
        write: moment,
        closing: moment,
        unread: moment,
    };
    Line { patience, ..Line::default() }
}

/// A peer that says these, and then nothing, for ever.
fn says(frames: Vec<Message>) -> impl Stream<Item = Result<Message, axum::Error>> + Unpin {
    let silence = Box::pin(stream::once(pending()));
    stream::iter(frames.into_iter().map(Ok)).chain(silence)
}

fn authenticate(seconds: u64) -> Message {
    let sub = "ann".parse().unwrap();
    let exp = SystemClock.now() / 1_000 + seconds;
    let token = Mint { sub: &sub, exp, name: None, iss: None, aud: None }.sign(SECRET).unwrap();
    let params = serde_json::json!({ "token": token, "protocol": PROTOCOL_VERSION });
    let frame = serde_json::json!({ "id": 1, "command": "authenticate", "params": params });
    Message::Text(frame.to_string().into())
}

async fn check(frames: Vec<Message>, expected: CloseCode) {
    let (node, line) = (node(), impatient());
    reader::run(&node, &mut says(frames), &line).await;
    assert_eq!(line.mailbox.closed(), Some(expected));
    assert_eq!(node.service.hub().sessions(), 0, "the session has left");
}

#[tokio::test]
async fn whoever_does_not_authenticate_in_time_is_closed() {
    check(vec![], CloseCode::AuthenticationTimeout).await;
    // Being alive is not enough.
    check(vec![Message::Ping(Bytes::new())], CloseCode::AuthenticationTimeout).await;
}

#[tokio::test]
async fn whoever_falls_silent_is_closed() {
    check(vec![authenticate(60)], CloseCode::Silent).await;
}

#[tokio::test]
async fn a_drain_ends_whoever_has_not_authenticated() {
    let (node, line) = (node(), Line::default());
    node.draining.cancel();
    let mut stream = says(vec![]);
    tokio::select! {
        () = reader::run(&node, &mut stream, &line) => {}
        () = async { while line.mailbox.closed().is_none() { tokio::task::yield_now().await } } => {}
    }
    assert_eq!(line.mailbox.closed(), Some(CloseCode::Restart));
}

#[tokio::test]
async fn a_peer_that_hangs_is_given_up() {
    let line = impatient();
    line.mailbox.put(Bytes::from_static(b"{}"));
    let mut hangs =
        Box::pin(futures_util::sink::unfold((), |(), _: Message| pending::<Result<(), ()>>()));
    let begun = Instant::now();
    writer::run(&mut hangs, &line).await;
    assert!(line.said_all.is_cancelled(), "the reader hears of it");
    assert!(begun.elapsed() < Duration::from_secs(5));
    // And the reader ends, though the peer never closed.
    reader::run(&node(), &mut says(vec![authenticate(60)]), &line).await;
}

#[tokio::test]
async fn what_waits_goes_out_before_the_close() {
    let line = impatient();
    for _ in 0..3 {
        line.mailbox.put(Bytes::from_static(b"{}"));
    }
    line.mailbox.close(CloseCode::Ended);
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut sink =
        Box::pin(futures_util::sink::unfold(sender, |sender, message: Message| async move {
            sender.send(message).unwrap();
            Ok::<_, ()>(sender)
        }));
    writer::run(&mut sink, &line).await;
    drop(sink);
    let written: Vec<Message> = receiver.iter().collect();
    assert_eq!(written.len(), 4);
    assert!(matches!(&written[3], Message::Close(Some(close)) if close.code == 4202));
}
