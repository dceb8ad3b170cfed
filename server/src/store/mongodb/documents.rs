//! The documents, as a person finds them in the database, and what they are to the service.
//!
//! Sets of positions may lie in the database in any order and with ranges that touch: they are
//! added to without being read. Whoever reads one makes it what it means.

use message_service_shared::id::{
    ClientMsgId, ConversationId, ConversationKind, IdError, MessageId, UserId,
};
use message_service_shared::message::{self, Content, Message, Millis};
use message_service_shared::row::{Preview, User};
use message_service_shared::runs::{Run, Runs};
use message_service_shared::seq::Seq;
use message_service_shared::unread::{ConversationHalf, MemberHalf, Settings};
use mongodb::bson::{Binary, DateTime, Document, doc, spec::BinarySubtype};
use serde::{Deserialize, Serialize};

use super::connection::{bson, document};
use crate::logouts::Logouts;
use crate::store::archive::{MessageRecord, UserRecord};
use crate::store::{ContentHash, Draft, READS_KEPT, ReadRecord, StoreError, StoredUser};

/// A number as BSON has it.
pub(super) fn int(seq: Seq) -> i64 {
    // At most 2^53.
    i64::try_from(seq.get()).unwrap_or(i64::MAX)
}

/// A moment as BSON has it.
pub(super) fn date(at: Millis) -> DateTime {
    DateTime::from_millis(i64::try_from(at).unwrap_or(i64::MAX))
}

pub(super) fn millis(date: DateTime) -> Millis {
    Millis::try_from(date.timestamp_millis()).unwrap_or_default()
}

fn binary(hash: ContentHash) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: hash.0.to_vec() }
}

/// A document of `messages`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MessageDocument {
    #[serde(rename = "_id")]
    pub(super) id: MessageId,
    pub(super) conversation: ConversationId,
    pub(super) seq: Seq,
    /// The sender, or an empty text for the product: an index of one of the servers takes absent
    /// values for different ones, and the product's resends would be stored twice.
    sender: String,
    client_msg_id: ClientMsgId,
    content_hash: Binary,
    at: DateTime,
    revision: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    quiet: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recalled: Option<RecalledDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<ContentDocument>,
}

/// That it was taken back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct RecalledDocument {
    at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<UserId>,
}

/// What a message says. The product's own data may have keys and numbers that no document may have,
/// so it lies there as the text that it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ContentDocument {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(flatten)]
    content: Content,
}

/// How the product is written where a sender is.
pub(super) fn sender_text(sender: Option<&UserId>) -> &str {
    sender.map_or("", UserId::as_str)
}

impl MessageDocument {
    /// A draft at its place.
    pub(super) fn new(draft: &Draft, seq: Seq, at: Millis) -> Self {
        let mut content = draft.content.clone();
        let data = content.data.take().map(|data| data.to_string());
        Self {
            id: draft.id.clone(),
            conversation: draft.conversation.clone(),
            seq,
            sender: sender_text(draft.sender.as_ref()).to_owned(),
            client_msg_id: draft.client_msg_id.clone(),
            content_hash: binary(draft.content_hash),
            at: date(at),
            revision: 0,
            quiet: draft.quiet,
            recalled: None,
            content: Some(ContentDocument { data, content }),
        }
    }

    /// A message as another store had it.
    pub(super) fn of(record: &MessageRecord) -> Self {
        let MessageRecord { content_hash, message } = record;
        let content = message.content.clone().map(|mut content| {
            let data = content.data.take().map(|data| data.to_string());
            ContentDocument { data, content }
        });
        Self {
            id: message.id.clone(),
            conversation: message.conversation.clone(),
            seq: message.seq,
            sender: sender_text(message.sender.as_ref()).to_owned(),
            client_msg_id: message.client_msg_id.clone(),
            content_hash: binary(*content_hash),
            at: date(message.at),
            revision: message.revision,
            quiet: message.quiet,
            recalled: message.recalled.as_ref().map(RecalledDocument::from),
            content,
        }
    }

    /// For another store.
    pub(super) fn into_record(self) -> Result<MessageRecord, StoreError> {
        let hash = <[u8; 32]>::try_from(self.content_hash.bytes.as_slice());
        let broken = |_| StoreError::Broken(format!("the message {} has no hash", self.id));
        let content_hash = ContentHash(hash.map_err(broken)?);
        Ok(MessageRecord { content_hash, message: self.read()? })
    }

