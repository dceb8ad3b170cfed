//! Deriving again what a crash may have left out.
//!
//! Ids of messages begin with their time, so what was stored since a moment is read in their order.
//! The moment is a mark in the database that every node moves on: everything older is derived. It
//! stays [`BEHIND`] the clock, far longer than it takes another node to notice that one is dead, and
//! no further than this node's own first message that is not certain.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use message_service_shared::id::MessageId;
use message_service_shared::message::Millis;
use mongodb::bson::doc;
use mongodb::options::FindOptions;

use super::connection::Statement;
use super::derive::derivations;
use super::documents::MessageDocument;
use super::{Core, MESSAGES, META, schema};
use crate::clock::{Clock, SystemClock};
use crate::store::StoreError;

/// How far the mark stays behind: more than a lease, a call, and any difference between clocks.
const BEHIND: Duration = Duration::from_mins(5);
/// How often the mark is moved on.
pub(super) const MOVE_ON: Duration = Duration::from_mins(1);
/// Messages that are derived at once: few, because a server that is asked for it has much to do.
const CHUNK: i64 = 100;
const MARK: &str = "derivedUpTo";

/// The first message of this node that may be stored and not derived.
#[derive(Debug, Default)]
pub(super) struct Unsure(Mutex<Option<MessageId>>);

impl Unsure {
    pub(super) fn since(&self, id: Option<&MessageId>) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = id
            && first.as_ref().is_none_or(|first| id < first)
        {
            *first = Some(id.clone());
        }
    }

    fn get(&self) -> Option<MessageId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything up to what was unsure is derived; what came since is not.
    fn clear(&self, repaired: Option<&MessageId>) {
        let mut first = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if first.as_ref() == repaired {
            *first = None;
        }
    }
}

impl Core {
    /// Derives everything that was stored since the mark.
    pub(super) async fn repair(&self) -> Result<(), StoreError> {
        let began = SystemClock.now();
        let unsure = self.unsure.get();
        let mark: Option<String> = schema::meta(&self.connection, MARK).await?;
        let mut from = mark.unwrap_or_default();
        if let Some(unsure) = &unsure
            && unsure.as_str() < from.as_str()
        {
            unsure.as_str().clone_into(&mut from);
        }
        let mut filter = doc! { "_id": { "$gte": &from } };
        loop {
            let messages = self.connection.collection::<MessageDocument>(MESSAGES);
            let options = FindOptions::builder().sort(doc! { "_id": 1 }).limit(CHUNK).build();
            let finding = async {
                let mut cursor = messages.find(filter).with_options(options).await?;
                let mut found = Vec::new();
                while cursor.advance().await? {
                    found.push(cursor.deserialize_current()?);
                }
                Ok(found)
            };
            let found = self.connection.call(finding).await?;
            let Some(last) = found.last().map(|found| found.id.clone()) else { break };
            self.derive(&derivations(found)?).await?;
            filter = doc! { "_id": { "$gt": last.as_str() } };
        }
        self.unsure.clear(unsure.as_ref());
        self.move_mark(began).await
    }

    /// Moves the mark on, unless something of this node's own is not certain.
    pub(super) async fn move_on(&self) -> Result<(), StoreError> {
        if self.unsure.get().is_some() {
            return Ok(());
        }
        self.move_mark(SystemClock.now()).await
    }

    pub(super) async fn move_mark(&self, now: Millis) -> Result<(), StoreError> {
        let behind = Millis::try_from(BEHIND.as_millis()).unwrap_or(Millis::MAX);
        let mark = first_id_at(now.saturating_sub(behind));
        let update = doc! { "$max": { "value": mark.as_str() } };
        self.connection.update(META, &[Statement::put(doc! { "_id": MARK }, update)]).await
    }
}

/// The least id that a message of this moment may have: a UUID of version 7 begins with its
/// milliseconds in 48 bits (RFC 9562 §5.7).
fn first_id_at(at: Millis) -> MessageId {
    MessageId::from_uuid(u128::from(at) << 80)
}
