//! What an error of SQLite means to whoever asked.

use rusqlite::ErrorCode;

use crate::store::StoreError;
use crate::store::archive::RestoreError;

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match error.sqlite_error_code() {
            // The file contradicts itself or the rules of the schema; trying again won't help.
            Some(
                ErrorCode::ConstraintViolation
                | ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::TypeMismatch
                | ErrorCode::Unknown
                | ErrorCode::TooBig,
            )
            | None => Self::Broken(text),
            // A full disk, a file that is locked or can't be read just now.
            Some(_) => Self::Unavailable(text),
        }
    }
}

impl From<rusqlite::Error> for RestoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// Something that could not be made into JSON, or JSON that could not be read.
pub(super) fn json(error: &serde_json::Error) -> StoreError {
    StoreError::Broken(error.to_string())
}
