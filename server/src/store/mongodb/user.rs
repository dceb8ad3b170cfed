//! Users: who was seen, what the main app says of them, and where their announcements start.

use std::collections::HashMap;

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::{Document, doc};

use super::connection::Statement;
use super::documents::{MessageDocument, UserDocument, date, int};
use super::{Core, MESSAGES, USERS};
use crate::logouts::Logouts;
use crate::store::{Profile, StoreError, StoredUser};

impl Core {
    /// Stores what the main app says of users.
    pub(super) async fn upsert_users(&self, profiles: &[Profile]) -> Result<(), StoreError> {
        let mut starts: HashMap<Option<Millis>, Seq> = HashMap::new();
        let known = self.users(profiles.iter().map(|profile| &profile.id)).await?;
        let mut statements = Vec::with_capacity(profiles.len());
        for profile in profiles {
            let mut update = Document::new();
            if !known.contains_key(&profile.id) {
                let start = match starts.get(&profile.created_at) {
                    Some(start) => *start,
                    None => self.start_at(profile.created_at).await?,
                };
                starts.insert(profile.created_at, start);
                update.insert("$setOnInsert", doc! { "announcementStart": int(start) });
            }
            let mut set = Document::new();
            for (field, text) in [("name", &profile.name), ("avatar", &profile.avatar)] {
                if let Some(text) = text {
                    set.insert(field, text);
                }
            }
            if !set.is_empty() {
                update.insert("$set", set);
            }
            if !update.is_empty() {
                statements.push(Statement::put(doc! { "_id": profile.id.as_str() }, update));
            }
        }
        self.connection.update(USERS, &statements).await
    }

    /// Makes sure that each of these exists. Most who are seen were seen before, and users never go:
    /// for them nothing is written.
    pub(super) async fn see_users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        let mut known = self.users(users.iter()).await?;
        let new: Vec<&UserId> = users.iter().filter(|id| !known.contains_key(*id)).collect();
        if !new.is_empty() {
            let start = self.start_at(None).await?;
            let make = |id: &&UserId| {
                let user = doc! { "announcementStart": int(start) };
                Statement::make(doc! { "_id": id.as_str() }, user)
            };
            let statements: Vec<Statement> = new.iter().map(make).collect();
            self.connection.update(USERS, &statements).await?;
            known.extend(self.users(new.into_iter()).await?);
        }
        let gone = || StoreError::Broken("a user is gone".to_owned());
        users.iter().map(|id| known.get(id).cloned().ok_or_else(gone)).collect()
    }

    /// Those of the users who exist.
    pub(super) async fn users<'a>(
        &self,
        users: impl Iterator<Item = &'a UserId>,
    ) -> Result<HashMap<UserId, StoredUser>, StoreError> {
        let ids: Vec<&str> = users.map(UserId::as_str).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found: Vec<UserDocument> =
            self.connection.find(USERS, doc! { "_id": { "$in": ids } }).await?;
        Ok(found.into_iter().map(|found| (found.id.clone(), found.into())).collect())
    }

    /// Counts a logout of a user that exists.
    pub(super) async fn log_out(&self, user: &UserId) -> Result<Logouts, StoreError> {
        let once_more = doc! { "$inc": { "logouts": 1_i64 } };
        let count = Statement::change(doc! { "_id": user.as_str() }, once_more);
        self.connection.update(USERS, &[count]).await?;
        let known = self.users(std::iter::once(user)).await?;
        Ok(known.get(user).map_or(Logouts(0), |known| known.logouts))
    }

    /// Where the announcements of a user start who is made now: after the newest one, or after the
    /// newest one that was said before the user came to the main app.
    async fn start_at(&self, created_at: Option<Millis>) -> Result<Seq, StoreError> {
        let id = ConversationId::announcement();
        let Some(moment) = created_at else {
            let row = self.conversation(&id).await?;
            return Ok(row.map(|row| row.last_seq).unwrap_or_default());
        };
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let before = messages
            .find_one(doc! { "conversation": id.as_str(), "at": { "$lt": date(moment) } })
            .sort(doc! { "conversation": -1, "seq": -1 });
        let found = self.connection.call(before).await?;
        Ok(found.map(|found| found.seq).unwrap_or_default())
    }
}
