//! Taking in records, many in one transaction, and deriving what the messages tell.

use message_service_shared::id::ConversationId;
use message_service_shared::message::Recalled;
use message_service_shared::row::Preview;
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;
use rusqlite::{Connection, OptionalExtension, params};

use super::super::columns::{int, json};
use super::super::conversation::Conversation;
use super::super::desk::Desk;
use super::super::keys::{Keys, PRODUCT};
use super::super::member;
use super::note;
use crate::store::archive::{
    ConversationRecord, MemberRecord, MessageRecord, NoticeRecord, Progress, Record, RestoreError,
    UserRecord,
};
use crate::store::{StoreError, parties_with_rows};

impl Desk {
    /// Takes in all of the records, or none where one is refused.
    pub(super) fn restore(
        &mut self,
        records: &[Record],
        progress: &Progress,
    ) -> Result<Result<(), RestoreError>, StoreError> {
        let savepoint = self.connection.savepoint()?;
        let mut restoring = Restoring { connection: &savepoint, keys: &mut self.keys };
        match restoring.all(records) {
            Ok(()) => {
                note(&savepoint, progress)?;
                savepoint.commit()?;
                Ok(Ok(()))
            }
            Err(refused) => {
                savepoint.finish()?;
                // Keys that were given meanwhile went with the rest.
                self.keys.forget();
                Ok(Err(refused))
            }
        }
    }
}

struct Restoring<'a> {
    connection: &'a Connection,
    keys: &'a mut Keys,
}

