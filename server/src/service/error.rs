//! Why the service did not do it. The edges turn it into a status or a frame by [`Error::to_api`].

use message_service_shared::error::{ApiError, ErrorCode};

use crate::store::{AppendError, ChangeError, RecallError, StoreError};

/// Why the service did not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A field holds what it must not.
    #[error(transparent)]
    Invalid(#[from] ApiError),
    /// Nobody by that id has been seen.
    #[error("nobody by this id has been seen; the main app upserts users")]
    UserUnknown,
    /// No such conversation, or none of the caller's.
    #[error("no such conversation, or none of yours")]
    ConversationUnknown,
    /// No message at that position.
    #[error("no message at this position")]
    MessageUnknown,
    /// Known, and not allowed.
    #[error("{0}")]
    Forbidden(&'static str),
    /// A position after the newest message.
    #[error("this position lies after the newest message; forget what you know and resume")]
    SeqPastEnd,
    /// What the caller knows belongs to another life of the data set.
    #[error("the data set was reset; forget what you know and resume")]
    WrongEpoch,
    /// The name was used before, for other content.
    #[error("this clientMsgId was used before, for other content")]
    IdempotencyConflict,
    /// The store could not do it; the details are for the log alone.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Error {
    /// The error as callers are told.
    pub fn to_api(&self) -> ApiError {
        let code = match self {
            Self::Invalid(error) => return error.clone(),
            Self::UserUnknown => ErrorCode::UserUnknown,
            Self::ConversationUnknown => ErrorCode::ConversationUnknown,
            Self::MessageUnknown => ErrorCode::MessageUnknown,
            Self::Forbidden(_) => ErrorCode::Forbidden,
            Self::SeqPastEnd => ErrorCode::SeqPastEnd,
            Self::WrongEpoch => ErrorCode::WrongEpoch,
            Self::IdempotencyConflict => ErrorCode::IdempotencyConflict,
            Self::Store(StoreError::Unavailable(_)) => {
                let message = "the store can't be reached right now; try again";
                return ApiError::new(ErrorCode::Unavailable, message);
            }
            Self::Store(StoreError::Broken(_)) => {
                let message = "a mistake of the server's own; its log says more";
                return ApiError::new(ErrorCode::Internal, message);
            }
        };
        ApiError::new(code, self.to_string())
    }
}

impl From<AppendError> for Error {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Conflict => Self::IdempotencyConflict,
            AppendError::PastEnd => Self::SeqPastEnd,
            AppendError::Store(error) => Self::Store(error),
        }
    }
}

impl From<RecallError> for Error {
    fn from(error: RecallError) -> Self {
        match error {
            RecallError::Unknown => Self::MessageUnknown,
            RecallError::NotYours => Self::Forbidden("only its sender may take a message back"),
            RecallError::Store(error) => Self::Store(error),
        }
    }
}

impl From<ChangeError> for Error {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Unknown => Self::ConversationUnknown,
            ChangeError::PastEnd => Self::SeqPastEnd,
            ChangeError::Store(error) => Self::Store(error),
        }
    }
}
