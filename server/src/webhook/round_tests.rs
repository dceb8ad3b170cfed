//! What the main app is told, by the clock of the test, over a real connection.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use futures_util::future::{join, join_all};
use message_service_shared::command::{Configure, Read, Recall, SendMessage};
use message_service_shared::id::{ConversationId, SessionId};
use message_service_shared::message::{Content, Message};
use message_service_shared::seq::Seq;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::bus::InProcess;
use crate::clock::{Clock, Ids, RandomIds, epoch};
use crate::hub::{Hub, Mailbox, Outgoing};
use crate::logouts::Logouts;
use crate::roster::Alone;
use crate::service::{Acting, Away, Error, Parts, PushRequest, Rules, To, Via, When};
use crate::store::memory::MemoryStore;
use crate::store::waiting::{Company, Holder, Notice, Tries};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const MINUTE: Millis = 60_000;
/// Long enough for what is about to happen, and shorter than the main app may take to answer.
const SOON: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct TestClock(AtomicU64);

impl Clock for TestClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a main app was told, and what it answers next.
#[derive(Default)]
struct MainApp {
    heard: Mutex<Vec<(String, Value)>>,
    hears: Notify,
    answers: Mutex<VecDeque<StatusCode>>,
    /// It hears and does not answer.
    hangs: AtomicBool,
}

async fn hear(
    State(app): State<Arc<MainApp>>,
    headers: HeaderMap,
    body: axum::body::Bytes,
) -> StatusCode {
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    app.heard.lock().unwrap().push((id, serde_json::from_slice(&body).unwrap()));
    app.hears.notify_one();
    if app.hangs.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    app.answers.lock().unwrap().pop_front().unwrap_or(StatusCode::NO_CONTENT)
}

impl MainApp {
    fn take(&self) -> Vec<(String, Value)> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// Waits until it has heard so many.
    async fn has_heard(&self, deliveries: usize) {
        let hearing = async {
            while self.heard.lock().unwrap().len() < deliveries {
                self.hears.notified().await;
            }
        };
        timeout(SOON, hearing).await.expect("it was not told in time");
    }

    fn deliveries(&self) -> BTreeMap<String, Vec<String>> {
        let heard = self.take();
        let deliveries: BTreeMap<_, _> =
            heard.iter().map(|(id, event)| (id.clone(), texts(event))).collect();
        assert_eq!(deliveries.len(), heard.len(), "an id came twice");
        deliveries
    }
}

/// What the messages of an event say.
fn texts(event: &Value) -> Vec<String> {
    let said = |message: &Value| {
        let content = &message["content"];
        content["text"].as_str().or(content["title"].as_str()).unwrap().to_owned()
    };
    event["data"]["messages"].as_array().unwrap().iter().map(said).collect()
}

struct Scene {
    clock: Arc<TestClock>,
    hub: Arc<Hub>,
    service: Arc<Service>,
    teller: Teller,
    app: Arc<MainApp>,
}

