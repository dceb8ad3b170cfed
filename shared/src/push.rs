//! What the server says unasked. Every value is absolute, so a push that comes twice, late or not
//! at all can be told apart from nothing but time.

use serde::{Deserialize, Serialize};

use crate::answer::MemberNews;
use crate::message::Message;

/// A push.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "push", content = "data", rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Push {
    /// A message was stored: the conversation's half of it, the same for every receiver. It is at
    /// once the fact that `lastSeq` is its `seq`, and whether that position counts.
    Message(NewMessage),
    /// A message was written again, as by a recall. A recalled one never counts.
    Revised(Message),
    /// The receiver's own half changed: read elsewhere, marked, muted, wrote from elsewhere.
    Member(MemberNews),
    /// The server is about to close the session on purpose, and says when to come back.
    Goodbye(Goodbye),
    /// Pushes may have been lost between the server's nodes: resume.
    Resync(Resync),
}

/// A message was stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NewMessage {
    /// The message.
    pub message: Message,
    /// Another tab or device of the receiver is looking at the conversation and will most likely
    /// read it at once: hold the dot back for at most [`crate::limits::HOLD_MS`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub attended: bool,
    /// It went to very many; whoever has to fetch the rest waits up to this many milliseconds
    /// first, at random.
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<u32>"))]
    pub spread_ms: u32,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// When to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Resync {
    /// At a moment drawn from this many milliseconds, so that not all do it at once.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub within_ms: u64,
}

/// When to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Goodbye {
    /// Not before this many milliseconds.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub after_ms: u64,
    /// At a moment drawn from this many milliseconds after that, so that not all come at once.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub within_ms: u64,
}
