//! What an error of the driver means to whoever asked.

use std::collections::BTreeMap;

use mongodb::error::{Error, ErrorKind, RETRYABLE_WRITE_ERROR, WriteFailure};

use crate::store::StoreError;

/// A unique index holds the key already. Which one is not said here: not every server names it.
pub(super) const DUPLICATE_KEY: i32 = 11_000;
/// A transaction or a wait was given up by the server, with no word on what it had written.
const TIMED_OUT: [i32; 4] = [50, 64, 89, 262];
/// What a server answers that is not, or no longer, the one that writes (SDAM specification).
const NOT_PRIMARY: [i32; 10] = [91, 189, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436, 6, 7];
/// What passes by itself: no server of a shard to be read from or with a majority yet, a lost
/// cursor or socket, too many at once, a chunk that moves (the drivers' retryable reads, and
/// MongoDB's `error_codes.yml`).
const NOT_NOW: [i32; 8] = [43, 112, 133, 134, 202, 365, 9_001, 13_388];
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
            _ if is_unsure(&error) => Self::Unavailable(text),
            _ => match code(&error) {
                Some(code) => told(code, text),
                None => Self::Broken(text),
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

/// Why a document of an insert was not stored.
#[derive(Clone, Debug)]
pub(super) enum Refusal {
    /// A unique index holds its key already.
    Duplicate,
    /// Something else.
    Other(StoreError),
}

/// The documents of an insert that were not stored, by their places in it.
pub(super) type Refused = BTreeMap<usize, Refusal>;

/// What an insert that failed says of its documents; nothing where it says that of none of them, or
/// where it is not known which of the others a majority has.
pub(super) fn refused(error: &Error) -> Option<Refused> {
    let ErrorKind::InsertMany(failed) = &*error.kind else { return None };
    if failed.write_concern_error.is_some() {
        return None;
    }
    let errors = failed.write_errors.as_deref().filter(|errors| !errors.is_empty())?;
    let refusal = |code: i32, text: &str| match code {
        DUPLICATE_KEY => Refusal::Duplicate,
        code => Refusal::Other(told(code, text.to_owned())),
    };
    Some(errors.iter().map(|error| (error.index, refusal(error.code, &error.message))).collect())
}

/// What a server's code says of whoever tries again. A code that is not known may be of a passing
/// trouble as well, but is most often of a statement that will never do.
pub(super) fn told(code: i32, text: String) -> StoreError {
    let passes = TIMED_OUT.contains(&code)
        || NOT_PRIMARY.contains(&code)
        || NOT_NOW.contains(&code)
        || UNAUTHORIZED.contains(&code);
    if passes { StoreError::Unavailable(text) } else { StoreError::Broken(text) }
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
