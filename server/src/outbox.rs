//! What the main app wants said, left in its own MongoDB database inside its own transactions.
//!
//! An entry is claimed, said by a call of the service, and marked done or dead. Several nodes look
//! at one outbox at once, and none of them leads.
//!
//! Each entry is delivered once because its `_id` is the message's name: whoever delivers it again
//! is told of the message that is there. So a claim only saves work. It runs by wall clocks, and a
//! node that is slow, or whose clock is wrong, costs a call and never a second message. A time that
//! lies further ahead than an honest one can is over, so a clock that is wrong holds nobody back.
//!
//! A claim that was never answered may be of a node that the entry has ended. Such an entry is tried
//! alone, and after some more of them not any more.
//!
//! An entry waits while an older one is unfinished that goes to one of the same conversations. What
//! is unfinished is read in the order of an index whose keys don't move until an entry ends
//! (`state` is absent until then), so no entry is missed while others change; and a claim holds only
//! where the entry is still as it was seen.
//!
//! Deliberately not here: deciding what may be said, deleting what is done (the main app's own, by
//! a TTL index where it likes), and being told of entries: an outbox is looked at twice a second,
//! because not every server of the protocol has change streams.

mod backoff;
mod claim;
mod dead;
mod deliver;
mod entry;
mod json;
mod turns;
mod work;

pub use self::dead::{DeadLetter, DeadLetters};
pub(crate) use self::work::Worker;

use std::future::IntoFuture;

use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Collection, IndexModel};

use crate::store::StoreError;
use crate::store::mongodb::ConnectError;
use crate::store::mongodb::connection::Connection;

/// The collection that the main app inserts into.
const COLLECTION: &str = "outbox";

/// What has become of an entry; absent while it is unfinished.
const STATE: &str = "state";
const DONE: &str = "done";
const DEAD: &str = "dead";

/// The fields that the service writes into an entry, and the main app doesn't.
const OURS: [&str; 10] = [
    STATE,
    "attempts",
    "claimedBy",
    "claimedUntil",
    "leftBy",
    "dueAt",
    "reason",
    "doneAt",
    "deadAt",
    "deadKey",
];

/// The way to an outbox.
#[derive(Clone, Debug)]
pub struct Outbox {
    connection: Connection,
}

/// Why nothing could be done with an outbox.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OutboxError {
    /// It can't be reached, or is too busy; the same call again is safe.
    #[error("the outbox is not available: {0}")]
    Unavailable(String),
    /// Its server refuses what is asked of it.
    #[error("the outbox does not work: {0}")]
    Broken(String),
}

impl From<StoreError> for OutboxError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(text) => Self::Unavailable(text),
            StoreError::Broken(text) => Self::Broken(text),
        }
    }
}

impl Outbox {
    /// The outbox in a database of the main app, as in `mongodb://HOST:PORT/DATABASE`. Nothing is
    /// reached yet.
    pub async fn open(address: &str) -> Result<Self, ConnectError> {
        Ok(Self { connection: Connection::new(address, None).await? })
    }

    /// Makes the collection and its indexes where they are missing. Where the main app has made
    /// them, nothing is asked that needs more than reading and updating entries.
    async fn prepare(&self) -> Result<(), OutboxError> {
        // What is unfinished, oldest first; and how many are dead.
        let keys = [doc! { STATE: 1, "_id": 1 }, doc! { "deadKey": 1 }];
        if self.has_indexes(&keys).await {
            return Ok(());
        }
        let [unfinished, dead] = keys.map(|keys| IndexModel::builder().keys(keys));
        // Dead letters, newest first. Sparse, so that no other entry is in it.
        let sparse = IndexOptions::builder().sparse(true).build();
        let (unfinished, dead) = (unfinished.build(), dead.options(sparse).build());
        self.call(self.entries().create_indexes([unfinished, dead])).await.map(drop)
    }

    /// Whether it is sure that they are there: a collection that is not has no list of indexes.
    async fn has_indexes(&self, keys: &[Document]) -> bool {
        let entries = self.entries();
        let listing = async {
            let mut cursor = entries.list_indexes().await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(names(&cursor.deserialize_current()?.keys));
            }
            Ok(found)
        };
        let found = self.call(listing).await.unwrap_or_default();
        keys.iter().all(|keys| found.contains(&names(keys)))
    }

    fn entries(&self) -> Collection<Document> {
        self.connection.collection(COLLECTION)
    }

    async fn call<T>(
        &self,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, OutboxError> {
        Ok(self.connection.call(call).await?)
    }
}

/// An index's fields in order. Servers write the directions as different types of numbers.
fn names(keys: &Document) -> Vec<String> {
    keys.keys().cloned().collect()
}
