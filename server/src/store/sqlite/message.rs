//! Reading messages.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::{Message, Recalled};
use message_service_shared::seq::Seq;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{Columns, int, limit};
use super::conversation::Conversation;
use super::keys::{PRODUCT, known_user};
use crate::store::{End, MessagePage, Slice, StoreError};

/// The one way to select whole messages; `$rest` says which, and in what order.
macro_rules! select_messages {
    ($rest:literal) => {
        concat!(
            "SELECT m.message_id, m.seq, s.user_id, m.client_msg_id, m.at, m.revision, m.quiet,
                    m.content, m.recalled_at, r.user_id
             FROM messages AS m
             LEFT JOIN users AS s ON s.key = m.sender
             LEFT JOIN users AS r ON r.key = m.recalled_by
             WHERE ",
            $rest
        )
    };
}

pub(super) const OLDEST: &str =
    select_messages!("m.conversation = ?1 AND m.seq > ?2 AND m.seq < ?3 ORDER BY m.seq LIMIT ?4");
pub(super) const NEWEST: &str = select_messages!(
    "m.conversation = ?1 AND m.seq > ?2 AND m.seq < ?3 ORDER BY m.seq DESC LIMIT ?4"
);
pub(super) const ONE: &str = select_messages!("m.conversation = ?1 AND m.seq = ?2");

pub(super) const BY_NAME: &str = "SELECT seq, content_hash FROM messages
    WHERE conversation = ?1 AND sender = ?2 AND client_msg_id = ?3";
pub(super) const COUNT: &str = "SELECT count(*) FROM messages
    WHERE conversation = ?1 AND seq > ?2 AND seq <= ?3
      AND quiet = 0 AND recalled_at IS NULL AND sender <> ?4";

/// A message, from the ten columns that `select_messages` names.
pub(super) fn message(row: &Row<'_>, conversation: &ConversationId) -> rusqlite::Result<Message> {
    let user = |place: usize| -> rusqlite::Result<Option<UserId>> {
        let is_there = row.get_ref(place)?.as_str_or_null().is_ok_and(|text| text.is_some());
        is_there.then(|| row.parsed(place)).transpose()
    };
    let recalled_at: Option<i64> = row.get(8)?;
    let recalled = match recalled_at {
        Some(_) => Some(Recalled { at: row.number(8)?, by: user(9)? }),
        None => None,
    };
    Ok(Message {
        id: row.parsed(0)?,
        conversation: conversation.clone(),
        seq: row.seq(1)?,
        sender: user(2)?,
        client_msg_id: row.parsed(3)?,
        at: row.number(4)?,
        revision: row.small(5)?,
        quiet: row.get(6)?,
        recalled,
        content: row.json(7)?,
    })
}

/// A message by its position.
pub(super) fn at(
    connection: &Connection,
    id: &ConversationId,
    conversation: i64,
    seq: Seq,
) -> Result<Option<Message>, StoreError> {
    let mut select = connection.prepare_cached(ONE)?;
    let found = select.query_one([conversation, int(seq.get())], |row| message(row, id));
    Ok(found.optional()?)
}

/// The position and the content hash of the message that bears a name.
pub(super) fn by_name(
    connection: &Connection,
    conversation: i64,
    sender: i64,
    name: &str,
) -> Result<Option<(Seq, [u8; 32])>, StoreError> {
    let mut select = connection.prepare_cached(BY_NAME)?;
    let found =
        select.query_one(params![conversation, sender, name], |row| Ok((row.seq(0)?, row.get(1)?)));
    Ok(found.optional()?)
}

/// The messages of a slice, and where the conversation stands.
pub(super) fn page(
    connection: &Connection,
    id: &ConversationId,
    slice: Slice,
) -> Result<MessagePage, StoreError> {
    let Some(conversation) = Conversation::find(connection, id)? else {
        return Ok(MessagePage::default());
    };
    let after = slice.after.max(conversation.half.floor);
    let before = slice.before.unwrap_or_else(|| conversation.half.last_seq.next());
    let mut select = connection.prepare_cached(match slice.end {
        End::Oldest => OLDEST,
        End::Newest => NEWEST,
    })?;
    let (after, before) = (int(after.get()), int(before.get()));
    let found = select
        .query_map([conversation.key, after, before, limit(slice.limit)], |row| message(row, id))?;
    let mut messages = found.collect::<rusqlite::Result<Vec<Message>>>()?;
    if slice.end == End::Newest {
        messages.reverse();
    }
    let (last_seq, floor) = (conversation.half.last_seq, conversation.half.floor);
    Ok(MessagePage { messages, last_seq, floor })
}

/// How many messages in `(after, up_to]` count for the user.
pub(super) fn count(
    connection: &Connection,
    user: &UserId,
    id: &ConversationId,
    after: Seq,
    up_to: Seq,
) -> Result<u64, StoreError> {
    let Some(conversation) = Conversation::find(connection, id)? else { return Ok(0) };
    // Whoever has no key has sent nothing: -1 is nobody's key.
    let user = known_user(connection, user)?.unwrap_or(PRODUCT - 1);
    let mut select = connection.prepare_cached(COUNT)?;
    let (after, up_to) = (int(after.get()), int(up_to.get()));
    Ok(select.query_one([conversation.key, after, up_to, user], |row| row.number(0))?)
}
