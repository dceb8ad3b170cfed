//! What a client may ask. Each command is a struct; [`Ask`] ties it to its name and its answer.

use serde::{Deserialize, Serialize};

use crate::answer;
use crate::digest::Digest;
use crate::id::{ClientMsgId, ConversationId, Epoch, UserId};
use crate::message::Content;
use crate::row::Row;
use crate::seq::Seq;
use crate::unread::Settings;
use crate::view::View;

/// A command's name on the wire and the type of its answer.
pub trait Ask: Serialize {
    /// The name in the frame.
    const NAME: &'static str;
    /// What the server answers.
    type Answer;
}

/// The first frame of a session: who it is. At most [`crate::limits::FIRST_FRAME_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Authenticate {
    /// The user's token, as the main app minted it.
    pub token: String,
    /// The protocol that the client speaks, [`crate::limits::PROTOCOL_VERSION`].
    pub protocol: u32,
}

/// Catches up: names what the client knows, and gets what it should know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Resume {
    /// The epoch that the client's knowledge belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub epoch: Option<Epoch>,
    /// The digest of what the client shows; where it agrees, no unread rows are sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub digest: Option<Digest>,
    /// The conversations that show something unread, or were read here and not acknowledged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<Known>>"))]
    pub conversations: Vec<Known>,
    /// Rows of the inbox's first page that are wanted; 0 or absent for none.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<u32>"))]
    pub inbox: u32,
}

/// What a client knows of one conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Known {
    /// Which one.
    pub id: ConversationId,
    /// The newest message it knows.
    pub last_seq: Seq,
    /// Read up to here on this client. Where it is ahead of the store, the store adopts it.
    pub read_seq: Seq,
    /// The mark by hand that was read away.
    #[serde(default)]
    pub mark_seen: u32,
    /// The count it shows.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub unread: u64,
}

/// Says that the client lives; now and then it carries the digest that the badge is audited by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Heartbeat {
    /// Present when the badge is to be audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub digest: Option<Digest>,
}

/// Sends a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SendMessage {
    /// Where to. A direct conversation comes into being with its first message.
    pub conversation: ConversationId,
    /// The sender's own name for the message. Sending it again returns the first result.
    pub client_msg_id: ClientMsgId,
    /// What it says.
    pub content: Content,
    /// Up to where its author had the conversation on screen when writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub read_seq: Option<Seq>,
}

/// Reads a conversation up to the message that was rendered last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Read {
    /// Which one.
    pub conversation: ConversationId,
    /// Up to here, never past the newest message.
    pub seq: Seq,
    /// The mark by hand that the reader saw, if any.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<u32>"))]
    pub mark_seen: u32,
    /// The epoch that `seq` belongs to, where the caller knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub epoch: Option<Epoch>,
}

/// Marks a conversation unread by hand; it shows at least 1 until it is read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Mark {
    /// Which one.
    pub conversation: ConversationId,
}

/// Removes a conversation from the user's list until something newer is said in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Clear {
    /// Which one.
    pub conversation: ConversationId,
    /// The newest message that the user saw listed; what came later stays.
    pub seq: Seq,
}

/// Changes the user's choices for a conversation; what is absent stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Configure {
    /// Which one.
    pub conversation: ConversationId,
    /// Leave it out of the total and the dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub muted: Option<bool>,
    /// Show it before the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub pinned: Option<bool>,
}

impl Configure {
    /// The choices that come out of it.
    pub fn apply(&self, settings: Settings) -> Settings {
        Settings {
            revision: settings.revision + 1,
            muted: self.muted.unwrap_or(settings.muted),
            pinned: self.pinned.unwrap_or(settings.pinned),
        }
    }
}

/// Tells what the tabs of this session look at, all of them at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Look {
    /// One for each tab.
    pub views: Vec<View>,
}

/// A page of the inbox, newest conversation first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct List {
    /// The `next` of the page before; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub before: Option<answer::InboxCursor>,
    /// Rows at most, up to [`crate::limits::PAGE_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub limit: Option<u32>,
}

/// Fetches rows by name, wherever they are in the inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Fetch {
    /// Which ones, at most [`crate::limits::NAMED_CONVERSATIONS`].
    pub conversations: Vec<ConversationId>,
}

/// Asks for messages: those in `(after, before)`, the oldest of them first where `after` is given,
/// the newest where it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Pull {
    /// Where.
    pub conversation: ConversationId,
    /// Only later ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub after: Option<Seq>,
    /// Only earlier ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub before: Option<Seq>,
    /// Messages at most, up to [`crate::limits::PAGE_MAX`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub limit: Option<u32>,
}

/// Takes a message back. Its sender may; the main app may take back any.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Recall {
    /// Where it was said.
    pub conversation: ConversationId,
    /// Its position.
    pub seq: Seq,
}

/// Asks who of these is online. Users without a direct conversation with the caller are left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Presence {
    /// At most [`crate::limits::PRESENCE_USERS`].
    pub users: Vec<UserId>,
}

macro_rules! asks {
    ($($command:ident = $name:literal -> $answer:ty;)*) => {
        $(impl Ask for $command {
            const NAME: &'static str = $name;
            type Answer = $answer;
        })*

        /// Any command, as the server gets it.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant is documented at the struct that it holds")]
        pub enum Command {
            $($command($command),)*
        }

        impl Command {
            /// Every name there is.
            pub const NAMES: &'static [&'static str] = &[$($name),*];

            /// The name in the frame.
            pub const fn name(&self) -> &'static str {
                match self {
                    $(Self::$command(_) => $name,)*
                }
            }

            /// Reads the parameters of the command with this name; `None` where there is no such
            /// command.
            #[cfg(feature = "server")]
            pub(crate) fn read<E>(
                name: &str,
                parameters: &impl Parameters<Error = E>,
            ) -> Option<Result<Self, E>> {
                match name {
                    $($name => Some(parameters.read().map(Self::$command)),)*
                    _ => None,
                }
            }
        }
    };
}

/// The parameters of a frame, before their type is known.
#[cfg(feature = "server")]
pub(crate) trait Parameters {
    type Error;
    fn read<T: serde::de::DeserializeOwned>(&self) -> Result<T, Self::Error>;
}

asks! {
    Authenticate = "authenticate" -> answer::Welcome;
    Resume = "resume" -> answer::Resumed;
    Heartbeat = "heartbeat" -> answer::Beat;
    SendMessage = "send" -> answer::Sent;
    Read = "read" -> answer::MemberNews;
    Mark = "mark" -> answer::MemberNews;
    Clear = "clear" -> answer::MemberNews;
    Configure = "configure" -> answer::MemberNews;
    Look = "look" -> answer::Done;
    List = "list" -> answer::Inbox;
    Fetch = "fetch" -> Vec<Row>;
    Pull = "pull" -> answer::History;
    Recall = "recall" -> crate::message::Message;
    Presence = "presence" -> answer::Online;
}