impl Scene {
    async fn new(when: When, after_ms: Millis) -> Self {
        let app = Arc::new(MainApp::default());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap()).parse().unwrap();
        let routes = Router::new().route("/hook", post(hear)).with_state(Arc::clone(&app));
        tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });

        let clock = Arc::new(TestClock(AtomicU64::new(1_700_000_000_000)));
        let (hub, wake) = (Arc::new(Hub::default()), Arc::new(Notify::new()));
        let store = Arc::new(MemoryStore::new(epoch(RandomIds.make(0))));
        let waiting: Arc<dyn Waiting> = Arc::clone(&store) as _;
        let parts = Parts {
            store,
            bus: Arc::new(InProcess::new(Arc::clone(&hub))),
            roster: Arc::new(Alone::new(Arc::clone(&hub))),
            hub: Arc::clone(&hub),
            clock: Arc::clone(&clock) as _,
            ids: Arc::new(RandomIds),
            away: Some(Away {
                waiting: Arc::clone(&waiting),
                when,
                after_ms,
                wake: Arc::clone(&wake),
            }),
        };
        let service = Arc::new(Service::new(parts, Rules::default()));
        let endpoint = Endpoint::new(url, vec![SigningKey::read(SECRET).unwrap()]).unwrap();
        let teller = Teller { service: Arc::clone(&service), waiting, endpoint, wake };
        let scene = Self { clock, hub, service, teller, app };
        scene.see(["ann", "bob", "cid"]).await;
        scene
    }

    async fn see<const N: usize>(&self, users: [&str; N]) {
        self.service.store().see_users(&users.map(|user| user.parse().unwrap())).await.unwrap();
    }

    /// Tells as a node does, until the token says that it ends.
    fn run(&self) -> (CancellationToken, JoinHandle<()>) {
        self.run_on(&self.teller.waiting)
    }

    fn run_on(&self, waiting: &Arc<dyn Waiting>) -> (CancellationToken, JoinHandle<()>) {
        let ended = CancellationToken::new();
        let Teller { service, endpoint, wake, .. } = &self.teller;
        let teller = Teller {
            service: Arc::clone(service),
            waiting: Arc::clone(waiting),
            endpoint: endpoint.clone(),
            wake: Arc::clone(wake),
        };
        (ended.clone(), tokio::spawn(teller.run(ended)))
    }

    fn pass(&self, time: Millis) {
        self.clock.0.fetch_add(time, Ordering::Relaxed);
    }

    async fn say(&self, from: &str, to: &str, words: &str) -> Message {
        let named = format!("{from} {to} {words}");
        let command = SendMessage {
            conversation: between(from, to),
            client_msg_id: named.parse().unwrap(),
            content: Content::text(words),
            read_seq: None,
        };
        self.service.send(&acting(from), command, |_| {}).await.unwrap().message
    }

    async fn push(&self, to: To, quiet: bool) {
        let content = Content::notice("Hear");
        self.service.push(PushRequest { to, content, quiet, key: None }).await.unwrap();
    }

    async fn read(&self, user: &str, conversation: ConversationId, seq: Seq) {
        let read = Read { conversation, seq, mark_seen: 0, epoch: None };
        self.service.read(&acting(user), read).await.unwrap();
    }

    /// Tells what is due, to the end.
    async fn round(&self) {
        let due = self.teller.look().await.unwrap();
        join_all(batches(due).into_iter().map(|batch| self.teller.tell(batch))).await;
    }

    /// What the main app is told now: to whom, which texts, and how many are unread.
    async fn told(&self) -> Vec<(String, Vec<String>, Option<u64>)> {
        self.round().await;
        let tell = |(_, event): (String, Value)| {
            let data = &event["data"];
            let user = data["user"].as_str().unwrap_or_default().to_owned();
            (user, texts(&event), data["unread"].as_u64())
        };
        let mut told: Vec<_> = self.app.take().into_iter().map(tell).collect();
        told.sort();
        told
    }

    /// The ids of deliveries, whatever they are of.
    async fn ids(&self) -> Vec<String> {
        self.deliveries().await.into_keys().collect()
    }

    /// The deliveries of now: their ids, and the texts of each.
    async fn deliveries(&self) -> BTreeMap<String, Vec<String>> {
        self.round().await;
        self.app.deliveries()
    }

    /// A node that dies once the main app has heard, and before it says so to anybody.
    async fn dies_over_a_delivery(&self) -> BTreeMap<String, Vec<String>> {
        self.app.hangs.store(true, Ordering::Relaxed);
        tokio::select! {
            () = self.round() => panic!("it had an answer"),
            () = self.app.hears.notified() => {}
        }
        self.app.hangs.store(false, Ordering::Relaxed);
        self.app.deliveries()
    }

    fn comes(&self, user: &str) -> impl FnOnce() {
        let (user, session): (UserId, SessionId) = (user.parse().unwrap(), "s".parse().unwrap());
        self.hub.join(user.clone(), session.clone(), Arc::new(Mailbox::default()), Logouts(0));
        let hub = Arc::clone(&self.hub);
        move || hub.leave(&user, &session)
    }
}

fn acting(user: &str) -> Acting {
    Acting { user: user.parse().unwrap(), via: Via::Rest }
}

fn between(one: &str, other: &str) -> ConversationId {
    ConversationId::direct(&one.parse().unwrap(), &other.parse().unwrap()).unwrap()
}

fn to(user: &str, texts: &[&str], unread: u64) -> (String, Vec<String>, Option<u64>) {
    (user.to_owned(), texts.iter().map(|text| (*text).to_owned()).collect(), Some(unread))
}

#[tokio::test]
async fn who_is_offline_is_told_of_once_and_the_sender_never() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.say("ann", "bob", "one").await;
    assert_eq!(scene.told().await, [to("bob", &["one"], 1)]);
    scene.pass(60 * MINUTE);
    assert_eq!(scene.told().await, []);
}

#[tokio::test]
async fn who_is_there_is_told_of_only_when_they_have_gone_without_reading() {
    let scene = Scene::new(When::Offline, 0).await;
    let leave = scene.comes("bob");
    scene.say("ann", "bob", "one").await;
    assert_eq!(scene.told().await, []);
    leave();
    scene.pass(MINUTE);
    assert_eq!(scene.told().await, [to("bob", &["one"], 1)]);
}

