//! Connections: two directions, each in order, each with a delay of its own, until one is cut.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use message_service_machine::Random;

pub(crate) type ConnId = u64;

/// Something on its way to a client.
#[derive(Clone, Debug)]
pub(crate) enum Down {
    Opened,
    Frame(Bytes),
    Closed(u16),
}

/// Something on its way to the server.
#[derive(Clone, Debug)]
pub(crate) enum Up {
    Opened,
    Frame(String),
    Closed,
}

#[derive(Debug)]
pub(crate) struct Conn {
    /// Where it leads to.
    pub(crate) site: usize,
    pub(crate) up: Pipe<Up>,
    pub(crate) down: Pipe<Down>,
    latency: u64,
}

#[derive(Debug)]
pub(crate) struct Pipe<T> {
    waiting: VecDeque<(u64, T)>,
    last: u64,
    ended: bool,
}

impl<T> Pipe<T> {
    const fn new() -> Self {
        Self { waiting: VecDeque::new(), last: 0, ended: false }
    }

    fn put(&mut self, at: u64, item: T) {
        if !self.ended {
            self.last = self.last.max(at);
            self.waiting.push_back((self.last, item));
        }
    }

    /// Throws away what is on its way, and ends with this.
    fn cut(&mut self, at: u64, last_word: Option<T>) {
        self.waiting.clear();
        if let Some(word) = last_word {
            self.put(at, word);
        }
        self.ended = true;
    }

    fn take(&mut self, now: u64) -> Option<T> {
        let (at, _) = self.waiting.front()?;
        if *at > now {
            return None;
        }
        self.waiting.pop_front().map(|(_, item)| item)
    }
}

#[derive(Debug)]
pub(crate) struct Network {
    pub(crate) conns: BTreeMap<ConnId, Conn>,
    last: ConnId,
    random: Random,
}

impl Network {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { conns: BTreeMap::new(), last: 0, random: Random::new(seed) }
    }

    /// A client dials. A refusal comes back as a close without a connection.
    pub(crate) fn dial(&mut self, now: u64, site: usize, refused: bool) -> ConnId {
        self.last += 1;
        let latency = self.random.between(1, 120);
        let mut conn = Conn { site, up: Pipe::new(), down: Pipe::new(), latency };
        if refused {
            conn.down.put(now + latency, Down::Closed(1006));
            conn.up.ended = true;
        } else {
            conn.up.put(now + latency, Up::Opened);
            conn.down.put(now + 2 * latency, Down::Opened);
        }
        self.conns.insert(self.last, conn);
        self.last
    }

    pub(crate) fn send_up(&mut self, id: ConnId, now: u64, item: Up) {
        let jitter = self.random.up_to(30);
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.up.put(now + conn.latency + jitter, item);
        }
    }

    pub(crate) fn send_down(&mut self, id: ConnId, now: u64, item: Down) {
        let jitter = self.random.up_to(30);
        if let Some(conn) = self.conns.get_mut(&id) {
            let ends = matches!(item, Down::Closed(_));
            conn.down.put(now + conn.latency + jitter, item);
            conn.down.ended |= ends;
        }
    }

    /// The client hangs up; the server hears of it.
    pub(crate) fn hang_up(&mut self, id: ConnId, now: u64) {
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.down.cut(now, None);
            let at = now + conn.latency;
            conn.up.put(at, Up::Closed);
            conn.up.ended = true;
        }
    }

    /// The cable is cut: what is on its way is lost, and each side hears of it late or never.
    pub(crate) fn cut(&mut self, id: ConnId, now: u64) {
        let (client, server) = (self.random.up_to(3), self.random.up_to(3));
        let (client_at, server_at) = (self.random.up_to(5_000), self.random.up_to(5_000));
        if let Some(conn) = self.conns.get_mut(&id) {
            conn.down.cut(now + client_at, (client > 0).then_some(Down::Closed(1006)));
            conn.up.cut(now + server_at, (server > 0).then_some(Up::Closed));
        }
    }

    /// The node at a site is gone: each of its clients sees its connection reset.
    pub(crate) fn reset(&mut self, site: usize, now: u64) {
        for conn in self.conns.values_mut().filter(|conn| conn.site == site) {
            conn.up.cut(now, None);
            conn.down.cut(now + conn.latency, Some(Down::Closed(1006)));
        }
    }

    pub(crate) fn take_up(&mut self, id: ConnId, now: u64) -> Option<Up> {
        self.conns.get_mut(&id)?.up.take(now)
    }

    pub(crate) fn take_down(&mut self, id: ConnId, now: u64) -> Option<Down> {
        self.conns.get_mut(&id)?.down.take(now)
    }

    /// Where a connection leads to.
    pub(crate) fn site_of(&self, id: ConnId) -> Option<usize> {
        self.conns.get(&id).map(|conn| conn.site)
    }

    pub(crate) fn forget(&mut self, id: ConnId) {
        self.conns.remove(&id);
    }

    /// Drops connections over which nothing can come any more.
    pub(crate) fn sweep(&mut self) {
        let over = |conn: &Conn| {
            conn.up.ended
                && conn.down.ended
                && conn.up.waiting.is_empty()
                && conn.down.waiting.is_empty()
        };
        self.conns.retain(|_, conn| !over(conn));
    }

    pub(crate) fn ids(&self) -> Vec<ConnId> {
        self.conns.keys().copied().collect()
    }

    pub(crate) fn next(&self) -> Option<u64> {
        let fronts = self.conns.values().flat_map(|conn| {
            let up = conn.up.waiting.front().map(|(at, _)| *at);
            let down = conn.down.waiting.front().map(|(at, _)| *at);
            [up, down]
        });
        fronts.flatten().min()
    }
}
