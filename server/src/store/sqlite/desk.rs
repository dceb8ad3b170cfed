//! The one thread that writes.
//!
//! It takes all requests that wait into one transaction, and answers each after the commit has
//! returned. While the disk is busy with one transaction the requests for the next one gather, so
//! that the disk is asked once for many: group commit. A request that is refused writes nothing and
//! so disturbs no other. Where one fails, the transaction is rolled back and each request gets one
//! of its own; where the commit fails, nobody is told that anything was written.

use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::keys::Keys;
use super::writer::{Counters, Job};
use crate::store::StoreError;

/// Requests in one transaction at most.
pub(super) const BATCH: usize = 256;

/// How long nothing must come before the log is copied into the file.
const IDLE: Duration = Duration::from_millis(100);

/// How long a batch waits at most for those who were in the one before.
const PAUSE: Duration = Duration::from_millis(1);

/// What the writing thread works with.
pub(super) struct Desk {
    pub(super) connection: Connection,
    pub(super) keys: Keys,
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

    pub(super) fn serve(mut self, waiting: &Receiver<Box<dyn Job>>, counters: &Counters) {
        let (mut log_grew, mut last) = (false, Last::default());
        loop {
            let next = if log_grew {
                waiting.recv_timeout(IDLE)
            } else {
                waiting.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match next {
                Ok(first) => {
                    let batch = gather(first, waiting, last);
                    let (begun, requests) = (Instant::now(), batch.len());
                    self.write(batch, counters);
                    last = Last { requests, took: begun.elapsed() };
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

/// The batch before.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    requests: usize,
    took: Duration,
}

/// Takes what waits. Those who were just answered are about to ask again, all but the fastest too
/// late for this batch; so where fewer wait than there were, it is worth an eighth of a commit to
/// let them come. A lone sender is never kept waiting.
fn gather(first: Box<dyn Job>, waiting: &Receiver<Box<dyn Job>>, last: Last) -> Vec<Box<dyn Job>> {
    let mut batch = vec![first];
    batch.extend(waiting.try_iter().take(BATCH - 1));
    let end = Instant::now() + (last.took / 8).min(PAUSE);
    while batch.len() < last.requests.min(BATCH) {
        match waiting.recv_timeout(end.saturating_duration_since(Instant::now())) {
            Ok(job) => batch.push(job),
            Err(_) => break,
        }
    }
    batch
}
