//! The server of message-service.

pub mod bus;
pub mod caller;
pub mod clock;
pub mod hub;
mod node;
pub mod origin;
mod problem;
pub mod service;
pub mod session;
pub mod store;
mod ws;
