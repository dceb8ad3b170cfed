//! The suite on real servers, and what this backend promises beyond it.

mod commands;
mod crash;
mod faults;
mod mending;
mod moving;
mod proxy;
mod race;
mod scene;

use std::sync::Arc;

use super::{Migrate, MongoStore};

/// The two servers of the protocol that the tests run on, one strict and rich, one lax and poor.
#[derive(Clone, Copy, Debug)]
enum Server {
    SecantusDb,
    FerretDb,
}

impl Server {
    const ALL: [Self; 2] = [Self::SecantusDb, Self::FerretDb];

    fn variable(self) -> &'static str {
        match self {
            Self::SecantusDb => "MESSAGE_SERVICE_TEST_SECANTUSDB",
            Self::FerretDb => "MESSAGE_SERVICE_TEST_FERRETDB",
        }
    }

    /// A database that nobody else uses.
    fn database(self) -> String {
        database_at(self.variable())
    }
}

/// A database that nobody else uses, on the server that the environment names.
fn database_at(variable: &str) -> String {
    let address = std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run `cargo xtask servers -- cargo test …`, which sets it")
    });
    let name = format!("test_{}", uuid::Uuid::now_v7().simple());
    let (servers, options) = address.split_once('?').unwrap_or((&address, "retryReads=true"));
    format!("{}/{name}?{options}", servers.trim_end_matches('/'))
}

async fn open(address: &str) -> Arc<MongoStore> {
    Arc::new(MongoStore::open(address, Migrate::AtStart).await.unwrap())
}

/// The suite on one server.
macro_rules! suite_on {
    ($name:ident, $variable:literal) => {
        mod $name {
            async fn open() -> (std::sync::Arc<dyn crate::store::Store>, ()) {
                (super::open(&super::database_at($variable)).await, ())
            }

            async fn open_archive() -> (std::sync::Arc<dyn crate::store::archive::Archive>, ()) {
                (super::open(&super::database_at($variable)).await, ())
            }

            async fn open_waiting()
            -> (std::sync::Arc<dyn crate::store::waiting::conformance::Kept>, ()) {
                (super::open(&super::database_at($variable)).await, ())
            }

            crate::store::conformance::conformance!(super::open);
            crate::store::archive::conformance::conformance!(super::open_archive);
            crate::store::waiting::conformance::conformance!(super::open_waiting);
        }
    };
}

suite_on!(secantusdb, "MESSAGE_SERVICE_TEST_SECANTUSDB");
suite_on!(ferretdb, "MESSAGE_SERVICE_TEST_FERRETDB");
