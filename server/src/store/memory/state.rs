//! What a memory store holds, and how a message changes it.

use std::collections::BTreeMap;

use message_service_shared::id::{ClientMsgId, ConversationId, Epoch, UserId};
use message_service_shared::limits::MAX_SEQ;
use message_service_shared::message::{Message, Millis};
use message_service_shared::row::{Preview, User};
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;
use message_service_shared::unread::{ConversationHalf, MemberHalf};

use super::waiting::Standing;
use crate::logouts::Logouts;
use crate::store::archive::Progress;
use crate::store::waiting::Notice;
use crate::store::{
    AppendError, Appended, ContentHash, Draft, READS_KEPT, ReadRecord, StoreError, StoredRow,
    StoredUser, parties_with_rows,
};

#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) epoch: Epoch,
    pub(super) users: BTreeMap<UserId, UserRecord>,
    pub(super) conversations: BTreeMap<ConversationId, ConversationRecord>,
    pub(super) members: BTreeMap<(UserId, ConversationId), MemberRecord>,
    pub(super) waiting: BTreeMap<Notice, Standing>,
    pub(super) importing: Option<Progress>,
}

#[derive(Clone, Debug)]
pub(super) struct UserRecord {
    pub(super) user: User,
    pub(super) announcement_start: Seq,
    pub(super) logouts: Logouts,
}

