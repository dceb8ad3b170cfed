//! The world: everything there is, and the passing of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use message_service::bus::Bus;
use message_service::hub::Hub;
use message_service::store::Store;
use message_service::store::memory::{Backup, MemoryStore};
use message_service_machine::{Input, Now, Random, TokenFailure};
use message_service_shared::id::{ClientMsgId, ConversationId, Epoch, UserId};
use message_service_shared::seq::Seq;

use crate::browser::{Browser, Sending, Tab, Wish};
use crate::bus::SimBus;
use crate::check;
use crate::faults::Faults;
use crate::network::{Down, Network, Up};
use crate::node::{Node, SimClock, SimIds, Word};
use crate::story::Story;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// All chance there is.
    pub seed: u64,
    /// Steps of chaos.
    pub steps: u32,
    /// How many lines of the story to keep and tell; it changes nothing of the run.
    pub told: usize,
}

/// How it ended.
#[derive(Debug)]
pub struct Outcome {
    /// What is wrong; empty when all is well.
    pub complaints: Vec<String>,
    /// What led to it, a line each.
    pub story: String,
    /// What happened, so that a run that did nothing can be told.
    pub tally: BTreeMap<&'static str, u64>,
}

/// Milliseconds between 1970 and the world's beginning.
const BEGINNING: u64 = 1_700_000_000_000;
/// The calm lasts so long: a few audits, with room for what they heal.
const CALM_MS: u64 = 6 * 60_000;

pub(crate) struct World {
    pub(crate) now: u64,
    /// How far the server's clock is off.
    pub(crate) skew: i64,
    pub(crate) random: Random,
    pub(crate) faults: Faults,
    pub(crate) story: Story,
    pub(crate) tally: BTreeMap<&'static str, u64>,
    pub(crate) store: Arc<MemoryStore>,
    pub(crate) bus: SimBus,
    pub(crate) hub: Arc<Hub>,
    pub(crate) node: Option<Node>,
    clock: SimClock,
    ids: SimIds,
    epochs: u32,
    pub(crate) network: Network,
    pub(crate) browsers: Vec<Browser>,
    pub(crate) tabs_made: u32,
    pub(crate) backup: Option<(Backup, AcknowledgedSends)>,
    /// Sends that were acknowledged, in this life of the data set.
    pub(crate) acknowledged: AcknowledgedSends,
    pub(crate) to_retry: Vec<(usize, Sending)>,
    pub(crate) restart_at: Option<u64>,
    pub(crate) complaints: Vec<String>,
}

/// By where they were sent to, and the name that their sender gave them.
pub(crate) type AcknowledgedSends = BTreeMap<(ConversationId, ClientMsgId), Acknowledged>;

#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) seq: Seq,
    pub(crate) sender: UserId,
    pub(crate) text: String,
}

/// Runs one seed.
pub fn simulate(run: Run) -> Outcome {
    let mut world = World::new(run);
    for _ in 0..run.steps {
        world.act();
        let pause = world.pause();
        world.pass(pause, Pace::ByChance);
        if !world.complaints.is_empty() {
            break;
        }
    }
    if world.complaints.is_empty() {
        world.calm_down();
        check::all(&mut world);
    }
    let words = check::words_of(&world.complaints);
    Outcome {
        story: world.story.about(&words, run.told),
        complaints: world.complaints,
        tally: world.tally,
    }
}

/// How the node gets on while time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// A few steps of this and that task.
    ByChance,
    /// Everything that can be done is done.
    Prompt,
}

impl World {
    fn new(run: Run) -> Self {
        let mut random = Random::new(run.seed);
        let faults = Faults::new(random.next());
        let epoch = Epoch::new("epoch-0").unwrap_or_else(|_| unreachable_epoch());
        let store = Arc::new(MemoryStore::new(epoch).with_pauses(Arc::new(faults.clone())));
        let bus = SimBus::new(faults.clone(), random.next());
        let network = Network::new(random.next());
        let mut world = Self {
            now: 1_000,
            skew: 0,
            random,
            faults,
            story: Story::new(run.told > 0),
            tally: BTreeMap::new(),
            store,
            bus,
            hub: Arc::default(),
            node: None,
            clock: SimClock::default(),
            ids: SimIds::default(),
            epochs: 0,
            network,
            browsers: Vec::new(),
            tabs_made: 0,
            backup: None,
            acknowledged: BTreeMap::new(),
            to_retry: Vec::new(),
            restart_at: None,
            complaints: Vec::new(),
        };
        world.set_clock();
        world.start_node();
        world.open_browsers();
        world
    }

