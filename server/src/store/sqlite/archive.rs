//! Moving the whole of it.

pub(super) mod pages;
mod restore;

use async_trait::async_trait;
use message_service_shared::id::Epoch;
use rusqlite::{Connection, OptionalExtension};

use super::columns::{Columns, json};
use super::desk::Desk;
use super::{SqliteStore, open};
use crate::store::StoreError;
use crate::store::archive::{Archive, Place, Progress, Record, RestoreError, Stage, Tally};

#[async_trait]
impl Archive for SqliteStore {
    async fn page(&self, after: &Place, limit: usize) -> Result<Vec<Record>, StoreError> {
        let after = after.clone();
        self.readers.read(move |connection| pages::page(connection, &after, limit)).await
    }

    async fn tally(&self) -> Result<Tally, StoreError> {
        self.readers.read(pages::tally).await
    }

    async fn begin(&self, epoch: &Epoch) -> Result<Stage, RestoreError> {
        let epoch = epoch.clone();
        self.writer.write(move |desk| desk.begin(&epoch)).await?
    }

    async fn restore(&self, records: Vec<Record>, progress: Progress) -> Result<(), RestoreError> {
        self.writer.write(move |desk| desk.restore(&records, &progress)).await?
    }

    async fn unfinished(&self) -> Result<Option<Progress>, StoreError> {
        self.readers.read(progress).await
    }

    async fn finish(&self) -> Result<(), StoreError> {
        self.writer
            .write(|desk| {
                desk.connection.execute("DELETE FROM meta WHERE name = 'import'", [])?;
                Ok(())
            })
            .await
    }

    async fn new_epoch(&self) -> Result<Epoch, StoreError> {
        self.writer.write(|desk| open::new_epoch(&desk.connection)).await
    }
}

impl Desk {
    fn begin(&mut self, wanted: &Epoch) -> Result<Result<Stage, RestoreError>, StoreError> {
        let (held, progress) = (open::epoch(&self.connection)?, progress(&self.connection)?);
        let is_empty = pages::tally(&self.connection)? == Tally::default();
        Ok(match progress {
            _ if held != *wanted && !is_empty => {
                Err(RestoreError::OtherDataSet { held, wanted: wanted.clone() })
            }
            None if !is_empty => Ok(Stage::Complete),
            progress => {
                let progress = progress.unwrap_or_default();
                let mut update = self
                    .connection
                    .prepare_cached("UPDATE meta SET value = ?1 WHERE name = 'epoch'")?;
                update.execute([wanted.as_str()])?;
                note(&self.connection, &progress)?;
                Ok(Stage::Importing(progress))
            }
        })
    }
}

/// How far an import has come that was begun and not finished.
fn progress(connection: &Connection) -> Result<Option<Progress>, StoreError> {
    let mut select = connection.prepare_cached("SELECT value FROM meta WHERE name = 'import'")?;
    Ok(select.query_one([], |row| row.json(0)).optional()?.flatten())
}

fn note(connection: &Connection, progress: &Progress) -> Result<(), StoreError> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO meta (name, value) VALUES ('import', ?1)
         ON CONFLICT (name) DO UPDATE SET value = ?1",
    )?;
    upsert.execute([json(progress)?])?;
    Ok(())
}
