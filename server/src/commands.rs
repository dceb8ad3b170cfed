//! The binary's commands that need room of their own. They are no part of the library.

pub(crate) mod outbox;
pub(crate) mod transfer;
