//! Commands that wait for their replies.

use message_service_shared::frame::CallId;
use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;

use crate::sorted::Sorted;

/// How long the machine's own commands may take before the connection counts as dead.
pub(crate) const OWN_TIMEOUT_MS: u64 = 10_000;

/// What a reply belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    Authenticate,
    Resume,
    Heartbeat,
    Look,
    Fetch(Vec<ConversationId>),
    /// Fills the gap in the open conversation.
    Gap(ConversationId),
    Read {
        conversation: ConversationId,
        seq: Seq,
        mark_seen: u32,
    },
    /// A job of the page's, by its number.
    Job(u64),
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Calls {
    last: CallId,
    waiting: Sorted<CallId, (Pending, u64)>,
}

impl Calls {
    /// A number for a command that is sent now.
    pub(crate) fn begin(&mut self, pending: Pending, deadline: u64) -> CallId {
        self.last = self.last.wrapping_add(1);
        self.waiting.insert(self.last, (pending, deadline));
        self.last
    }

    /// What a reply belongs to; `None` for one that nobody waits for any more.
    pub(crate) fn end(&mut self, id: CallId) -> Option<Pending> {
        self.waiting.remove(&id).map(|(pending, _)| pending)
    }

    pub(crate) fn is_waiting(&self, wanted: impl Fn(&Pending) -> bool) -> bool {
        self.waiting.values().any(|(pending, _)| wanted(pending))
    }

    /// Whether one of the machine's own commands has had no answer for too long. Jobs have
    /// deadlines of their own, and a slow one says nothing about the connection.
    pub(crate) fn is_overdue(&self, now: u64) -> bool {
        let overdue = |(pending, deadline): &(Pending, u64)| {
            *deadline <= now && !matches!(pending, Pending::Job(_))
        };
        self.waiting.values().any(overdue)
    }

    pub(crate) fn next_wake(&self) -> Option<u64> {
        let own = self.waiting.values().filter(|(pending, _)| !matches!(pending, Pending::Job(_)));
        own.map(|(_, deadline)| *deadline).min()
    }

    /// The connection is gone, and with it every reply.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}
