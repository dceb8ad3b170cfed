//! What only this backend promises: files and their versions, group commit, killed processes, and
//! statements that use their indexes.

mod commits;
mod files;
mod kill;
mod plans;

use std::future::{Ready, ready};
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::Connection;
use tempfile::TempDir;

use super::SqliteStore;
use crate::store::Store;
use crate::store::archive::Archive;
use crate::store::waiting::conformance::Kept;

/// An empty store in a folder that goes with the guard.
pub(super) fn open() -> Ready<(Arc<dyn Store>, TempDir)> {
    let place = Place::new();
    ready((Arc::new(place.store()), place.folder))
}

pub(super) fn open_archive() -> Ready<(Arc<dyn Archive>, TempDir)> {
    let place = Place::new();
    ready((Arc::new(place.store()), place.folder))
}

pub(super) fn open_waiting() -> Ready<(Arc<dyn Kept>, TempDir)> {
    let place = Place::new();
    ready((Arc::new(place.store()), place.folder))
}

/// A folder for one file.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("messages.db")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("messages.db-wal")
    }

    fn store(&self) -> SqliteStore {
        SqliteStore::open(self.file()).unwrap()
    }

    fn shared(&self) -> Arc<dyn Store> {
        Arc::new(self.store())
    }

    /// The file as any other program would see it.
    fn connection(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }
}
