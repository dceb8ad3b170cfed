//! The world: everything there is, and the passing of time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use message_service::bus::{Audience, Bus, Envelope, News, NodeId};
use message_service::hub::Change;
use message_service::store::Store;
use message_service::store::memory::{Backup, MemoryStore};
use message_service_machine::{Now, Random};
use message_service_shared::id::{ClientMsgId, ConversationId, Epoch, UserId};
use message_service_shared::seq::Seq;

use crate::browser::{Browser, Sending};
use crate::bus::SimBus;
use crate::check;
use crate::faults::Faults;
use crate::network::Network;
use crate::node::{Node, SimClock, SimIds};
use crate::site::Site;
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
    pub(crate) sites: Vec<Site>,
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
        // One node, or several.
        let sites = 1 + random.up_to(2);
        let bus = SimBus::new(faults.clone(), random.next(), sites as usize);
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
            sites: (0..sites).map(Site::new).collect(),
            clock: SimClock::default(),
            ids: SimIds::default(),
            epochs: 0,
            network,
            browsers: Vec::new(),
            tabs_made: 0,
            backup: None,
            acknowledged: BTreeMap::new(),
            to_retry: Vec::new(),
            complaints: Vec::new(),
        };
        world.set_clock();
        for site in 0..world.sites.len() {
            world.start_node(site);
        }
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

    pub(crate) fn start_node(&mut self, site: usize) {
        self.sites[site].clear();
        let store: Arc<dyn Store> = self.store.clone();
        let bus: Arc<dyn Bus> = Arc::new(self.bus.at(site));
        let hub = self.sites[site].hub.clone();
        let mut node = Node::start(store, bus, hub, self.clock.clone(), self.ids.clone());
        let store = self.store.clone();
        // A node that has started repairs what a crash left behind.
        node.spawn(Box::pin(async move {
            let _ = store.repair().await;
        }));
        node.work_all();
        self.sites[site].node = Some(node);
        self.tell(format!("the node at {site} starts"));
    }

    pub(crate) fn crash(&mut self, site: usize) {
        self.sites[site].clear();
        self.bus.crash(site);
        self.network.reset(site, self.now);
        self.sites[site].restart_at = Some(self.now + self.random.up_to(4_000));
        self.tell(format!("the node at {site} crashes"));
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
        for site in 0..self.sites.len() {
            if self.sites[site].node.is_none() {
                self.start_node(site);
            }
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
            let mut nodes = self.sites.iter().filter_map(|site| site.node.as_ref());
            let busy = nodes.any(Node::is_busy);
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
        let restarts = self.sites.iter().filter_map(|site| site.restart_at).min();
        let others = [self.network.next(), self.bus.next(), restarts];
        tabs.chain(others).flatten().min()
    }

    /// Everything that is due now.
    fn happen(&mut self, pace: Pace) {
        for site in 0..self.sites.len() {
            if self.sites[site].restart_at.is_some_and(|at| at <= self.now) {
                self.start_node(site);
            }
        }
        self.arrive_at_nodes();
        self.carry();
        for site in &mut self.sites {
            if let Some(node) = &mut site.node {
                match pace {
                    Pace::ByChance => {
                        let turns = self.random.up_to(24) as usize;
                        node.work(turns, &mut self.random);
                    }
                    Pace::Prompt => node.work_all(),
                }
            }
        }
        self.carry();
        self.leave_nodes();
        self.arrive_at_tabs();
        self.wake_tabs();
        self.network.sweep();
    }

    /// Brings what is on the bus to where it is due, and what users look at to the other nodes.
    fn carry(&mut self) {
        for (site, envelope) in self.bus.arrive(self.now) {
            self.sites[site].hub.receive(&envelope);
        }
        for from in 0..self.sites.len() {
            while let Some(change) = self.sites[from].changes.take() {
                self.show_elsewhere(from, change);
            }
        }
    }

    /// What a bus between nodes does about a change of the sessions at one of them.
    fn show_elsewhere(&self, from: usize, change: Change) {
        let others = self.sites.iter().enumerate().filter(|(site, _)| *site != from);
        let attending = |user: &UserId, node: NodeId, conversations| Envelope {
            to: Audience::Users(vec![user.clone()]),
            news: News::Attending { node, conversations },
        };
        match change {
            Change::Came(user) => {
                for (_, other) in others {
                    let conversations = other.hub.attended_by(&user);
                    let envelope = attending(&user, other.id, conversations);
                    self.sites[from].hub.receive(&envelope);
                }
            }
            Change::Attends(user, conversations) => {
                let envelope = attending(&user, self.sites[from].id, conversations);
                for (_, other) in others {
                    other.hub.receive(&envelope);
                }
            }
            Change::Left(_) => {}
        }
    }

    /// The users who have a browser.
    pub(crate) fn users(&self) -> BTreeSet<UserId> {
        self.browsers.iter().map(|browser| browser.user.clone()).collect()
    }
}

#[expect(clippy::panic, reason = "an epoch made of letters and digits is an epoch")]
fn unreachable_epoch() -> Epoch {
    panic!("an epoch made of letters and digits is an epoch")
}
