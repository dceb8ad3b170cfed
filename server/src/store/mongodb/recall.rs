//! Taking a message back: the message first, then the hole and the preview.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::{self, Message, Millis};
use message_service_shared::seq::Seq;
use mongodb::bson::doc;

use super::connection::{Statement, bson};
use super::documents::{RecalledDocument, int, preview};
use super::{CONVERSATIONS, Core, MESSAGES};
use crate::store::{RecallError, Recalled, StoreError};

impl Core {
    pub(super) async fn recall(
        &self,
        id: &ConversationId,
        seq: Seq,
        by: Option<&UserId>,
        at: Millis,
    ) -> Result<Recalled, RecallError> {
        let found = self.message(id, seq).await?.ok_or(RecallError::Unknown)?;
        if by.is_some() && found.sender.as_ref() != by {
            return Err(RecallError::NotYours);
        }
        let fresh = found.recalled.is_none();
        if fresh {
            let recalled = message::Recalled { at, by: by.cloned() };
            let change = Statement::change(
                doc! {
                    "conversation": id.as_str(),
                    "seq": int(seq),
                    "recalled": { "$exists": false },
                },
                doc! {
                    "$set": {
                        "recalled": bson(&RecalledDocument::from(&recalled))?,
                        "revision": i64::from(found.revision) + 1,
                    },
                    "$unset": { "content": "" },
                },
            );
            self.connection.update(MESSAGES, &[change]).await?;
        }
        // Whoever was first, and whatever a crash left out: what follows may be written again.
        let message = self.message(id, seq).await?.ok_or(RecallError::Unknown)?;
        self.follow_recall(id, &message).await?;
        Ok(Recalled { message, fresh })
    }

    async fn follow_recall(
        &self,
        id: &ConversationId,
        message: &Message,
    ) -> Result<(), StoreError> {
        let row = self.conversation(id).await?;
        let derived = row.map(|row| row.last_seq).unwrap_or_default();
        if derived < message.seq {
            self.derive_between(id, derived, message.seq).await?;
        }
        self.add_holes(id, &[message.seq]).await?;
        let filter = doc! {
            "_id": id.as_str(),
            "last.seq": int(message.seq),
            "last.revision": { "$lt": i64::from(message.revision) },
        };
        let update = doc! { "$set": { "last": preview(message)? } };
        self.connection.update(CONVERSATIONS, &[Statement::change(filter, update)]).await
    }
}
