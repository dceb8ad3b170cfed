//! A whole data set as a file of JSON lines, written from one store and read into another one.
//!
//! The file is read and written once, from front to back, in blocks of bounded size. Each block ends
//! with a check sum over itself and all that came before it, and is taken in whole or not at all. So
//! neither side ever holds more than a block; a broken line never reaches a store; and where either
//! side was interrupted, it goes on after the last block that is whole.
//!
//! At the end the two stores are compared by what they count and by what every user's badge shows.
//!
//! The caller has both stores to themselves, and the process too: files are read and written where
//! the code stands, without a thread of their own.

mod block;
mod check;
mod export;
mod import;
mod line;
mod order;
mod partial;

#[cfg(test)]
mod tests;

pub use self::check::Difference;
pub use self::export::{export, export_to_file};
pub use self::import::import;
pub use self::line::{FORMAT, LineError};
pub use self::partial::FileError;

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::config::{Config, StoreAt};
use crate::store::StoreError;
use crate::store::archive::{Archive, RestoreError};
use crate::store::mongodb::{Migrate, MongoStore};
use crate::{StartError, open_sqlite};

/// Somebody who is told how it goes.
pub trait Witness {
    /// Something that happens once.
    fn told(&mut self, event: Event);

    /// So many records are done, of so many.
    fn done(&mut self, records: u64, of: u64);
}

/// What happens on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// An earlier try came to the end of this line, and this one goes on there.
    GoesOnAfter(u64),
    /// What an earlier try left behind is of another state of the store, and is written anew.
    StartsOver,
    /// All records are there; now both sides are compared.
    Comparing,
    /// The store holds the data set already; it is only compared.
    IsThere,
}

/// Why a data set was not moved. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The store forgets everything when its process ends.
    #[error("`memory` keeps nothing beyond its process; name a store that lasts with --store")]
    Forgetful,
    /// Reading from a store must not create one.
    #[error("{0:?} does not exist; name the store with --store")]
    NoStore(std::path::PathBuf),
    /// The store can't be opened.
    #[error(transparent)]
    Open(#[from] StartError),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store is itself in the middle of being filled.
    #[error(
        "the store holds an import that was not finished; finish it with the file it began with"
    )]
    Unfinished,
    /// The store was written to meanwhile.
    #[error("the store was written to while it was exported; stop the service, and export again")]
    Changed,
    /// The file that should be written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file that is read.
    #[error("the file can't be read: {0}")]
    Read(#[source] io::Error),
    /// What is written to refuses it.
    #[error("the export can't be written: {0}")]
    Write(#[source] io::Error),
    /// The file is not as an export wrote it.
    #[error(transparent)]
    Line(#[from] LineError),
    /// The store refuses what the file says.
    #[error("lines {first} to {last} were not taken in: {source}")]
    Refused {
        /// The first line of the block.
        first: u64,
        /// Its last line.
        last: u64,
        /// Why.
        source: RestoreError,
    },
    /// An import is under way, of another file.
    #[error(
        "the store holds an unfinished import of another file; go on with that one, or begin with \
         an empty store"
    )]
    OtherFile,
    /// The store does not show what the one showed that was exported.
    #[error("the store differs from the file:{0}")]
    Differs(Differences),
}

/// What was found to differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// The first ones.
    pub first: Vec<Difference>,
    /// How many there are in all.
    pub count: u64,
}

impl Differences {
    /// How many are told.
    const TOLD: usize = 20;

    fn push(&mut self, difference: Difference) {
        self.count += 1;
        if self.first.len() < Self::TOLD {
            self.first.push(difference);
        }
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for difference in &self.first {
            write!(f, "\n  {difference}")?;
        }
        match self.count.saturating_sub(self.first.len() as u64) {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// Opens the configured store, which must be there.
pub async fn open(config: &Config) -> Result<Arc<dyn Archive>, TransferError> {
    match &config.store {
        StoreAt::Memory => Err(TransferError::Forgetful),
        StoreAt::Sqlite(path) if !path.exists() => Err(TransferError::NoStore(path.clone())),
        StoreAt::Sqlite(_) => open_or_create(config).await,
        StoreAt::MongoDb(address) => open_mongodb(address, Migrate::ByCommand).await,
    }
}

/// Opens the configured store, or creates it.
pub async fn open_or_create(config: &Config) -> Result<Arc<dyn Archive>, TransferError> {
    match &config.store {
        StoreAt::Memory => Err(TransferError::Forgetful),
        StoreAt::Sqlite(path) => Ok(Arc::new(open_sqlite(path.clone()).await?)),
        StoreAt::MongoDb(address) => {
            let migrate =
                if config.migrate_at_start { Migrate::AtStart } else { Migrate::ByCommand };
            open_mongodb(address, migrate).await
        }
    }
}

async fn open_mongodb(address: &str, migrate: Migrate) -> Result<Arc<dyn Archive>, TransferError> {
    let opened = MongoStore::open(address, migrate).await;
    Ok(Arc::new(opened.map_err(StartError::OpenMongoDb)?))
}
