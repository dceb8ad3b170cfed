//! Reading all that there is, in order of the ids' bytes, by indexes that have that order.

use message_service_shared::id::ConversationId;
use message_service_shared::runs::Runs;
use rusqlite::{Connection, Row, params};

use super::super::columns::{Columns, int, limit};
use super::super::member::{self, READS};
use super::super::message::message;
use super::super::waiting;
use crate::store::archive::{
    ConversationRecord, MemberRecord, MessageRecord, Place, Record, Tally, UserRecord, forgotten,
};
use crate::store::{ContentHash, READS_KEPT, StoreError};

pub(in super::super) const USERS: &str =
    "SELECT user_id, name, avatar, announcement_start FROM users
     WHERE user_id > ?1 AND announcement_start IS NOT NULL ORDER BY user_id LIMIT ?2";

pub(in super::super) const CONVERSATIONS: &str =
    "SELECT conversation_id, name, avatar, floor, holes FROM conversations
     WHERE conversation_id > ?1 AND (last_seq > 0 OR conversation_id <> 'announcement')
     ORDER BY conversation_id LIMIT ?2";

/// A cross join is done in the order it is written in.
macro_rules! select_members {
    ($rest:literal) => {
        concat!(
            "SELECT m.read_seq, m.start_seq, m.own, m.cleared, m.mark, m.mark_seen, m.term,
                    m.settings_revision, m.muted, m.pinned, u.user_id, c.conversation_id,
                    m.user, m.conversation
             FROM users AS u
             CROSS JOIN members AS m ON m.user = u.key
             CROSS JOIN conversations AS c ON c.key = m.conversation
             WHERE ",
            $rest,
            " ORDER BY u.user_id, c.conversation_id LIMIT ?2"
        )
    };
}

pub(in super::super) const MEMBERS_OF_ONE: &str =
    select_members!("u.user_id = ?1 AND c.conversation_id > ?3");
pub(in super::super) const MEMBERS_OF_NEXT: &str = select_members!("u.user_id > ?1");

macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.message_id, m.seq, s.user_id, m.client_msg_id, m.at, m.revision, m.quiet,
                    m.content, m.recalled_at, r.user_id, c.conversation_id, m.content_hash
             FROM conversations AS c
             CROSS JOIN messages AS m ON m.conversation = c.key
             LEFT JOIN users AS s ON s.key = m.sender
             LEFT JOIN users AS r ON r.key = m.recalled_by
             WHERE ",
            $rest,
            " ORDER BY c.conversation_id, m.seq LIMIT ?2"
        )
    };
}

pub(in super::super) const MESSAGES_OF_ONE: &str =
    select_messages!("c.conversation_id = ?1 AND m.seq > ?3");
pub(in super::super) const MESSAGES_OF_NEXT: &str = select_messages!("c.conversation_id > ?1");

/// In the order of [`Notice::key`](crate::store::waiting::Notice), which no index has: few wait.
pub(in super::super) const NOTICES: &str =
    "SELECT user_id, conversation_id, seq, told, looked, company, due_at, held_by FROM (
         SELECT u.user_id, c.conversation_id, w.seq, w.told, w.looked, w.company, w.due_at,
                w.held_by,
                replace(replace(coalesce(u.user_id, ''), '~', '~0'), ':', '~1')
                    || ':' || c.conversation_id || ':' || w.seq AS key
         FROM waiting AS w
         JOIN conversations AS c ON c.key = w.conversation
         LEFT JOIN users AS u ON u.key = w.receiver
         WHERE w.done_at IS NULL
     ) WHERE key > ?1 ORDER BY key LIMIT ?2";

/// The records after a place.
pub(super) fn page(
    connection: &Connection,
    after: &Place,
    limit: usize,
) -> Result<Vec<Record>, StoreError> {
    let mut page = Page { connection, records: Vec::new(), limit };
    // No id is empty, so the empty text stands before all of them.
    match after {
        Place::Start => page.users("")?,
        Place::User(id) => page.users(id.as_str())?,
        Place::Conversation(id) => page.conversations(id.as_str())?,
        Place::Member(user, id) => page.members(user.as_str(), id.as_str())?,
        Place::Message(id, seq) => page.messages(id.as_str(), seq.get())?,
        Place::Notice(key) => page.notices(key)?,
    }
    Ok(page.records)
}

/// A page that fills: each kind of record goes on to the next one while there is room.
struct Page<'a> {
    connection: &'a Connection,
    records: Vec<Record>,
    limit: usize,
}

