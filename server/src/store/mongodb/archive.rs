//! Moving the whole of it.
//!
//! There is no transaction here, so an import that is cut off between two writes has written a part
//! of a block and not noted it. The block comes again then, and what is there of it stays.

mod pages;
mod restore;

use async_trait::async_trait;
use message_service_shared::id::Epoch;
use mongodb::bson::{Document, doc};

use super::connection::{Statement, bson};
use super::{Core, META, MongoStore, schema};
use crate::clock::Clock;
use crate::store::StoreError;
use crate::store::archive::{Archive, Place, Progress, Record, RestoreError, Stage, Tally};

/// The fact that an import is under way, and how far it is.
const IMPORT: &str = "import";

#[async_trait]
impl Archive for MongoStore {
    async fn page(&self, after: &Place, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.core.archive_page(after, limit).await
    }

    async fn tally(&self) -> Result<Tally, StoreError> {
        self.core.tally().await
    }

    async fn begin(&self, epoch: &Epoch) -> Result<Stage, RestoreError> {
        self.core.begin(epoch).await
    }

    async fn restore(&self, records: Vec<Record>, progress: Progress) -> Result<(), RestoreError> {
        self.core.restore(&records).await?;
        Ok(self.core.note(&progress).await?)
    }

    async fn unfinished(&self) -> Result<Option<Progress>, StoreError> {
        schema::meta(&self.core.connection, IMPORT).await
    }

    async fn finish(&self) -> Result<(), StoreError> {
        // All is derived already, and need not be once more when the first node starts.
        self.core.move_mark(self.core.clock.now()).await?;
        let facts = self.core.connection.collection::<Document>(META);
        self.core.connection.call(facts.delete_one(doc! { "_id": IMPORT })).await.map(drop)
    }

    async fn new_epoch(&self) -> Result<Epoch, StoreError> {
        let epoch = schema::new_epoch(&self.core.connection).await?;
        self.core.forget_epoch();
        Ok(epoch)
    }
}

impl Core {
    async fn begin(&self, wanted: &Epoch) -> Result<Stage, RestoreError> {
        let held = self.epoch().await?;
        let progress: Option<Progress> = schema::meta(&self.connection, IMPORT).await?;
        let is_empty = self.tally().await? == Tally::default();
        if held != *wanted && !is_empty {
            return Err(RestoreError::OtherDataSet { held, wanted: wanted.clone() });
        }
        if progress.is_none() && !is_empty {
            return Ok(Stage::Complete);
        }
        // First that it is not whole, then whose it is.
        let progress = progress.unwrap_or_default();
        self.note(&progress).await?;
        let update = doc! { "$set": { "value": wanted.as_str() } };
        self.connection.update(META, &[Statement::put(doc! { "_id": "epoch" }, update)]).await?;
        self.forget_epoch();
        Ok(Stage::Importing(progress))
    }

    async fn note(&self, progress: &Progress) -> Result<(), StoreError> {
        let update = doc! { "$set": { "value": bson(progress)? } };
        self.connection.update(META, &[Statement::put(doc! { "_id": IMPORT }, update)]).await
    }
}