#[tokio::test]
async fn what_was_read_in_time_is_not_told() {
    let scene = Scene::new(When::Offline, 0).await;
    let leave = scene.comes("bob");
    let first = scene.say("ann", "bob", "one").await;
    assert_eq!(scene.told().await, []);
    scene.say("ann", "bob", "two").await;
    scene.read("bob", first.conversation, first.seq).await;
    leave();
    scene.pass(MINUTE);
    assert_eq!(scene.told().await, [to("bob", &["two"], 1)]);
}

#[tokio::test]
async fn with_a_delay_whoever_has_not_read_is_told_of_though_they_are_there() {
    let scene = Scene::new(When::Unread, 5 * MINUTE).await;
    let _there = scene.comes("bob");
    scene.say("ann", "bob", "one").await;
    scene.pass(5 * MINUTE - 1);
    assert_eq!(scene.told().await, []);
    scene.pass(1);
    assert_eq!(scene.told().await, [to("bob", &["one"], 1)]);
}

#[tokio::test]
async fn what_a_receiver_has_is_told_together() {
    let scene = Scene::new(When::Offline, MINUTE).await;
    scene.say("ann", "bob", "one").await;
    scene.say("cid", "bob", "two").await;
    scene.say("ann", "bob", "three").await;
    scene.say("bob", "cid", "four").await;
    scene.pass(MINUTE);
    let wanted = [to("bob", &["one", "three", "two"], 3), to("cid", &["four"], 1)];
    assert_eq!(scene.told().await, wanted);
}

#[tokio::test]
async fn quiet_recalled_and_muted_messages_are_not_told() {
    let scene = Scene::new(When::Offline, MINUTE).await;
    scene.push(To::Users(vec!["bob".parse().unwrap()]), true).await;
    let recalled = scene.say("ann", "bob", "one").await;
    let recall = Recall { conversation: recalled.conversation, seq: recalled.seq };
    scene.service.recall(None, recall).await.unwrap();
    let muted = scene.say("cid", "bob", "two").await;
    let mute = Configure { conversation: muted.conversation, muted: Some(true), pinned: None };
    scene.service.configure(&acting("bob"), mute).await.unwrap();
    scene.pass(MINUTE);
    assert_eq!(scene.told().await, []);
}

#[tokio::test]
async fn an_announcement_is_told_once_for_everyone() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.push(To::Everyone, false).await;
    assert_eq!(scene.told().await, [(String::new(), vec!["Hear".to_owned()], None)]);
    assert_eq!(scene.told().await, []);
}

#[tokio::test]
async fn a_resend_is_not_told_a_second_time() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.say("ann", "bob", "one").await;
    assert_eq!(scene.told().await.len(), 1);
    scene.say("ann", "bob", "one").await;
    scene.pass(60 * MINUTE);
    assert_eq!(scene.told().await, []);
}

#[tokio::test]
async fn long_messages_come_in_several_deliveries_and_each_of_them_once() {
    const MESSAGES: usize = 20;
    let scene = Scene::new(When::Offline, 0).await;
    let long = |number: usize| format!("{number}{}", "😀".repeat(7_900));
    for number in 0..MESSAGES {
        let command = SendMessage {
            conversation: between("ann", "bob"),
            client_msg_id: number.to_string().parse().unwrap(),
            content: Content::text(long(number)),
            read_seq: None,
        };
        scene.service.send(&acting("ann"), command, |_| {}).await.unwrap();
    }
    let mut told = Vec::new();
    while told.len() < MESSAGES {
        scene.round().await;
        let heard = scene.app.take();
        assert_eq!(heard.len(), 1);
        let event = &heard[0].1;
        assert!(serde_json::to_vec(event).unwrap().len() < body::BYTES + 1_000);
        told.extend(texts(event));
    }
    assert_eq!(told, (0..MESSAGES).map(long).collect::<Vec<_>>());
    assert_eq!(scene.ids().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_the_main_app_did_not_take_comes_again_under_the_same_id_and_nothing_joins_it() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.app.answers.lock().unwrap().push_back(StatusCode::INTERNAL_SERVER_ERROR);
    scene.say("ann", "bob", "one").await;
    let first = scene.ids().await;
    assert_eq!(scene.ids().await, Vec::<String>::new(), "a moment later is too early");
    scene.pass(6_000);
    scene.say("ann", "bob", "two").await;
    let again = scene.ids().await;
    assert_eq!((first.len(), again.len()), (1, 2));
    assert!(again.contains(&first[0]), "{again:?} must name {first:?}");
}

#[tokio::test]
async fn what_a_node_died_over_comes_again_under_the_same_id_and_nothing_joins_it() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.say("ann", "bob", "five").await;
    scene.say("cid", "bob", "six").await;
    let first = scene.dies_over_a_delivery().await;
    assert_eq!(first.values().collect::<Vec<_>>(), [&["five", "six"]]);
    scene.say("ann", "bob", "seven").await;
    // Who comes meanwhile has been told of already.
    let leave = scene.comes("bob");
    scene.pass(MINUTE);
    assert_eq!(scene.deliveries().await, first);
    leave();
    scene.pass(MINUTE);
    let newer = scene.deliveries().await;
    assert_eq!(newer.values().collect::<Vec<_>>(), [&["seven"]]);
    assert_ne!(newer.keys().next(), first.keys().next());
}