    /// Whether it says what the hash was made of.
    pub(super) fn is_of(&self, hash: &ContentHash) -> bool {
        self.content_hash.bytes == hash.0
    }

    pub(super) fn at(&self) -> Millis {
        millis(self.at)
    }

    /// The message.
    pub(super) fn read(self) -> Result<Message, StoreError> {
        let sender: Option<Result<UserId, IdError>> =
            (!self.sender.is_empty()).then(|| self.sender.parse());
        let broken = |text: String| StoreError::Broken(format!("a message can't be read: {text}"));
        let content = self.content.map(|found| {
            let data = found.data.map(|text| serde_json::from_str(&text)).transpose();
            data.map(|data| Content { data, ..found.content })
        });
        Ok(Message {
            at: millis(self.at),
            id: self.id,
            conversation: self.conversation,
            seq: self.seq,
            sender: sender.transpose().map_err(|error| broken(error.to_string()))?,
            client_msg_id: self.client_msg_id,
            revision: self.revision,
            quiet: self.quiet,
            recalled: self
                .recalled
                .map(|recalled| message::Recalled { at: millis(recalled.at), by: recalled.by }),
            content: content.transpose().map_err(|error| broken(error.to_string()))?,
        })
    }
}

impl From<&message::Recalled> for RecalledDocument {
    fn from(recalled: &message::Recalled) -> Self {
        Self { at: date(recalled.at), by: recalled.by.clone() }
    }
}

/// A set of positions as it lies in the database.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Positions {
    known_above: Seq,
    runs: Vec<RunDocument>,
}

/// Every position from the one to the other, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct RunDocument {
    from: Seq,
    to: Seq,
}

impl From<&Runs> for Positions {
    fn from(set: &Runs) -> Self {
        let runs = set.as_slice().iter().map(|run| RunDocument { from: run.0, to: run.1 });
        Self { known_above: set.known_above(), runs: runs.collect() }
    }
}

impl Positions {
    /// Ranges that lie in a document before somebody tidies up: twice what is kept of them.
    const LONG: usize = 2 * message_service_shared::limits::RUNS;

    /// What it means.
    pub(super) fn set(&self) -> Runs {
        let mut runs = self.runs.clone();
        runs.sort_unstable();
        Runs::known_from(self.known_above, runs.into_iter().map(|run| Run(run.from, run.to)))
    }

    /// Whether so much was added to it that it should be written anew.
    pub(super) fn is_long(&self) -> bool {
        self.runs.len() > Self::LONG
    }
}

/// A document of `conversations`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConversationDocument {
    #[serde(rename = "_id")]
    pub(super) id: ConversationId,
    kind: ConversationKind,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) avatar: Option<String>,
    pub(super) last_seq: Seq,
    #[serde(default)]
    floor: Seq,
    #[serde(default)]
    pub(super) holes: Positions,
    last_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) last: Option<Preview>,
    /// Grows with every change of the holes.
    #[serde(default)]
    pub(super) version: i64,
}

impl ConversationDocument {
    /// What its first message makes, but for its id.
    pub(super) fn first(id: &ConversationId) -> Result<Document, StoreError> {
        Ok(doc! {
            "kind": bson(&id.kind())?,
            "lastSeq": 0_i64,
            "floor": 0_i64,
            "lastAt": date(0),
            "version": 0_i64,
        })
    }

    pub(super) fn half(&self) -> ConversationHalf {
        ConversationHalf { last_seq: self.last_seq, floor: self.floor, holes: self.holes.set() }
    }

    pub(super) fn last_at(&self) -> Millis {
        millis(self.last_at)
    }

    /// Takes in that there is a newer message.
    pub(super) fn raise(&mut self, newest: &Message, holes: &Runs) {
        self.last_seq = newest.seq;
        self.last_at = date(newest.at);
        self.holes = Positions::from(holes);
    }
}

/// The id of a member's document: the conversation's, and the user's as it would stand in one. One
/// text, because every server finds many documents by `_id` at once.
pub(super) fn member_id(user: &UserId, id: &ConversationId) -> String {
    format!("{id}:{}", escaped(user))
}

/// A user's id without a `:`, as in a conversation's (RFC 6901).
fn escaped(user: &UserId) -> String {
    user.as_str().replace('~', "~0").replace(':', "~1")
}

