//! A member's own half: reading it, changing it, and the record of reads beside it.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::seq::Seq;
use message_service_shared::unread::{ConversationHalf, MemberHalf, Settings, standing};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::columns::{Columns, int, json, limit};
use super::conversation::Conversation;
use super::desk::Desk;
use super::keys::known_user;
use super::{row, user};
use crate::store::{ChangeError, MemberChange, READS_KEPT, ReadRecord, StoreError, StoredRow};

pub(super) const TOUCH_OTHERS: &str =
    "UPDATE members SET last_seq = ?3, last_at = ?4, maybe_unread = maybe_unread OR ?5
     WHERE conversation = ?1 AND user <> ?2";
pub(super) const READS: &str = "SELECT seq, at, by FROM reads
     WHERE user = ?1 AND conversation = ?2 ORDER BY seq DESC LIMIT ?3";
pub(super) const ALL_OF: &str = "SELECT read_seq, start_seq, own, cleared, mark, mark_seen, term,
            settings_revision, muted, pinned, user
     FROM members WHERE conversation = ?1";
pub(super) const OF_GROUP: &str =
    "SELECT u.user_id FROM members AS m JOIN users AS u ON u.key = m.user
     WHERE m.conversation = ?1 AND m.term % 2 = 1";

impl Desk {
    /// Changes a half; nothing is written where that is refused.
    pub(super) fn change_member(
        &mut self,
        user: &UserId,
        id: &ConversationId,
        change: &MemberChange,
    ) -> Result<Result<StoredRow, ChangeError>, StoreError> {
        let connection = &self.connection;
        let known = known_user(connection, user)?;
        let (Some(key), Some(conversation)) = (known, Conversation::find(connection, id)?) else {
            return Ok(Err(ChangeError::Unknown));
        };
        let Some(mut half) = half(connection, key, &conversation)? else {
            return Ok(Err(ChangeError::Unknown));
        };
        if let MemberChange::Read { seq, .. } | MemberChange::Clear { seq } = change
            && *seq > conversation.half.last_seq
        {
            return Ok(Err(ChangeError::PastEnd));
        }
        match change {
            MemberChange::Read { seq, mark_seen, at, by } => {
                let record = ReadRecord { seq: *seq, at: *at, by: by.clone() };
                read(connection, key, &conversation, &mut half, &record, *mark_seen)?;
            }
            MemberChange::Mark => half.mark = half.mark.max(half.mark_seen + 1),
            MemberChange::Clear { seq } => half.cleared = half.cleared.max(*seq),
            MemberChange::Configure(configure) => half.settings = configure.apply(half.settings),
        }
        save(connection, key, &conversation, &half)?;
        let row = row::of(connection, key, id)?;
        Ok(row.ok_or(ChangeError::Unknown))
    }
}

/// The user's own half, or the one that a wide conversation implies.
fn half(
    connection: &Connection,
    user: i64,
    conversation: &Conversation,
) -> Result<Option<MemberHalf>, StoreError> {
    match load(connection, user, conversation)? {
        Some(half) => Ok(Some(half)),
        None if conversation.is_wide => {
            Ok(user::announcement_start(connection, user)?.map(MemberHalf::joined_at))
        }
        None => Ok(None),
    }
}

/// The user's own half.
pub(super) fn load(
    connection: &Connection,
    user: i64,
    conversation: &Conversation,
) -> Result<Option<MemberHalf>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT read_seq, start_seq, own, cleared, mark, mark_seen, term,
                settings_revision, muted, pinned
         FROM members WHERE user = ?1 AND conversation = ?2",
    )?;
    let found = select.query_one([user, conversation.key], |row| half_at(row, 0));
    Ok(found.optional()?)
}

/// Writes a half and what is derived for its row.
pub(super) fn save(
    connection: &Connection,
    user: i64,
    conversation: &Conversation,
    half: &MemberHalf,
) -> Result<(), StoreError> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO members (user, conversation, read_seq, start_seq, own, cleared, mark,
                mark_seen, term, settings_revision, muted, pinned, last_seq, last_at, maybe_unread)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (user, conversation) DO UPDATE SET
                read_seq = ?3, start_seq = ?4, own = ?5, cleared = ?6, mark = ?7, mark_seen = ?8,
                term = ?9, settings_revision = ?10, muted = ?11, pinned = ?12, last_seq = ?13,
                last_at = ?14, maybe_unread = ?15",
    )?;
    let own = if half.own.is_empty() { None } else { Some(json(&half.own)?) };
    let (last_seq, last_at, maybe_unread) = if conversation.is_wide {
        (0, 0, false)
    } else {
        let shared = &conversation.half;
        (int(shared.last_seq.get()), int(conversation.last_at), may_be_unread(shared, half))
    };
    upsert.execute(params![
        user,
        conversation.key,
        int(half.read_seq.get()),
        int(half.start_seq.get()),
        own,
        int(half.cleared.get()),
        half.mark,
        half.mark_seen,
        half.term,
        half.settings.revision,
        half.settings.muted,
        half.settings.pinned,
        last_seq,
        last_at,
        maybe_unread,
    ])?;
    Ok(())
}

