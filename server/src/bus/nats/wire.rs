//! What nodes say to each other, as JSON. A node skips what it does not understand: while a new
//! version rolls out, a later one may say more, and what matters is audited.

use bytes::Bytes;
use message_service_shared::id::ConversationId;
use message_service_shared::push::Push;
use serde::{Deserialize, Serialize};

use crate::bus::{News, NodeId};
use crate::logouts::Logouts;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "one lives no longer than it takes to tell")]
pub(super) enum Wire {
    Push(Push),
    LoggedOut(Logouts),
    Attending {
        node: NodeId,
        conversations: Vec<ConversationId>,
    },
    /// A node has begun to hold the user: the others say what the user looks at there.
    WhoAttends,
}

impl Wire {
    pub(super) fn of(news: &News) -> Self {
        match news {
            News::Push(push) => Self::Push(push.clone()),
            News::LoggedOut(logouts) => Self::LoggedOut(*logouts),
            News::Attending { node, conversations } => {
                Self::Attending { node: *node, conversations: conversations.clone() }
            }
        }
    }

    /// The news in it; `None` for what nodes ask each other.
    pub(super) fn into_news(self) -> Option<News> {
        match self {
            Self::Push(push) => Some(News::Push(push)),
            Self::LoggedOut(logouts) => Some(News::LoggedOut(logouts)),
            Self::Attending { node, conversations } => {
                Some(News::Attending { node, conversations })
            }
            Self::WhoAttends => None,
        }
    }

    pub(super) fn write(&self) -> Bytes {
        // Types of the protocol have no failing serialiser.
        serde_json::to_vec(self).map(Bytes::from).unwrap_or_default()
    }

    pub(super) fn read(payload: &[u8]) -> Option<Self> {
        serde_json::from_slice(payload)
            .inspect_err(
                |error| tracing::debug!(%error, "another node says what is not known here"),
            )
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_later_version_says_is_skipped() {
        assert!(Wire::read(br#"{"dance":{}}"#).is_none());
    }
}
