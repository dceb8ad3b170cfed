//! What carries news from the node where something happened to the nodes that hold the sessions.
//!
//! The bus only wakes. The store is the truth, so a bus may lose, double and reorder: clients notice
//! the gap and pull.

use std::fmt;
use std::sync::Arc;

use message_service_shared::close::CloseCode;
use message_service_shared::id::UserId;
use message_service_shared::push::Push;

use crate::hub::Hub;

/// Something to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// To whom.
    pub to: Audience,
    /// What.
    pub news: News,
}

/// Whom it concerns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// These users' sessions, on whatever nodes they are.
    Users(Vec<UserId>),
    /// Every session of every node.
    Everyone,
}

/// What there is to tell.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "one lives no longer than it takes to tell")]
pub enum News {
    /// A push for the clients.
    Push(Push),
    /// Their sessions end.
    Close(CloseCode),
}

/// Carries envelopes to the hub of every node, its own included.
pub trait Bus: fmt::Debug + Send + Sync + 'static {
    /// Sends it on its way. Never waits, and never fails the caller: what is lost is pulled.
    fn publish(&self, envelope: Envelope);
}

/// The bus of a service that is one node.
#[derive(Debug)]
pub struct InProcess {
    hub: Arc<Hub>,
}

impl InProcess {
    /// A bus to this hub alone.
    pub const fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

impl Bus for InProcess {
    fn publish(&self, envelope: Envelope) {
        self.hub.receive(&envelope);
    }
}
