//! Messages: who said what, where and when.

mod check;

pub use check::{required as check_text, url as check_url};

use serde::{Deserialize, Serialize};

use crate::id::{ClientMsgId, ConversationId, MessageId, UserId};
use crate::seq::Seq;

/// Milliseconds since 1970 (UTC), by the server's clock.
pub type Millis = u64;

/// A stored message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Message {
    /// Made by the server; later messages have greater ids.
    pub id: MessageId,
    /// Where it was said.
    pub conversation: ConversationId,
    /// Its position there.
    pub seq: Seq,
    /// Who said it; absent when the product did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub sender: Option<UserId>,
    /// The sender's own name for it.
    pub client_msg_id: ClientMsgId,
    /// When the server took it; never earlier than the message before it.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub at: Millis,
    /// Grows when the message is changed, as by a recall.
    #[serde(default)]
    pub revision: u32,
    /// A notice that was born quiet: in the history, never counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub quiet: bool,
    /// Set once it was taken back; the content is gone then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub recalled: Option<Recalled>,
    /// What it says; absent once recalled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub content: Option<Content>,
}

/// That a message was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Recalled {
    /// When.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub at: Millis,
    /// By whom; absent when the product did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub by: Option<UserId>,
}

/// What a message says, with what may come along.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Content {
    /// The thing said.
    #[serde(flatten)]
    pub body: Body,
    /// Anything of the product's own, at most [`crate::limits::DATA_BYTES`] as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "unknown"))]
    pub data: Option<serde_json::Value>,
    /// Files, by reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<Attachment>>"))]
    pub attachments: Vec<Attachment>,
    /// The message of the same conversation that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub reply_to: Option<Seq>,
    /// Who is meant in particular.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<UserId>>"))]
    pub mentions: Vec<UserId>,
}

/// The thing said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Body {
    /// Words from a person.
    Text {
        /// At most [`crate::limits::TEXT_CHARS`] characters.
        text: String,
    },
    /// Word from the product.
    Notice(Notice),
    /// Whatever the product's own pages know how to show.
    Custom {
        /// The product's own name for this sort of message.
        #[serde(rename = "type")]
        sort: String,
    },
}

/// Word from the product.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Notice {
    /// One line.
    pub title: String,
    /// More, where there is more to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub text: Option<String>,
    /// Where it leads: an `http:` or `https:` URL, or a path of the product's own that begins with
    /// one slash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub link: Option<String>,
    /// The product's own sorting, such as `billing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub category: Option<String>,
    /// A picture's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub icon: Option<String>,
}

/// A file that lives elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Attachment {
    /// Where it lives.
    pub url: String,
    /// What to call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub name: Option<String>,
    /// Its media type, such as `image/png`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub media_type: Option<String>,
    /// Its size in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional, type = "number"))]
    pub bytes: Option<u64>,
}

impl Content {
    /// Plain words.
    pub fn text(text: impl Into<String>) -> Self {
        Body::Text { text: text.into() }.into()
    }

    /// A notice with a title alone.
    pub fn notice(title: impl Into<String>) -> Self {
        Body::Notice(Notice { title: title.into(), ..Notice::default() }).into()
    }
}

impl From<Body> for Content {
    fn from(body: Body) -> Self {
        Self { body, data: None, attachments: Vec::new(), reply_to: None, mentions: Vec::new() }
    }
}

/// Enough of a message for the client's brain to decide by; the rest passes through it untouched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageHead {
    /// Where it was said.
    pub conversation: ConversationId,
    /// Its position there.
    pub seq: Seq,
    /// Who said it.
    #[serde(default)]
    pub sender: Option<UserId>,
    /// The sender's own name for it.
    pub client_msg_id: ClientMsgId,
    /// When the server took it.
    pub at: Millis,
    /// Which writing of it this is.
    #[serde(default)]
    pub revision: u32,
    /// Born quiet.
    #[serde(default)]
    pub quiet: bool,
    /// Present once it was taken back.
    #[serde(default)]
    pub recalled: Option<Recalled>,
}

impl MessageHead {
    /// Whether it never counts for anyone.
    pub const fn is_silent(&self) -> bool {
        self.quiet || self.recalled.is_some()
    }
}
