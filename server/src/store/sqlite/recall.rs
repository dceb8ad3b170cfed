//! Taking a message back.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::{self, Message, Millis};
use message_service_shared::row::Preview;
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;
use rusqlite::params;

use super::columns::int;
use super::conversation::Conversation;
use super::desk::Desk;
use super::keys::PRODUCT;
use super::message::at;
use crate::store::{RecallError, Recalled, StoreError};

impl Desk {
    /// Writes the new revision, the hole and the preview. The rows of members stay among those that
    /// may be unread until they are read or written next; that is allowed, and cheaper.
    pub(super) fn recall(
        &mut self,
        id: &ConversationId,
        seq: Seq,
        by: Option<&UserId>,
        when: Millis,
    ) -> Result<Result<Recalled, RecallError>, StoreError> {
        let Some(mut conversation) = Conversation::find(&self.connection, id)? else {
            return Ok(Err(RecallError::Unknown));
        };
        let Some(found) = at(&self.connection, id, conversation.key, seq)? else {
            return Ok(Err(RecallError::Unknown));
        };
        if by.is_some() && found.sender.as_ref() != by {
            return Ok(Err(RecallError::NotYours));
        }
        if found.recalled.is_some() {
            return Ok(Ok(Recalled { message: found, fresh: false }));
        }
        let message = Message {
            revision: found.revision + 1,
            recalled: Some(message::Recalled { at: when, by: by.cloned() }),
            content: None,
            ..found
        };
        let by = match by {
            Some(user) => self.keys.user(&self.connection, user)?,
            None => PRODUCT,
        };
        let mut update = self.connection.prepare_cached(
            "UPDATE messages SET revision = ?3, content = NULL, recalled_at = ?4, recalled_by = ?5
             WHERE conversation = ?1 AND seq = ?2",
        )?;
        let position = int(seq.get());
        update.execute(params![conversation.key, position, message.revision, int(when), by])?;
        conversation.half.holes.insert(Run::one(seq));
        if seq == conversation.half.last_seq {
            conversation.save(&self.connection, &Preview::of(&message))?;
        } else {
            conversation.save_holes(&self.connection)?;
        }
        Ok(Ok(Recalled { message, fresh: true }))
    }
}