/// A document of `members`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MemberDocument {
    pub(super) user: UserId,
    pub(super) conversation: ConversationId,
    read_seq: Seq,
    start_seq: Seq,
    #[serde(default)]
    pub(super) own: Positions,
    cleared: Seq,
    mark: u32,
    mark_seen: u32,
    term: u32,
    settings: Settings,
    #[serde(default)]
    reads: Vec<ReadDocument>,
    pub(super) last_seq: Seq,
    last_at: DateTime,
    /// Grows with every change of the document.
    pub(super) version: i64,
}

/// That somebody read.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ReadDocument {
    seq: Seq,
    at: DateTime,
    by: String,
}

impl MemberDocument {
    pub(super) fn half(&self) -> MemberHalf {
        MemberHalf {
            read_seq: self.read_seq,
            start_seq: self.start_seq,
            own: self.own.set(),
            cleared: self.cleared,
            mark: self.mark,
            mark_seen: self.mark_seen,
            term: self.term,
            settings: self.settings,
        }
    }

    /// Whether sends have added so much to it that it should be written anew.
    pub(super) fn is_long(&self) -> bool {
        self.own.is_long() || self.reads.len() > 2 * READS_KEPT
    }

    /// The time of the newest message that has touched it.
    pub(super) fn last_at(&self) -> Millis {
        millis(self.last_at)
    }

    /// Reads, newest first.
    pub(super) fn reads(&self) -> Vec<ReadRecord> {
        let record = |read: &ReadDocument| ReadRecord {
            seq: read.seq,
            at: millis(read.at),
            by: read.by.clone(),
        };
        let mut reads: Vec<ReadRecord> = self.reads.iter().map(record).collect();
        reads.sort_by_key(|read| std::cmp::Reverse(read.seq));
        reads.truncate(READS_KEPT);
        reads
    }
}

/// A half as its document has it.
pub(super) fn half_fields(half: &MemberHalf) -> Result<Document, StoreError> {
    Ok(doc! {
        "readSeq": int(half.read_seq),
        "startSeq": int(half.start_seq),
        "own": bson(&Positions::from(&half.own))?,
        "cleared": int(half.cleared),
        "mark": i64::from(half.mark),
        "markSeen": i64::from(half.mark_seen),
        "term": i64::from(half.term),
        "settings": bson(&half.settings)?,
    })
}

pub(super) fn read_document(read: &ReadRecord) -> Document {
    doc! { "seq": int(read.seq), "at": date(read.at), "by": &read.by }
}

/// A read to be added without reading the row, which is cut where it has come to be long.
pub(super) fn push_read(read: &ReadRecord) -> Document {
    doc! { "reads": read_document(read) }
}

/// The reads of a row with one more, as many as are kept.
pub(super) fn reads_with(member: Option<&MemberDocument>, read: &ReadRecord) -> Vec<Document> {
    let mut reads = member.map(MemberDocument::reads).unwrap_or_default();
    reads.insert(0, read.clone());
    reads.truncate(READS_KEPT);
    read_documents(&reads)
}

/// Reads as a row has them, the oldest first; they are given newest first.
pub(super) fn read_documents(reads: &[ReadRecord]) -> Vec<Document> {
    reads.iter().rev().map(read_document).collect()
}

/// Positions to be added to a set.
pub(super) fn each(positions: impl IntoIterator<Item = Seq>) -> Document {
    let run = |seq: Seq| doc! { "from": int(seq), "to": int(seq) };
    doc! { "$each": positions.into_iter().map(run).collect::<Vec<Document>>() }
}

/// A document of `users`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserDocument {
    #[serde(rename = "_id")]
    pub(super) id: UserId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    avatar: Option<String>,
    pub(super) announcement_start: Seq,
    #[serde(default)]
    logouts: Logouts,
}

impl From<UserDocument> for StoredUser {
    fn from(found: UserDocument) -> Self {
        let UserDocument { id, name, avatar, logouts, .. } = found;
        Self { user: User { id, name, avatar }, logouts }
    }
}

impl From<UserDocument> for UserRecord {
    fn from(found: UserDocument) -> Self {
        let UserDocument { id, name, avatar, announcement_start, .. } = found;
        Self { id, name, avatar, announcement_start }
    }
}

/// The preview of a message, as the conversation's document has it.
pub(super) fn preview(message: &Message) -> Result<Document, StoreError> {
    document(&Preview::of(message))
}
