//! The drafts of one conversation on their way into it. Nothing here speaks to a server.

use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;

use super::documents::MessageDocument;
use super::heads::Head;
use crate::store::{AppendError, Draft, StoreError};

/// Drafts in order, and what became of each.
pub(super) struct Lane {
    pub(super) id: ConversationId,
    pub(super) drafts: Vec<Draft>,
    pub(super) fates: Vec<Fate>,
    /// Where the conversation ends, as far as is known.
    pub(super) head: Head,
    /// Whether the messages themselves were asked where it ends.
    pub(super) is_certain: bool,
}

/// What became of a draft.
#[derive(Clone, Debug)]
pub(super) enum Fate {
    /// Nothing yet.
    Waits,
    /// It is stored, now or since an earlier call.
    Stored {
        /// As stored.
        message: Box<MessageDocument>,
        /// Whether it was stored now.
        fresh: bool,
    },
    /// It is refused, or could not be stored.
    Failed(AppendError),
}

impl Lane {
    pub(super) fn new(id: ConversationId, drafts: Vec<Draft>, head: Head) -> Self {
        let fates = vec![Fate::Waits; drafts.len()];
        Self { id, drafts, fates, head, is_certain: false }
    }

    /// The first draft that is not settled.
    pub(super) fn next(&self) -> Option<usize> {
        self.fates.iter().position(|fate| matches!(fate, Fate::Waits))
    }

    /// The drafts that wait, at the positions that follow the head; up to one that has read further
    /// than the conversation is known to go.
    pub(super) fn plan(&self) -> Vec<MessageDocument> {
        let mut head = self.head;
        let mut planned = Vec::new();
        let waiting = self.next().unwrap_or(self.drafts.len());
        for draft in self.drafts.iter().skip(waiting) {
            if draft.read_seq.is_some_and(|read| read > head.seq) || head.seq == Seq::MAX {
                break;
            }
            head = Head { seq: head.seq.next(), at: draft.at.max(head.at) };
            planned.push(MessageDocument::new(draft, head.seq, head.at));
        }
        planned
    }

    /// The next drafts were stored.
    pub(super) fn stored(&mut self, documents: impl IntoIterator<Item = MessageDocument>) {
        for message in documents {
            self.head = Head { seq: message.seq, at: message.at() };
            self.settle(Fate::Stored { message: Box::new(message), fresh: true });
        }
    }

    /// What is known of the next draft's name settles it, or its position was taken by another
    /// message and it goes on behind that.
    pub(super) fn meet(&mut self, found: Option<MessageDocument>) {
        let Some(draft) = self.next().and_then(|next| self.drafts.get(next)) else { return };
        let has_read_past = draft.read_seq.is_some_and(|read| read > self.head.seq);
        let fate = match found {
            Some(message) if !message.is_of(&draft.content_hash) => {
                Fate::Failed(AppendError::Conflict)
            }
            _ if has_read_past => Fate::Failed(AppendError::PastEnd),
            Some(message) => Fate::Stored { message: Box::new(message), fresh: false },
            None if self.head.seq == Seq::MAX => {
                Fate::Failed(StoreError::Broken("the conversation is full".to_owned()).into())
            }
            None => return,
        };
        self.settle(fate);
    }

    /// Nothing more can be done for those that wait.
    pub(super) fn fail(&mut self, error: &StoreError) {
        for fate in &mut self.fates {
            if matches!(fate, Fate::Waits) {
                *fate = Fate::Failed(error.clone().into());
            }
        }
    }

    fn settle(&mut self, settled: Fate) {
        if let Some(fate) = self.next().and_then(|next| self.fates.get_mut(next)) {
            *fate = settled;
        }
    }
}