impl Restoring<'_> {
    fn all(&mut self, records: &[Record]) -> Result<(), RestoreError> {
        for run in records.chunk_by(are_of_one_conversation) {
            match run {
                [Record::User(user)] => self.user(user)?,
                [Record::Conversation(conversation)] => self.conversation(conversation)?,
                [Record::Member(member)] => self.member(member)?,
                [Record::Notice(notice)] => self.notice(notice)?,
                messages => self.messages(messages)?,
            }
        }
        Ok(())
    }

    fn user(&mut self, record: &UserRecord) -> Result<(), StoreError> {
        let key = self.keys.user(self.connection, &record.id)?;
        let mut update = self.connection.prepare_cached(
            "UPDATE users SET name = ?2, avatar = ?3, announcement_start = ?4
             WHERE key = ?1 AND announcement_start IS NULL",
        )?;
        let start = int(record.announcement_start.get());
        update.execute(params![key, record.name, record.avatar, start])?;
        Ok(())
    }

    fn conversation(&mut self, record: &ConversationRecord) -> Result<(), StoreError> {
        let mut conversation = match Conversation::find(self.connection, &record.id)? {
            Some(known) => known,
            None => Conversation::create(self.connection, &record.id)?,
        };
        let mut update = self.connection.prepare_cached(
            "UPDATE conversations SET name = coalesce(name, ?2), avatar = coalesce(avatar, ?3),
                    floor = max(floor, ?4)
             WHERE key = ?1",
        )?;
        let floor = int(record.floor.get());
        update.execute(params![conversation.key, record.name, record.avatar, floor])?;
        conversation.half.holes.merge(&record.holes);
        conversation.save_holes(self.connection)
    }

    fn member(&mut self, record: &MemberRecord) -> Result<(), RestoreError> {
        let conversation = self.find(&record.conversation)?;
        let user = self.keys.user(self.connection, &record.user)?;
        if member::load(self.connection, user, &conversation)?.is_none() {
            member::save(self.connection, user, &conversation, &record.half)?;
            member::remember(self.connection, user, &conversation, &record.reads)?;
        }
        Ok(())
    }

    fn notice(&mut self, record: &NoticeRecord) -> Result<(), RestoreError> {
        let NoticeRecord { notice, tries, .. } = record;
        let conversation = self.find(&notice.conversation)?;
        let receiver = match &notice.receiver {
            Some(user) => self.keys.user(self.connection, user)?,
            None => PRODUCT,
        };
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO waiting
                 (receiver, conversation, seq, due_at, told, looked, held_by, company)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
        )?;
        let (seq, due_at) = (int(notice.seq.get()), record.due().map(int));
        let company = record.leads().map(json).transpose()?;
        insert.execute(params![
            receiver,
            conversation.key,
            seq,
            due_at,
            tries.told,
            tries.looked,
            record.joined().map(|id| &id.0),
            company
        ])?;
        Ok(())
    }

    fn find(&self, id: &ConversationId) -> Result<Conversation, RestoreError> {
        let found = Conversation::find(self.connection, id)?;
        found.ok_or_else(|| RestoreError::NoConversation(id.clone()))
    }

    /// Messages of one conversation. What derives from them is written once for all of them.
    fn messages(&mut self, records: &[Record]) -> Result<(), RestoreError> {
        let records = || records.iter().filter_map(message_of);
        let Some(first) = records().next() else { return Ok(()) };
        let mut conversation = self.find(&first.message.conversation)?;
        let mut members = self.members(&first.message.conversation, &conversation)?;
        let mut newest = None;
        for record in records() {
            let message = &record.message;
            let author = match &message.sender {
                Some(sender) => self.keys.user(self.connection, sender)?,
                None => PRODUCT,
            };
            if !self.message(&mut conversation, author, record)? {
                continue;
            }
            if message.quiet || message.recalled.is_some() {
                conversation.half.holes.insert(Run::one(message.seq));
            }
            if let Some((_, half)) = members.iter_mut().find(|(user, _)| *user == author) {
                half.wrote(message.seq);
            }
            newest = Some(message);
        }
        // Nothing was new.
        let Some(newest) = newest else { return Ok(()) };
        conversation.save(self.connection, &Preview::of(newest))?;
        for (user, half) in members {
            member::save(self.connection, user, &conversation, &half)?;
        }
        Ok(())
    }

    /// Those whose rows every message touches.
    fn members(
        &mut self,
        id: &ConversationId,
        conversation: &Conversation,
    ) -> Result<Vec<(i64, MemberHalf)>, StoreError> {
        if conversation.is_wide {
            return Ok(Vec::new());
        }
        if conversation.half.last_seq == Seq::ZERO {
            for party in parties_with_rows(id) {
                let party = self.keys.user(self.connection, &party)?;
                member::create(self.connection, party, conversation)?;
            }
        }
        member::all_of(self.connection, conversation)
    }

    /// Whether the message is new.
    fn message(
        &mut self,
        conversation: &mut Conversation,
        author: i64,
        record: &MessageRecord,
    ) -> Result<bool, RestoreError> {
        let (seq, end) = (record.message.seq, conversation.half.last_seq);
        if seq <= end {
            self.check_known(conversation, record)?;
            return Ok(false);
        }
        // Retention may have deleted what came before, and has then raised the floor.
        let follows =
            seq == end.next() || (end == Seq::ZERO && seq <= conversation.half.floor.next());
        if !follows {
            let conversation = record.message.conversation.clone();
            return Err(RestoreError::Gap { conversation, seq, end });
        }
        if !self.insert(conversation, author, record)? {
            return Err(other(record));
        }
        conversation.half.last_seq = seq;
        conversation.last_at = record.message.at;
        Ok(true)
    }

    /// Whether it was stored: not where its name is taken.
    fn insert(
        &mut self,
        conversation: &Conversation,
        author: i64,
        record: &MessageRecord,
    ) -> Result<bool, StoreError> {
        let mut insert = self.connection.prepare_cached(
            "INSERT INTO messages (conversation, seq, message_id, sender, client_msg_id,
                    content_hash, at, quiet, revision, content, recalled_at, recalled_by)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             ON CONFLICT (conversation, sender, client_msg_id) DO NOTHING",
        )?;
        let message = &record.message;
        let content = message.content.as_ref().map(json).transpose()?;
        let recalled_by = match &message.recalled {
            Some(Recalled { by: Some(user), .. }) => Some(self.keys.user(self.connection, user)?),
            Some(Recalled { by: None, .. }) => Some(PRODUCT),
            None => None,
        };
        let inserted = insert.execute(params![
            conversation.key,
            int(message.seq.get()),
            message.id.as_str(),
            author,
            message.client_msg_id.as_str(),
            record.content_hash.0,
            int(message.at),
            message.quiet,
            message.revision,
            content,
            message.recalled.as_ref().map(|recalled| int(recalled.at)),
            recalled_by,
        ])?;
        Ok(inserted == 1)
    }

    /// Refuses a message that is not the one of this position.
    fn check_known(
        &self,
        conversation: &Conversation,
        record: &MessageRecord,
    ) -> Result<(), RestoreError> {
        let mut select = self.connection.prepare_cached(
            "SELECT message_id, content_hash FROM messages WHERE conversation = ?1 AND seq = ?2",
        )?;
        let stored: Option<(String, [u8; 32])> = select
            .query_one([conversation.key, int(record.message.seq.get())], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let is_same = stored.is_some_and(|(id, hash)| {
            id == record.message.id.as_str() && hash == record.content_hash.0
        });
        if is_same { Ok(()) } else { Err(other(record)) }
    }
}

fn message_of(record: &Record) -> Option<&MessageRecord> {
    if let Record::Message(record) = record { Some(record) } else { None }
}

fn are_of_one_conversation(one: &Record, other: &Record) -> bool {
    let conversation = |record| message_of(record).map(|record| &record.message.conversation);
    conversation(one).is_some() && conversation(one) == conversation(other)
}

fn other(record: &MessageRecord) -> RestoreError {
    let conversation = record.message.conversation.clone();
    RestoreError::OtherMessage { conversation, seq: record.message.seq }
}
