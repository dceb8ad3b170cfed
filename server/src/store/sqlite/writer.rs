//! The way to the one thread that writes: requests go in, and come back once they are durable.
//!
//! Deliberately not here: what the thread does with them ([`super::desk`]).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::desk::{BATCH, Desk};
use crate::store::StoreError;

/// Requests that may wait. One more has to wait for a place.
pub(super) const QUEUE: usize = 4 * BATCH;

/// How long a request waits for a place before it is told that the store is too busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// How much was written: requests by transactions is what group commit saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Commits that succeeded.
    pub transactions: u64,
    /// Requests that they carried.
    pub requests: u64,
}

/// Something to be done in a transaction, and somebody to be told of it.
pub(super) trait Job: Send {
    /// Does it. It may be asked again, after a rollback.
    fn run(&mut self, desk: &mut Desk) -> Result<(), ()>;
    /// Tells how it went, once the transaction has ended.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

struct Task<T, F> {
    work: F,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
    _place: OwnedSemaphorePermit,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&mut Desk) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, desk: &mut Desk) -> Result<(), ()> {
        let outcome = (self.work)(desk);
        let result = outcome.as_ref().map(drop).map_err(drop);
        self.outcome = Some(outcome);
        result
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Self { outcome, reply, .. } = *self;
        let outcome = committed.and_then(|()| outcome.unwrap_or_else(|| Err(ended())));
        // Whoever no longer listens will ask again.
        reply.send(outcome).ok();
    }
}

/// The thread, and the way to it.
pub(super) struct Writer {
    jobs: Option<Sender<Box<dyn Job>>>,
    places: Arc<Semaphore>,
    thread: Option<JoinHandle<()>>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) transactions: AtomicU64,
    pub(super) requests: AtomicU64,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("written", &self.written()).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(desk: Desk) -> std::io::Result<Self> {
        let (jobs, waiting) = mpsc::channel();
        let counters = Arc::new(Counters::default());
        let counted = counters.clone();
        let thread = thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || desk.serve(&waiting, &counted))?;
        let places = Arc::new(Semaphore::new(QUEUE));
        Ok(Self { jobs: Some(jobs), places, thread: Some(thread), counters })
    }

    /// Does `work` in a transaction, and returns once it is durable. It is done also where the
    /// caller stops waiting.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Desk) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = tokio::time::timeout(PATIENCE, self.places.clone().acquire_owned())
            .await
            .map_err(|_| StoreError::Unavailable("too many writes wait already".to_owned()))?
            .map_err(|_| ended())?;
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Task { work, outcome: None, reply, _place: place });
        self.jobs.as_ref().and_then(|jobs| jobs.send(job).ok()).ok_or_else(ended)?;
        answer.await.map_err(|_| ended())?
    }

    pub(super) fn written(&self) -> Written {
        Written {
            transactions: self.counters.transactions.load(Ordering::Relaxed),
            requests: self.counters.requests.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Without a sender the thread ends after what waits; then the file is closed.
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

fn ended() -> StoreError {
    StoreError::Unavailable("the writing thread has ended".to_owned())
}
