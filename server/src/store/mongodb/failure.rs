//! What an error of the driver means to whoever asked.

use mongodb::error::{Error, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure};

use crate::store::StoreError;

/// A unique index holds the key already. Which one is not said here: not every server names it.
pub(super) const DUPLICATE_KEY: i32 = 11_000;
/// A transaction or a wait was given up by the server, with no word on what it had written.
const TIMED_OUT: [i32; 4] = [50, 64, 89, 262];
/// What a server answers that is not, or no longer, the one that writes (SDAM specification).
const NOT_PRIMARY: [i32; 10] = [91, 189, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436, 6, 7];
/// The user that the address names may not do it.
const UNAUTHORIZED: [i32; 2] = [13, 18];

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        let text = error.kind.to_string();
        match &*error.kind {
            ErrorKind::Authentication { .. }
            | ErrorKind::DnsResolve { .. }
            | ErrorKind::Io(_)
            | ErrorKind::ConnectionPoolCleared { .. }
            | ErrorKind::ServerSelection { .. } => Self::Unavailable(text),
            _ if error.contains_label(RETRYABLE_WRITE_ERROR) => Self::Unavailable(text),
            _ => match code(&error) {
                Some(code)
                    if TIMED_OUT.contains(&code)
                        || NOT_PRIMARY.contains(&code)
                        || UNAUTHORIZED.contains(&code) =>
                {
                    Self::Unavailable(text)
                }
                _ if is_unsure(&error) => Self::Unavailable(text),
                _ => Self::Broken(text),
            },
        }
    }
}

/// Whether a write was kept out by a unique index.
pub(super) fn is_duplicate(error: &Error) -> bool {
    code(error) == Some(DUPLICATE_KEY)
}

/// Whether the same command may well be answered if it is sent once more.
pub(super) fn is_passing(error: &Error) -> bool {
    matches!(&*error.kind, ErrorKind::Io(_) | ErrorKind::ConnectionPoolCleared { .. })
        || error.contains_label(RETRYABLE_WRITE_ERROR)
        || code(error).is_some_and(|code| NOT_PRIMARY.contains(&code))
}

/// The positions of an unordered or ordered insert that a unique index kept out; nothing where it
/// failed otherwise.
pub(super) fn kept_out(error: &Error) -> Option<Vec<usize>> {
    let ErrorKind::InsertMany(failed) = &*error.kind else { return None };
    if failed.write_concern_error.is_some() {
        return None;
    }
    let errors = failed.write_errors.as_deref().unwrap_or_default();
    let all = errors.iter().all(|error| error.code == DUPLICATE_KEY);
    all.then(|| errors.iter().map(|error| error.index).collect())
}

fn code(error: &Error) -> Option<i32> {
    match &*error.kind {
        ErrorKind::Command(failed) => Some(failed.code),
        ErrorKind::Write(WriteFailure::WriteError(failed)) => Some(failed.code),
        ErrorKind::Write(WriteFailure::WriteConcernError(failed)) => Some(failed.code),
        ErrorKind::InsertMany(failed) => {
            failed.write_errors.iter().flatten().next().map(|error| error.code)
        }
        _ => None,
    }
}

/// It was written, and not by as many servers as it has to be.
fn is_unsure(error: &Error) -> bool {
    match &*error.kind {
        ErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        ErrorKind::InsertMany(failed) => failed.write_concern_error.is_some(),
        _ => false,
    }
}
