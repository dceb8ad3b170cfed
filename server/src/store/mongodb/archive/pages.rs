//! Reading all that there is, in the order that indexes have, or nearly.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::seq::Seq;
use mongodb::bson::{Bson, Document, doc};
use serde::de::DeserializeOwned;

use super::super::documents::{
    ConversationDocument, MemberDocument, MessageDocument, UserDocument, int,
};
use super::super::waiting::WaitingDocument;
use super::super::{CONVERSATIONS, Core, MEMBERS, MESSAGES, USERS, WAITING};
use crate::store::StoreError;
use crate::store::archive::{ConversationRecord, MemberRecord, Place, Record, Tally, forgotten};

impl Core {
    /// The records after a place: each kind goes on to the next one while there is room.
    pub(super) async fn archive_page(
        &self,
        after: &Place,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut page = Page { core: self, records: Vec::new(), limit };
        match after {
            Place::Start => page.users(None).await?,
            Place::User(id) => page.users(Some(id)).await?,
            Place::Conversation(id) => page.conversations(Some(id)).await?,
            Place::Member(user, id) => page.members(Some((user, id))).await?,
            Place::Message(id, seq) => page.messages(Some((id, *seq))).await?,
            Place::Notice(key) => page.notices(Some(key)).await?,
        }
        Ok(page.records)
    }

    async fn sorted<T: DeserializeOwned + Send + Sync>(
        &self,
        collection: &str,
        filter: Document,
        order: Document,
        limit: usize,
    ) -> Result<Vec<T>, StoreError> {
        let collection = self.connection.collection::<T>(collection);
        let finding = async {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let mut cursor = collection.find(filter).sort(order).limit(limit).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        };
        self.connection.call(finding).await
    }

    /// How much there is.
    pub(super) async fn tally(&self) -> Result<Tally, StoreError> {
        let halves =
            ["readSeq", "startSeq", "cleared", "mark", "markSeen", "term", "settings.revision"];
        let mut grown = self.sum(CONVERSATIONS, begun(), "$floor").await?;
        grown += self.sum(MESSAGES, doc! {}, "$revision").await?;
        for field in halves {
            grown += self.sum(MEMBERS, doc! {}, format!("${field}")).await?;
        }
        Ok(Tally {
            users: self.sum(USERS, doc! {}, 1).await?,
            conversations: self.sum(CONVERSATIONS, begun(), 1).await?,
            members: self.sum(MEMBERS, doc! {}, 1).await?,
            messages: self.sum(MESSAGES, doc! {}, 1).await?,
            notices: self.sum(WAITING, waits(), 1).await?,
            grown,
        })
    }

    /// What a field of all documents comes to, one field at a time: one of the servers counts only
    /// the first sum of several. It may take as long as it takes: an operator waits for it, and
    /// nobody else.
    async fn sum(
        &self,
        collection: &str,
        filter: Document,
        what: impl Into<Bson>,
    ) -> Result<u64, StoreError> {
        let group = doc! { "_id": null, "sum": { "$sum": what.into() } };
        let pipeline = [doc! { "$match": filter }, doc! { "$group": group }];
        let collection = self.connection.collection::<Document>(collection);
        let summing = async {
            let mut cursor = collection.aggregate(pipeline).await?;
            if cursor.advance().await? { cursor.deserialize_current().map(Some) } else { Ok(None) }
        };
        let summed = summing.await.map_err(|error| self.connection.named(error))?;
        let Some(summed) = summed else { return Ok(0) };
        let sum = match summed.get("sum") {
            Some(Bson::Int32(sum)) => u64::try_from(*sum).ok(),
            Some(Bson::Int64(sum)) => u64::try_from(*sum).ok(),
            _ => None,
        };
        sum.ok_or_else(|| StoreError::Broken(format!("a sum of whole numbers is none: {summed}")))
    }
}

/// The announcement is a conversation from its first message on.
fn begun() -> Document {
    doc! { "$or": [{ "lastSeq": { "$gt": 0 } }, { "_id": { "$ne": "announcement" } }] }
}

/// A notice that is not finished.
fn waits() -> Document {
    doc! { "doneAt": { "$exists": false } }
}

/// A page that fills.
struct Page<'a> {
    core: &'a Core,
    records: Vec<Record>,
    limit: usize,
}

