//! Connections that can only read, lent one at a time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::store::StoreError;

/// The pool.
pub(super) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    places: Arc<Semaphore>,
}

impl fmt::Debug for Readers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("places", &self.places).finish_non_exhaustive()
    }
}

/// A connection that goes back to the pool when it is dropped, also where its reader was.
struct Lent {
    connection: Option<Connection>,
    idle: Arc<Mutex<Vec<Connection>>>,
    _place: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        let connection = self.connection.take();
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).extend(connection);
    }
}

impl Readers {
    /// As many connections as there are processors, within reason.
    pub(super) fn new<E>(open: impl Fn() -> Result<Connection, E>) -> Result<Self, E> {
        let count = thread::available_parallelism().map_or(2, usize::from).clamp(2, 8);
        let idle: Vec<Connection> = (0..count).map(|_| open()).collect::<Result<_, E>>()?;
        let idle = Arc::new(Mutex::new(idle));
        Ok(Self { idle, places: Arc::new(Semaphore::new(count)) })
    }

    /// Reads on a thread that may block. All that `read` asks, it asks of one snapshot, which holds
    /// everything that was committed before.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let place = self.places.clone().acquire_owned().await.map_err(|_| gone())?;
        let connection = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut lent = Lent { connection, idle: self.idle.clone(), _place: place };
        let work = move || {
            let connection = lent.connection.as_mut().ok_or_else(gone)?;
            let snapshot = connection.transaction()?;
            read(&snapshot)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| gone())?
    }
}

fn gone() -> StoreError {
    StoreError::Unavailable("the connection that reads is gone".to_owned())
}
