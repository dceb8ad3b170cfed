//! Dead letters: entries that can't be delivered as they are, until an operator has seen to it.

use message_service_shared::message::Millis;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use serde::Serialize;

use super::{DEAD, OURS, Outbox, OutboxError, STATE, json};

/// An entry that can't be delivered as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// Its `_id`, an `ObjectId` by its hexadecimal digits.
    pub id: String,
    /// Why.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i64,
    /// Since when.
    pub dead_at: Millis,
    /// As the main app inserted it.
    pub entry: serde_json::Value,
}

/// A page of them, newest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetters {
    /// The page.
    pub entries: Vec<DeadLetter>,
    /// What to ask for as `before` to get the next page; none on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Outbox {
    /// Those that are dead, newest first.
    pub async fn dead(&self, before: Option<&str>, limit: u32) -> Result<DeadLetters, OutboxError> {
        let range = before.map_or_else(|| doc! { "$gt": "" }, |key| doc! { "$lt": key });
        let filter = doc! { "deadKey": range };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let one_more = i64::try_from(limit).unwrap_or(i64::MAX).saturating_add(1);
        let entries = self.entries();
        let finding = entries.find(filter).sort(doc! { "deadKey": -1 }).limit(one_more);
        let mut found: Vec<Document> = self
            .call(async {
                let mut cursor = finding.await?;
                let mut found = Vec::new();
                while cursor.advance().await? {
                    found.push(cursor.deserialize_current()?);
                }
                Ok(found)
            })
            .await?;
        let has_more = found.len() > limit;
        found.truncate(limit);
        let last = found.last().filter(|_| has_more);
        let next = last.and_then(|last| last.get_str("deadKey").ok()).map(str::to_owned);
        Ok(DeadLetters { entries: found.into_iter().map(DeadLetter::from).collect(), next })
    }

    /// Has one tried again as if it were new; whether there is one.
    pub async fn retry(&self, id: &str) -> Result<bool, OutboxError> {
        let mut ids = vec![Bson::from(id)];
        ids.extend(ObjectId::parse_str(id).map(Bson::from));
        let filter = doc! { "_id": { "$in": ids }, STATE: DEAD };
        let outcome = self.call(self.entries().update_one(filter, anew())).await?;
        Ok(outcome.matched_count > 0)
    }

    /// Has all of them tried again; how many there were.
    pub async fn retry_all(&self) -> Result<u64, OutboxError> {
        let outcome = self.call(self.entries().update_many(doc! { STATE: DEAD }, anew())).await?;
        Ok(outcome.matched_count)
    }
}

/// Takes away what the service has written.
fn anew() -> Document {
    let ours: Document = OURS.iter().map(|field| ((*field).to_owned(), "".into())).collect();
    doc! { "$unset": ours }
}

impl From<Document> for DeadLetter {
    fn from(mut document: Document) -> Self {
        let id = document.get("_id").map(json::id_text).unwrap_or_default();
        let reason = document.get_str("reason").unwrap_or_default().to_owned();
        let attempts = document.get_i64("attempts").unwrap_or_default();
        let dead_at = document.get_datetime("deadAt").map(|at| at.timestamp_millis());
        let dead_at = dead_at.ok().and_then(|at| Millis::try_from(at).ok()).unwrap_or_default();
        for field in OURS {
            document.remove(field);
        }
        Self { id, reason, attempts, dead_at, entry: json::of_document(&document) }
    }
}