#[tokio::test]
async fn what_was_read_between_two_tries_is_left_out_of_the_second() {
    let scene = Scene::new(When::Offline, 0).await;
    let read = scene.say("ann", "bob", "one").await;
    scene.say("cid", "bob", "two").await;
    let first = scene.dies_over_a_delivery().await;
    scene.read("bob", read.conversation, read.seq).await;
    scene.pass(MINUTE);
    let second = scene.deliveries().await;
    assert!(second.keys().eq(first.keys()));
    assert_eq!(second.values().collect::<Vec<_>>(), [&["two"]]);
    scene.pass(MINUTE);
    assert_eq!(scene.ids().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_company_at_the_end_of_a_page_comes_again_whole() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.say("ann", "bob", "one").await;
    scene.say("cid", "bob", "two").await;
    let first = scene.dies_over_a_delivery().await;
    // All but one place of a page, of messages that there are none of: they come to nothing.
    let conversation = between("ann", "cid");
    scene.say("cid", "ann", "three").await;
    scene.read("ann", conversation.clone(), Seq::try_from(1_u64).unwrap()).await;
    let nothing = |seq: usize| Notice {
        receiver: Some("cid".parse().unwrap()),
        conversation: conversation.clone(),
        seq: Seq::try_from(seq as u64).unwrap(),
    };
    let before = (1_000..).map(nothing).take(PAGE - 2).collect();
    scene.teller.waiting.keep(before, 1).await.unwrap();
    scene.pass(MINUTE);
    assert_eq!(scene.deliveries().await, first);
}

#[tokio::test]
async fn of_two_nodes_that_see_a_company_one_tells_it_whole() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.say("ann", "bob", "one").await;
    scene.say("cid", "bob", "two").await;
    let first = scene.dies_over_a_delivery().await;
    scene.pass(MINUTE);
    let seen = scene.teller.waiting.due(scene.clock.now(), PAGE).await.unwrap();
    join(scene.teller.tell(seen.clone()), scene.teller.tell(seen)).await;
    assert_eq!(scene.app.deliveries(), first);
    scene.pass(MINUTE);
    assert_eq!(scene.ids().await, Vec::<String>::new());
}

#[tokio::test]
async fn who_never_takes_it_is_left_alone_after_three_days() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.app.answers.lock().unwrap().extend([StatusCode::BAD_GATEWAY; 20]);
    scene.say("ann", "bob", "one").await;
    let mut deliveries = 0;
    for _ in 0..24 * 6 {
        deliveries += scene.ids().await.len();
        scene.pass(60 * MINUTE);
    }
    assert_eq!(deliveries, 10);
}

#[tokio::test]
async fn a_main_app_that_is_slow_over_one_delivery_keeps_no_other_waiting() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.app.hangs.store(true, Ordering::Relaxed);
    let (_ended, _running) = scene.run();
    scene.say("ann", "bob", "one").await;
    scene.app.has_heard(1).await;
    scene.say("ann", "cid", "two").await;
    scene.app.has_heard(2).await;
}

#[tokio::test]
async fn a_node_that_ends_begins_nothing_and_waits_little_for_a_main_app_that_hangs() {
    let scene = Scene::new(When::Offline, 0).await;
    scene.app.hangs.store(true, Ordering::Relaxed);
    let users: [String; AT_ONCE + 1] = std::array::from_fn(|number| format!("user-{number}"));
    scene.see(users.each_ref().map(String::as_str)).await;
    for user in &users {
        scene.say("ann", user, "one").await;
    }
    let (ended, running) = scene.run();
    scene.app.has_heard(AT_ONCE).await;
    ended.cancel();
    timeout(SOON, running).await.expect("it does not end").unwrap();
    let first = scene.app.deliveries();
    assert_eq!(first.len(), AT_ONCE);

    scene.app.hangs.store(false, Ordering::Relaxed);
    scene.pass(MINUTE);
    let second = scene.deliveries().await;
    assert_eq!(second.len(), AT_ONCE + 1);
    assert!(first.keys().all(|id| second.contains_key(id)), "{second:?} has not all of {first:?}");
}

