//! Deriving again what a crash may have left out.
//!
//! Ids of messages begin with their time, so what was stored since a moment is read in their order.
//! The moment is a mark in the database that every node moves on: everything older is derived. It
//! stays [`BEHIND`] the clock, far longer than it takes another node to notice that one is dead. A
//! node that knows of something that may not be derived holds it where it is, for all of them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use message_service_shared::id::{ConversationId, MessageId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::{DateTime, Document, doc};
use mongodb::options::FindOptions;
use serde::Deserialize;
use tokio::sync::MutexGuard;

use super::connection::Statement;
use super::documents::date;
use super::doubts::{Search, Which};
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
/// Until when nobody moves the mark.
const HELD: &str = "derivedUpToHeld";
/// For how long it is held: until a node that still has reason to holds it again.
const HOLD: Duration = Duration::from_mins(3);

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
        let turn = self.repairing.lock().await;
        self.search(turn).await
    }

    async fn search(&self, _turn: MutexGuard<'_, ()>) -> Result<(), StoreError> {
        let began = self.clock.now();
        // Until it is done, the mark must not move over what it has not come to.
        self.doubts.begin_search();
        let mark: Option<String> = schema::meta(&self.connection, MARK).await?;
        let mut filter = doc! { "_id": { "$gte": mark.unwrap_or_default() } };
        loop {
            let traces = self.traces(filter).await?;
            let Some(last) = traces.last().map(|trace| trace.id.clone()) else { break };
            self.derive_behind(traces).await?;
            filter = doc! { "_id": { "$gt": last.as_str() } };
        }
        self.finish_recalls().await?;
        self.doubts.end_search();
        self.move_mark(began).await
    }

    /// Derives what calls of this process may have left, and looks at their conversations alone.
    /// What can't be derived now keeps nothing else from it.
    pub(super) async fn mend(&self, which: Which) -> Result<(), StoreError> {
        let doubts = stream::iter(self.doubts.list(which));
        let mending = doubts.map(|(id, turn)| async move {
            let began = Instant::now();
            self.derive_all_of(&id).await?;
            self.doubts.settle(&id, turn, began);
            Ok::<_, StoreError>(())
        });
        let mending = mending.buffer_unordered(TOGETHER);
        let outcome = mending.fold(Ok(()), async |all, one| one.and(all)).await;
        self.finish_recalls().await.and(outcome)
    }

    /// Derives a conversation up to its certain end: a failed write may be one that a majority does
    /// not have yet, and no other read would see it.
    async fn derive_all_of(&self, id: &ConversationId) -> Result<(), StoreError> {
        let deriving = async {
            let (row, newest) = tokio::try_join!(self.conversation(id), self.end(id))?;
            let end = row.map(|row| row.last_seq).unwrap_or_default();
            if end < newest { self.derive_between(id, end, newest).await } else { Ok(()) }
        };
        unless_broken(id, deriving.await)
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
        let found: Result<Vec<End>, StoreError> =
            self.connection.find(CONVERSATIONS, doc! { "_id": { "$in": ids } }).await;
        if matches!(found, Err(StoreError::Broken(_))) {
            // One of them can't be read, and only it shall go without.
            for id in newest.keys() {
                self.derive_all_of(id).await?;
            }
            return Ok(());
        }
        let ends: BTreeMap<ConversationId, Seq> =
            found?.into_iter().map(|end| (end.id, end.last_seq)).collect();
        for (id, up_to) in newest {
            let end = ends.get(&id).copied().unwrap_or_default();
            if end < up_to {
                unless_broken(&id, self.derive_between(&id, end, up_to).await)?;
            }
        }
        Ok(())
    }

    /// Ends what was left unended: a search that failed, what has come to something since it
    /// failed, recalls. Then moves the mark on, or holds it where something may not be derived.
    pub(super) async fn move_on(&self) -> Result<(), StoreError> {
        let searched = self.end_search().await;
        let mended = self.mend(Which::All).await;
        let now = self.clock.now();
        let marked = if self.doubts.are_there() {
            self.hold_mark(now).await
        } else {
            self.move_mark_unless_held(now).await
        };
        searched.and(mended).and(marked)
    }

    async fn end_search(&self) -> Result<(), StoreError> {
        if self.doubts.search() != Search::Begun {
            return Ok(());
        }
        match self.repairing.try_lock() {
            Ok(turn) => self.search(turn).await,
            // Somebody is at it.
            Err(_) => Ok(()),
        }
    }

    /// Keeps every node from moving the mark for a while: whoever repairs once this process has
    /// ended must come by what it knew of.
    async fn hold_mark(&self, now: Millis) -> Result<(), StoreError> {
        let update = doc! { "$max": { "value": date(now.saturating_add(millis(HOLD))) } };
        self.connection.update(META, &[Statement::put(doc! { "_id": HELD }, update)]).await
    }

    async fn move_mark_unless_held(&self, now: Millis) -> Result<(), StoreError> {
        let held: Option<DateTime> = schema::meta(&self.connection, HELD).await?;
        if held.is_some_and(|until| date(now) < until) { Ok(()) } else { self.move_mark(now).await }
    }

    pub(super) async fn move_mark(&self, now: Millis) -> Result<(), StoreError> {
        let mark = first_id_at(now.saturating_sub(millis(BEHIND)));
        let update = doc! { "$max": { "value": mark.as_str() } };
        self.connection.update(META, &[Statement::put(doc! { "_id": MARK }, update)]).await
    }
}

/// One conversation that holds what it must not keeps nobody from the others.
pub(super) fn unless_broken(
    id: &ConversationId,
    outcome: Result<(), StoreError>,
) -> Result<(), StoreError> {
    match outcome {
        Err(StoreError::Broken(why)) => {
            tracing::error!(conversation = %id, why, "a conversation can't be derived");
            Ok(())
        }
        outcome => outcome,
    }
}

fn millis(duration: Duration) -> Millis {
    Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
}

/// The least id that a message of this moment may have: a UUID of version 7 begins with its
/// milliseconds in 48 bits (RFC 9562 §5.7).
fn first_id_at(at: Millis) -> MessageId {
    MessageId::from_uuid(u128::from(at) << 80)
}
