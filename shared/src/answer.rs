//! What the server answers to each command.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, Epoch, SessionId, UserId};
use crate::message::{Message, Millis};
use crate::row::{Row, User};
use crate::seq::Seq;
use crate::unread::{Counted, MemberHalf};

/// The session has begun.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Welcome {
    /// The session's own id, for logs on both sides.
    pub session: SessionId,
    /// Who the token says it is.
    pub user: User,
    /// The life of the data set. All that a client knows belongs to one epoch.
    pub epoch: Epoch,
    /// The server's clock.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub now: Millis,
    /// How often the server wants to hear a heartbeat.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub heartbeat_ms: u64,
}

/// The client has caught up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Resumed {
    /// The digest agreed: what the client shows as unread is right as it is.
    pub unchanged: bool,
    /// The named conversations, all that may be unread (unless `unchanged`), and the inbox's first
    /// page where it was wanted. Each conversation once. Being absent says nothing.
    pub rows: Vec<Row>,
    /// Where the inbox goes on after its first page; absent at its end, or where none was wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub next: Option<InboxCursor>,
}

/// What an audit found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Audit {
    /// There was none at this beat.
    #[default]
    None,
    /// Both sides say the same.
    Agreed,
    /// They differ. A push may be on its way, so it is no drift yet: audit again soon.
    Differs,
    /// They still differ: resume.
    Drifted,
}

/// The answer to a heartbeat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Beat {
    /// What the audit found.
    pub audit: Audit,
}

/// The message is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Sent {
    /// As it was stored, now or the first time.
    pub message: Message,
    /// Whether it was stored now; `false` for a resend.
    pub fresh: bool,
}

/// A member's half in full, after it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MemberNews {
    /// Where.
    pub conversation: ConversationId,
    /// The half.
    pub member: MemberHalf,
    /// The count of what the halves have forgotten, where they have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub counted: Option<Counted>,
}

/// Done; there is nothing to tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Done {}

/// A page of the inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Inbox {
    /// Newest first.
    pub rows: Vec<Row>,
    /// Where it goes on; absent at the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub next: Option<InboxCursor>,
}

/// A page of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct History {
    /// Where.
    pub conversation: ConversationId,
    /// In order, without a gap.
    pub messages: Vec<Message>,
    /// The newest message of the conversation when the page was read.
    pub last_seq: Seq,
    /// Retention has deleted up to here; nothing earlier can be pulled.
    pub floor: Seq,
}

/// Who is online.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Online {
    /// Those of the asked who have a session.
    pub online: Vec<UserId>,
}

/// A place in the inbox: the time of a conversation's newest message, and its id where two are
/// equal. On the wire a string that callers need not understand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
pub struct InboxCursor {
    /// The time.
    pub at: Millis,
    /// The conversation.
    pub id: ConversationId,
}

/// The text is no cursor that a page ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the `next` of an earlier page")]
pub struct InboxCursorError;

impl FromStr for InboxCursor {
    type Err = InboxCursorError;

    fn from_str(text: &str) -> Result<Self, InboxCursorError> {
        let (at, id) = text.split_once('.').ok_or(InboxCursorError)?;
        let at = at.parse().map_err(|_| InboxCursorError)?;
        let id = ConversationId::new(id).map_err(|_| InboxCursorError)?;
        Ok(Self { at, id })
    }
}

impl TryFrom<String> for InboxCursor {
    type Error = InboxCursorError;

    fn try_from(text: String) -> Result<Self, InboxCursorError> {
        text.parse()
    }
}

impl fmt::Display for InboxCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.at, self.id)
    }
}

impl From<InboxCursor> for String {
    fn from(cursor: InboxCursor) -> Self {
        [cursor.at.to_string().as_str(), ".", cursor.id.as_str()].concat()
    }
}
