//! The server: the real service and sessions, each session a task, polled in an order that chance
//! decides, so that any two of them may meet between any two steps.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use async_trait::async_trait;
use message_service::bus::Bus;
use message_service::caller::{Rejected, Resolver, Verified};
use message_service::clock::{Clock, Ids};
use message_service::hub::{Hub, Mailbox, Outgoing};
use message_service::roster::Alone;
use message_service::service::{Parts, Rules, Service};
use message_service::session::Session;
use message_service::store::Store;
use message_service_machine::Random;
use message_service_shared::id::UserId;
use message_service_shared::limits::SILENCE_MS;
use message_service_shared::message::Millis;
use uuid::Uuid;

use crate::network::ConnId;

/// The server's clock; the world moves it.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimClock(pub(crate) Arc<AtomicU64>);

impl Clock for SimClock {
    fn now(&self) -> Millis {
        self.0.load(Ordering::Relaxed)
    }
}

/// Ids in order, so that a run reads the same each time.
#[derive(Clone, Debug, Default)]
pub(crate) struct SimIds(Arc<AtomicU64>);

impl Ids for SimIds {
    fn make(&self, at: Millis) -> Uuid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Uuid::from_u64_pair(at << 16 | 0x7000, number)
    }
}

/// A token is the user's id.
#[derive(Debug)]
struct SimResolver;

#[async_trait]
impl Resolver for SimResolver {
    async fn user(&self, token: &str, now: Millis) -> Result<Verified, Rejected> {
        let user = UserId::new(token).map_err(|_| Rejected::Invalid)?;
        Ok(Verified { user, expires_at: now + 86_400_000, name: None, avatar: None })
    }
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Frames that came for a session, and whether its socket is gone.
#[derive(Debug, Default)]
struct Inbox {
    frames: VecDeque<String>,
    closed: bool,
}

struct Seat {
    inbox: Arc<Mutex<Inbox>>,
    mailbox: Arc<Mailbox>,
    heard: u64,
    /// A slow reader: nothing is written to it before then.
    stalled_until: u64,
}

pub(crate) struct Node {
    pub(crate) service: Arc<Service>,
    tasks: Vec<Task>,
    seats: BTreeMap<ConnId, Seat>,
}

/// What a node wants sent to a connection.
pub(crate) enum Word {
    Frames(Vec<bytes::Bytes>),
    Close(Vec<bytes::Bytes>, u16),
}

impl Node {
    pub(crate) fn start(
        store: Arc<dyn Store>,
        bus: Arc<dyn Bus>,
        hub: Arc<Hub>,
        clock: SimClock,
        ids: SimIds,
    ) -> Self {
        let roster = Arc::new(Alone::new(Arc::clone(&hub)));
        let (clock, ids) = (Arc::new(clock), Arc::new(ids));
        let parts = Parts { store, hub, roster, bus, clock, ids, away: None };
        let service = Arc::new(Service::new(parts, Rules::default()));
        Self { service, tasks: Vec::new(), seats: BTreeMap::new() }
    }

    pub(crate) fn accept(&mut self, conn: ConnId, now: u64, mailbox_bytes: usize) {
        let inbox = Arc::new(Mutex::new(Inbox::default()));
        let mailbox = Arc::new(Mailbox::with_limit(mailbox_bytes));
        let session = run_session(self.service.clone(), inbox.clone(), mailbox.clone());
        self.tasks.push(Box::pin(session));
        self.seats.insert(conn, Seat { inbox, mailbox, heard: now, stalled_until: 0 });
    }

    pub(crate) fn frame(&mut self, conn: ConnId, now: u64, frame: String) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.heard = now;
            lock(&seat.inbox).frames.push_back(frame);
        }
    }

    pub(crate) fn hung_up(&mut self, conn: ConnId) {
        if let Some(seat) = self.seats.remove(&conn) {
            lock(&seat.inbox).closed = true;
        }
    }

    pub(crate) fn stall(&mut self, conn: ConnId, until: u64) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.stalled_until = until;
        }
    }

    /// Another task, such as the main app's push.
    pub(crate) fn spawn(&mut self, task: Task) {
        self.tasks.push(task);
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.seats.values().any(|seat| !lock(&seat.inbox).frames.is_empty())
            || self.tasks.len() > self.seats.len()
    }

    /// Polls so many tasks as `turns` says, each drawn by chance.
    pub(crate) fn work(&mut self, turns: usize, random: &mut Random) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..turns {
            if self.tasks.is_empty() {
                return;
            }
            let index = random.up_to(self.tasks.len() as u64 - 1) as usize;
            if self.tasks[index].as_mut().poll(&mut context).is_ready() {
                drop(self.tasks.swap_remove(index));
            }
        }
    }

    /// Polls every task, over and over, so often that whatever can go on has gone on.
    pub(crate) fn work_all(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..64 {
            self.tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
        }
    }

    /// What the sessions want written, and who has been silent for too long.
    pub(crate) fn words(&mut self, now: u64) -> Vec<(ConnId, Word)> {
        let mut words = Vec::new();
        for (conn, seat) in &self.seats {
            if now.saturating_sub(seat.heard) > SILENCE_MS {
                words.push((*conn, Word::Close(Vec::new(), 4001)));
            } else if seat.stalled_until <= now {
                match seat.mailbox.take() {
                    None => {}
                    Some(Outgoing::Frames(frames)) => words.push((*conn, Word::Frames(frames))),
                    Some(Outgoing::Close(frames, code)) => {
                        words.push((*conn, Word::Close(frames, code.number())));
                    }
                }
            }
        }
        for (conn, word) in &words {
            if matches!(word, Word::Close(..)) {
                self.hung_up(*conn);
            }
        }
        words
    }
}

/// What the edge does with a real socket: reads one frame after the other, and drops the session
/// when the socket is gone.
async fn run_session(service: Arc<Service>, inbox: Arc<Mutex<Inbox>>, mailbox: Arc<Mailbox>) {
    let Some(first) = NextFrame(&inbox).await else { return };
    let Some(mut session) = Session::begin(service, &SimResolver, mailbox.clone(), &first).await
    else {
        return;
    };
    while mailbox.closed().is_none()
        && let Some(frame) = NextFrame(&inbox).await
    {
        session.handle(&frame).await;
    }
}

struct NextFrame<'a>(&'a Mutex<Inbox>);

impl Future for NextFrame<'_> {
    type Output = Option<String>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<String>> {
        let mut inbox = lock(self.0);
        match inbox.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if inbox.closed => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
