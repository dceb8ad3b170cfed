//! Reading messages.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Message;
use message_service_shared::seq::Seq;
use mongodb::bson::{Document, doc};

use super::documents::{ConversationDocument, MessageDocument, int};
use super::{Core, MESSAGES};
use crate::store::{End, MessagePage, Slice, StoreError};

impl Core {
    /// The messages of a slice, and where the conversation stands.
    pub(super) async fn page(
        &self,
        id: &ConversationId,
        slice: Slice,
    ) -> Result<MessagePage, StoreError> {
        let (row, found) = tokio::try_join!(self.conversation(id), self.slice(id, slice))?;
        let (row, end) = match (row, found.last().map(|found| found.seq)) {
            // They crossed a message on its way; or whoever stored it has crashed.
            (row, Some(end)) if row.as_ref().is_none_or(|row| row.last_seq < end) => {
                (self.catch_up(id, end).await?, end)
            }
            (row, end) => (row, end.unwrap_or_default()),
        };
        let Some(row) = row else { return Ok(MessagePage::default()) };
        let floor = row.half().floor;
        let found = if slice.after < floor {
            self.slice(id, Slice { after: floor, ..slice }).await?
        } else {
            found
        };
        // A page of the newest ones is the conversation as it was when they were read.
        let is_newest = slice.end == End::Newest && slice.before.is_none() && end > Seq::ZERO;
        let last_seq = if is_newest { end } else { row.last_seq.max(end) };
        let messages = found.into_iter().map(MessageDocument::read).collect::<Result<_, _>>()?;
        Ok(MessagePage { messages, last_seq, floor })
    }

    /// The conversation's row once it says at least this position, by deriving what is missing.
    async fn catch_up(
        &self,
        id: &ConversationId,
        end: Seq,
    ) -> Result<Option<ConversationDocument>, StoreError> {
        let row = self.conversation(id).await?;
        let derived = row.as_ref().map(|row| row.last_seq).unwrap_or_default();
        if derived >= end {
            return Ok(row);
        }
        self.derive_between(id, derived, end).await?;
        self.conversation(id).await
    }

    /// The messages of a slice, as they are stored.
    pub(super) async fn slice(
        &self,
        id: &ConversationId,
        slice: Slice,
    ) -> Result<Vec<MessageDocument>, StoreError> {
        if slice.limit == 0 {
            return Ok(Vec::new());
        }
        let mut between = doc! { "$gt": int(slice.after) };
        if let Some(before) = slice.before {
            between.insert("$lt", int(before));
        }
        let order = match slice.end {
            End::Oldest => 1,
            End::Newest => -1,
        };
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let finding = async {
            let mut cursor = messages
                .find(doc! { "conversation": id.as_str(), "seq": between })
                .sort(doc! { "conversation": order, "seq": order })
                .limit(i64::try_from(slice.limit).unwrap_or(i64::MAX))
                .await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        };
        let mut found = self.connection.call(finding).await?;
        if slice.end == End::Newest {
            found.reverse();
        }
        Ok(found)
    }

    /// A conversation's row.
    pub(super) async fn conversation(
        &self,
        id: &ConversationId,
    ) -> Result<Option<ConversationDocument>, StoreError> {
        Ok(self.conversations(std::iter::once(id)).await?.remove(id))
    }

    /// One message.
    pub(super) async fn message(
        &self,
        id: &ConversationId,
        seq: Seq,
    ) -> Result<Option<Message>, StoreError> {
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let finding = messages.find_one(doc! { "conversation": id.as_str(), "seq": int(seq) });
        self.connection.call(finding).await?.map(MessageDocument::read).transpose()
    }

    /// How many messages in `(after, up_to]` count for the user.
    pub(super) async fn count(
        &self,
        user: &UserId,
        id: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<u64, StoreError> {
        let messages = self.connection.collection::<Document>(MESSAGES);
        let counting = messages.count_documents(doc! {
            "conversation": id.as_str(),
            "seq": { "$gt": int(after), "$lte": int(up_to) },
            "sender": { "$ne": user.as_str() },
            "quiet": { "$ne": true },
            "recalled": { "$exists": false },
        });
        self.connection.call(counting).await
    }
}