    pub(crate) fn tell(&mut self, line: impl AsRef<str>) {
        self.story.tell(self.now, line);
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.tally.entry(what).or_default() += 1;
    }

    pub(crate) fn wall(&self) -> u64 {
        BEGINNING.saturating_add(self.now)
    }

    pub(crate) fn clocks(&self) -> Now {
        Now { steady: self.now, wall: self.wall() }
    }

    fn set_clock(&self) {
        let at = self.wall().saturating_add_signed(self.skew);
        self.clock.0.store(at, Ordering::Relaxed);
    }

    pub(crate) fn start_node(&mut self) {
        self.hub = Arc::default();
        let store: Arc<dyn Store> = self.store.clone();
        let bus: Arc<dyn Bus> = Arc::new(self.bus.clone());
        let mut node =
            Node::start(store, bus, self.hub.clone(), self.clock.clone(), self.ids.clone());
        let store = self.store.clone();
        // A node repairs what a crash left behind before it takes anybody in.
        node.spawn(Box::pin(async move {
            let _ = store.repair().await;
        }));
        node.work_all();
        self.node = Some(node);
        self.restart_at = None;
        self.tell("the node starts");
    }

    pub(crate) fn crash(&mut self) {
        self.node = None;
        self.bus.clear();
        self.network.reset_all(self.now);
        self.restart_at = Some(self.now + self.random.up_to(4_000));
        self.tell("the node crashes");
    }

    pub(crate) fn next_epoch(&mut self) -> Epoch {
        self.epochs += 1;
        Epoch::new(format!("epoch-{}", self.epochs)).unwrap_or_else(|_| unreachable_epoch())
    }

    fn pause(&mut self) -> u64 {
        match self.random.up_to(99) {
            0..=59 => self.random.up_to(40),
            60..=94 => self.random.up_to(800),
            95..=98 => self.random.up_to(8_000),
            _ => self.random.up_to(70_000),
        }
    }

    fn calm_down(&mut self) {
        self.tell("the chaos ends");
        self.faults.calm();
        self.skew = 0;
        if self.node.is_none() {
            self.start_node();
        }
        for browser in 0..self.browsers.len() {
            for tab in &mut self.browsers[browser].tabs {
                tab.frozen = false;
            }
            self.open_tab_where_none_is(browser);
        }
        self.pass(CALM_MS, Pace::Prompt);
    }

    /// Lets time go on, from one thing that happens to the next.
    pub(crate) fn pass(&mut self, duration: u64, pace: Pace) {
        let end = self.now + duration;
        loop {
            self.happen(pace);
            let busy = self.node.as_ref().is_some_and(Node::is_busy);
            let next = self.next_event().filter(|at| *at <= end);
            self.now = match next {
                // Work takes its time, and in the chaos more of it.
                _ if busy && self.now < end && pace == Pace::Prompt => self.now + 1,
                _ if busy && self.now < end => (self.now + self.random.between(1, 12)).min(end),
                Some(at) => at.max(self.now + 1).min(end),
                None => end,
            };
            self.set_clock();
            if self.now >= end {
                self.happen(pace);
                return;
            }
        }
    }

    fn next_event(&self) -> Option<u64> {
        let tabs = self.browsers.iter().flat_map(|browser| &browser.tabs);
        let tabs = tabs
            .filter(|tab| !tab.frozen)
            .flat_map(|tab| [tab.wake, tab.waiting.iter().map(|(at, _)| *at).min()]);
        let others = [self.network.next(), self.bus.next(), self.restart_at];
        tabs.chain(others).flatten().min()
    }

    /// Everything that is due now.
    fn happen(&mut self, pace: Pace) {
        if self.restart_at.is_some_and(|at| at <= self.now) {
            self.start_node();
        }
        self.arrive_at_node();
        for envelope in self.bus.arrive(self.now) {
            self.hub.receive(&envelope);
        }
        if let Some(node) = &mut self.node {
            match pace {
                Pace::ByChance => {
                    let turns = self.random.up_to(24) as usize;
                    node.work(turns, &mut self.random);
                }
                Pace::Prompt => node.work_all(),
            }
        }
        for envelope in self.bus.arrive(self.now) {
            self.hub.receive(&envelope);
        }
        self.leave_node();
        self.arrive_at_tabs();
        self.wake_tabs();
        self.network.sweep();
    }

