//! What nodes say to each other, as JSON. A node skips what it does not understand: while a new
//! version rolls out, a later one may say more, and what matters is audited.

use bytes::Bytes;
use message_service_shared::close::CloseCode;
use message_service_shared::id::ConversationId;
use message_service_shared::push::Push;
use serde::{Deserialize, Serialize};

use crate::bus::{News, NodeId};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::large_enum_variant, reason = "one lives no longer than it takes to tell")]
pub(super) enum Wire {
    Push(Push),
    Close(u16),
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
            News::Close(code) => Self::Close(*code as u16),
            News::Attending { node, conversations } => {
                Self::Attending { node: *node, conversations: conversations.clone() }
            }
        }
    }

    /// The news in it; `None` for what nodes ask each other, and for a code of a later version.
    pub(super) fn into_news(self) -> Option<News> {
        match self {
            Self::Push(push) => Some(News::Push(push)),
            Self::Close(number) => {
                let code = CloseCode::ALL.into_iter().find(|code| *code as u16 == number);
                code.map(News::Close)
            }
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
    fn every_close_code_comes_out_as_it_went_in() {
        for code in CloseCode::ALL {
            let wire = Wire::read(&Wire::of(&News::Close(code)).write()).unwrap();
            assert_eq!(wire.into_news(), Some(News::Close(code)));
        }
    }

    #[test]
    fn what_a_later_version_says_is_skipped() {
        assert!(Wire::read(br#"{"dance":{}}"#).is_none());
        assert_eq!(Wire::Close(4999).into_news(), None);
    }
}
