//! The server of message-service.

pub mod bus;
pub mod hub;
pub mod store;
