//! The browser SDK's hands: sockets, storage, timers and the page's events, one small file for each
//! browser API. Nothing here decides; every input goes to the machine, every effect comes from it.
//!
//! Rust may not call into the page while anything of it is borrowed, since the page may call back.
//! That is structural here: whatever happens is queued, the machine takes one input at a time, and
//! its effects are done after its borrow has ended.

mod body;
mod client;
mod convert;
mod core;
mod decode;
mod host;
mod listener;
mod page;
mod socket;
mod storage;
mod timer;

pub use client::{Client, direct_conversation, protocol_version};
