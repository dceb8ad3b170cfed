//! Who is told that users come and leave, and what they look at: the way to the other nodes.

use std::sync::{PoisonError, RwLock};

use message_service_shared::id::{ConversationId, UserId};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Something about the sessions of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The user's first session here began.
    Came(UserId),
    /// The user's last session here ended.
    Left(UserId),
    /// The user's sessions here look at these conversations now, and at no others.
    Attends(UserId, Vec<ConversationId>),
}

/// What a follower hears, in the order in which it happened.
#[derive(Debug)]
pub struct Changes(UnboundedReceiver<Change>);

impl Changes {
    /// Waits for the next change; `None` when the hub is gone.
    pub async fn next(&mut self) -> Option<Change> {
        self.0.recv().await
    }

    /// A change that has happened already.
    pub fn take(&mut self) -> Option<Change> {
        self.0.try_recv().ok()
    }
}

/// They read at once what they are told, so nothing piles up.
#[derive(Debug, Default)]
pub(super) struct Followers(RwLock<Vec<UnboundedSender<Change>>>);

impl Followers {
    pub(super) fn add(&self) -> Changes {
        let (sender, receiver) = unbounded_channel();
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(sender);
        Changes(receiver)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub(super) fn tell(&self, change: impl FnOnce() -> Change) {
        let followers = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if followers.is_empty() {
            return;
        }
        let change = change();
        for follower in followers.iter() {
            // One that is gone has no use for it.
            let _ = follower.send(change.clone());
        }
    }
}
