//! Notices in a collection of their own, each under a text that says what it is of.

use std::collections::HashSet;

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::{DateTime, Document, doc};
use serde::Deserialize;

use super::connection::{Statement, bson};
use super::documents::{date, int, millis};
use super::{MongoStore, WAITING};
use crate::store::StoreError;
use crate::store::archive::NoticeRecord;
use crate::store::waiting::{Company, Due, Holder, Notice, Tries, Waiting};

/// A document of `waiting` that waits.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WaitingDocument {
    /// The receiver, or an empty text for everyone.
    user: String,
    conversation: ConversationId,
    seq: Seq,
    /// Not there where it has joined a company.
    due_at: Option<DateTime>,
    told: u32,
    looked: u32,
    held_by: Option<Holder>,
    /// The one that it leads.
    company: Option<Company>,
}

/// What says who holds it.
#[derive(Debug, Deserialize)]
struct HeldDocument {
    #[serde(rename = "_id")]
    id: String,
}

impl WaitingDocument {
    fn due(self) -> Result<Due, StoreError> {
        let NoticeRecord { notice, due_at, tries, company } = self.record()?;
        let none = || StoreError::Broken("a notice is due at no time".to_owned());
        Ok(Due { notice, at: due_at.ok_or_else(none)?, tries, company })
    }

    pub(super) fn record(self) -> Result<NoticeRecord, StoreError> {
        let user: Option<Result<UserId, _>> = (!self.user.is_empty()).then(|| self.user.parse());
        let broken = |error| StoreError::Broken(format!("a notice can't be read: {error}"));
        let receiver = user.transpose().map_err(broken)?;
        let notice = Notice { receiver, conversation: self.conversation, seq: self.seq };
        let tries = Tries { told: self.told, looked: self.looked };
        let due = self.due_at.map(millis);
        Ok(NoticeRecord::new(notice, due, tries, self.company, self.held_by))
    }
}

/// Keeps a notice, where it is not there.
pub(super) fn kept(record: &NoticeRecord) -> Result<Statement, StoreError> {
    let NoticeRecord { notice, tries, .. } = record;
    let mut document = doc! {
        "user": notice.receiver.as_ref().map_or("", UserId::as_str),
        "conversation": notice.conversation.as_str(),
        "seq": int(notice.seq),
        "told": i64::from(tries.told),
        "looked": i64::from(tries.looked),
    };
    if let Some(due) = record.due() {
        document.insert("dueAt", date(due));
    }
    if let Some(id) = record.joined() {
        document.insert("heldBy", &id.0);
    }
    if let Some(company) = record.leads() {
        document.insert("company", bson(company)?);
    }
    Ok(Statement::make(doc! { "_id": notice.key() }, document))
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

    /// Those of the notices that are held.
    async fn still_held(
        &self,
        mut notices: Vec<Notice>,
        holder: &Holder,
    ) -> Result<Vec<Notice>, StoreError> {
        let ids: Vec<String> = notices.iter().map(Notice::key).collect();
        let filter = doc! { "_id": { "$in": ids }, "heldBy": &holder.0 };
        let held: Vec<HeldDocument> = self.core.connection.find(WAITING, filter).await?;
        let held: HashSet<String> = held.into_iter().map(|held| held.id).collect();
        notices.retain(|notice| held.contains(&notice.key()));
        Ok(notices)
    }
}

#[async_trait]
impl Waiting for MongoStore {
    async fn keep(&self, notices: Vec<Notice>, due: Millis) -> Result<(), StoreError> {
        let make =
            |notice| kept(&NoticeRecord::new(notice, Some(due), Tries::default(), None, None));
        let statements: Result<Vec<Statement>, _> = notices.into_iter().map(make).collect();
        self.core.connection.update(WAITING, &statements?).await
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
        found.into_iter().map(WaitingDocument::due).collect()
    }

    async fn hold(
        &self,
        seen: Vec<Due>,
        holder: &Holder,
        until: Millis,
    ) -> Result<Vec<Notice>, StoreError> {
        let take = |due: &Due| {
            let filter = doc! {
                "_id": due.notice.key(),
                "dueAt": date(due.at),
                "company": { "$exists": due.company.is_some() },
            };
            let update = doc! { "$set": { "dueAt": date(until), "heldBy": &holder.0 } };
            Statement::change(filter, update)
        };
        let statements: Vec<Statement> = seen.iter().map(take).collect();
        self.core.connection.update(WAITING, &statements).await?;
        self.still_held(seen.into_iter().map(|due| due.notice).collect(), holder).await
    }

    async fn gather(
        &self,
        leader: Notice,
        company: Company,
        holder: &Holder,
    ) -> Result<Vec<Notice>, StoreError> {
        let connection = &self.core.connection;
        let waiting = connection.collection::<Document>(WAITING);
        // The leader goes first: what has joined comes due through it alone.
        let held = doc! { "_id": leader.key(), "heldBy": &holder.0 };
        let leads = waiting.update_one(held, doc! { "$set": { "company": bson(&company)? } });
        if connection.call(leads).await?.matched_count == 0 {
            return Ok(Vec::new());
        }
        let Company { id, others } = company;
        let mut together = vec![leader];
        if !others.is_empty() {
            self.change_held(&others, &id, doc! { "$unset": { "dueAt": "" } }).await?;
            together.extend(self.still_held(others, &id).await?);
        }
        Ok(together)
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
