//! Two nodes and a real NATS server between them.

use std::net::TcpListener;
use std::sync::Arc;

use message_service::bus::nats::NatsBus;
use message_service::bus::{Audience, Bus, Envelope, News, NodeId, Reach};
use message_service::close::CloseCode;
use message_service::hub::{Hub, Mailbox, Outgoing};
use message_service::id::{ConversationId, UserId};
use message_service::logouts::Logouts;
use message_service::message::{Content, Message};
use message_service::push::{NewMessage, Push};
use message_service::view::{Page, View};
use serde_json::Value;

use crate::backing::{Nats, TOO_LONG, eventually};
use crate::way::Way;

const ANN: &str = "ann";
const HERE: &str = "direct:ann:bob";

struct Node {
    hub: Arc<Hub>,
    bus: NatsBus,
}

impl Node {
    async fn start(number: u64, url: &str) -> Self {
        Self::of_epoch("one", number, url).await
    }

    async fn of_epoch(epoch: &str, number: u64, url: &str) -> Self {
        Self::of(Arc::new(Hub::default()), epoch, number, url).await
    }

    async fn of(hub: Arc<Hub>, epoch: &str, number: u64, url: &str) -> Self {
        let epoch = epoch.parse().unwrap();
        let bus = NatsBus::connect(url, &epoch, NodeId(number), Arc::clone(&hub)).await.unwrap();
        Self { hub, bus }
    }

    /// A node with a session of Ann's that has heard of the node's first connection: a later word
    /// to resume has another reason.
    async fn with_ann(number: u64, url: &str) -> (Self, Arc<Mailbox>) {
        let (hub, mailbox) = (Arc::new(Hub::default()), Arc::new(Mailbox::default()));
        let ann: UserId = ANN.parse().unwrap();
        hub.join(ann.clone(), "of Ann".parse().unwrap(), Arc::clone(&mailbox), Logouts(0));
        let node = Self::of(hub, "one", number, url).await;
        frame_that(&mailbox, |frame| frame["push"] == "resync").await;
        node.bus.listen(&ann).await;
        (node, mailbox)
    }

    async fn connected(number: u64, url: &str) -> Self {
        let node = Self::start(number, url).await;
        node.reaches(Reach::Every).await;
        node
    }

    async fn reaches(&self, reach: Reach) {
        eventually(async || self.bus.reach() == reach).await;
    }

    async fn session(&self, user: &str, session: &str) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::default());
        let user: UserId = user.parse().unwrap();
        let logouts = Logouts(0);
        self.hub.join(user.clone(), session.parse().unwrap(), Arc::clone(&mailbox), logouts);
        self.bus.listen(&user).await;
        mailbox
    }

    fn look(&self, user: &str, session: &str, open: Option<ConversationId>) {
        let view = View { page: Page::Messages, open, visible: true, focused: true };
        self.hub.look(&user.parse().unwrap(), &session.parse().unwrap(), vec![view]);
    }

    fn log_out(&self, user: &str, logouts: Logouts) {
        let to = Audience::Users(vec![user.parse().unwrap()]);
        self.bus.publish(Envelope { to, news: News::LoggedOut(logouts) });
    }

    fn tell(&self, users: &[&str], text: &str) {
        let to = Audience::Users(users.iter().map(|user| user.parse().unwrap()).collect());
        self.bus.publish(Envelope { to, news: News::Push(message(text)) });
    }
}

fn message(text: &str) -> Push {
    let message = Message {
        id: "m".parse().unwrap(),
        conversation: HERE.parse().unwrap(),
        seq: 1_u32.into(),
        sender: Some("bob".parse().unwrap()),
        client_msg_id: "c".parse().unwrap(),
        at: 1,
        revision: 0,
        quiet: false,
        recalled: None,
        content: Some(Content::text(text)),
    };
    Push::Message(NewMessage { message, attended: false, spread_ms: 0 })
}

/// The next frames that a session is given.
async fn frames(mailbox: &Mailbox) -> Vec<Value> {
    match tokio::time::timeout(TOO_LONG, mailbox.next()).await.expect("nothing came") {
        Outgoing::Frames(frames) => {
            frames.iter().map(|frame| serde_json::from_slice(frame).unwrap()).collect()
        }
        other @ Outgoing::Close(..) => panic!("frames, not {other:?}"),
    }
}

