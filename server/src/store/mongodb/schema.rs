//! The collections, their indexes, and the version of both.
//!
//! Every unique index begins with the key that its collection is sharded by: messages and
//! conversations by conversation, all else by user. What is asked often names that key, and so goes
//! to one shard.

use message_service_shared::id::Epoch;
use mongodb::IndexModel;
use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use serde::Deserialize;
use uuid::Uuid;

use super::connection::{ConnectError, Connection, Statement};
use super::{MEMBERS, MESSAGES, META, PRESENCE, WAITING};
use crate::store::StoreError;

/// The version that this code writes and reads.
const VERSION: i64 = 2;

/// Why a database could not be used. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address does not do.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It can't be reached, or does not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A later version of the service has written it.
    #[error(
        "the database `{name}` has schema version {found}, and this version of the service knows \
         {VERSION}; run the newer version of the service, or restore a backup that was made before \
         the upgrade"
    )]
    Newer {
        /// Which database.
        name: String,
        /// Its version.
        found: i64,
    },
    /// Nobody has made the collections, or not all of them.
    #[error(
        "the database `{name}` has no collections of the service yet, or older ones; run \
         `message-service migrate`, or let `migrate_at_start` be true"
    )]
    NotMigrated {
        /// Which database.
        name: String,
    },
}

/// An index: its fields in order, 1 or -1 each, and whether it keeps doubles out.
struct Index {
    collection: &'static str,
    fields: &'static [(&'static str, i32)],
    is_unique: bool,
}

const INDEXES: &[Index] = &[
    // A position is used once; pages, gaps, the newest one.
    Index { collection: MESSAGES, fields: &[("conversation", 1), ("seq", 1)], is_unique: true },
    // A resend is found by its name.
    Index {
        collection: MESSAGES,
        fields: &[("conversation", 1), ("sender", 1), ("clientMsgId", 1)],
        is_unique: true,
    },
    // Login and audits: those of a user that may be unread.
    Index { collection: MEMBERS, fields: &[("user", 1), ("maybeUnread", 1)], is_unique: false },
    // The list of a user, newest first.
    Index {
        collection: MEMBERS,
        fields: &[("user", 1), ("maybeListed", 1), ("lastAt", -1), ("conversation", -1)],
        is_unique: false,
    },
    // The members of a group. It changes only when somebody joins.
    Index { collection: MEMBERS, fields: &[("conversation", 1)], is_unique: false },
    // Who is online where, and what to forget of a node that is dead.
    Index { collection: PRESENCE, fields: &[("user", 1), ("node", 1)], is_unique: true },
    Index { collection: PRESENCE, fields: &[("node", 1)], is_unique: false },
    // What is to be told to the main app, and what was and can be forgotten.
    Index { collection: WAITING, fields: &[("dueAt", 1)], is_unique: false },
    Index { collection: WAITING, fields: &[("doneAt", 1)], is_unique: false },
];

/// A document of `meta`.
#[derive(Debug, Deserialize)]
struct Meta<T> {
    value: T,
}

/// The version that the database has; 0 where it has none.
async fn version(connection: &Connection) -> Result<i64, StoreError> {
    Ok(meta(connection, "schema").await?.unwrap_or_default())
}

/// A fact of the whole data set.
pub(super) async fn meta<T>(connection: &Connection, name: &str) -> Result<Option<T>, StoreError>
where
    T: serde::de::DeserializeOwned + Send + Sync,
{
    let facts = connection.collection::<Meta<T>>(META);
    let found = connection.call(facts.find_one(doc! { "_id": name })).await?;
    Ok(found.map(|found| found.value))
}

fn newer(connection: &Connection, found: i64) -> OpenError {
    OpenError::Newer { name: connection.database().name().to_owned(), found }
}

/// Refuses a database that this code does not know, or that nobody has prepared.
pub(super) async fn check(connection: &Connection) -> Result<(), OpenError> {
    match version(connection).await? {
        found if found > VERSION => Err(newer(connection, found)),
        VERSION => Ok(()),
        _ => Err(OpenError::NotMigrated { name: connection.database().name().to_owned() }),
    }
}

/// Makes whatever is missing. Several nodes may do so at once, and twice.
pub(super) async fn migrate(connection: &Connection) -> Result<(), OpenError> {
    let found = version(connection).await?;
    if found > VERSION {
        return Err(newer(connection, found));
    }
    if found == VERSION {
        return Ok(());
    }
    for Index { collection, fields, is_unique } in INDEXES {
        let keys: Document =
            fields.iter().map(|(field, order)| ((*field).to_owned(), (*order).into())).collect();
        let options = IndexOptions::builder().unique(is_unique.then_some(true)).build();
        let index = IndexModel::builder().keys(keys).options(options).build();
        let collection = connection.collection::<Document>(collection);
        connection.call(collection.create_index(index)).await?;
    }
    let epoch = doc! { "value": Uuid::now_v7().to_string() };
    let schema = doc! { "$max": { "value": VERSION } };
    let statements = [
        Statement::make(doc! { "_id": "epoch" }, epoch),
        Statement::put(doc! { "_id": "schema" }, schema),
    ];
    Ok(connection.update(META, &statements).await?)
}

/// Begins another life of the data set.
pub(super) async fn new_epoch(connection: &Connection) -> Result<Epoch, StoreError> {
    let epoch = Uuid::now_v7();
    let update = doc! { "$set": { "value": epoch.to_string() } };
    connection.update(META, &[Statement::put(doc! { "_id": "epoch" }, update)]).await?;
    Ok(Epoch::from_uuid(epoch.as_u128()))
}
