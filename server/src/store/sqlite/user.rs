//! Users: who was seen, what the main app says of them, and where their announcements start.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::row::User;
use message_service_shared::seq::Seq;
use rusqlite::{Connection, OptionalExtension, params};

use super::columns::{Columns, int};
use super::conversation::{Conversation, last_before};
use super::desk::Desk;
use crate::logouts::Logouts;
use crate::store::{Profile, StoreError, StoredUser};

impl Desk {
    /// Stores what the main app says of users.
    pub(super) fn upsert_users(&mut self, users: &[Profile]) -> Result<(), StoreError> {
        for profile in users {
            let key = self.see(&profile.id, profile.created_at)?;
            let mut update = self.connection.prepare_cached(
                "UPDATE users SET name = coalesce(?2, name), avatar = coalesce(?3, avatar)
                 WHERE key = ?1",
            )?;
            update.execute(params![key, profile.name, profile.avatar])?;
        }
        Ok(())
    }

    /// Makes sure that each of these exists.
    pub(super) fn see_users(&mut self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        for id in users {
            self.see(id, None)?;
        }
        let gone = || StoreError::Broken("a user is gone".to_owned());
        all_seen(&self.connection, users)?.ok_or_else(gone)
    }

    /// Counts a logout of a user that exists.
    pub(super) fn log_out(&mut self, id: &UserId) -> Result<Logouts, StoreError> {
        let mut update = self.connection.prepare_cached(
            "UPDATE users SET logouts = logouts + 1
             WHERE user_id = ?1 AND announcement_start IS NOT NULL RETURNING logouts",
        )?;
        let logouts =
            update.query_one([id.as_str()], |row| Ok(Logouts(row.number(0)?))).optional()?;
        Ok(logouts.unwrap_or_default())
    }

    /// The key of a user, who is one from now on.
    fn see(&mut self, id: &UserId, created_at: Option<Millis>) -> Result<i64, StoreError> {
        let key = self.keys.user(&self.connection, id)?;
        if announcement_start(&self.connection, key)?.is_some() {
            return Ok(key);
        }
        let announcements = Conversation::find(&self.connection, &ConversationId::announcement())?;
        let start = match (announcements, created_at) {
            (Some(announcements), Some(moment)) => {
                last_before(&self.connection, &announcements, moment)?
            }
            (Some(announcements), None) => announcements.half.last_seq,
            (None, _) => Seq::ZERO,
        };
        let mut update = self
            .connection
            .prepare_cached("UPDATE users SET announcement_start = ?2 WHERE key = ?1")?;
        update.execute([key, int(start.get())])?;
        Ok(key)
    }
}

/// Where the announcements of a user start; nowhere for one who was never seen.
pub(super) fn announcement_start(
    connection: &Connection,
    user: i64,
) -> Result<Option<Seq>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT announcement_start FROM users
         WHERE key = ?1 AND announcement_start IS NOT NULL",
    )?;
    Ok(select.query_one([user], |row| row.seq(0)).optional()?)
}

/// The users in the order they were asked for; nothing where one of them was never seen.
pub(super) fn all_seen(
    connection: &Connection,
    users: &[UserId],
) -> Result<Option<Vec<StoredUser>>, StoreError> {
    users.iter().map(|id| one_seen(connection, id).transpose()).collect::<Option<_>>().transpose()
}

/// Those of the users who were seen.
pub(super) fn seen(
    connection: &Connection,
    users: &[UserId],
) -> Result<Vec<StoredUser>, StoreError> {
    users.iter().filter_map(|id| one_seen(connection, id).transpose()).collect()
}

fn one_seen(connection: &Connection, id: &UserId) -> Result<Option<StoredUser>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT name, avatar, logouts FROM users
         WHERE user_id = ?1 AND announcement_start IS NOT NULL",
    )?;
    let found = select.query_one([id.as_str()], |row| {
        let user = User { id: id.clone(), name: row.get(0)?, avatar: row.get(1)? };
        Ok(StoredUser { user, logouts: Logouts(row.number(2)?) })
    });
    Ok(found.optional()?)
}
