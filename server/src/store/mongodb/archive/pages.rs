//! Reading all that there is, in the order of the unique indexes.

use mongodb::bson::{Bson, Document, doc};
use serde::de::DeserializeOwned;

use super::super::documents::{
    ConversationDocument, MemberDocument, MessageDocument, UserDocument, int,
};
use super::super::{CONVERSATIONS, Core, MEMBERS, MESSAGES, USERS};
use crate::store::StoreError;
use crate::store::archive::{
    ConversationRecord, MemberRecord, Place, Record, Tally, UserRecord, forgotten,
};

impl Core {
    /// The records after a place.
    pub(super) async fn archive_page(
        &self,
        after: &Place,
        limit: usize,
    ) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        for section in sections(after) {
            let room = limit - records.len();
            if room == 0 {
                break;
            }
            records.extend(self.section(section, room).await?);
        }
        Ok(records)
    }

    async fn section(&self, section: Section, limit: usize) -> Result<Vec<Record>, StoreError> {
        let Section { kind, filter } = section;
        match kind {
            Kind::Users => {
                let found: Vec<UserDocument> =
                    self.sorted(USERS, filter, doc! { "_id": 1 }, limit).await?;
                Ok(found.into_iter().map(|found| Record::User(UserRecord::from(found))).collect())
            }
            Kind::Conversations => {
                let found: Vec<ConversationDocument> =
                    self.sorted(CONVERSATIONS, filter, doc! { "_id": 1 }, limit).await?;
                Ok(found.into_iter().map(conversation).collect())
            }
            Kind::Members => {
                let order = doc! { "user": 1, "conversation": 1 };
                let found: Vec<MemberDocument> = self.sorted(MEMBERS, filter, order, limit).await?;
                Ok(found.into_iter().map(member).collect())
            }
            Kind::Messages => {
                let order = doc! { "conversation": 1, "seq": 1 };
                let found: Vec<MessageDocument> =
                    self.sorted(MESSAGES, filter, order, limit).await?;
                found.into_iter().map(message).collect()
            }
        }
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

/// A stretch of one collection.
struct Section {
    kind: Kind,
    filter: Document,
}

#[derive(Clone, Copy)]
enum Kind {
    Users,
    Conversations,
    Members,
    Messages,
}

/// What follows a place, in order.
fn sections(after: &Place) -> Vec<Section> {
    let (mut users, mut conversations) = (vec![doc! {}], vec![begun()]);
    let (mut members, mut messages) = (vec![doc! {}], vec![doc! {}]);
    match after {
        Place::Start => {}
        Place::User(id) => users = vec![doc! { "_id": { "$gt": id.as_str() } }],
        Place::Conversation(id) => {
            users.clear();
            conversations[0].insert("_id", doc! { "$gt": id.as_str() });
        }
        // The rest of one user's rows, and those of the users that follow.
        Place::Member(user, id) => {
            (users.clear(), conversations.clear());
            let after = doc! { "$gt": id.as_str() };
            members = vec![
                doc! { "user": user.as_str(), "conversation": after },
                doc! { "user": { "$gt": user.as_str() } },
            ];
        }
        // The rest of one conversation, and those that follow.
        Place::Message(id, seq) => {
            (users.clear(), conversations.clear(), members.clear());
            let after = doc! { "$gt": int(*seq) };
            messages = vec![
                doc! { "conversation": id.as_str(), "seq": after },
                doc! { "conversation": { "$gt": id.as_str() } },
            ];
        }
    }
    let of = |kind: Kind| move |filter: Document| Section { kind, filter };
    let users = users.into_iter().map(of(Kind::Users));
    let conversations = conversations.into_iter().map(of(Kind::Conversations));
    let members = members.into_iter().map(of(Kind::Members));
    let messages = messages.into_iter().map(of(Kind::Messages));
    users.chain(conversations).chain(members).chain(messages).collect()
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

fn message(found: MessageDocument) -> Result<Record, StoreError> {
    Ok(Record::Message(Box::new(found.into_record()?)))
}
