//! What a caller can be told. One value end to end: REST maps the code to a status, a session puts
//! it into the reply, the SDK throws it with the same code.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The code of an error; the one part of it that programs branch on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ErrorCode {
    /// Not JSON, or not the shape of a frame or body at all.
    Malformed,
    /// A command that this server does not know.
    UnknownCommand,
    /// A field holds what it must not; `field` names it, `limit` the bound where there is one.
    Invalid,
    /// The frame, body or page is larger than allowed.
    TooLarge,
    /// No credentials, or none that are accepted.
    Unauthenticated,
    /// The credentials were right and are too old; a new token helps.
    TokenExpired,
    /// Known, and not allowed.
    Forbidden,
    /// Nobody by that id has been seen.
    UserUnknown,
    /// No such conversation, or none of the caller's; the two look alike on purpose.
    ConversationUnknown,
    /// No message at that position.
    MessageUnknown,
    /// A position after the newest message: the caller's knowledge is not this data set's.
    SeqPastEnd,
    /// Another epoch: what the caller knows belongs to another life of the data set.
    WrongEpoch,
    /// The `clientMsgId` was used before, for other content.
    IdempotencyConflict,
    /// The protocol version is not spoken here.
    ProtocolUnsupported,
    /// The store or another part can't be reached; nothing was lost, the same call may succeed.
    Unavailable,
    /// More calls than allowed in a while.
    RateLimited,
    /// No answer came in time. Whether the call took effect is unknown; it is safe to repeat.
    Timeout,
    /// The client was closed, or signed out, before the answer came.
    Closed,
    /// A mistake of the server's own; the details are in its log.
    Internal,
}

impl ErrorCode {
    /// Every code, for documents and tables.
    pub const ALL: [Self; 19] = [
        Self::Malformed,
        Self::UnknownCommand,
        Self::Invalid,
        Self::TooLarge,
        Self::Unauthenticated,
        Self::TokenExpired,
        Self::Forbidden,
        Self::UserUnknown,
        Self::ConversationUnknown,
        Self::MessageUnknown,
        Self::SeqPastEnd,
        Self::WrongEpoch,
        Self::IdempotencyConflict,
        Self::ProtocolUnsupported,
        Self::Unavailable,
        Self::RateLimited,
        Self::Timeout,
        Self::Closed,
        Self::Internal,
    ];

    /// The code as it is written on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::UnknownCommand => "unknown_command",
            Self::Invalid => "invalid",
            Self::TooLarge => "too_large",
            Self::Unauthenticated => "unauthenticated",
            Self::TokenExpired => "token_expired",
            Self::Forbidden => "forbidden",
            Self::UserUnknown => "user_unknown",
            Self::ConversationUnknown => "conversation_unknown",
            Self::MessageUnknown => "message_unknown",
            Self::SeqPastEnd => "seq_past_end",
            Self::WrongEpoch => "wrong_epoch",
            Self::IdempotencyConflict => "idempotency_conflict",
            Self::ProtocolUnsupported => "protocol_unsupported",
            Self::Unavailable => "unavailable",
            Self::RateLimited => "rate_limited",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later, unchanged.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Unavailable | Self::RateLimited | Self::Timeout | Self::Internal)
    }
}

/// An error as the caller gets it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "camelCase")]
#[error("{message}")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ApiError {
    /// What programs branch on.
    pub code: ErrorCode,
    /// A sentence for people: what is wrong, and where possible the way out.
    pub message: Cow<'static, str>,
    /// The field that is wrong, as a path such as `content.text`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub field: Option<Cow<'static, str>>,
    /// The bound that was passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub limit: Option<u64>,
    /// Whether the same call may succeed later, unchanged.
    #[serde(default)]
    pub retryable: bool,
}

impl ApiError {
    /// An error without a field.
    pub fn new(code: ErrorCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            field: None,
            limit: None,
            retryable: code.is_retryable(),
        }
    }

    /// A field that holds what it must not.
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { field: Some(field.into()), ..Self::new(ErrorCode::Invalid, message) }
    }

    /// Names the bound that was passed.
    #[must_use]
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = u64::try_from(limit).ok();
        self
    }

    /// Names the field it is about.
    #[must_use]
    pub fn with_field(mut self, field: impl Into<Cow<'static, str>>) -> Self {
        self.field = Some(field.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_spelling() {
        for code in ErrorCode::ALL {
            let written = serde_json::to_value(code).unwrap();
            assert_eq!(written.as_str(), Some(code.as_str()));
        }
    }
}
