//! Deriving again what a crash may have left out.
//!
//! Ids of messages begin with their time, so what was stored since a moment is read in their order.
//! The moment is a mark in the database that every node moves on: everything older is derived. It
//! stays [`BEHIND`] the clock, far longer than it takes another node to notice that one is dead, and
//! no further than this node's own first message that is not certain.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use message_service_shared::id::{ConversationId, MessageId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::{Document, doc};
use mongodb::options::FindOptions;
use serde::Deserialize;

use super::connection::Statement;
use super::derive::derivations;
use super::{CONVERSATIONS, Core, MESSAGES, META, schema};
use crate::clock::{Clock, SystemClock};
use crate::store::StoreError;

/// How far the mark stays behind: more than a lease, a call, and any difference between clocks.
const BEHIND: Duration = Duration::from_mins(5);
/// How often the mark is moved on.
pub(super) const MOVE_ON: Duration = Duration::from_mins(1);
/// Messages that are looked at at once.
const CHUNK: i64 = 1_000;
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

/// As much of a message as tells whether it may lack what derives from it.
#[derive(Debug, Deserialize)]
struct Trace {
    #[serde(rename = "_id")]
    id: MessageId,
    conversation: ConversationId,
    seq: Seq,
    #[serde(default)]
    recalled: Option<Document>,
}

/// Where a conversation's own row ends.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct End {
    #[serde(rename = "_id")]
    id: ConversationId,
    last_seq: Seq,
}

impl Core {
    /// Derives what was stored since the mark and is not derived.
    ///
    /// The conversation's row is written last, and by nobody who has not derived everything before.
    /// So whoever finds it at a message need not look at that message, and nearly all of them are
    /// such: a node that starts beside others that are busy has to read much, and little of each.
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
            let traces = self.traces(filter).await?;
            let Some(last) = traces.last().map(|trace| trace.id.clone()) else { break };
            self.derive_behind(traces).await?;
            filter = doc! { "_id": { "$gt": last.as_str() } };
        }
        self.unsure.clear(unsure.as_ref());
        self.move_mark(began).await
    }

    /// The next messages, in the order of their ids.
    async fn traces(&self, filter: Document) -> Result<Vec<Trace>, StoreError> {
        let messages = self.connection.collection::<Trace>(MESSAGES);
        let options = FindOptions::builder()
            .sort(doc! { "_id": 1 })
            .limit(CHUNK)
            .projection(doc! { "conversation": 1, "seq": 1, "recalled": 1 })
            .build();
        let finding = async {
            let mut cursor = messages.find(filter).with_options(options).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        };
        self.connection.call(finding).await
    }

    async fn derive_behind(&self, traces: Vec<Trace>) -> Result<(), StoreError> {
        let mut newest: BTreeMap<ConversationId, Seq> = BTreeMap::new();
        let mut recalled = Vec::new();
        for Trace { id, conversation, seq, recalled: taken } in traces {
            if taken.is_some() {
                recalled.push(id);
            }
            let newest = newest.entry(conversation).or_default();
            *newest = seq.max(*newest);
        }
        let ids: Vec<&str> = newest.keys().map(ConversationId::as_str).collect();
        let found: Vec<End> =
            self.connection.find(CONVERSATIONS, doc! { "_id": { "$in": ids } }).await?;
        let ends: BTreeMap<ConversationId, Seq> =
            found.into_iter().map(|end| (end.id, end.last_seq)).collect();
        for (id, up_to) in newest {
            let end = ends.get(&id).copied().unwrap_or_default();
            if end < up_to {
                self.derive_between(&id, end, up_to).await?;
            }
        }
        // What was taken back may lie before the row's end, and be no hole yet.
        if recalled.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = recalled.iter().map(MessageId::as_str).collect();
        let found = self.connection.find(MESSAGES, doc! { "_id": { "$in": ids } }).await?;
        self.derive(&derivations(found)?).await
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
