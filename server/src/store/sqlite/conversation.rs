//! The conversation's own row: what all members share, and what is derived from its messages.

use message_service_shared::id::{ConversationId, ConversationKind};
use message_service_shared::message::Millis;
use message_service_shared::row::Preview;
use message_service_shared::seq::Seq;
use message_service_shared::unread::ConversationHalf;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{Columns, int, json};
use crate::store::StoreError;

/// A conversation as it is stored.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) key: i64,
    pub(super) is_wide: bool,
    pub(super) half: ConversationHalf,
    pub(super) last_at: Millis,
}

impl Conversation {
    pub(super) fn find(
        connection: &Connection,
        id: &ConversationId,
    ) -> Result<Option<Self>, StoreError> {
        let mut select = connection.prepare_cached(
            "SELECT last_seq, floor, holes, last_at, key
             FROM conversations WHERE conversation_id = ?1",
        )?;
        let read = |row: &Row<'_>| {
            let (half, last_at) = half_at(row, 0)?;
            Ok(Self { key: row.get(4)?, is_wide: is_wide(id), half, last_at })
        };
        Ok(select.query_one([id.as_str()], read).optional()?)
    }

    pub(super) fn create(connection: &Connection, id: &ConversationId) -> Result<Self, StoreError> {
        let mut insert =
            connection.prepare_cached("INSERT INTO conversations (conversation_id) VALUES (?1)")?;
        let key = insert.insert([id.as_str()])?;
        let half = ConversationHalf::default();
        Ok(Self { key, is_wide: is_wide(id), half, last_at: 0 })
    }

    /// Writes what was derived, with the newest message's preview.
    pub(super) fn save(
        &self,
        connection: &Connection,
        preview: &Preview,
    ) -> Result<(), StoreError> {
        let mut update = connection.prepare_cached(
            "UPDATE conversations SET last_seq = ?2, holes = ?3, last_at = ?4, preview = ?5
             WHERE key = ?1",
        )?;
        let (last_seq, last_at) = (int(self.half.last_seq.get()), int(self.last_at));
        update.execute(params![self.key, last_seq, self.holes()?, last_at, json(preview)?])?;
        Ok(())
    }

    /// Writes the holes alone.
    pub(super) fn save_holes(&self, connection: &Connection) -> Result<(), StoreError> {
        let mut update =
            connection.prepare_cached("UPDATE conversations SET holes = ?2 WHERE key = ?1")?;
        update.execute(params![self.key, self.holes()?])?;
        Ok(())
    }

    fn holes(&self) -> Result<Option<String>, StoreError> {
        let holes = &self.half.holes;
        if holes.is_empty() { Ok(None) } else { json(holes).map(Some) }
    }
}

/// The shared half and the newest message's time, from the columns `last_seq, floor, holes,
/// last_at` that begin at `place`.
pub(super) fn half_at(row: &Row<'_>, place: usize) -> rusqlite::Result<(ConversationHalf, Millis)> {
    let half = ConversationHalf {
        last_seq: row.seq(place)?,
        floor: row.seq(place + 1)?,
        holes: row.json(place + 2)?.unwrap_or_default(),
    };
    Ok((half, row.number(place + 3)?))
}

/// Whether the conversation's row stands for all, and no append touches a member's.
pub(super) fn is_wide(id: &ConversationId) -> bool {
    id.kind() == ConversationKind::Announcement
}

/// The last position that was said before a moment. Times never go backwards, so it is found by
/// halving; what retention has deleted was said before any moment that is asked for.
pub(super) fn last_before(
    connection: &Connection,
    conversation: &Conversation,
    moment: Millis,
) -> Result<Seq, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT at FROM messages WHERE conversation = ?1 AND seq = ?2")?;
    let (mut before, mut from) = (0, conversation.half.last_seq.get() + 1);
    while before + 1 < from {
        let middle = before.midpoint(from);
        let said: Option<u64> = select
            .query_one(params![conversation.key, int(middle)], |row| row.number(0))
            .optional()?;
        if said.is_none_or(|at| at < moment) {
            before = middle;
        } else {
            from = middle;
        }
    }
    Ok(conversation.half.last_seq.min(Seq::ZERO.plus(before)))
}
