//! Opening the file: is it ours, can it be written, is its schema one that we know.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use message_service_shared::id::Epoch;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use uuid::Uuid;

use super::columns::Columns;
use super::migrations;
use crate::store::StoreError;

/// Marks the file as ours: `MSGS`.
const APPLICATION_ID: i32 = 0x4d53_4753;

/// How long SQLite itself waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);

/// Pages that the log may grow to under load without a pause, 32 MiB of them, before a commit has
/// to copy them into the file. In idle moments the writer does it earlier.
const LOG_PAGES: u32 = 8_192;

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 64;

/// Why a file could not be opened. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder is not there.
    #[error("the folder {0:?} does not exist; create it, or configure another path")]
    FolderMissing(PathBuf),
    /// The path names a folder.
    #[error("{0:?} is a folder; the path must name a file")]
    IsFolder(PathBuf),
    /// The file can't be created, or can't be written.
    #[error("{path:?} can't be written ({source}); let the service's user write it and its folder")]
    NotWritable {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is something else.
    #[error("{0:?} is not an SQLite database; configure another path, or restore a backup")]
    NotADatabase(PathBuf),
    /// It is a database, but of another program.
    #[error("{0:?} is a database of another program; configure another path")]
    Foreign(PathBuf),
    /// A later version of the service has written it.
    #[error(
        "{path:?} has schema version {found}, and this version of the service knows {known}; run \
         the newer version of the service, or restore a backup that was made before the upgrade"
    )]
    NewerSchema {
        /// Which file.
        path: PathBuf,
        /// The version of the file.
        found: u32,
        /// The newest version that is known here.
        known: u32,
    },
    /// The file system has no write-ahead log to offer.
    #[error("{path:?} can't be put into WAL mode (it is in {mode}); use a local file system")]
    NoWal {
        /// Which file.
        path: PathBuf,
        /// The mode it is in.
        mode: String,
    },
    /// The writing thread could not be started.
    #[error("the writing thread could not be started: {0}")]
    Thread(#[source] io::Error),
    /// Anything else that SQLite says.
    #[error("{path:?} can't be opened: {source}")]
    Sqlite {
        /// Which file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

impl OpenError {
    fn of(path: &Path, source: rusqlite::Error) -> Self {
        let path = path.to_owned();
        match source.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase(path),
            Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
                Self::NotWritable { path, source }
            }
            _ => Self::Sqlite { path, source },
        }
    }
}

/// The connection that writes, to a file whose schema is up to date.
pub(super) fn for_writing(path: &Path) -> Result<Connection, OpenError> {
    check_place(path)?;
    let failed = |source| OpenError::of(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    check_owner(path, &connection)?;
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(failed)?;
    if mode != "wal" {
        return Err(OpenError::NoWal { path: path.to_owned(), mode });
    }
    prepare(&mut connection).map_err(failed)?;
    Ok(connection)
}

/// A connection that can only read.
pub(super) fn for_reading(path: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::of(path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

fn check_place(path: &Path) -> Result<(), OpenError> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder
        && !fs::metadata(folder).is_ok_and(|found| found.is_dir())
    {
        return Err(OpenError::FolderMissing(folder.to_owned()));
    }
    if path.is_dir() {
        return Err(OpenError::IsFolder(path.to_owned()));
    }
    Ok(())
}

/// Refuses a file that is not ours before anything is written to it.
fn check_owner(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let failed = |source| OpenError::of(path, source);
    let things: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(failed)?;
    let owner: i32 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0)).map_err(failed)?;
    let is_new = things == 0 && owner == 0;
    if owner != APPLICATION_ID && !is_new {
        return Err(OpenError::Foreign(path.to_owned()));
    }
    let (found, known) = (migrations::version(connection).map_err(failed)?, migrations::current());
    if found > known {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, known });
    }
    Ok(())
}

fn prepare(connection: &mut Connection) -> rusqlite::Result<()> {
    // FULL waits for the disk at every commit; NORMAL would let a power cut take back what was
    // acknowledged.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -16_384)?;
    connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrations::migrate(connection, migrations::MIGRATIONS)?;
    let epoch = Uuid::now_v7().to_string();
    connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?1)", [epoch])?;
    Ok(())
}

/// The life of the data set.
pub(super) fn epoch(connection: &Connection) -> Result<Epoch, StoreError> {
    let mut select = connection.prepare_cached("SELECT value FROM meta WHERE name = 'epoch'")?;
    Ok(select.query_one([], |row| row.parsed(0))?)
}

/// Begins another life.
pub(super) fn new_epoch(connection: &Connection) -> Result<Epoch, StoreError> {
    let epoch = Uuid::now_v7().to_string();
    connection.execute("UPDATE meta SET value = ?1 WHERE name = 'epoch'", [epoch])?;
    self::epoch(connection)
}
