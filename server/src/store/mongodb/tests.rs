//! The suite on real servers, and what this backend promises beyond it.

use std::sync::Arc;

use super::{Migrate, MongoStore};
use crate::store::Store;

/// A database of its own on a server that the environment names.
async fn open_at(variable: &str) -> (Arc<dyn Store>, ()) {
    let address = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask servers -- cargo test …`, which sets it")
    });
    (Arc::new(MongoStore::open(&of_its_own(&address), Migrate::AtStart).await.unwrap()), ())
}

/// The address with a database that nobody else uses.
pub(super) fn of_its_own(address: &str) -> String {
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let (servers, options) = address.split_once('?').unwrap_or((address, ""));
    format!("{}/{name}?{options}", servers.trim_end_matches('/'))
}

mod secantusdb {
    pub(super) async fn open() -> (std::sync::Arc<dyn crate::store::Store>, ()) {
        super::open_at("MESSAGE_SERVICE_TEST_SECANTUSDB").await
    }

    crate::store::conformance::conformance!(super::open);
}

mod ferretdb {
    pub(super) async fn open() -> (std::sync::Arc<dyn crate::store::Store>, ()) {
        super::open_at("MESSAGE_SERVICE_TEST_FERRETDB").await
    }

    crate::store::conformance::conformance!(super::open);
}