    fn arrive_at_node(&mut self) {
        for id in self.network.ids() {
            while let Some(up) = self.network.take_up(id, self.now) {
                let Some(node) = &mut self.node else { continue };
                match up {
                    Up::Opened => {
                        // Now and then a mailbox that a burst can fill.
                        let small = self.faults.happens(100);
                        node.accept(id, self.now, if small { 3_000 } else { 1 << 20 });
                    }
                    Up::Frame(frame) => node.frame(id, self.now, frame),
                    Up::Closed => node.hung_up(id),
                }
            }
        }
    }

    fn leave_node(&mut self) {
        let Some(node) = &mut self.node else { return };
        for (conn, word) in node.words(self.now) {
            let (frames, code) = match word {
                Word::Frames(frames) => (frames, None),
                Word::Close(frames, code) => (frames, Some(code)),
            };
            for frame in frames {
                self.network.send_down(conn, self.now, Down::Frame(frame));
            }
            if let Some(code) = code {
                self.network.send_down(conn, self.now, Down::Closed(code));
            }
        }
    }

    fn arrive_at_tabs(&mut self) {
        for browser in 0..self.browsers.len() {
            for tab in 0..self.browsers[browser].tabs.len() {
                self.arrive_at_tab(browser, tab);
            }
        }
    }

    fn arrive_at_tab(&mut self, browser: usize, tab: usize) {
        loop {
            let now = self.now;
            let here = &mut self.browsers[browser].tabs[tab];
            if here.frozen {
                return;
            }
            if let Some(index) = here.waiting.iter().position(|(at, _)| *at <= now)
                && let Some((_, input)) = here.waiting.remove(index)
            {
                let input = self.as_stored_now(browser, input);
                self.input(browser, tab, input);
                continue;
            }
            let Some(conn) = here.conn else { return };
            let Some(down) = self.network.take_down(conn, now) else { return };
            let input = match down {
                Down::Opened => Input::SocketOpened,
                Down::Frame(frame) => match serde_json::from_slice(&frame) {
                    Ok(frame) => Input::Frame(frame),
                    Err(error) => {
                        return self.complaints.push(format!("the server spoke no JSON: {error}"));
                    }
                },
                Down::Closed(code) => {
                    self.browsers[browser].tabs[tab].conn = None;
                    self.network.forget(conn);
                    Input::SocketClosed(code)
                }
            };
            self.input(browser, tab, input);
        }
    }

    /// What an event said was stored may have been overwritten since. The hands look again, and so
    /// does this.
    fn as_stored_now(
        &self,
        browser: usize,
        input: Input<serde_json::Value>,
    ) -> Input<serde_json::Value> {
        match input {
            Input::Stored(key, _) => {
                let value = self.browsers[browser].storage.get(&key).cloned();
                Input::Stored(key, value)
            }
            other => other,
        }
    }

    fn wake_tabs(&mut self) {
        for browser in 0..self.browsers.len() {
            for tab in 0..self.browsers[browser].tabs.len() {
                let mut wakes = 0;
                while self.is_due(browser, tab) {
                    self.input(browser, tab, Input::Wake);
                    wakes += 1;
                    if wakes > 20 {
                        let name = &self.browsers[browser].tabs[tab].name;
                        self.complaints.push(format!("{name} wants to be woken at once, for ever"));
                        return;
                    }
                }
            }
        }
    }

    fn is_due(&self, browser: usize, tab: usize) -> bool {
        let tab = &self.browsers[browser].tabs[tab];
        !tab.frozen && tab.wake.is_some_and(|at| at <= self.now)
    }

    pub(crate) fn input(&mut self, browser: usize, tab: usize, input: Input<serde_json::Value>) {
        if self.story.is_kept() && !matches!(input, Input::Wake) {
            let name = self.browsers[browser].tabs[tab].name.clone();
            let text = format!("{input:?}");
            let text: String = text.chars().take(900).collect();
            self.tell(format!("{name} <- {}", plain(&text)));
        }
        let now = self.clocks();
        let wishes = self.browsers[browser].tabs[tab].input(input, now);
        self.grant(browser, tab, wishes);
    }

