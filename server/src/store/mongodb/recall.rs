//! Taking a message back: the message first, then the hole and the preview.
//!
//! The message may be old, and nobody who repairs would come by it. So it is noted before anything
//! is written, and the note taken away at the end; what is still noted is finished by whoever
//! repairs.

use message_service_shared::id::{ConversationId, MessageId, UserId};
use message_service_shared::message::{self, Message, Millis};
use message_service_shared::seq::Seq;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::ReadConcern;
use serde::{Deserialize, Serialize};

use super::connection::{Statement, bson};
use super::documents::{MessageDocument, RecalledDocument, date, int, millis, preview};
use super::doubts::LATE;
use super::repair::unless_broken;
use super::{CONVERSATIONS, Core, MESSAGES, META};
use crate::clock::Clock;
use crate::store::{RecallError, Recalled, StoreError};

/// What the names of notes in `meta` begin with, and what lies past all of them.
const NOTE: &str = "recall ";
const PAST_NOTES: &str = "recall!";

fn name(message: &MessageId) -> String {
    format!("{NOTE}{}", message.as_str())
}

/// A document of `meta`.
#[derive(Debug, Deserialize)]
struct Noted {
    value: Note,
}

/// A recall that was begun.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    conversation: ConversationId,
    seq: Seq,
    at: DateTime,
}

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
        let note = Note { conversation: id.clone(), seq, at: date(at) };
        if fresh {
            self.note_recall(&found.id, &note).await?;
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
        self.forget_recall(&message.id).await?;
        Ok(Recalled { message, fresh })
    }

    async fn note_recall(&self, message: &MessageId, note: &Note) -> Result<(), StoreError> {
        let value = doc! { "$set": { "value": bson(note)? } };
        let note = Statement::put(doc! { "_id": name(message) }, value);
        self.connection.update(META, &[note]).await
    }

    async fn forget_recall(&self, message: &MessageId) -> Result<(), StoreError> {
        let facts = self.connection.collection::<Document>(META);
        self.connection.call(facts.delete_one(doc! { "_id": name(message) })).await.map(drop)
    }

    /// Finishes what was begun, and forgets what never was. One that can't be finished now keeps
    /// no other from it.
    pub(super) async fn finish_recalls(&self) -> Result<(), StoreError> {
        let notes = doc! { "_id": { "$gte": NOTE, "$lt": PAST_NOTES } };
        let found: Vec<Noted> = self.connection.find(META, notes).await?;
        let mut all = Ok(());
        for Noted { value: note } in found {
            let finished = unless_broken(&note.conversation, self.finish_recall(&note).await);
            all = all.and(finished);
        }
        all
    }

    async fn finish_recall(&self, note: &Note) -> Result<(), StoreError> {
        let Note { conversation, seq, at } = note;
        // By a certain read: what was taken back without a majority's knowledge may come to it.
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let message = messages
            .find_one(doc! { "conversation": conversation.as_str(), "seq": int(*seq) })
            .read_concern(ReadConcern::linearizable());
        let Some(found) = self.connection.call(message).await? else { return Ok(()) };
        let message = found.read()?;
        let is_recalled = message.recalled.is_some();
        if is_recalled {
            self.follow_recall(conversation, &message).await?;
        }
        let age = self.clock.now().saturating_sub(millis(*at));
        if is_recalled || u128::from(age) > LATE.as_millis() {
            self.forget_recall(&message.id).await?;
        }
        Ok(())
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
