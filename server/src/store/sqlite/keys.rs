//! The keys of users, as the writing thread has met them. Keys never change and never go, so what
//! is remembered stays true, unless the transaction that made it was rolled back.

use std::collections::HashMap;

use message_service_shared::id::UserId;
use rusqlite::{Connection, OptionalExtension};

use crate::store::StoreError;

/// Users that are remembered.
const REMEMBERED: usize = 16_384;

/// The key that stands for the product where a user could stand.
pub(super) const PRODUCT: i64 = 0;

/// What is remembered.
#[derive(Debug, Default)]
pub(super) struct Keys {
    users: HashMap<UserId, i64>,
}

impl Keys {
    /// The key of a user, who gets one if need be.
    pub(super) fn user(&mut self, connection: &Connection, id: &UserId) -> Result<i64, StoreError> {
        if let Some(key) = self.users.get(id) {
            return Ok(*key);
        }
        let key = if let Some(key) = known_user(connection, id)? {
            key
        } else {
            let mut insert =
                connection.prepare_cached("INSERT INTO users (user_id) VALUES (?1)")?;
            insert.insert([id.as_str()])?
        };
        if self.users.len() >= REMEMBERED {
            self.users.clear();
        }
        self.users.insert(id.clone(), key);
        Ok(key)
    }

    /// Forgets everything.
    pub(super) fn forget(&mut self) {
        self.users.clear();
    }
}

/// The key of a user who has one.
pub(super) fn known_user(connection: &Connection, id: &UserId) -> Result<Option<i64>, StoreError> {
    let mut select = connection.prepare_cached("SELECT key FROM users WHERE user_id = ?1")?;
    Ok(select.query_one([id.as_str()], |row| row.get(0)).optional()?)
}
