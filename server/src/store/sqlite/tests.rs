//! What only this backend promises: files, versions, killed processes, plans.

use std::sync::Arc;

use tempfile::TempDir;

use super::SqliteStore;
use crate::store::Store;

/// An empty store in a folder that goes with the guard.
pub(super) async fn open() -> (Arc<dyn Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("test.db")).unwrap();
    (Arc::new(store), folder)
}
