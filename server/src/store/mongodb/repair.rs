//! Deriving again what a crash may have left out.
//!
//! Ids of messages begin with their time, so what was stored since a moment is read in their order.
//! The moment is a mark in the database that every node moves on: everything older is derived. It
//! stays [`BEHIND`] the clock, far longer than it takes another node to notice that one is dead, and
//! where it is while a node knows of something that may not be derived.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use message_service_shared::id::{ConversationId, MessageId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::{Document, doc};
use mongodb::options::FindOptions;
use serde::Deserialize;

use super::connection::Statement;
use super::{CONVERSATIONS, Core, MESSAGES, META, schema};
use crate::clock::Clock;
use crate::store::StoreError;

/// How far the mark stays behind: more than a lease, a call, and any difference between clocks.
const BEHIND: Duration = Duration::from_mins(5);
/// How often the mark is moved on.
pub(super) const MOVE_ON: Duration = Duration::from_mins(1);
/// Conversations that are mended at the same time: a store that was gone has failed many.
const TOGETHER: usize = 32;
/// Messages that are looked at at once.
const CHUNK: i64 = 1_000;
const MARK: &str = "derivedUpTo";

/// As much of a message as tells whether it may lack what derives from it.
#[derive(Debug, Deserialize)]
struct Trace {
    #[serde(rename = "_id")]
    id: MessageId,
    conversation: ConversationId,
    seq: Seq,
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
    /// Derives what was stored since the mark and is not derived, whoever stored it.
    ///
    /// The conversation's row is written last, and by nobody who has not derived everything before.
    /// So whoever finds it at a message need not look at that message, and nearly all of them are
    /// such: a node that starts beside others that are busy has to read much, and little of each.
    pub(super) async fn repair(&self) -> Result<(), StoreError> {
        let _turn = self.repairing.lock().await;
        let began = self.clock.now();
        // Until it is done, the mark must not move over what it has not come to.
        self.doubts.begin_repair();
        let mark: Option<String> = schema::meta(&self.connection, MARK).await?;
        let mut filter = doc! { "_id": { "$gte": mark.unwrap_or_default() } };
        loop {
            let traces = self.traces(filter).await?;
            let Some(last) = traces.last().map(|trace| trace.id.clone()) else { break };
            self.derive_behind(traces).await?;
            filter = doc! { "_id": { "$gt": last.as_str() } };
        }
        self.finish_recalls().await?;
        self.doubts.end_repair();
        self.move_mark(began).await
    }

    /// Derives what calls of this process may have left, and looks at their conversations alone.
    pub(super) async fn mend(&self) -> Result<(), StoreError> {
        let doubts = stream::iter(self.doubts.all());
        let mending = doubts.map(|(id, turn)| async move {
            self.derive_all_of(&id).await?;
            self.doubts.settle(&id, turn);
            Ok::<_, StoreError>(())
        });
        mending.buffer_unordered(TOGETHER).try_collect::<()>().await?;
        self.finish_recalls().await
    }

    async fn derive_all_of(&self, id: &ConversationId) -> Result<(), StoreError> {
        let (row, newest) = tokio::try_join!(self.conversation(id), self.newest(id))?;
        let end = row.map(|row| row.last_seq).unwrap_or_default();
        if end < newest.seq { self.derive_or_skip(id, end, newest.seq).await } else { Ok(()) }
    }

    /// One conversation that holds what it must not keeps nobody from the others.
    async fn derive_or_skip(
        &self,
        id: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<(), StoreError> {
        match self.derive_between(id, after, up_to).await {
            Err(StoreError::Broken(why)) => {
                tracing::error!(conversation = %id, why, "a conversation can't be derived");
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// The next messages, in the order of their ids.
    async fn traces(&self, filter: Document) -> Result<Vec<Trace>, StoreError> {
        let messages = self.connection.collection::<Trace>(MESSAGES);
        let options = FindOptions::builder()
            .sort(doc! { "_id": 1 })
            .limit(CHUNK)
            .projection(doc! { "conversation": 1, "seq": 1 })
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
        for Trace { conversation, seq, .. } in traces {
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
                self.derive_or_skip(&id, end, up_to).await?;
            }
        }
        Ok(())
    }

    /// Moves the mark on, unless something before it may not be derived.
    pub(super) async fn move_on(&self) -> Result<(), StoreError> {
        if self.doubts.are_there() {
            return Ok(());
        }
        self.move_mark(self.clock.now()).await
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
