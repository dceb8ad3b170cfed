//! The way to the servers: how the driver is set up, and how long anything may take.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use mongodb::options::{
    Acknowledgment, ClientOptions, DatabaseOptions, ReadConcern, SelectionCriteria, WriteConcern,
};
use mongodb::{Client, Collection, Database};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::failure::{DUPLICATE_KEY, is_passing, told};
use crate::store::StoreError;

/// The database where the address names none.
const DATABASE: &str = "message_service";
/// No call takes longer, whatever the network and the servers do.
const CALL: Duration = Duration::from_secs(10);
/// How long a server that can write is waited for: an election takes less.
const SELECTION: Duration = Duration::from_secs(5);
/// A server that was found not to be the one that writes is looked at again after so long.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);
/// How long a majority of the servers may take to write; shorter than a call, so that it is the
/// server that says so.
const MAJORITY_MS: i64 = 8_000;
/// Connections to each server at most.
const CONNECTIONS: u32 = 64;

/// Why the servers could not be used.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The address is none.
    #[error("the MongoDB address can't be read ({0}); it looks like mongodb://HOST:PORT/DATABASE")]
    Address(#[source] mongodb::error::Error),
}

/// A database, and how to speak to it.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    database: Database,
    /// For whoever reads that it can't be reached.
    hosts: Arc<str>,
}

