//! A bus that loses, doubles, delays and reorders pushes, as a real one may.

use std::sync::{Arc, Mutex, PoisonError};

use message_service::bus::{Bus, Envelope, News};
use message_service_machine::Random;

use crate::faults::Faults;

#[derive(Clone, Debug)]
pub(crate) struct SimBus {
    faults: Faults,
    queue: Arc<Mutex<Queue>>,
}

#[derive(Debug)]
struct Queue {
    now: u64,
    random: Random,
    waiting: Vec<(u64, Envelope)>,
}

impl SimBus {
    pub(crate) fn new(faults: Faults, seed: u64) -> Self {
        let queue = Queue { now: 0, random: Random::new(seed), waiting: Vec::new() };
        Self { faults, queue: Arc::new(Mutex::new(queue)) }
    }

    /// What arrives now, in the order in which it arrives.
    pub(crate) fn arrive(&self, now: u64) -> Vec<Envelope> {
        self.with(|queue| {
            queue.now = now;
            let mut due: Vec<_> = queue.waiting.extract_if(.., |(at, _)| *at <= now).collect();
            due.sort_by_key(|(at, _)| *at);
            due.into_iter().map(|(_, envelope)| envelope).collect()
        })
    }

    pub(crate) fn next(&self) -> Option<u64> {
        self.with(|queue| queue.waiting.iter().map(|(at, _)| *at).min())
    }

    /// The node crashed: what it had not sent is gone.
    pub(crate) fn clear(&self) {
        self.with(|queue| queue.waiting.clear());
    }

    fn with<T>(&self, act: impl FnOnce(&mut Queue) -> T) -> T {
        act(&mut self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Bus for SimBus {
    fn publish(&self, envelope: Envelope) {
        let is_push = matches!(envelope.news, News::Push(_));
        let lost = is_push && self.faults.happens(20);
        let doubled = is_push && self.faults.happens(20);
        let late = is_push && self.faults.happens(60);
        self.with(|queue| {
            if lost {
                return;
            }
            let wait = if late { queue.random.up_to(3_000) } else { 0 };
            let at = queue.now + wait;
            if doubled {
                let again = at + queue.random.up_to(1_000);
                queue.waiting.push((again, envelope.clone()));
            }
            queue.waiting.push((at, envelope));
        });
    }
}