/// The same, without the word that every session of a node hears once its connection is made, some
/// time after the node itself can tell.
async fn told(mailbox: &Mailbox) -> Vec<Value> {
    loop {
        let mut frames = frames(mailbox).await;
        frames.retain(|frame| frame["push"] != "resync");
        if !frames.is_empty() {
            return frames;
        }
    }
}

/// Nothing else waits in the mailbox.
fn hears_nothing(mailbox: &Mailbox) {
    match mailbox.take() {
        None => {}
        Some(Outgoing::Frames(frames)) => {
            for frame in frames {
                let frame: Value = serde_json::from_slice(&frame).unwrap();
                assert_eq!(frame["push"], "resync");
            }
        }
        Some(other @ Outgoing::Close(..)) => panic!("nothing, not {other:?}"),
    }
}

fn text_of(frame: &Value) -> &str {
    frame["data"]["message"]["content"]["text"].as_str().unwrap_or_default()
}

/// The first frame for which this holds; others are skipped.
async fn frame_that(mailbox: &Mailbox, is_it: impl Fn(&Value) -> bool) -> Value {
    loop {
        if let Some(frame) = frames(mailbox).await.into_iter().find(&is_it) {
            return frame;
        }
    }
}

#[tokio::test]
async fn what_one_node_tells_reaches_a_session_on_another_and_its_own_once() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    let (here, there) = (one.session(ANN, "s1").await, other.session(ANN, "s2").await);
    for text in ["first", "second"] {
        one.tell(&[ANN, "bob"], text);
    }
    for mailbox in [&here, &there] {
        let mut heard = Vec::new();
        while heard.len() < 2 {
            heard.extend(told(mailbox).await);
        }
        assert_eq!(heard.iter().map(text_of).collect::<Vec<_>>(), ["first", "second"]);
    }
}

#[tokio::test]
async fn everyone_is_reached_on_every_node() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    let (ann, cid) = (other.session(ANN, "s1").await, other.session("cid", "s2").await);
    one.bus.publish(Envelope { to: Audience::Everyone, news: News::Push(message("all")) });
    assert_eq!(text_of(&told(&ann).await[0]), "all");
    assert_eq!(text_of(&told(&cid).await[0]), "all");
}

#[tokio::test]
async fn a_users_sessions_end_on_every_node() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    let (here, there) = (one.session(ANN, "s1").await, other.session(ANN, "s2").await);
    let untouched = other.session("cid", "s3").await;
    one.log_out(ANN, Logouts(1));
    for mailbox in [here, there] {
        eventually(async || mailbox.closed() == Some(CloseCode::Ended)).await;
    }
    assert_eq!(untouched.closed(), None);
}

#[tokio::test]
async fn what_is_looked_at_on_one_node_is_held_back_on_the_other() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    one.session(ANN, "s1").await;
    one.look(ANN, "s1", Some(HERE.parse().unwrap()));
    // This node begins to hold the user after the other has told what is looked at there.
    let elsewhere = other.session(ANN, "s2").await;
    let held = async |text: &str| {
        other.tell(&[ANN], text);
        let frame = frame_that(&elsewhere, |frame| text_of(frame) == text).await;
        frame["data"]["attended"] == true
    };
    eventually(async || held("attended").await).await;
    one.look(ANN, "s1", None);
    eventually(async || !held("left").await).await;
}

#[tokio::test]
async fn strange_ids_are_reached_and_nobody_else_is() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    let long = "界".repeat(85);
    let ids = ["a.b", "*", ">", "a.>", "$SYS", "a b", "/%", "你好", "😀", "\"'", &long];
    let mut mailboxes = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        mailboxes.push(other.session(id, &format!("s{number}")).await);
    }
    for id in ids {
        one.tell(&[id], id);
    }
    for (id, mailbox) in ids.iter().zip(&mailboxes) {
        let heard = told(mailbox).await;
        assert_eq!(heard.iter().map(text_of).collect::<Vec<_>>(), [*id]);
        hears_nothing(mailbox);
    }
}

