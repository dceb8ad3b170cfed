//! What a data set is made of, one thing at a time.

use std::fmt;

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::{Message, Millis};
use message_service_shared::runs::Runs;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::store::waiting::{Company, Holder, Notice, Tries};
use crate::store::{ContentHash, ReadRecord};

/// One thing that a store holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// Somebody who was seen.
    User(UserRecord),
    /// A conversation, without what its messages tell.
    Conversation(ConversationRecord),
    /// What is a member's own, without what messages tell.
    Member(MemberRecord),
    /// A message.
    Message(Box<MessageRecord>),
    /// What waits to be told to the main app.
    Notice(NoticeRecord),
}

/// Where a record stands: kinds in this order, and each by its key, ids by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Before everything.
    Start,
    /// A user.
    User(UserId),
    /// A conversation.
    Conversation(ConversationId),
    /// A member's row.
    Member(UserId, ConversationId),
    /// A message.
    Message(ConversationId, Seq),
    /// A notice, by the text that it is ordered by.
    Notice(String),
}

/// Somebody who was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    /// The main app's own id.
    pub id: UserId,
    /// The name that the main app supplied.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// A picture's URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// The user's announcements come after this one.
    pub announcement_start: Seq,
}

/// A conversation, without what its messages tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationRecord {
    /// Which one.
    pub id: ConversationId,
    /// The group's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The group's own picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<String>,
    /// Retention has deleted up to here.
    pub floor: Seq,
    /// Of the holes only where they were forgotten; the ranges are the messages'.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    pub holes: Runs,
}

/// What is a member's own, without what messages tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MemberRecord {
    /// Who.
    pub user: UserId,
    /// Of which conversation.
    pub conversation: ConversationId,
    /// Of the own messages only where they were forgotten; the ranges are the messages'.
    pub half: MemberHalf,
    /// Who read up to where, and when, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadRecord>,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MessageRecord {
    /// The hash of the content it was sent with, which a recall leaves in place.
    pub content_hash: ContentHash,
    /// As everybody sees it.
    pub message: Message,
}

/// What waits to be told to the main app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NoticeRecord {
    /// Of which message, and for whom.
    #[serde(flatten)]
    pub notice: Notice,
    /// When it is due; nothing where it has joined a company, which its leader speaks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Millis>,
    /// How often it was put off so far.
    #[serde(flatten)]
    pub tries: Tries,
    /// The company that it leads, or the mere id of the one that it has joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub company: Option<Company>,
}

impl NoticeRecord {
    /// From what a store has of a notice. Who holds it for a while does not travel.
    pub(crate) fn new(
        notice: Notice,
        due_at: Option<Millis>,
        tries: Tries,
        leads: Option<Company>,
        held: Option<Holder>,
    ) -> Self {
        let joined = held.filter(|_| due_at.is_none()).map(|id| Company { id, others: Vec::new() });
        Self { notice, due_at, tries, company: joined.or(leads) }
    }

    /// When it is due. What neither says so nor has joined a company is due at once: nobody else
    /// would bring it back.
    pub(crate) fn due(&self) -> Option<Millis> {
        self.due_at.or(self.company.is_none().then_some(0))
    }

    /// The company that it has joined, which holds it.
    pub(crate) fn joined(&self) -> Option<&Holder> {
        self.company.as_ref().filter(|_| self.due_at.is_none()).map(|company| &company.id)
    }

    /// The company that it leads.
    pub(crate) fn leads(&self) -> Option<&Company> {
        self.company.as_ref().filter(|_| self.due_at.is_some())
    }
}

impl Record {
    /// Where it stands.
    pub fn place(&self) -> Place {
        match self {
            Self::User(user) => Place::User(user.id.clone()),
            Self::Conversation(conversation) => Place::Conversation(conversation.id.clone()),
            Self::Member(member) => Place::Member(member.user.clone(), member.conversation.clone()),
            Self::Message(record) => {
                Place::Message(record.message.conversation.clone(), record.message.seq)
            }
            Self::Notice(record) => Place::Notice(record.notice.key()),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start => f.write_str("the beginning"),
            Self::User(id) => write!(f, "the user {id}"),
            Self::Conversation(id) => write!(f, "the conversation {id}"),
            Self::Member(user, id) => write!(f, "the member {user} of {id}"),
            Self::Message(id, seq) => write!(f, "the message {seq} of {id}"),
            Self::Notice(key) => write!(f, "the notice {key}"),
        }
    }
}

impl MemberRecord {
    /// Leaves out what messages tell.
    pub fn new(
        user: UserId,
        conversation: ConversationId,
        mut half: MemberHalf,
        reads: Vec<ReadRecord>,
    ) -> Self {
        half.own = forgotten(&half.own);
        Self { user, conversation, half, reads }
    }
}

/// A set of ranges without its ranges: that it says nothing up to some position is all that the
/// messages can't tell.
pub fn forgotten(runs: &Runs) -> Runs {
    Runs::known_from(runs.known_above(), [])
}

impl Serialize for ContentHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(self.0))
    }
}

impl<'de> Deserialize<'de> for ContentHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut hash = [0; 32];
        let read = hex::decode_to_slice(text, &mut hash);
        read.map_err(|_| D::Error::custom("a content hash is 64 hexadecimal digits"))?;
        Ok(Self(hash))
    }
}