    /// Does what a tab wants.
    pub(crate) fn grant(&mut self, browser: usize, tab: usize, wishes: Vec<Wish>) {
        let name = self.browsers[browser].tabs[tab].name.clone();
        for wish in wishes {
            match wish {
                Wish::Token => {
                    let token = if self.faults.happens(50) {
                        Err(TokenFailure::Failed)
                    } else {
                        Ok(self.browsers[browser].user.to_string())
                    };
                    let at = self.now + self.random.up_to(50);
                    let here = &mut self.browsers[browser].tabs[tab];
                    here.waiting.push_back((at, Input::Token(token)));
                }
                Wish::Dial => {
                    let refused = self.node.is_none() || self.faults.happens(30);
                    let conn = self.network.dial(self.now, refused);
                    self.browsers[browser].tabs[tab].conn = Some(conn);
                }
                Wish::HangUp(conn) => self.network.hang_up(conn, self.now),
                Wish::Send(conn, frame) => {
                    if self.story.is_kept() {
                        self.tell(format!("{name} -> {frame}"));
                    }
                    self.network.send_up(conn, self.now, Up::Frame(frame));
                }
                Wish::Stored(key, value) => self.stored(browser, tab, &key, value.as_ref()),
                Wish::Acknowledged(sending, seq) => self.acknowledge(browser, sending, seq),
                Wish::Failed(sending, error) => {
                    self.tell(format!("{name} could not send {}: {error}", sending.client_msg_id));
                    self.count("failed sends");
                    if error.retryable {
                        self.to_retry.push((browser, sending));
                    }
                }
            }
        }
        let here = &mut self.browsers[browser].tabs[tab];
        let complaints: Vec<String> = here.complaints.drain(..).collect();
        self.complaints.extend(complaints.into_iter().map(|line| format!("{name}: {line}")));
    }

    fn acknowledge(&mut self, browser: usize, sending: Sending, seq: Seq) {
        self.count("acknowledged sends");
        let sender = self.browsers[browser].user.clone();
        let key = (sending.conversation, sending.client_msg_id);
        // An acknowledgement may have been on its way when the data set was reset; only what the
        // store still has, or must still have, is held against it.
        let known = self.acknowledged.get(&key).map(|known| known.seq);
        if known.is_some_and(|known| known != seq) {
            self.complaints.push(format!("{} was acknowledged as {known:?} and {seq}", key.1));
        }
        self.acknowledged.insert(key, Acknowledged { seq, sender, text: sending.text });
    }

    /// One tab wrote into the storage; the others hear of it, each when its time comes.
    fn stored(&mut self, browser: usize, writer: usize, key: &str, value: Option<&String>) {
        let name = &self.browsers[browser].tabs[writer].name;
        self.story.tell(self.now, format!("{name} stores {key} = {value:?}"));
        let (now, browser) = (self.now, &mut self.browsers[browser]);
        let before = match value {
            Some(value) => browser.storage.insert(key.to_owned(), value.clone()),
            None => browser.storage.remove(key),
        };
        // Browsers tell nobody of a write that changes nothing.
        if before.as_ref() == value {
            return;
        }
        for (index, tab) in browser.tabs.iter_mut().enumerate() {
            if index != writer {
                let last = tab
                    .waiting
                    .iter()
                    .filter_map(|(at, input)| matches!(input, Input::Stored(..)).then_some(*at));
                let at = last.max().unwrap_or(0).max(now + self.random.up_to(15));
                tab.waiting.push_back((at, Input::Stored(key.to_owned(), value.cloned())));
            }
        }
    }

    pub(crate) fn open_tab_where_none_is(&mut self, browser: usize) {
        if self.browsers[browser].tabs.is_empty() {
            self.open_tab(browser);
        }
    }

    pub(crate) fn open_tab(&mut self, browser: usize) {
        self.tabs_made += 1;
        let user = self.browsers[browser].user.clone();
        let name = format!("{user}/{browser}.{}", self.tabs_made);
        let seed = self.random.next();
        let inbox_page = [0, 3, 50][self.random.up_to(2) as usize];
        self.tell(format!("{name} opens"));
        self.browsers[browser].tabs.push(Tab::new(name, seed, inbox_page));
        let tab = self.browsers[browser].tabs.len() - 1;
        let storage = self.browsers[browser].storage.clone();
        self.input(browser, tab, Input::Connect { stored: storage.into_iter().collect() });
    }

    /// The users who have a browser.
    pub(crate) fn users(&self) -> BTreeSet<UserId> {
        self.browsers.iter().map(|browser| browser.user.clone()).collect()
    }
}

/// The debug form of JSON values, shortened to what a reader wants.
fn plain(text: &str) -> String {
    text.replace("Object ", "")
        .replace("String(", "(")
        .replace("Number(", "(")
        .replace("Array ", "")
}

#[expect(clippy::panic, reason = "an epoch made of letters and digits is an epoch")]
fn unreachable_epoch() -> Epoch {
    panic!("an epoch made of letters and digits is an epoch")
}