impl Page<'_> {
    fn room(&self) -> i64 {
        limit(self.limit - self.records.len())
    }

    fn is_full(&self) -> bool {
        self.records.len() >= self.limit
    }

    fn users(&mut self, after: &str) -> Result<(), StoreError> {
        let mut select = self.connection.prepare_cached(USERS)?;
        let found = select.query_map(params![after, self.room()], user)?;
        extend(&mut self.records, found)?;
        if self.is_full() { Ok(()) } else { self.conversations("") }
    }

    fn conversations(&mut self, after: &str) -> Result<(), StoreError> {
        let mut select = self.connection.prepare_cached(CONVERSATIONS)?;
        let found = select.query_map(params![after, self.room()], conversation)?;
        extend(&mut self.records, found)?;
        if self.is_full() { Ok(()) } else { self.members("", "") }
    }

    /// The rest of one user's rows, and those of the users that follow.
    fn members(&mut self, user: &str, after: &str) -> Result<(), StoreError> {
        let row = |row: &Row<'_>| member(self.connection, row);
        if !user.is_empty() {
            let mut select = self.connection.prepare_cached(MEMBERS_OF_ONE)?;
            let found = select.query_map(params![user, self.room(), after], row)?;
            extend(&mut self.records, found)?;
        }
        if !self.is_full() {
            let mut select = self.connection.prepare_cached(MEMBERS_OF_NEXT)?;
            let found = select.query_map(params![user, self.room()], row)?;
            extend(&mut self.records, found)?;
        }
        if self.is_full() { Ok(()) } else { self.messages("", 0) }
    }

    /// The rest of one conversation, and those that follow.
    fn messages(&mut self, id: &str, after: u64) -> Result<(), StoreError> {
        if !id.is_empty() {
            let mut select = self.connection.prepare_cached(MESSAGES_OF_ONE)?;
            let found = select.query_map(params![id, self.room(), int(after)], said)?;
            extend(&mut self.records, found)?;
        }
        if !self.is_full() {
            let mut select = self.connection.prepare_cached(MESSAGES_OF_NEXT)?;
            let found = select.query_map(params![id, self.room()], said)?;
            extend(&mut self.records, found)?;
        }
        if self.is_full() { Ok(()) } else { self.notices("") }
    }

    fn notices(&mut self, after: &str) -> Result<(), StoreError> {
        let mut select = self.connection.prepare_cached(NOTICES)?;
        let notice = |row: &Row<'_>| Ok(Record::Notice(waiting::record(row)?));
        let found = select.query_map(params![after, self.room()], notice)?;
        extend(&mut self.records, found)?;
        Ok(())
    }
}

fn extend(
    records: &mut Vec<Record>,
    mut found: impl Iterator<Item = rusqlite::Result<Record>>,
) -> rusqlite::Result<()> {
    found.try_for_each(|record| record.map(|record| records.push(record)))
}

fn user(row: &Row<'_>) -> rusqlite::Result<Record> {
    let (name, avatar) = (row.get(1)?, row.get(2)?);
    let (id, announcement_start) = (row.parsed(0)?, row.seq(3)?);
    Ok(Record::User(UserRecord { id, name, avatar, announcement_start }))
}

fn conversation(row: &Row<'_>) -> rusqlite::Result<Record> {
    let holes: Runs = row.json(4)?.unwrap_or_default();
    Ok(Record::Conversation(ConversationRecord {
        id: row.parsed(0)?,
        name: row.get(1)?,
        avatar: row.get(2)?,
        floor: row.seq(3)?,
        holes: forgotten(&holes),
    }))
}

fn member(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Record> {
    let half = member::half_at(row, 0)?;
    let mut select = connection.prepare_cached(READS)?;
    let (user, conversation): (i64, i64) = (row.get(12)?, row.get(13)?);
    let reads = select.query_map([user, conversation, limit(READS_KEPT)], member::read_at)?;
    let mut reads = reads.collect::<rusqlite::Result<Vec<_>>>()?;
    reads.reverse();
    Ok(Record::Member(MemberRecord::new(row.parsed(10)?, row.parsed(11)?, half, reads)))
}

fn said(row: &Row<'_>) -> rusqlite::Result<Record> {
    let conversation: ConversationId = row.parsed(10)?;
    let content_hash = ContentHash(row.get(11)?);
    let message = message(row, &conversation)?;
    Ok(Record::Message(Box::new(MessageRecord { content_hash, message })))
}

/// How much there is.
pub(super) fn tally(connection: &Connection) -> Result<Tally, StoreError> {
    let two = |sql: &str| -> Result<(u64, u64), StoreError> {
        Ok(connection.query_row(sql, [], |row| Ok((row.number(0)?, row.number(1)?)))?)
    };
    let (users, _) = two("SELECT count(*), 0 FROM users WHERE announcement_start IS NOT NULL")?;
    let (conversations, floors) =
        two("SELECT count(*), coalesce(sum(floor), 0) FROM conversations
         WHERE last_seq > 0 OR conversation_id <> 'announcement'")?;
    let (members, halves) = two(
        "SELECT count(*), coalesce(sum(read_seq + start_seq + cleared + mark + mark_seen + term
                + settings_revision), 0) FROM members",
    )?;
    let (messages, revisions) = two("SELECT count(*), coalesce(sum(revision), 0) FROM messages")?;
    let (notices, _) = two("SELECT count(*), 0 FROM waiting WHERE done_at IS NULL")?;
    let grown = floors + halves + revisions;
    Ok(Tally { users, conversations, members, messages, notices, grown })
}