impl Page<'_> {
    const fn room(&self) -> usize {
        self.limit - self.records.len()
    }

    async fn users(&mut self, after: Option<&UserId>) -> Result<(), StoreError> {
        let filter = after.map_or_else(Document::new, |id| doc! { "_id": { "$gt": id.as_str() } });
        let found: Vec<UserDocument> =
            self.core.sorted(USERS, filter, doc! { "_id": 1 }, self.room()).await?;
        self.records.extend(found.into_iter().map(|found| Record::User(found.into())));
        if self.room() == 0 { Ok(()) } else { self.conversations(None).await }
    }

    async fn conversations(&mut self, after: Option<&ConversationId>) -> Result<(), StoreError> {
        let mut filter = begun();
        if let Some(id) = after {
            filter.insert("_id", doc! { "$gt": id.as_str() });
        }
        let found: Vec<ConversationDocument> =
            self.core.sorted(CONVERSATIONS, filter, doc! { "_id": 1 }, self.room()).await?;
        self.records.extend(found.into_iter().map(conversation));
        if self.room() == 0 { Ok(()) } else { self.members(None).await }
    }

    /// The rest of one user's rows, and those of the users that follow.
    async fn members(
        &mut self,
        after: Option<(&UserId, &ConversationId)>,
    ) -> Result<(), StoreError> {
        if let Some((user, id)) = after {
            self.members_of_one(user, Some(id)).await?;
        }
        let mut after = after.map(|(user, _)| user.clone());
        while self.room() > 0 {
            let Some(last) = self.members_of_next(after.as_ref()).await? else {
                return self.messages(None).await;
            };
            after = Some(last);
        }
        Ok(())
    }

    /// No index has all rows of a user in order, and a user has few enough to be sorted.
    async fn members_of_one(
        &mut self,
        user: &UserId,
        after: Option<&ConversationId>,
    ) -> Result<(), StoreError> {
        let mut filter = doc! { "user": user.as_str() };
        if let Some(id) = after {
            filter.insert("conversation", doc! { "$gt": id.as_str() });
        }
        let found: Vec<MemberDocument> =
            self.core.sorted(MEMBERS, filter, doc! { "conversation": 1 }, self.room()).await?;
        self.records.extend(found.into_iter().map(member));
        Ok(())
    }

    /// Rows of the users that follow, each user's all or as many as there is room for; gives the
    /// last of these users.
    async fn members_of_next(
        &mut self,
        after: Option<&UserId>,
    ) -> Result<Option<UserId>, StoreError> {
        let filter = after.map_or_else(Document::new, |id| doc! { "user": { "$gt": id.as_str() } });
        // An index has the users in order, and not the rows of each.
        let mut found: Vec<MemberDocument> =
            self.core.sorted(MEMBERS, filter, doc! { "user": 1 }, self.room()).await?;
        let Some(last) = found.last().map(|member| member.user.clone()) else { return Ok(None) };
        let has_all = found.len() < self.room();
        if !has_all {
            found.retain(|member| member.user != last);
        }
        found.sort_by(|one, other| {
            (&one.user, &one.conversation).cmp(&(&other.user, &other.conversation))
        });
        self.records.extend(found.into_iter().map(member));
        if !has_all {
            self.members_of_one(&last, None).await?;
        }
        Ok(Some(last))
    }

    /// The rest of one conversation, and those that follow.
    async fn messages(&mut self, after: Option<(&ConversationId, Seq)>) -> Result<(), StoreError> {
        let filters = after.map_or_else(
            || vec![doc! {}],
            |(id, seq)| {
                let following = doc! { "$gt": id.as_str() };
                let rest = doc! { "conversation": id.as_str(), "seq": { "$gt": int(seq) } };
                vec![rest, doc! { "conversation": following }]
            },
        );
        for filter in filters {
            if self.room() > 0 {
                let order = doc! { "conversation": 1, "seq": 1 };
                let found: Vec<MessageDocument> =
                    self.core.sorted(MESSAGES, filter, order, self.room()).await?;
                for found in found {
                    self.records.push(Record::Message(Box::new(found.into_record()?)));
                }
            }
        }
        if self.room() == 0 { Ok(()) } else { self.notices(None).await }
    }

    async fn notices(&mut self, after: Option<&str>) -> Result<(), StoreError> {
        let mut filter = waits();
        if let Some(key) = after {
            filter.insert("_id", doc! { "$gt": key });
        }
        let found: Vec<WaitingDocument> =
            self.core.sorted(WAITING, filter, doc! { "_id": 1 }, self.room()).await?;
        for found in found {
            self.records.push(Record::Notice(found.record()?));
        }
        Ok(())
    }
}

fn conversation(found: ConversationDocument) -> Record {
    let half = found.half();
    Record::Conversation(ConversationRecord {
        id: found.id,
        name: found.name,
        avatar: found.avatar,
        floor: half.floor,
        holes: forgotten(&half.holes),
    })
}

fn member(found: MemberDocument) -> Record {
    let (half, mut reads) = (found.half(), found.reads());
    reads.reverse();
    Record::Member(MemberRecord::new(found.user, found.conversation, half, reads))
}
