//! The one thread that writes.
//!
//! It takes all requests that wait into one transaction, and answers each after the commit has
//! returned. While the disk is busy with one transaction the requests for the next one gather, so
//! that the disk is asked once for many: group commit. A request that is refused writes nothing and
//! so disturbs no other. Where one fails, the transaction is rolled back and each request gets one
//! of its own; where the commit fails, nobody is told that anything was written.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::keys::Keys;
use crate::store::StoreError;

/// Requests in one transaction at most.
const BATCH: usize = 256;

/// Requests that may wait. One more has to wait for a place.
pub(super) const QUEUE: usize = 4 * BATCH;

/// How long a request waits for a place before it is told that the store is too busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long nothing must come before the log is copied into the file.
const IDLE: Duration = Duration::from_millis(100);

/// How much was written: requests by transactions is what group commit saves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Commits that succeeded.
    pub transactions: u64,
    /// Requests that they carried.
    pub requests: u64,
}

/// What the writing thread works with.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) keys: Keys,
}

/// Something to be done in a transaction, and somebody to be told of it.
trait Job: Send {
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
struct Counters {
    transactions: AtomicU64,
    requests: AtomicU64,
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

/// Why a transaction did not happen.
enum Failed {
    /// One of the requests failed, and knows why.
    Request,
    /// It did not begin, or did not commit.
    Transaction(StoreError),
}

impl Desk {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, keys: Keys::default() }
    }

    fn serve(mut self, waiting: &Receiver<Box<dyn Job>>, counters: &Counters) {
        let mut log_grew = false;
        loop {
            let next = if log_grew {
                waiting.recv_timeout(IDLE)
            } else {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(first) => {
                    let others = waiting.try_iter().take(BATCH - 1);
                    let batch = std::iter::once(first).chain(others).collect();
                    self.write(batch, counters);
                    log_grew = true;
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.checkpoint();
                    log_grew = false;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn write(&mut self, mut batch: Vec<Box<dyn Job>>, counters: &Counters) {
        match self.transaction(&mut batch, counters) {
            Err(Failed::Request) if batch.len() > 1 => {
                for job in batch {
                    self.write(vec![job], counters);
                }
            }
            Err(Failed::Transaction(error)) => {
                for job in batch {
                    job.answer(Err(error.clone()));
                }
            }
            Ok(()) | Err(Failed::Request) => {
                for job in batch {
                    job.answer(Ok(()));
                }
            }
        }
    }

    fn transaction(
        &mut self,
        batch: &mut [Box<dyn Job>],
        counters: &Counters,
    ) -> Result<(), Failed> {
        self.execute("BEGIN IMMEDIATE")?;
        for job in &mut *batch {
            if job.run(self).is_err() {
                self.roll_back();
                return Err(Failed::Request);
            }
        }
        if let Err(failed) = self.execute("COMMIT") {
            self.roll_back();
            return Err(failed);
        }
        counters.transactions.fetch_add(1, Ordering::Relaxed);
        counters.requests.fetch_add(batch.len() as u64, Ordering::Relaxed);
        Ok(())
    }

    fn execute(&self, sql: &str) -> Result<(), Failed> {
        let done = self.connection.prepare_cached(sql).and_then(|mut sql| sql.execute([]));
        let unavailable = |error| StoreError::Unavailable(format!("{sql} failed: {error}"));
        done.map(drop).map_err(|error| Failed::Transaction(unavailable(error)))
    }

    fn roll_back(&mut self) {
        // SQLite may have rolled back by itself, as where the disk is full.
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK").ok();
        }
        self.keys.forget();
    }

    fn checkpoint(&self) {
        let done = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if let Err(error) = done {
            // The log stays, and is read as before; the next idle moment tries again.
            tracing::warn!(%error, "the log could not be copied into the database file");
        }
    }
}