/// A store that can't be read.
#[derive(Debug, Default)]
struct Unreadable {
    asked: Notify,
}

fn gone<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("it is away".to_owned()))
}

#[async_trait]
impl Waiting for Unreadable {
    async fn keep(&self, _: Vec<Notice>, _: Millis) -> Result<(), StoreError> {
        gone()
    }

    async fn due(&self, _: Millis, _: usize) -> Result<Vec<Due>, StoreError> {
        self.asked.notify_one();
        gone()
    }

    async fn hold(&self, _: Vec<Due>, _: &Holder, _: Millis) -> Result<Vec<Notice>, StoreError> {
        gone()
    }

    async fn gather(&self, _: Notice, _: Company, _: &Holder) -> Result<Vec<Notice>, StoreError> {
        gone()
    }

    async fn put_off(
        &self,
        _: Vec<Notice>,
        _: &Holder,
        _: Millis,
        _: Tries,
    ) -> Result<(), StoreError> {
        gone()
    }

    async fn finish(&self, _: Vec<Notice>, _: &Holder, _: Millis) -> Result<(), StoreError> {
        gone()
    }

    async fn forget(&self, _: Millis) -> Result<(), StoreError> {
        gone()
    }
}

#[tokio::test]
async fn what_is_stored_and_cant_wait_is_told_to_who_is_there_and_acknowledged_to_nobody() {
    let scene = Scene::new(When::Offline, 0).await;
    let Scene { hub, clock, .. } = &scene;
    let away = Away {
        waiting: Arc::new(Unreadable::default()),
        when: When::Offline,
        after_ms: 0,
        wake: Arc::default(),
    };
    let parts = Parts {
        store: Arc::clone(scene.service.store()),
        bus: Arc::new(InProcess::new(Arc::clone(hub))),
        roster: Arc::new(Alone::new(Arc::clone(hub))),
        hub: Arc::clone(hub),
        clock: Arc::clone(clock) as _,
        ids: Arc::new(RandomIds),
        away: Some(away),
    };
    let service = Service::new(parts, Rules::default());
    let (bob, mailbox) = ("bob".parse::<UserId>().unwrap(), Arc::new(Mailbox::default()));
    hub.join(bob, "s".parse().unwrap(), Arc::clone(&mailbox), Logouts(0));
    let command = SendMessage {
        conversation: between("ann", "bob"),
        client_msg_id: "x".parse().unwrap(),
        content: Content::text("one"),
        read_seq: None,
    };
    let sent = service.send(&acting("ann"), command, |_| panic!("it was acknowledged")).await;
    assert!(matches!(sent, Err(Error::Store(StoreError::Unavailable(_)))), "{sent:?}");
    let Some(Outgoing::Frames(frames)) = mailbox.take() else { panic!("bob heard nothing") };
    assert_eq!(frames.len(), 1);
}

/// When it was last looked, as whoever alerts reads it.
fn looked_at(metrics: &PrometheusHandle) -> Option<f64> {
    let metrics = metrics.render();
    let is_it = |line: &str| {
        line.strip_prefix("message_service_webhook_look_timestamp_seconds ").map(str::to_owned)
    };
    metrics.lines().find_map(is_it).map(|time| time.parse().unwrap())
}

#[tokio::test]
async fn a_look_that_fails_is_seen_to_be_overdue() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let _recording = metrics::set_default_local_recorder(&recorder);
    let scene = Scene::new(When::Offline, 0).await;
    let store = Arc::new(Unreadable::default());
    let waiting: Arc<dyn Waiting> = Arc::clone(&store) as _;
    let (_ended, _running) = scene.run_on(&waiting);
    store.asked.notified().await;
    assert_eq!(looked_at(&metrics), Some(1_700_000_000.0), "since its start");
    scene.pass(MINUTE);
    scene.teller.wake.notify_one();
    store.asked.notified().await;
    assert_eq!(looked_at(&metrics), Some(1_700_000_000.0));
    scene.round().await;
    assert_eq!(looked_at(&metrics), Some(1_700_000_060.0));
}
