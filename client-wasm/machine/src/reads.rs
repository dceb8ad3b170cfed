//! Reads that the server has not acknowledged: kept until it has, over reconnects and, through the
//! mirror, over reloads.

use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;

use crate::sorted::Sorted;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingRead {
    pub(crate) seq: Seq,
    pub(crate) mark_seen: u32,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reads(Sorted<ConversationId, PendingRead>);

impl Reads {
    pub(crate) fn add(&mut self, conversation: &ConversationId, read: PendingRead) {
        let pending = self.0.or_insert_with(conversation, || read);
        pending.seq = pending.seq.max(read.seq);
        pending.mark_seen = pending.mark_seen.max(read.mark_seen);
    }

    /// The server has this half: what it covers is acknowledged.
    pub(crate) fn acknowledge(&mut self, conversation: &ConversationId, member: &MemberHalf) {
        self.0.retain(|id, read| {
            id != conversation || read.seq > member.read_seq || read.mark_seen > member.mark_seen
        });
    }

    pub(crate) fn drop(&mut self, conversation: &ConversationId) {
        self.0.remove(conversation);
    }

    pub(crate) fn get(&self, conversation: &ConversationId) -> Option<PendingRead> {
        self.0.get(conversation).copied()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ConversationId, &PendingRead)> {
        self.0.iter()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }
}
