//! What a node reads and writes of entries while it delivers them.

use std::time::Duration;

use message_service_shared::message::Millis;
use mongodb::bson::{Bson, DateTime, Document, doc};
use mongodb::options::ReturnDocument;

use super::turns::{Room, Seen, Turns};
use super::{DEAD, DONE, Outbox, OutboxError, STATE, backoff, entry};

/// How long a claim keeps the others away: far more than a delivery takes.
const LEASE: Duration = Duration::from_mins(1);
/// How far ahead of this node's clock another one's may be and still be believed.
const SLACK: Duration = Duration::from_mins(1);
/// Unfinished entries that are looked at for some that may go, so that looking takes bounded time
/// however many wait for one conversation.
const LOOKED_AT: i64 = 10_000;
/// Entries that are counted at most, so that counting takes bounded time as well.
const COUNTED: u64 = 100_000;
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
    /// Entries that may go now, oldest first, as many as there is room for. `busy` are those this
    /// node has in hand.
    pub(super) async fn next(
        &self,
        node: &str,
        now: Millis,
        room: Room,
        busy: &[Bson],
    ) -> Result<Vec<Seen>, OutboxError> {
        let mut fields =
            doc! { "attempts": 1, "claimedBy": 1, "claimedUntil": 1, "dueAt": 1, "leftBy": 1 };
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
        let mut set =
            doc! { "attempts": attempts, "claimedBy": node, "claimedUntil": claimed_until };
        if !seen.left_by.is_empty() {
            set.insert("leftBy", &seen.left_by);
        }
        let entries = self.entries();
        let taking = entries
            .find_one_and_update(filter, doc! { "$set": set })
            .return_document(ReturnDocument::After);
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
        let mut gone = doc! { "claimedUntil": "", "leftBy": "" };
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

    /// How many are in a state, as a gauge has it.
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
    pub(super) async fn count(&self, state: impl Into<Bson>) -> Result<f64, OutboxError> {
        let entries = self.entries();
        let counting = entries.count_documents(doc! { STATE: state.into() }).limit(COUNTED);
        Ok(self.call(counting).await? as f64)
    }
}

fn seen(document: &Document, node: &str, now: Millis, busy: &[Bson]) -> Seen {
    let id = document.get("_id").cloned().unwrap_or(Bson::Null);
    // What this node has claimed and not in hand, it could not settle.
    let is_own = document.get_str("claimedBy").is_ok_and(|by| by == node);
    let is_over = |field: &str, longest: Duration| {
        document.get_datetime(field).map_or(true, |until| !is_to_come(*until, now, longest))
    };
    let is_free = is_own || is_over("claimedUntil", LEASE) && is_over("dueAt", backoff::LONGEST);
    Seen {
        is_free: is_free && !busy.contains(&id),
        attempts: document.get("attempts").cloned().unwrap_or(Bson::Null),
        lanes: entry::lanes(document),
        left_by: left_by(document, node),
        id,
    }
}

/// Who has left an entry. An answer takes the claim away, so another node's that still stands there
/// has none. Whoever looks is there, and of the others each counts once: clocks that differ may take
/// an entry from those who live, time and again, and it is not the entry's fault.
fn left_by(document: &Document, node: &str) -> Vec<String> {
    let before = document.get_array("leftBy").map(Vec::as_slice).unwrap_or_default();
    let claimer = document.get_str("claimedBy").ok();
    let mut left_by: Vec<String> = Vec::new();
    for other in before.iter().filter_map(Bson::as_str).chain(claimer) {
        if other != node && left_by.iter().all(|known| known != other) {
            left_by.push(other.to_owned());
        }
    }
    left_by
}

/// Whether what another node wrote is still to come. What lies further ahead than `longest`, by more
/// than clocks differ, was written by a clock that was wrong: to wait for it would hold back a
/// conversation for as long as that clock was ahead.
fn is_to_come(until: DateTime, now: Millis, longest: Duration) -> bool {
    let honest = longest.saturating_add(SLACK);
    date(now, Duration::ZERO) < until && until <= date(now, honest)
}

fn attempts(value: &Bson) -> i64 {
    value.as_i64().or_else(|| value.as_i32().map(i64::from)).unwrap_or_default()
}

fn date(now: Millis, after: Duration) -> DateTime {
    let millis = now.saturating_add(u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
    DateTime::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 1_700_000_000_000;

    fn is_free(field: &str, ahead: Duration) -> bool {
        let entry = doc! { "_id": "a", "claimedBy": "another", field: date(NOW, ahead) };
        seen(&entry, "this", NOW, &[]).is_free
    }

    #[test]
    fn an_entry_is_waited_for_until_its_time_has_come() {
        for (field, longest) in [("claimedUntil", LEASE), ("dueAt", backoff::LONGEST)] {
            assert!(is_free(field, Duration::ZERO), "{field}");
            assert!(!is_free(field, Duration::from_millis(1)), "{field}");
            assert!(!is_free(field, longest + SLACK), "{field} of a clock that is a little ahead");
        }
    }

    #[test]
    fn a_time_that_only_a_wrong_clock_can_have_written_holds_nobody_back() {
        for (field, longest) in [("claimedUntil", LEASE), ("dueAt", backoff::LONGEST)] {
            assert!(is_free(field, longest + SLACK + Duration::from_millis(1)), "{field}");
            assert!(is_free(field, Duration::from_hours(1)), "{field}");
        }
    }

    #[test]
    fn what_this_node_has_in_hand_is_not_free_and_what_it_could_not_settle_is() {
        let entry = doc! { "_id": "a", "claimedBy": "this", "claimedUntil": date(NOW, LEASE) };
        assert!(!seen(&entry, "this", NOW, &[Bson::from("a")]).is_free);
        assert!(seen(&entry, "this", NOW, &[]).is_free);
    }

    #[test]
    fn an_entry_was_left_by_every_other_node_that_claimed_it_and_never_answered() {
        let left_by = |entry: Document| seen(&entry, "this", NOW, &[]).left_by;
        assert_eq!(left_by(doc! { "_id": "a" }), [""; 0]);
        assert_eq!(left_by(doc! { "_id": "a", "claimedBy": "this" }), [""; 0]);
        assert_eq!(left_by(doc! { "_id": "a", "claimedBy": "one" }), ["one"]);
        let before = vec!["one", "two"];
        assert_eq!(
            left_by(doc! { "_id": "a", "claimedBy": "three", "leftBy": &before }),
            ["one", "two", "three"]
        );
        for claimer in ["this", "two"] {
            let entry = doc! { "_id": "a", "claimedBy": claimer, "leftBy": &before };
            assert_eq!(left_by(entry), before, "claimed by {claimer}");
        }
        let entry = doc! { "_id": "a", "claimedBy": "one", "leftBy": ["this", "two"] };
        assert_eq!(left_by(entry), ["two", "one"]);
    }
}
