//! Ids as types. Whoever holds one holds a checked one.

mod conversation;

pub use conversation::{ConversationId, ConversationIdError, ConversationKind, Parties};

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::limits::{CLIENT_MSG_ID_BYTES, ID_BYTES};

/// Why a string is no id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an id has at least one character")]
    Empty,
    /// Longer than the limit, in bytes of UTF-8.
    #[error("an id of this kind has at most {limit} bytes")]
    TooLong {
        /// Bytes allowed.
        limit: usize,
    },
    /// A control character, which no log or screen shows as it is.
    #[error("an id has no control characters")]
    Control,
}

fn check(text: &str, limit: usize) -> Result<(), IdError> {
    if text.is_empty() {
        Err(IdError::Empty)
    } else if text.len() > limit {
        Err(IdError::TooLong { limit })
    } else if text.chars().any(char::is_control) {
        Err(IdError::Control)
    } else {
        Ok(())
    }
}

fn hyphenated(number: u128) -> String {
    let mut text = format!("{number:032x}");
    for place in [20, 16, 12, 8] {
        text.insert(place, '-');
    }
    text
}

macro_rules! opaque_id {
    ($(#[$doc:meta])* $name:ident, $limit:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        #[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes any text within the limit that has no control characters.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self, IdError> {
                let text = text.into();
                check(&text, $limit)?;
                Ok(Self(text))
            }

            /// The id that a UUID writes (RFC 9562 §4): 36 characters, in the order of the numbers.
            pub fn from_uuid(number: u128) -> Self {
                Self(hyphenated(number).into())
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

opaque_id! {
    /// A person of the main app, by the main app's own id.
    UserId, ID_BYTES
}
opaque_id! {
    /// A message, made by the server; ids made later compare greater.
    MessageId, ID_BYTES
}
opaque_id! {
    /// The caller's own name for a message it sends. Sending it again returns the first result.
    ClientMsgId, CLIENT_MSG_ID_BYTES
}
opaque_id! {
    /// One live connection.
    SessionId, ID_BYTES
}
opaque_id! {
    /// The life of a data set: another one after a backup was restored or the store was wiped.
    Epoch, ID_BYTES
}
