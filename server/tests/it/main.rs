//! The server over real sockets and requests, on a real SQLite file: what only shows from outside.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of it is tests, its helpers included"
)]

mod backing;
mod bad_input;
mod binary;
mod chaos;
mod closing;
mod connections;
mod deploy;
mod http;
mod kill;
mod nats;
mod nodes;
mod operations;
mod outbox;
mod person;
mod process;
mod rest;
mod server;
mod socket;
mod statements;
mod transfer;
mod way;
mod webhook;
