//! Inbox entries: all that the message page shows of a conversation without opening it.

use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, ConversationKind, UserId};
use crate::message::{Body, Message, Millis};
use crate::seq::Seq;
use crate::unread::{ConversationHalf, Counted, MemberHalf, Standing, is_listed, standing};

/// A person of the main app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct User {
    /// The main app's own id.
    pub id: UserId,
    /// The name that the main app supplies; absent until it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub name: Option<String>,
    /// A picture's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub avatar: Option<String>,
}

/// The newest message, shortened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Preview {
    /// Its position.
    pub seq: Seq,
    /// Which writing of it; a preview is replaced only by a higher `(seq, revision)`.
    #[serde(default)]
    pub revision: u32,
    /// When it was said.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub at: Millis,
    /// Who said it; absent when the product did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub sender: Option<UserId>,
    /// The first [`crate::limits::PREVIEW_CHARS`] characters of its text or title; empty where
    /// there are none.
    pub text: String,
    /// It was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
}

impl Preview {
    /// Shortens a message.
    pub fn of(message: &Message) -> Self {
        let text = match message.content.as_ref().map(|content| &content.body) {
            Some(Body::Text { text }) => text.as_str(),
            Some(Body::Notice(notice)) => notice.title.as_str(),
            Some(Body::Custom { .. }) | None => "",
        };
        Self {
            seq: message.seq,
            revision: message.revision,
            at: message.at,
            sender: message.sender.clone(),
            text: text.chars().take(crate::limits::PREVIEW_CHARS).collect(),
            recalled: message.recalled.is_some(),
        }
    }
}

/// A conversation as one of its members sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Row {
    /// Which conversation.
    pub id: ConversationId,
    /// What sort it is.
    pub kind: ConversationKind,
    /// The other user's name, or the group's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub name: Option<String>,
    /// The other user's picture, or the group's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub avatar: Option<String>,
    /// The other user of a direct conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub peer: Option<UserId>,
    /// When the newest message was said; 0 where there is none yet.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub last_at: Millis,
    /// The newest message, shortened; absent where there is none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub last: Option<Preview>,
    /// How many messages are unread, as [`standing`] counts the halves below.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub unread: u64,
    /// What all members share.
    pub conversation: ConversationHalf,
    /// What is the member's own.
    pub member: MemberHalf,
    /// The count of what the halves have forgotten, where they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub counted: Option<Counted>,
}

impl Row {
    /// Where the member stands.
    pub fn standing(&self) -> Standing {
        standing(&self.conversation, &self.member, self.counted)
    }

    /// Whether the user's list shows it.
    pub fn is_listed(&self) -> bool {
        is_listed(&self.conversation, &self.member)
    }
}

/// Enough of a [`Row`] for the client's brain to decide by.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RowHead {
    /// Which conversation.
    pub id: ConversationId,
    /// When the newest message was said.
    pub last_at: Millis,
    /// What all members share.
    pub conversation: ConversationHalf,
    /// What is the member's own.
    pub member: MemberHalf,
    /// The count of what the halves have forgotten.
    #[serde(default)]
    pub counted: Option<Counted>,
}
