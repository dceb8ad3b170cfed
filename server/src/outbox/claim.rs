//! What a node reads and writes of entries while it delivers them.

use std::time::Duration;

use message_service_shared::message::Millis;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::ReturnDocument;

use super::turns::{Seen, Turns};
use super::{DEAD, DONE, Outbox, OutboxError, STATE, entry};

/// How long a claim keeps the others away: far more than a delivery takes.
const LEASE: Duration = Duration::from_mins(1);
/// Unfinished entries that are looked at for some that may go, so that looking takes bounded time
/// however many wait for one conversation.
const LOOKED_AT: i64 = 10_000;
/// Entries in one answer of the server.
const BATCH: u32 = 200;

/// An entry that is this node's for a while.
#[derive(Debug)]
pub(super) struct Claimed {
    pub(super) document: Document,
    pub(super) attempts: i64,
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is delivered.
    Done,
    /// It is to be tried again.
    Later {
        /// Why.
        reason: String,
        /// After so long.
        wait: Duration,
    },
    /// It will never do as it is.
    Dead {
        /// Why.
        reason: String,
    },
}

impl Outbox {
    /// Entries that may go now, oldest first, at most `room`. `busy` are those this node has in
    /// hand.
    pub(super) async fn next(
        &self,
        node: &str,
        now: Millis,
        room: usize,
        busy: &[Bson],
    ) -> Result<Vec<Seen>, OutboxError> {
        let mut fields = doc! { "attempts": 1, "claimedBy": 1, "claimedUntil": 1, "dueAt": 1 };
        fields.extend(entry::ADDRESS.map(|name| (name.to_owned(), Bson::Int32(1))));
        let entries = self.entries();
        let finding = entries
            .find(doc! { STATE: Bson::Null })
            // The state is the same for all; naming it says which index has them in order.
            .sort(doc! { STATE: 1, "_id": 1 })
            .projection(fields)
            .batch_size(BATCH)
            .limit(LOOKED_AT);
        self.call(async {
            let mut turns = Turns::new(room);
            let mut cursor = finding.await?;
            while !turns.are_full() && cursor.advance().await? {
                turns.see(seen(&cursor.deserialize_current()?, node, now, busy));
            }
            Ok(turns.into_next())
        })
        .await
    }

    /// Takes an entry, where it is still as it was seen.
    pub(super) async fn claim(
        &self,
        seen: &Seen,
        node: &str,
        now: Millis,
    ) -> Result<Option<Claimed>, OutboxError> {
        let attempts = attempts(&seen.attempts).saturating_add(1);
        let filter = doc! { "_id": &seen.id, STATE: Bson::Null, "attempts": &seen.attempts };
        let claimed_until = date(now, LEASE);
        let update = doc! { "$set": {
            "attempts": attempts, "claimedBy": node, "claimedUntil": claimed_until,
        } };
        let entries = self.entries();
        let taking =
            entries.find_one_and_update(filter, update).return_document(ReturnDocument::After);
        let found = self.call(taking).await?;
        Ok(found.map(|document| Claimed { document, attempts }))
    }

    /// Says of an entry what has become of it. That it is done or dead holds whoever has it now;
    /// that it is to be tried again is for its claimer to say.
    pub(super) async fn settle(
        &self,
        claimed: &Claimed,
        node: &str,
        now: Millis,
        verdict: &Verdict,
    ) -> Result<(), OutboxError> {
        let id = claimed.document.get("_id").unwrap_or(&Bson::Null);
        let mut filter = doc! { "_id": id, STATE: Bson::Null };
        let at = date(now, Duration::ZERO);
        let mut gone = doc! { "claimedUntil": "" };
        let set = match verdict {
            Verdict::Done => {
                gone.extend(doc! { "dueAt": "", "reason": "" });
                doc! { STATE: DONE, "doneAt": at }
            }
            Verdict::Later { reason, wait } => {
                filter.extend(doc! { "claimedBy": node, "attempts": claimed.attempts });
                gone.insert("claimedBy", "");
                doc! { "dueAt": date(now, *wait), "reason": reason }
            }
            Verdict::Dead { reason } => {
                gone.insert("dueAt", "");
                // Ordered by time and unique, where an `_id` may be of any type.
                let key = uuid::Uuid::now_v7().to_string();
                doc! { STATE: DEAD, "deadAt": at, "deadKey": key, "reason": reason }
            }
        };
        let entries = self.entries();
        let settling = entries.update_one(filter, doc! { "$set": set, "$unset": gone });
        self.call(settling).await.map(drop)
    }

    /// How many are unfinished, and how many are dead.
    pub(super) async fn counts(&self) -> Result<(u64, u64), OutboxError> {
        let entries = self.entries();
        let unfinished = self.call(entries.count_documents(doc! { STATE: Bson::Null })).await?;
        let dead = self.call(entries.count_documents(doc! { STATE: DEAD })).await?;
        Ok((unfinished, dead))
    }
}

fn seen(document: &Document, node: &str, now: Millis, busy: &[Bson]) -> Seen {
    let id = document.get("_id").cloned().unwrap_or(Bson::Null);
    // What this node has claimed and not in hand, it could not settle.
    let is_own = document.get_str("claimedBy").is_ok_and(|by| by == node);
    let is_free = if is_own {
        !busy.contains(&id)
    } else {
        ["claimedUntil", "dueAt"].iter().all(|field| {
            document.get_datetime(field).map_or(true, |until| until <= &date(now, Duration::ZERO))
        })
    };
    let attempts = document.get("attempts").cloned().unwrap_or(Bson::Null);
    Seen { is_free: is_free && !busy.contains(&id), lanes: entry::lanes(document), id, attempts }
}

fn attempts(value: &Bson) -> i64 {
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).unwrap_or_default()
}

fn date(now: Millis, after: Duration) -> DateTime {
    let millis = now.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    DateTime::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}
