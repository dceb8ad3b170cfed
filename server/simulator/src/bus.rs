//! A bus that loses, doubles, delays and reorders pushes, for each node by itself, as a real one may.
//! Now and then it knows that it has lost something, and has those concerned resume.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use message_service::bus::{Bus, Envelope, News, Reach};
use message_service_machine::Random;
use message_service_shared::id::UserId;
use message_service_shared::push::{Push, Resync};

use crate::faults::Faults;

/// What all nodes share of it.
#[derive(Clone, Debug)]
pub(crate) struct SimBus {
    faults: Faults,
    queue: Arc<Mutex<Queue>>,
}

/// One node's way onto it.
#[derive(Debug)]
pub(crate) struct SimBusAt {
    bus: SimBus,
    site: usize,
}

#[derive(Debug)]
struct Queue {
    now: u64,
    random: Random,
    sites: usize,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    at: u64,
    from: usize,
    to: usize,
    envelope: Envelope,
}

impl SimBus {
    pub(crate) fn new(faults: Faults, seed: u64, sites: usize) -> Self {
        let queue = Queue { now: 0, random: Random::new(seed), sites, waiting: Vec::new() };
        Self { faults, queue: Arc::new(Mutex::new(queue)) }
    }

    pub(crate) fn at(&self, site: usize) -> SimBusAt {
        SimBusAt { bus: self.clone(), site }
    }

    /// What arrives now, and where, in the order in which it arrives.
    pub(crate) fn arrive(&self, now: u64) -> Vec<(usize, Envelope)> {
        self.with(|queue| {
            queue.now = now;
            let mut due: Vec<_> = queue.waiting.extract_if(.., |one| one.at <= now).collect();
            due.sort_by_key(|one| one.at);
            due.into_iter().map(|one| (one.to, one.envelope)).collect()
        })
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.with(|queue| queue.waiting.iter().map(|one| one.at).min())
    }

    /// A node crashed: what it had not sent is gone.
    pub(crate) fn crash(&self, site: usize) {
        self.with(|queue| queue.waiting.retain(|one| one.from != site));
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn carry(&self, from: usize, to: usize, envelope: Envelope) {
        let is_push = matches!(envelope.news, News::Push(_));
        let lost = is_push && self.faults.happens(20);
        let noticed = lost && self.faults.happens(500);
        let doubled = is_push && self.faults.happens(20);
        let late = is_push && self.faults.happens(60);
        self.with(|queue| {
            let wait = if late { queue.random.up_to(3_000) } else { 0 };
            let at = queue.now + wait;
            let mut put = |at, envelope| queue.waiting.push(Waiting { at, from, to, envelope });
            if noticed {
                let resync = Resync { within_ms: 2_000 };
                put(at, Envelope { news: News::Push(Push::Resync(resync)), ..envelope });
            } else if !lost {
                if doubled {
                    put(at + 700, envelope.clone());
                }
                put(at, envelope);
            }
        });
    }
}

#[async_trait]
impl Bus for SimBusAt {
    fn publish(&self, envelope: Envelope) {
        for to in 0..self.bus.with(|queue| queue.sites) {
            self.bus.carry(self.site, to, envelope.clone());
        }
    }

    async fn listen(&self, _user: &UserId) {}

    fn reach(&self) -> Reach {
        Reach::Every
    }

    async fn settle(&self) {}
}
