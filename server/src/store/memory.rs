//! The reference store: plain maps, nothing durable. The simulator runs on it, and so may a test of
//! a main app that nests the service.
//!
//! It writes a message and what is derived from it in two steps, as a store without transactions
//! does, and lets a [`Pauses`] look in between. So a simulated crash leaves behind exactly what a
//! real one could.

mod archive;
mod inbox;
mod state;
mod waiting;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::message::{self, Message, Millis};
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;

use self::state::{ConversationRecord, MessageRecord, State, UserRecord, replace_preview};
use super::{
    AppendError, Appended, ChangeError, Draft, End, InboxPlace, MemberChange, MessagePage, Profile,
    ReadRecord, RecallError, Recalled, Slice, Store, StoreError, StoredRow, StoredUser,
};
use crate::logouts::Logouts;

/// A moment inside an operation at which a simulation may hold it up or let it fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pause {
    /// Nothing is written yet.
    BeforeWrite,
    /// The messages are stored; what is derived from them is not.
    AfterMessage,
    /// All is written; the caller does not know it yet.
    AfterWrite,
    /// All is read; the caller will see it as it was at this moment.
    AfterRead,
}

/// Decides what happens at each [`Pause`].
#[async_trait]
pub trait Pauses: std::fmt::Debug + Send + Sync {
    /// Returns when the operation may go on; an error ends it where it is.
    async fn at(&self, pause: Pause) -> Result<(), StoreError>;
}

/// The store.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    pauses: Option<Arc<dyn Pauses>>,
}

/// All that a [`MemoryStore`] holds, as it was at one moment.
#[derive(Clone, Debug)]
pub struct Backup(State);

impl MemoryStore {
    /// An empty store in this epoch.
    pub fn new(epoch: Epoch) -> Self {
        let state = State {
            epoch,
            users: BTreeMap::new(),
            conversations: BTreeMap::new(),
            members: BTreeMap::new(),
            waiting: BTreeMap::new(),
            importing: None,
        };
        Self { state: Mutex::new(state), pauses: None }
    }

    /// Lets `pauses` look into every operation.
    #[must_use]
    pub fn with_pauses(mut self, pauses: Arc<dyn Pauses>) -> Self {
        self.pauses = Some(pauses);
        self
    }

    /// Every message there is, conversation by conversation, in order: the truth that everything
    /// else is checked against.
    pub fn all_messages(&self) -> Vec<Message> {
        let state = self.lock();
        let conversations = state.conversations.values();
        conversations
            .flat_map(|record| &record.messages)
            .map(|record| record.message.clone())
            .collect()
    }

    /// A copy of everything.
    pub fn backup(&self) -> Backup {
        Backup(self.lock().clone())
    }

    /// Puts a copy back. What came after it is gone, so the epoch must be a new one.
    pub fn restore(&self, backup: Backup, epoch: Epoch) {
        *self.lock() = State { epoch, ..backup.0 };
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves the maps whole: every change below is made under one lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self, pause: Pause) -> Result<(), StoreError> {
        match &self.pauses {
            Some(pauses) => pauses.at(pause).await,
            None => Ok(()),
        }
    }

    async fn read<T: Send>(&self, read: impl FnOnce(&State) -> T + Send) -> Result<T, StoreError> {
        let value = read(&self.lock());
        self.pause(Pause::AfterRead).await?;
        Ok(value)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.read(|state| state.epoch.clone()).await
    }

    async fn upsert_users(&self, users: Vec<Profile>) -> Result<(), StoreError> {
        self.pause(Pause::BeforeWrite).await?;
        {
            let mut state = self.lock();
            for profile in users {
                let user = &mut state.see(&profile.id, profile.created_at).user;
                user.name = profile.name.or_else(|| user.name.take());
                user.avatar = profile.avatar.or_else(|| user.avatar.take());
            }
        }
        self.pause(Pause::AfterWrite).await
    }

