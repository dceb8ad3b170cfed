//! The suite of moving on real servers.

use std::sync::Arc;

use crate::store::archive::Archive;
use crate::store::mongodb::{Migrate, MongoStore};

/// A database that nobody else uses, on a server that the environment names.
async fn open_at(variable: &str) -> (Arc<dyn Archive>, ()) {
    let address = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask servers -- cargo test …`, which sets it")
    });
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let (servers, options) = address.split_once('?').unwrap_or((&address, ""));
    let address = format!("{}/{name}?{options}", servers.trim_end_matches('/'));
    (Arc::new(MongoStore::open(&address, Migrate::AtStart).await.unwrap()), ())
}

mod secantusdb {
    async fn open() -> (std::sync::Arc<dyn crate::store::archive::Archive>, ()) {
        super::open_at("MESSAGE_SERVICE_TEST_SECANTUSDB").await
    }

    crate::store::archive::conformance::conformance!(super::open);
}

mod ferretdb {
    async fn open() -> (std::sync::Arc<dyn crate::store::archive::Archive>, ()) {
        super::open_at("MESSAGE_SERVICE_TEST_FERRETDB").await
    }

    crate::store::archive::conformance::conformance!(super::open);
}
