//! The rows of a user: by name, those that may be unread, and the list.

use std::cmp::Reverse;

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::unread::MemberHalf;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{Columns, int, limit};
use super::conversation::{self, is_wide};
use super::keys::known_user;
use super::member::{self, may_be_unread};
use super::user::announcement_start;
use crate::store::{InboxPlace, StoreError, StoredRow};

/// The one way to select a member's rows; `$rest` says which, and in what order. The index is named
/// where there is a choice: left alone, SQLite reads all rows of a user to find those unread.
macro_rules! select_rows {
    ($index:literal, $rest:literal) => {
        concat!(
            "SELECT c.conversation_id, c.name, c.avatar, c.last_seq, c.floor, c.holes, c.last_at,
                    c.preview, m.read_seq, m.start_seq, m.own, m.cleared, m.mark, m.mark_seen,
                    m.term, m.settings_revision, m.muted, m.pinned
             FROM members AS m ",
            $index,
            " JOIN conversations AS c ON c.key = m.conversation WHERE ",
            $rest
        )
    };
}

pub(super) const NAMED: &str = select_rows!("", "m.user = ?1 AND c.conversation_id = ?2");
pub(super) const UNREAD: &str =
    select_rows!("INDEXED BY members_unread", "m.user = ?1 AND m.maybe_unread = 1");
pub(super) const FIRST_PAGE: &str = select_rows!(
    "INDEXED BY members_listed",
    "m.user = ?1 AND m.last_seq > m.cleared AND m.term % 2 = 1
     ORDER BY m.last_at DESC, c.conversation_id DESC LIMIT ?2"
);
pub(super) const NEXT_PAGE: &str = select_rows!(
    "INDEXED BY members_listed",
    "m.user = ?1 AND m.last_seq > m.cleared AND m.term % 2 = 1
     AND m.last_at <= ?3 AND (m.last_at < ?3 OR c.conversation_id < ?4)
     ORDER BY m.last_at DESC, c.conversation_id DESC LIMIT ?2"
);
const WIDE: &str = "SELECT conversation_id, name, avatar, last_seq, floor, holes, last_at, preview
                    FROM conversations WHERE conversation_id = ?1";

fn row(row: &Row<'_>) -> rusqlite::Result<StoredRow> {
    with_member(row, member::half_at(row, 8)?)
}

fn with_member(row: &Row<'_>, member: MemberHalf) -> rusqlite::Result<StoredRow> {
    let (conversation, last_at) = conversation::half_at(row, 3)?;
    Ok(StoredRow {
        id: row.parsed(0)?,
        name: row.get(1)?,
        avatar: row.get(2)?,
        conversation,
        member,
        last_at,
        last: row.json(7)?,
    })
}

/// One row: the user's own, or what a wide conversation implies for a user who was seen.
pub(super) fn of(
    connection: &Connection,
    user: i64,
    id: &ConversationId,
) -> Result<Option<StoredRow>, StoreError> {
    let mut select = connection.prepare_cached(NAMED)?;
    let own = select.query_one(params![user, id.as_str()], row).optional()?;
    if own.is_some() || !is_wide(id) {
        return Ok(own);
    }
    let Some(start) = announcement_start(connection, user)? else { return Ok(None) };
    let mut select = connection.prepare_cached(WIDE)?;
    let implied = MemberHalf::joined_at(start);
    let found = select.query_one([id.as_str()], |row| with_member(row, implied.clone()));
    Ok(found.optional()?)
}

/// The rows of these conversations.
pub(super) fn named(
    connection: &Connection,
    user: &UserId,
    ids: &[ConversationId],
) -> Result<Vec<StoredRow>, StoreError> {
    let Some(user) = known_user(connection, user)? else { return Ok(Vec::new()) };
    ids.iter().filter_map(|id| of(connection, user, id).transpose()).collect()
}

/// The rows that may be unread, the wide one among them.
pub(super) fn unread(connection: &Connection, user: &UserId) -> Result<Vec<StoredRow>, StoreError> {
    let Some(user) = known_user(connection, user)? else { return Ok(Vec::new()) };
    let mut select = connection.prepare_cached(UNREAD)?;
    let narrow = select.query_map([user], row)?;
    let mut rows = narrow.collect::<rusqlite::Result<Vec<StoredRow>>>()?;
    rows.extend(of(connection, user, &ConversationId::announcement())?);
    // A recall leaves rows behind that only may have been unread.
    rows.retain(|row| may_be_unread(&row.conversation, &row.member));
    Ok(rows)
}

/// A page of the list.
pub(super) fn inbox(
    connection: &Connection,
    user: &UserId,
    before: Option<&InboxPlace>,
    rows: usize,
) -> Result<Vec<StoredRow>, StoreError> {
    let Some(user) = known_user(connection, user)? else { return Ok(Vec::new()) };
    let mut page = match before {
        None => {
            let mut select = connection.prepare_cached(FIRST_PAGE)?;
            let found = select.query_map([user, limit(rows)], row)?;
            found.collect::<rusqlite::Result<Vec<StoredRow>>>()?
        }
        Some(place) => {
            let mut select = connection.prepare_cached(NEXT_PAGE)?;
            let place = params![user, limit(rows), int(place.at), place.id.as_str()];
            select.query_map(place, row)?.collect::<rusqlite::Result<Vec<StoredRow>>>()?
        }
    };
    let place = |row: &StoredRow| (row.last_at, row.id.clone());
    let wide = of(connection, user, &ConversationId::announcement())?;
    page.extend(wide.filter(|row| {
        let is_below = before.is_none_or(|before| place(row) < (before.at, before.id.clone()));
        row.is_listed() && is_below
    }));
    page.sort_by_key(|row| Reverse(place(row)));
    page.truncate(rows);
    Ok(page)
}