    async fn see_users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        self.pause(Pause::BeforeWrite).await?;
        let seen = {
            let mut state = self.lock();
            users.iter().map(|id| state.see(id, None).stored()).collect()
        };
        self.pause(Pause::AfterWrite).await?;
        Ok(seen)
    }

    async fn users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        self.read(|state| {
            let known = users.iter().filter_map(|id| state.users.get(id));
            known.map(UserRecord::stored).collect()
        })
        .await
    }

    async fn log_out(&self, user: &UserId) -> Result<Logouts, StoreError> {
        self.pause(Pause::BeforeWrite).await?;
        let logouts = {
            let mut state = self.lock();
            state.users.get_mut(user).map_or(Logouts(0), |record| {
                record.logouts = Logouts(record.logouts.0.saturating_add(1));
                record.logouts
            })
        };
        self.pause(Pause::AfterWrite).await?;
        Ok(logouts)
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Appended, AppendError>> {
        if let Err(error) = self.pause(Pause::BeforeWrite).await {
            return drafts.iter().map(|_| Err(error.clone().into())).collect();
        }
        let stored: Vec<_> = {
            let mut state = self.lock();
            let store = |draft: Draft| {
                let read = draft.read_seq.map(|seq| ReadRecord {
                    seq,
                    at: draft.at,
                    by: "send".to_owned(),
                });
                state.insert(draft).map(|stored| (stored, read))
            };
            drafts.into_iter().map(store).collect()
        };
        let held_up = self.pause(Pause::AfterMessage).await;
        let outcomes = {
            let mut state = self.lock();
            let finish = |stored: Result<_, AppendError>| {
                let ((id, seq, fresh), read) = stored?;
                held_up.clone()?;
                state.finish(&id, seq, fresh, read)
            };
            stored.into_iter().map(finish).collect::<Vec<_>>()
        };
        match self.pause(Pause::AfterWrite).await {
            Ok(()) => outcomes,
            Err(error) => outcomes.iter().map(|_| Err(error.clone().into())).collect(),
        }
    }

    async fn messages(
        &self,
        conversation: &ConversationId,
        slice: Slice,
    ) -> Result<MessagePage, StoreError> {
        let page = {
            let mut state = self.lock();
            // Opening a conversation heals what a crash left underived.
            let end = state.conversations.get(conversation).map(ConversationRecord::stored_end);
            state.derive(conversation, end.unwrap_or_default());
            let Some(record) = state.conversations.get(conversation) else {
                return Ok(MessagePage::default());
            };
            let after = slice.after.max(record.half.floor);
            let wanted = |message: &&Message| {
                message.seq > after && slice.before.is_none_or(|before| message.seq < before)
            };
            let messages = record.messages.iter().map(|record| &record.message).filter(wanted);
            let mut messages: Vec<Message> = messages.cloned().collect();
            match slice.end {
                End::Oldest => messages.truncate(slice.limit),
                End::Newest => {
                    let excess = messages.len().saturating_sub(slice.limit);
                    messages.drain(..excess);
                }
            }
            MessagePage { messages, last_seq: record.half.last_seq, floor: record.half.floor }
        };
        self.pause(Pause::AfterRead).await?;
        Ok(page)
    }

    async fn end(&self, conversation: &ConversationId) -> Result<Seq, StoreError> {
        self.read(|state| {
            let record = state.conversations.get(conversation);
            record.map(ConversationRecord::stored_end).unwrap_or_default()
        })
        .await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        seq: Seq,
        by: Option<&UserId>,
        at: Millis,
    ) -> Result<Recalled, RecallError> {
        self.pause(Pause::BeforeWrite).await?;
        let recalled = {
            let mut state = self.lock();
            let record = state.conversations.get_mut(conversation).ok_or(RecallError::Unknown)?;
            let found = record.get_mut(seq).ok_or(RecallError::Unknown)?;
            if by.is_some() && found.message.sender.as_ref() != by {
                return Err(RecallError::NotYours);
            }
            let fresh = found.message.recalled.is_none();
            if fresh {
                found.message.revision += 1;
                found.message.recalled = Some(message::Recalled { at, by: by.cloned() });
                found.message.content = None;
            }
            let message = found.message.clone();
            state.derive(conversation, seq);
            if let Some(record) = state.conversations.get_mut(conversation) {
                record.half.holes.insert(Run::one(seq));
                replace_preview(&mut record.last, &message);
            }
            Recalled { message, fresh }
        };
        self.pause(Pause::AfterWrite).await?;
        Ok(recalled)
    }

    async fn rows(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.read(|state| conversations.iter().filter_map(|id| state.row(user, id)).collect()).await
    }

    async fn unread_rows(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Vec<StoredRow>)>, StoreError> {
        self.read(|state| {
            users.iter().map(|user| (user.clone(), state.unread_rows(user))).collect()
        })
        .await
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.read(|state| state.inbox(user, before, limit)).await
    }

    async fn change_member(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        change: &MemberChange,
    ) -> Result<StoredRow, ChangeError> {
        self.pause(Pause::BeforeWrite).await?;
        let row = self.lock().change(user, conversation, change)?;
        self.pause(Pause::AfterWrite).await?;
        Ok(row)
    }

    async fn count(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<u64, StoreError> {
        self.read(|state| {
            let record = state.conversations.get(conversation);
            let messages = record.map_or(&[][..], |record| &record.messages);
            let counts = |record: &&MessageRecord| {
                let message = &record.message;
                let silent = message.quiet || message.recalled.is_some();
                let within = message.seq > after && message.seq <= up_to;
                within && !silent && message.sender.as_ref() != Some(user)
            };
            messages.iter().filter(counts).count() as u64
        })
        .await
    }

    async fn members(&self, conversation: &ConversationId) -> Result<Vec<UserId>, StoreError> {
        self.read(|state| {
            let members = state.members.iter();
            let here =
                members.filter(|((_, id), member)| id == conversation && member.half.is_in());
            here.map(|((user, _), _)| user.clone()).collect()
        })
        .await
    }

    async fn reads(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, StoreError> {
        self.read(|state| {
            let member = state.members.get(&(user.clone(), conversation.clone()));
            let reads = member.map_or(&[][..], |member| &member.reads);
            reads.iter().rev().take(limit).cloned().collect()
        })
        .await
    }

    async fn mend(&self) -> Result<(), StoreError> {
        self.repair().await
    }

    async fn repair(&self) -> Result<(), StoreError> {
        let mut state = self.lock();
        let ends = state.conversations.iter().map(|(id, record)| (id.clone(), record.stored_end()));
        for (id, end) in ends.collect::<Vec<_>>() {
            state.derive(&id, end);
        }
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

#[cfg(test)]
crate::store::conformance::conformance!(super::tests::open);
#[cfg(test)]
crate::store::archive::conformance::conformance!(super::tests::open_archive);
#[cfg(test)]
crate::store::waiting::conformance::conformance!(super::tests::open_waiting);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::archive::Archive;
    use crate::store::waiting::conformance::Kept;

    pub(super) fn open() -> std::future::Ready<(Arc<dyn Store>, ())> {
        std::future::ready((Arc::new(empty("the epoch")), ()))
    }

    pub(super) fn open_archive() -> std::future::Ready<(Arc<dyn Archive>, ())> {
        std::future::ready((Arc::new(empty("an epoch of its own")), ()))
    }

    pub(super) fn open_waiting() -> std::future::Ready<(Arc<dyn Kept>, ())> {
        std::future::ready((Arc::new(empty("the epoch")), ()))
    }

    fn empty(epoch: &str) -> MemoryStore {
        MemoryStore::new(epoch.parse().expect("an epoch"))
    }
}
