//! The embedded store: one SQLite file, durable on acknowledge.
//!
//! One thread writes. It takes every request that waits into one transaction, and answers after
//! the commit has returned (`desk`); so being durable costs many senders little more than it
//! costs one. Connections that can only read serve everything else (`readers`), and see whatever
//! was acknowledged before they began.
//!
//! Deliberately not here: repair. A message and what is derived from it are one transaction.

mod append;
mod archive;
mod columns;
mod conversation;
mod desk;
mod failure;
mod keys;
mod member;
mod message;
mod migrations;
mod open;
mod readers;
mod recall;
mod row;
mod user;
mod waiting;
mod writer;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;

use self::append::Letter;
use self::desk::Desk;
use self::readers::Readers;
use self::writer::Writer;
use super::{
    AppendError, Appended, ChangeError, Draft, End, InboxPlace, MemberChange, MessagePage, Profile,
    ReadRecord, RecallError, Recalled, Slice, Store, StoreError, StoredRow, StoredUser,
};
use crate::logouts::Logouts;

pub use self::open::OpenError;
pub use self::writer::Written;

/// The store. Dropping it ends its thread after all that was asked of it is written.
#[derive(Debug)]
pub struct SqliteStore {
    // The writer's connection closes last, because only one that can write leaves the log empty
    // and removes it; then the file alone is the whole store.
    readers: Readers,
    writer: Writer,
}

impl SqliteStore {
    /// Opens a file, or creates it, and brings its schema up to date.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let connection = open::for_writing(path)?;
        let readers = Readers::new(|| open::for_reading(path))?;
        let writer = Writer::start(Desk::new(connection)).map_err(OpenError::Thread)?;
        Ok(Self { readers, writer })
    }

    /// How much was written since the store was opened.
    pub fn written(&self) -> Written {
        self.writer.written()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.readers.read(open::epoch).await
    }

    async fn upsert_users(&self, users: Vec<Profile>) -> Result<(), StoreError> {
        self.writer.write(move |desk| desk.upsert_users(&users)).await
    }

    async fn see_users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        // Most who are seen were seen before, and users never go: for them nothing is written.
        let asked: Arc<[UserId]> = users.into();
        let ids = asked.clone();
        let known = self.readers.read(move |connection| user::all_seen(connection, &ids)).await?;
        match known {
            Some(users) => Ok(users),
            None => self.writer.write(move |desk| desk.see_users(&asked)).await,
        }
    }

    async fn users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        let users = users.to_vec();
        self.readers.read(move |connection| user::seen(connection, &users)).await
    }

    async fn log_out(&self, user: &UserId) -> Result<Logouts, StoreError> {
        let user = user.clone();
        self.writer.write(move |desk| desk.log_out(&user)).await
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Appended, AppendError>> {
        let count = drafts.len();
        if count == 0 {
            return Vec::new();
        }
        let letters: Result<Vec<Letter>, StoreError> =
            drafts.into_iter().map(Letter::new).collect();
        let outcomes = match letters {
            Ok(letters) => self.writer.write(move |desk| desk.append(&letters)).await,
            Err(error) => Err(error),
        };
        outcomes.unwrap_or_else(|error| vec![Err(error.into()); count])
    }

    async fn messages(
        &self,
        conversation: &ConversationId,
        slice: Slice,
    ) -> Result<MessagePage, StoreError> {
        let id = conversation.clone();
        self.readers.read(move |connection| message::page(connection, &id, slice)).await
    }

    async fn end(&self, conversation: &ConversationId) -> Result<Seq, StoreError> {
        let newest = Slice { after: Seq::ZERO, before: None, end: End::Newest, limit: 1 };
        Ok(self.messages(conversation, newest).await?.last_seq)
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        seq: Seq,
        by: Option<&UserId>,
        at: Millis,
    ) -> Result<Recalled, RecallError> {
        let (id, by) = (conversation.clone(), by.cloned());
        self.writer.write(move |desk| desk.recall(&id, seq, by.as_ref(), at)).await?
    }

    async fn rows(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<StoredRow>, StoreError> {
        let (user, ids) = (user.clone(), conversations.to_vec());
        self.readers.read(move |connection| row::named(connection, &user, &ids)).await
    }

    async fn unread_rows(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Vec<StoredRow>)>, StoreError> {
        let users = users.to_vec();
        let rows = move |connection: &rusqlite::Connection| {
            let of_one = |user: UserId| Ok((user.clone(), row::unread(connection, &user)?));
            users.into_iter().map(of_one).collect()
        };
        self.readers.read(rows).await
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let (user, before) = (user.clone(), before.cloned());
        let page = move |connection: &rusqlite::Connection| {
            row::inbox(connection, &user, before.as_ref(), limit)
        };
        self.readers.read(page).await
    }

    async fn change_member(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        change: &MemberChange,
    ) -> Result<StoredRow, ChangeError> {
        let (user, id, change) = (user.clone(), conversation.clone(), change.clone());
        self.writer.write(move |desk| desk.change_member(&user, &id, &change)).await?
    }

    async fn count(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<u64, StoreError> {
        let (user, id) = (user.clone(), conversation.clone());
        let count = move |connection: &rusqlite::Connection| {
            message::count(connection, &user, &id, after, up_to)
        };
        self.readers.read(count).await
    }

    async fn members(&self, conversation: &ConversationId) -> Result<Vec<UserId>, StoreError> {
        let id = conversation.clone();
        self.readers.read(move |connection| member::of_group(connection, &id)).await
    }

    async fn reads(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, StoreError> {
        let (user, id) = (user.clone(), conversation.clone());
        self.readers.read(move |connection| member::reads(connection, &user, &id, limit)).await
    }

    async fn mend(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn repair(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn ping(&self) -> Result<(), StoreError> {
        self.writer.write(|_| Ok(())).await?;
        self.epoch().await.map(drop)
    }
}

#[cfg(test)]
super::conformance::conformance!(super::tests::open);
#[cfg(test)]
super::archive::conformance::conformance!(super::tests::open_archive);
#[cfg(test)]
super::waiting::conformance::conformance!(super::tests::open_waiting);