impl UserRecord {
    pub(super) fn stored(&self) -> StoredUser {
        StoredUser { user: self.user.clone(), logouts: self.logouts }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct ConversationRecord {
    pub(super) messages: Vec<MessageRecord>,
    pub(super) by_client_msg_id: BTreeMap<(Option<UserId>, ClientMsgId), Seq>,
    pub(super) name: Option<String>,
    pub(super) avatar: Option<String>,
    pub(super) half: ConversationHalf,
    pub(super) last: Option<Preview>,
}

#[derive(Clone, Debug)]
pub(super) struct MessageRecord {
    pub(super) message: Message,
    pub(super) content_hash: ContentHash,
}

#[derive(Clone, Debug, Default)]
pub(super) struct MemberRecord {
    pub(super) half: MemberHalf,
    pub(super) reads: Vec<ReadRecord>,
}

impl ConversationRecord {
    /// The newest message that is stored, derived from or not.
    pub(super) fn stored_end(&self) -> Seq {
        self.messages.last().map_or(Seq::ZERO, |record| record.message.seq)
    }

    pub(super) fn get(&self, seq: Seq) -> Option<&MessageRecord> {
        self.messages.get(index_of(seq)?)
    }

    pub(super) fn get_mut(&mut self, seq: Seq) -> Option<&mut MessageRecord> {
        self.messages.get_mut(index_of(seq)?)
    }
}

pub(super) fn index_of(seq: Seq) -> Option<usize> {
    usize::try_from(seq.get().checked_sub(1)?).ok()
}

impl State {
    /// Stores a draft, or finds it stored. What is derived from it is not written here.
    pub(super) fn insert(
        &mut self,
        draft: Draft,
    ) -> Result<(ConversationId, Seq, bool), AppendError> {
        let key = (draft.sender.clone(), draft.client_msg_id.clone());
        // A refused draft writes nothing, not even an empty conversation.
        let known = self.conversations.get(&draft.conversation);
        let end = known.map_or(Seq::ZERO, ConversationRecord::stored_end);
        let first = known.and_then(|record| record.get(*record.by_client_msg_id.get(&key)?));
        if first.is_some_and(|first| first.content_hash != draft.content_hash) {
            return Err(AppendError::Conflict);
        }
        if draft.read_seq.is_some_and(|read| read > end) {
            return Err(AppendError::PastEnd);
        }
        if let Some(first) = first {
            return Ok((draft.conversation, first.message.seq, false));
        }
        if end.get() >= MAX_SEQ {
            return Err(StoreError::Broken("the conversation is full".to_owned()).into());
        }
        let record = self.conversations.entry(draft.conversation.clone()).or_default();
        let seq = end.next();
        let not_before = record.messages.last().map_or(0, |record| record.message.at);
        let message = Message {
            id: draft.id,
            conversation: draft.conversation.clone(),
            seq,
            sender: draft.sender,
            client_msg_id: draft.client_msg_id,
            at: draft.at.max(not_before),
            revision: 0,
            quiet: draft.quiet,
            recalled: None,
            content: Some(draft.content),
        };
        record.by_client_msg_id.insert(key, seq);
        record.messages.push(MessageRecord { message, content_hash: draft.content_hash });
        Ok((draft.conversation, seq, true))
    }

    /// Writes what is derived from the messages up to `seq`, those included that an interrupted
    /// append left behind. Writing it twice changes nothing.
    pub(super) fn derive(&mut self, id: &ConversationId, seq: Seq) {
        let Some(record) = self.conversations.get_mut(id) else { return };
        for party in parties_with_rows(id) {
            self.members.entry((party, id.clone())).or_insert_with(|| MemberRecord {
                half: MemberHalf::joined_at(Seq::ZERO),
                reads: Vec::new(),
            });
        }
        let from = record.half.last_seq.next().min(seq);
        let ConversationRecord { messages, half, last, .. } = record;
        let range = index_of(from).unwrap_or(0)..index_of(seq).map_or(0, |index| index + 1);
        for MessageRecord { message, .. } in messages.get(range).unwrap_or_default() {
            half.last_seq = half.last_seq.max(message.seq);
            if message.quiet || message.recalled.is_some() {
                half.holes.insert(Run::one(message.seq));
            }
            replace_preview(last, message);
            if let Some(sender) = &message.sender
                && let Some(member) = self.members.get_mut(&(sender.clone(), id.clone()))
            {
                member.half.wrote(message.seq);
            }
        }
    }

    pub(super) fn finish(
        &mut self,
        id: &ConversationId,
        seq: Seq,
        fresh: bool,
        read: Option<ReadRecord>,
    ) -> Result<Appended, AppendError> {
        self.derive(id, seq);
        let record = self.conversations.get(id).and_then(|record| record.get(seq));
        let message = record.map(|record| record.message.clone());
        let message = message.ok_or_else(|| StoreError::Broken("a message is gone".to_owned()))?;
        let key = message.sender.clone().map(|sender| (sender, id.clone()));
        let member = key.and_then(|key| self.members.get_mut(&key));
        let author = member.map(|member| {
            if let Some(read) = read {
                member.read(&read, 0);
            }
            member.half.clone()
        });
        Ok(Appended { message, fresh, author })
    }

    /// The user's own half, or the one that a wide conversation implies.
    pub(super) fn half(&self, user: &UserId, id: &ConversationId) -> Option<MemberHalf> {
        match self.members.get(&(user.clone(), id.clone())) {
            Some(member) => Some(member.half.clone()),
            None if *id == ConversationId::announcement() => {
                let start = self.users.get(user)?.announcement_start;
                Some(MemberHalf::joined_at(start))
            }
            None => None,
        }
    }

    pub(super) fn row(&self, user: &UserId, id: &ConversationId) -> Option<StoredRow> {
        let member = self.half(user, id)?;
        let record = self.conversations.get(id);
        Some(StoredRow {
            id: id.clone(),
            name: record.and_then(|record| record.name.clone()),
            avatar: record.and_then(|record| record.avatar.clone()),
            conversation: record.map(|record| record.half.clone()).unwrap_or_default(),
            member,
            last_at: record.and_then(|record| record.last.as_ref()).map_or(0, |last| last.at),
            last: record.and_then(|record| record.last.clone()),
        })
    }

    pub(super) fn see(&mut self, id: &UserId, created_at: Option<Millis>) -> &mut UserRecord {
        let announcements = self.conversations.get(&ConversationId::announcement());
        self.users.entry(id.clone()).or_insert_with(|| {
            let announcement_start = announcements.map_or(Seq::ZERO, |record| {
                let known = record.messages.iter().map(|record| &record.message);
                let earlier = known.filter(|old| created_at.is_none_or(|at| old.at < at));
                earlier.map(|message| message.seq).max().unwrap_or_default()
            });
            UserRecord {
                user: User { id: id.clone(), name: None, avatar: None },
                announcement_start,
                logouts: Logouts(0),
            }
        })
    }
}

impl MemberRecord {
    pub(super) fn read(&mut self, read: &ReadRecord, mark_seen: u32) {
        if read.seq > self.half.read_seq {
            self.reads.push(read.clone());
            let excess = self.reads.len().saturating_sub(READS_KEPT);
            self.reads.drain(..excess);
        }
        self.half.read(read.seq, mark_seen);
    }
}

pub(super) fn replace_preview(last: &mut Option<Preview>, message: &Message) {
    let version = |preview: &Preview| (preview.seq, preview.revision);
    if last.as_ref().is_none_or(|old| version(old) < (message.seq, message.revision)) {
        *last = Some(Preview::of(message));
    }
}
