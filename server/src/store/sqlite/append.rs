//! Storing messages with what is derived from them.

use message_service_shared::message::Message;
use message_service_shared::row::Preview;
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;
use rusqlite::params;

use super::columns::{int, json};
use super::conversation::Conversation;
use super::desk::Desk;
use super::keys::PRODUCT;
use super::{member, message};
use crate::store::{
    AppendError, Appended, ContentHash, Draft, ReadRecord, StoreError, parties_with_rows,
};

/// A draft, with all done that the writing thread need not do.
pub(super) struct Letter {
    /// The message as it will be, but for its position.
    message: Message,
    preview: Preview,
    content: String,
    content_hash: ContentHash,
    read: Option<ReadRecord>,
}

impl Letter {
    pub(super) fn new(draft: Draft) -> Result<Self, StoreError> {
        let (at, by) = (draft.at, "send".to_owned());
        let read = draft.read_seq.map(|seq| ReadRecord { seq, at, by });
        let content = json(&draft.content)?;
        let message = Message {
            id: draft.id,
            conversation: draft.conversation,
            seq: Seq::ZERO,
            sender: draft.sender,
            client_msg_id: draft.client_msg_id,
            at,
            revision: 0,
            quiet: draft.quiet,
            recalled: None,
            content: Some(draft.content),
        };
        let preview = Preview::of(&message);
        Ok(Self { message, preview, content, content_hash: draft.content_hash, read })
    }
}

type Outcome = Result<Appended, AppendError>;

impl Desk {
    /// Stores what is new, in order. A refused one writes nothing.
    pub(super) fn append(&mut self, letters: &[Letter]) -> Result<Vec<Outcome>, StoreError> {
        letters.iter().map(|letter| self.append_one(letter)).collect()
    }

    fn append_one(&mut self, letter: &Letter) -> Result<Outcome, StoreError> {
        let id = &letter.message.conversation;
        let author = match &letter.message.sender {
            Some(sender) => self.keys.user(&self.connection, sender)?,
            None => PRODUCT,
        };
        let known = Conversation::find(&self.connection, id)?;
        let end = known.as_ref().map_or(Seq::ZERO, |known| known.half.last_seq);
        let past_end = letter.read.as_ref().is_some_and(|read| read.seq > end);
        if past_end || end == Seq::MAX {
            return self.append_nothing(letter, author, known.as_ref(), past_end);
        }
        let mut conversation = match known {
            Some(known) => known,
            None => Conversation::create(&self.connection, id)?,
        };
        let (seq, at) = (end.next(), letter.message.at.max(conversation.last_at));
        if !self.insert(letter, author, conversation.key, seq, at)? {
            return self.append_nothing(letter, author, Some(&conversation), false);
        }
        conversation.half.last_seq = seq;
        conversation.last_at = at;
        if letter.message.quiet {
            conversation.half.holes.insert(Run::one(seq));
        }
        conversation.save(&self.connection, &Preview { seq, at, ..letter.preview.clone() })?;
        if seq == Seq::FIRST {
            for party in parties_with_rows(id) {
                let party = self.keys.user(&self.connection, &party)?;
                member::create(&self.connection, party, &conversation)?;
            }
        }
        if !conversation.is_wide {
            let counts = !letter.message.quiet;
            member::touch_others(&self.connection, &conversation, author, counts)?;
        }
        let author = self.author_wrote(letter, author, &conversation, seq)?;
        let message = Message { seq, at, ..letter.message.clone() };
        Ok(Ok(Appended { message, fresh: true, author }))
    }

    /// Whether the message was stored: not where its name is taken.
    fn insert(
        &self,
        letter: &Letter,
        author: i64,
        conversation: i64,
        seq: Seq,
        at: u64,
    ) -> Result<bool, StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO messages (conversation, seq, message_id, sender, client_msg_id,
                    content_hash, at, quiet, content)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
             ON CONFLICT (conversation, sender, client_msg_id) DO NOTHING",
        )?;
        let message = &letter.message;
        let inserted = insert.execute(params![
            conversation,
            int(seq.get()),
            message.id.as_str(),
            author,
            message.client_msg_id.as_str(),
            letter.content_hash.0,
            int(at),
            message.quiet,
            letter.content,
        ])?;
        Ok(inserted == 1)
    }

    /// The outcome of a draft that adds no message: stored before, or refused.
    fn append_nothing(
        &self,
        letter: &Letter,
        author: i64,
        conversation: Option<&Conversation>,
        past_end: bool,
    ) -> Result<Outcome, StoreError> {
        let name = letter.message.client_msg_id.as_str();
        let first = conversation
            .map(|conversation| message::by_name(&self.connection, conversation.key, author, name))
            .transpose()?
            .flatten();
        if first.is_some_and(|(_, hash)| hash != letter.content_hash.0) {
            return Ok(Err(AppendError::Conflict));
        }
        if past_end {
            return Ok(Err(AppendError::PastEnd));
        }
        let (Some((seq, _)), Some(conversation)) = (first, conversation) else {
            return Ok(Err(StoreError::Broken("the conversation is full".to_owned()).into()));
        };
        let id = &letter.message.conversation;
        let message = message::at(&self.connection, id, conversation.key, seq)?
            .ok_or_else(|| StoreError::Broken("a message is gone".to_owned()))?;
        let author = self.author_wrote(letter, author, conversation, seq)?;
        Ok(Ok(Appended { message, fresh: false, author }))
    }

    /// Lets the author's own half grow, where there is one.
    fn author_wrote(
        &self,
        letter: &Letter,
        author: i64,
        conversation: &Conversation,
        seq: Seq,
    ) -> Result<Option<MemberHalf>, StoreError> {
        if author == PRODUCT {
            return Ok(None);
        }
        let Some(mut half) = member::load(&self.connection, author, conversation)? else {
            return Ok(None);
        };
        half.wrote(seq);
        if let Some(read) = &letter.read {
            member::read(&self.connection, author, conversation, &mut half, read, 0)?;
        }
        member::save(&self.connection, author, conversation, &half)?;
        Ok(Some(half))
    }
}