impl Connection {
    /// Sets the driver up. Nothing is reached yet. `listener` hears of every command.
    pub(crate) async fn new(
        address: &str,
        listener: Option<EventHandler<CommandEvent>>,
    ) -> Result<Self, ConnectError> {
        let mut options = ClientOptions::parse(address).await.map_err(ConnectError::Address)?;
        options.app_name.get_or_insert_with(|| "message-service".to_owned());
        options.server_selection_timeout.get_or_insert(SELECTION);
        options.connect_timeout.get_or_insert(CONNECT);
        options.heartbeat_freq.get_or_insert(HEARTBEAT);
        options.max_pool_size.get_or_insert(CONNECTIONS);
        options.command_event_handler = listener;
        let hosts = options.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let name = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
        let client = Client::with_options(options).map_err(ConnectError::Address)?;
        // Acknowledged is what a majority has on its disks, and nothing else is read: what was
        // read once can't be taken back by an election.
        let durable = WriteConcern::builder()
            .w(Acknowledgment::Majority)
            .journal(true)
            .w_timeout(Duration::from_millis(MAJORITY_MS.unsigned_abs()))
            .build();
        let options = DatabaseOptions::builder()
            .read_concern(ReadConcern::majority())
            .write_concern(durable)
            .selection_criteria(SelectionCriteria::ReadPreference(
                mongodb::options::ReadPreference::Primary,
            ))
            .build();
        Ok(Self { database: client.database_with_options(&name, options), hosts: hosts.into() })
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    pub(crate) fn collection<T: Send + Sync>(&self, name: &str) -> Collection<T> {
        self.database.collection(name)
    }

    /// Waits for a call, and not for ever.
    pub(crate) async fn call<T>(
        &self,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<T, StoreError> {
        match self.attempt(call).await {
            Ok(outcome) => outcome.map_err(|error| self.named(error)),
            Err(late) => Err(late),
        }
    }

    /// The same, for whoever looks at the driver's error before it is one of the store's.
    pub(super) async fn attempt<T>(
        &self,
        call: impl IntoFuture<Output = mongodb::error::Result<T>>,
    ) -> Result<mongodb::error::Result<T>, StoreError> {
        tokio::time::timeout(CALL, call).await.map_err(|_| {
            StoreError::Unavailable(format!("MongoDB at {} did not answer in {CALL:?}", self.hosts))
        })
    }

    /// An error that says which servers it is about.
    pub(super) fn named(&self, error: mongodb::error::Error) -> StoreError {
        match StoreError::from(error) {
            StoreError::Unavailable(text) => {
                StoreError::Unavailable(format!("MongoDB at {}: {text}", self.hosts))
            }
            broken @ StoreError::Broken(_) => broken,
        }
    }

    /// All documents that a filter finds.
    pub(super) async fn find<T: DeserializeOwned + Send + Sync>(
        &self,
        collection: &str,
        filter: Document,
    ) -> Result<Vec<T>, StoreError> {
        let collection = self.collection::<T>(collection);
        self.call(async {
            let mut cursor = collection.find(filter).await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        })
        .await
    }

    /// Runs statements as one command for each thousand, in any order. Each has to be one that may
    /// be run twice: a command that may have been lost is sent once more.
    pub(super) async fn update(
        &self,
        collection: &str,
        statements: &[Statement],
    ) -> Result<(), StoreError> {
        for statements in statements.chunks(STATEMENTS) {
            let command = doc! {
                "update": collection,
                "updates": statements.iter().map(Statement::to_document).collect::<Vec<_>>(),
                "ordered": false,
                "writeConcern": {
                    "w": "majority", "j": true, "wtimeout": MAJORITY_MS,
                },
            };
            for attempt in 1..=TRIES {
                let outcome = self.attempt(self.database.run_command(command.clone())).await?;
                let again = match &outcome {
                    Ok(reply) => has_raced(reply),
                    Err(error) => is_passing(error),
                };
                if !again || attempt == TRIES {
                    self.check(&outcome.map_err(|error| self.named(error))?)?;
                    break;
                }
            }
        }
        Ok(())
    }

    /// A command's reply may say of its statements that they failed.
    fn check(&self, reply: &Document) -> Result<(), StoreError> {
        let failed = reply.get_array("writeErrors").ok().filter(|errors| !errors.is_empty());
        if let Some(errors) = failed {
            let code = |error: &Bson| error.as_document()?.get_i32("code").ok();
            let refused = |error: &Bson| {
                let text = format!("MongoDB at {}: an update was refused: {error}", self.hosts);
                told(code(error).unwrap_or_default(), text)
            };
            // What never will do is told first: it is the one that somebody has to look at.
            let mut all = errors.iter().map(refused);
            let broken = all.find(|error| matches!(error, StoreError::Broken(_)));
            return Err(broken.unwrap_or_else(|| refused(&errors[0])));
        }
        match reply.get_document("writeConcernError") {
            Ok(error) => {
                let text = format!("MongoDB at {}: too few have it: {error}", self.hosts);
                Err(StoreError::Unavailable(text))
            }
            Err(_) => Ok(()),
        }
    }
}

/// How often a command is sent before it has failed.
const TRIES: usize = 3;

/// Whether two made the same document at the same moment: the second finds it now.
fn has_raced(reply: &Document) -> bool {
    let errors = reply.get_array("writeErrors").map(Vec::as_slice).unwrap_or_default();
    let code = |error: &Bson| error.as_document().and_then(|error| error.get_i32("code").ok());
    errors.iter().any(|error| code(error) == Some(DUPLICATE_KEY))
}

/// Statements in one command. A server takes a hundred times as many.
const STATEMENTS: usize = 1_000;

/// A change of one document, or its making.
#[derive(Clone, Debug)]
pub(super) struct Statement {
    filter: Document,
    update: Document,
    upsert: bool,
}

impl Statement {
    /// Changes the document where it is as the filter says.
    pub(super) const fn change(filter: Document, update: Document) -> Self {
        Self { filter, update, upsert: false }
    }

    /// Makes the document where there is none; changes nothing where there is one.
    pub(super) fn make(filter: Document, document: Document) -> Self {
        Self { filter, update: doc! { "$setOnInsert": document }, upsert: true }
    }

    /// Changes the document, or makes it.
    pub(super) const fn put(filter: Document, update: Document) -> Self {
        Self { filter, update, upsert: true }
    }

    fn to_document(&self) -> Document {
        doc! { "q": &self.filter, "u": &self.update, "upsert": self.upsert, "multi": false }
    }
}

/// What serde writes, as BSON.
pub(super) fn bson<T: Serialize>(value: &T) -> Result<Bson, StoreError> {
    mongodb::bson::serialize_to_bson(value).map_err(|error| StoreError::Broken(error.to_string()))
}

/// What serde writes, as a document.
pub(super) fn document<T: Serialize>(value: &T) -> Result<Document, StoreError> {
    mongodb::bson::serialize_to_document(value)
        .map_err(|error| StoreError::Broken(error.to_string()))
}
