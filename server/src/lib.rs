//! The server of message-service.

pub mod bus;
pub mod caller;
pub mod clock;
pub mod hub;
pub mod service;
pub mod session;
pub mod store;
