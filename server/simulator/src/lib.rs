//! Many real machines against the real session and service, on the memory store, in a world where
//! everything that can go wrong does, all drawn from one seed.
//!
//! A run has two parts. In the chaos, tabs open, read, send, freeze, reload and die; the network
//! delays and cuts; the bus loses, doubles and reorders; the node crashes between any two writes;
//! stores fail, are wiped and restored; clocks jump. Then the calm: all of that stops, time goes on
//! until nothing happens any more, and the checks compare database, clients, mirrors and digests.
//!
//! One thread, no real time, no order that a hash decides: a seed replays.

#![expect(clippy::cast_possible_truncation, reason = "lists here have a handful of entries")]

mod actions;
mod browser;
mod bus;
mod check;
mod faults;
mod network;
mod node;
mod site;
mod story;
mod tabs;
mod traffic;
mod world;

pub use world::{Outcome, Run, simulate};