/// Whether a row belongs among those that may be unread.
pub(super) fn may_be_unread(conversation: &ConversationHalf, member: &MemberHalf) -> bool {
    let standing = standing(conversation, member, None);
    standing.shown() > 0 || !standing.exact
}

/// The member's half, from the ten columns that begin at `place`.
pub(super) fn half_at(row: &Row<'_>, place: usize) -> rusqlite::Result<MemberHalf> {
    Ok(MemberHalf {
        read_seq: row.seq(place)?,
        start_seq: row.seq(place + 1)?,
        own: row.json(place + 2)?.unwrap_or_default(),
        cleared: row.seq(place + 3)?,
        mark: row.small(place + 4)?,
        mark_seen: row.small(place + 5)?,
        term: row.small(place + 6)?,
        settings: Settings {
            revision: row.small(place + 7)?,
            muted: row.get(place + 8)?,
            pinned: row.get(place + 9)?,
        },
    })
}

/// Raises the read position, and keeps a record where that raised it.
pub(super) fn read(
    connection: &Connection,
    user: i64,
    conversation: &Conversation,
    half: &mut MemberHalf,
    read: &ReadRecord,
    mark_seen: u32,
) -> Result<(), StoreError> {
    if read.seq > half.read_seq {
        remember(connection, user, conversation, std::slice::from_ref(read))?;
    }
    half.read(read.seq, mark_seen);
    Ok(())
}

/// Keeps the records of reads, the newest ones; one that is there already stays as it is.
pub(super) fn remember(
    connection: &Connection,
    user: i64,
    conversation: &Conversation,
    reads: &[ReadRecord],
) -> Result<(), StoreError> {
    let mut insert =
        connection.prepare_cached("INSERT OR IGNORE INTO reads VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for read in reads {
        let (seq, at) = (int(read.seq.get()), int(read.at));
        insert.execute(params![user, conversation.key, seq, at, read.by])?;
    }
    let mut forget = connection.prepare_cached(
        "DELETE FROM reads WHERE user = ?1 AND conversation = ?2 AND seq <= (
             SELECT seq FROM reads WHERE user = ?1 AND conversation = ?2
             ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
    )?;
    forget.execute(params![user, conversation.key, limit(READS_KEPT)])?;
    Ok(())
}

/// The halves of everybody who has a row of a conversation.
pub(super) fn all_of(
    connection: &Connection,
    conversation: &Conversation,
) -> Result<Vec<(i64, MemberHalf)>, StoreError> {
    let mut select = connection.prepare_cached(ALL_OF)?;
    let halves =
        select.query_map([conversation.key], |row| Ok((row.get(10)?, half_at(row, 0)?)))?;
    Ok(halves.collect::<rusqlite::Result<_>>()?)
}

/// Who read up to where, newest first.
pub(super) fn reads(
    connection: &Connection,
    user: &UserId,
    id: &ConversationId,
    rows: usize,
) -> Result<Vec<ReadRecord>, StoreError> {
    let (Some(user), Some(conversation)) =
        (known_user(connection, user)?, Conversation::find(connection, id)?)
    else {
        return Ok(Vec::new());
    };
    let mut select = connection.prepare_cached(READS)?;
    let reads = select.query_map([user, conversation.key, limit(rows)], read_at)?;
    Ok(reads.collect::<rusqlite::Result<_>>()?)
}

/// A row of [`READS`].
pub(super) fn read_at(row: &Row<'_>) -> rusqlite::Result<ReadRecord> {
    Ok(ReadRecord { seq: row.seq(0)?, at: row.number(1)?, by: row.get(2)? })
}

/// The members of a group, those who are in.
pub(super) fn of_group(
    connection: &Connection,
    id: &ConversationId,
) -> Result<Vec<UserId>, StoreError> {
    let Some(conversation) = Conversation::find(connection, id)? else { return Ok(Vec::new()) };
    let mut select = connection.prepare_cached(OF_GROUP)?;
    let members = select.query_map([conversation.key], |row| row.parsed(0))?;
    Ok(members.collect::<rusqlite::Result<_>>()?)
}

/// Raises what is derived in the rows of all members but the author, whose row is written whole.
pub(super) fn touch_others(
    connection: &Connection,
    conversation: &Conversation,
    author: i64,
    counts: bool,
) -> Result<(), StoreError> {
    let mut update = connection.prepare_cached(TOUCH_OTHERS)?;
    let (last_seq, last_at) = (int(conversation.half.last_seq.get()), int(conversation.last_at));
    update.execute(params![conversation.key, author, last_seq, last_at, counts])?;
    Ok(())
}

/// Makes the rows that a first message makes.
pub(super) fn create(
    connection: &Connection,
    user: i64,
    conversation: &Conversation,
) -> Result<(), StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO members (user, conversation, term, start_seq) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT DO NOTHING",
    )?;
    let half = MemberHalf::joined_at(Seq::ZERO);
    insert.execute(params![user, conversation.key, half.term, int(half.start_seq.get())])?;
    Ok(())
}
