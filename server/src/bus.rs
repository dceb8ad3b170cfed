//! What carries news from the node where something happened to the nodes that hold the sessions.
//!
//! The bus only wakes. The store is the truth, so a bus may lose, double and reorder: clients notice
//! the gap and pull. A bus that knows it has lost something says so by a `resync`.

pub mod nats;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::push::Push;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::hub::Hub;
use crate::logouts::Logouts;

/// A server process, for as long as it runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The node that a fresh UUID stands for, by its part that is chance.
    #[must_use]
    pub const fn of(uuid: Uuid) -> Self {
        Self(uuid.as_u64_pair().1)
    }
}

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
    /// They were logged out everywhere, so often in all: sessions that began before end.
    LoggedOut(Logouts),
    /// What the user's sessions on another node look at now. Nobody there is told of it; pushes
    /// here say that the user is attended to.
    Attending {
        /// Which node.
        node: NodeId,
        /// All of them; none where nothing is looked at any more.
        conversations: Vec<ConversationId>,
    },
}

/// How far the bus reaches now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every node there is.
    Every,
    /// This node alone: the others can't be reached.
    ThisAlone,
}

/// Carries envelopes to the hub of every node, its own included.
#[async_trait]
pub trait Bus: fmt::Debug + Send + Sync + 'static {
    /// Sends it on its way. Never waits, and never fails the caller: what is lost is pulled.
    fn publish(&self, envelope: Envelope);

    /// Returns when news for the user reaches this node, or when it is plain that it can't now. A
    /// session asks for it after it joined the hub and before it reads anything from the store.
    async fn listen(&self, user: &UserId);

    /// How far it reaches, for the readiness check.
    fn reach(&self) -> Reach;

    /// Returns when all that was published so far is with whatever carries it to the other nodes,
    /// or when it is plain that it can't be now. A node asks for it before it ends.
    async fn settle(&self);
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

#[async_trait]
impl Bus for InProcess {
    fn publish(&self, envelope: Envelope) {
        self.hub.receive(&envelope);
    }

    async fn listen(&self, _user: &UserId) {}

    fn reach(&self) -> Reach {
        Reach::Every
    }

    async fn settle(&self) {}
}