#[tokio::test]
async fn without_nats_a_node_goes_on_and_who_missed_something_resumes_when_it_is_back() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    let (here, there) = (one.session(ANN, "s1").await, other.session(ANN, "s2").await);
    let port = nats.kill();
    one.reaches(Reach::ThisAlone).await;
    one.tell(&[ANN], "alone");
    assert_eq!(text_of(&told(&here).await[0]), "alone");
    // A session that begins meanwhile is not kept waiting for what can't be.
    let late = one.session("cid", "s3").await;
    hears_nothing(&there);

    let _nats = Nats::start_at(port).await;
    frame_that(&there, |frame| frame["push"] == "resync").await;
    frame_that(&here, |frame| frame["push"] == "resync").await;
    other.reaches(Reach::Every).await;
    other.tell(&[ANN, "cid"], "together");
    frame_that(&here, |frame| text_of(frame) == "together").await;
    frame_that(&late, |frame| text_of(frame) == "together").await;
}

#[tokio::test]
async fn a_node_that_was_alone_has_the_others_resume_for_what_it_told_meanwhile() {
    let nats = Nats::start().await;
    let lonely = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // One node's way to NATS does not work yet, the other's does all the time.
    let one = Node::start(1, &format!("nats://127.0.0.1:{lonely}")).await;
    let other = Node::connected(2, &nats.url()).await;
    let there = other.session(ANN, "s2").await;
    one.tell(&[ANN], "unheard");
    let _way = Way::open_at(lonely, format!("127.0.0.1:{}", nats.port())).await;
    one.reaches(Reach::Every).await;
    frame_that(&there, |frame| frame["push"] == "resync").await;
}

/// A node whose words to NATS can be swallowed on their way.
async fn over_a_way(nats: &Nats) -> (Way, Node) {
    let way = Way::open(format!("127.0.0.1:{}", nats.port())).await;
    let node = Node::connected(1, &format!("nats://127.0.0.1:{}", way.port())).await;
    (way, node)
}

#[tokio::test]
async fn what_was_told_just_before_a_connection_ended_is_made_good_where_nobody_noticed() {
    let nats = Nats::start().await;
    let (way, one) = over_a_way(&nats).await;
    let (_other, there) = Node::with_ann(2, &nats.url()).await;
    way.swallow();
    one.tell(&[ANN], "swallowed");
    one.bus.settle().await;
    assert_eq!(one.bus.reach(), Reach::Every, "it does not know");
    hears_nothing(&there);
    way.cut();
    frame_that(&there, |frame| frame["push"] == "resync").await;
}

#[tokio::test]
async fn who_began_before_it_was_certain_that_they_are_heard_for_resumes_when_it_is() {
    let nats = Nats::start().await;
    let way = Way::open(format!("127.0.0.1:{}", nats.port())).await;
    let (one, _ann) = Node::with_ann(1, &format!("nats://127.0.0.1:{}", way.port())).await;
    way.stand();
    // It begins all the same, after a while.
    let cyd = one.session("cyd", "of Cyd").await;
    hears_nothing(&cyd);
    way.go_on();
    frame_that(&cyd, |frame| frame["push"] == "resync").await;
}

#[tokio::test]
async fn a_logout_that_another_node_did_not_hear_of_is_said_again() {
    let nats = Nats::start().await;
    let (way, one) = over_a_way(&nats).await;
    let (_other, there) = Node::with_ann(2, &nats.url()).await;
    way.swallow();
    one.log_out(ANN, Logouts(1));
    one.bus.settle().await;
    assert_eq!(there.closed(), None);
    way.cut();
    eventually(async || there.closed() == Some(CloseCode::Ended)).await;
}

#[tokio::test]
async fn services_that_share_a_nats_and_no_data_set_do_not_hear_each_other() {
    let nats = Nats::start().await;
    let (one, other) =
        (Node::connected(1, &nats.url()).await, Node::connected(2, &nats.url()).await);
    let stranger = Node::of_epoch("another", 3, &nats.url()).await;
    stranger.reaches(Reach::Every).await;
    let (here, theirs) = (other.session(ANN, "s1").await, stranger.session(ANN, "s2").await);
    one.tell(&[ANN], "for the one");
    frame_that(&here, |frame| text_of(frame) == "for the one").await;
    one.log_out(ANN, Logouts(1));
    eventually(async || here.closed() == Some(CloseCode::Ended)).await;
    stranger.tell(&[ANN], "for the other");
    // What NATS had for it before is there once it answers.
    stranger.bus.settle().await;
    let heard = frame_that(&theirs, |frame| frame["push"] == "message").await;
    assert_eq!(text_of(&heard), "for the other");
    hears_nothing(&theirs);
}
