//! Notices in a collection of their own, each under a text that says what it is of.

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::connection::Statement;
use super::documents::{date, int, millis};
use super::{MongoStore, WAITING};
use crate::store::StoreError;
use crate::store::waiting::{Due, Holder, Notice, Tries, Waiting};

/// A document of `waiting` that waits.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaitingDocument {
    /// The receiver, or an empty text for everyone.
    user: String,
    conversation: ConversationId,
    seq: Seq,
    due_at: DateTime,
    told: u32,
    looked: u32,
}

/// What says who holds it.
#[derive(Debug, Deserialize)]
struct HeldDocument {
    #[serde(rename = "_id")]
    id: String,
}

impl WaitingDocument {
    pub(super) fn read(self) -> Result<Due, StoreError> {
        let user: Option<Result<UserId, _>> = (!self.user.is_empty()).then(|| self.user.parse());
        let broken = |error| StoreError::Broken(format!("a notice can't be read: {error}"));
        let receiver = user.transpose().map_err(broken)?;
        let notice = Notice { receiver, conversation: self.conversation, seq: self.seq };
        let tries = Tries { told: self.told, looked: self.looked };
        Ok(Due { notice, at: millis(self.due_at), tries })
    }
}

/// Keeps a notice, where it is not there.
pub(super) fn kept(Due { notice, at, tries }: &Due) -> Statement {
    let document = doc! {
        "user": notice.receiver.as_ref().map_or("", UserId::as_str),
        "conversation": notice.conversation.as_str(),
        "seq": int(notice.seq),
        "dueAt": date(*at),
        "told": i64::from(tries.told),
        "looked": i64::from(tries.looked),
    };
    Statement::make(doc! { "_id": notice.key() }, document)
}

impl MongoStore {
    /// The same change of each that is still held.
    async fn change_held(
        &self,
        notices: &[Notice],
        holder: &Holder,
        update: Document,
    ) -> Result<(), StoreError> {
        let change = |notice: &Notice| {
            let held = doc! { "_id": notice.key(), "heldBy": &holder.0 };
            Statement::change(held, update.clone())
        };
        let statements: Vec<Statement> = notices.iter().map(change).collect();
        self.core.connection.update(WAITING, &statements).await
    }
}

#[async_trait]
impl Waiting for MongoStore {
    async fn keep(&self, notices: Vec<Notice>, due: Millis) -> Result<(), StoreError> {
        let make = |notice| kept(&Due { notice, at: due, tries: Tries::default() });
        let statements: Vec<Statement> = notices.into_iter().map(make).collect();
        self.core.connection.update(WAITING, &statements).await
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, StoreError> {
        let connection = &self.core.connection;
        let waiting = connection.collection::<WaitingDocument>(WAITING);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let due = waiting.find(doc! { "dueAt": { "$lte": date(now) } });
        let due = due.sort(doc! { "dueAt": 1 }).limit(limit);
        let read = async {
            let mut cursor = due.await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        };
        let found: Vec<WaitingDocument> = connection.call(read).await?;
        found.into_iter().map(WaitingDocument::read).collect()
    }

    async fn hold(
        &self,
        seen: Vec<Due>,
        holder: &Holder,
        until: Millis,
    ) -> Result<Vec<Notice>, StoreError> {
        let connection = &self.core.connection;
        let take = |due: &Due| {
            let filter = doc! { "_id": due.notice.key(), "dueAt": date(due.at) };
            let update = doc! { "$set": { "dueAt": date(until), "heldBy": &holder.0 } };
            Statement::change(filter, update)
        };
        let statements: Vec<Statement> = seen.iter().map(take).collect();
        connection.update(WAITING, &statements).await?;
        let ids: Vec<String> = seen.iter().map(|due| due.notice.key()).collect();
        let filter = doc! { "_id": { "$in": ids }, "heldBy": &holder.0 };
        let held: Vec<HeldDocument> = connection.find(WAITING, filter).await?;
        let is_held = |notice: &Notice| {
            let id = notice.key();
            held.iter().any(|held| held.id == id)
        };
        Ok(seen.into_iter().map(|due| due.notice).filter(is_held).collect())
    }

    async fn put_off(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        until: Millis,
        tries: Tries,
    ) -> Result<(), StoreError> {
        let update = doc! {
            "$set": {
                "dueAt": date(until),
                "told": i64::from(tries.told),
                "looked": i64::from(tries.looked),
            },
            "$unset": { "heldBy": "" },
        };
        self.change_held(&notices, holder, update).await
    }

    async fn finish(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        at: Millis,
    ) -> Result<(), StoreError> {
        let update = doc! {
            "$set": { "doneAt": date(at) },
            "$unset": { "dueAt": "", "heldBy": "" },
        };
        self.change_held(&notices, holder, update).await
    }

    async fn forget(&self, before: Millis) -> Result<(), StoreError> {
        let connection = &self.core.connection;
        let waiting = connection.collection::<Document>(WAITING);
        let old = doc! { "doneAt": { "$lt": date(before) } };
        connection.call(waiting.delete_many(old)).await.map(drop)
    }
}
