//! What remembers. One trait, an operation for each need of the service, and the backends behind it.
//!
//! Deliberately not here: who may do what, and whom to tell. A store answers for three things
//! alone: a message is durable before it is said to be; positions of a conversation are 1, 2, 3, …
//! without a gap; values that are derived from messages only grow. No operation needs a
//! transaction across documents, though a backend that has transactions uses them.

pub mod archive;
#[cfg(test)]
pub(crate) mod conformance;
pub mod memory;
pub mod mongodb;
pub mod sqlite;
pub mod waiting;

use std::fmt;

use async_trait::async_trait;
use message_service_shared::command::Configure;
use message_service_shared::id::{ClientMsgId, ConversationId, Epoch, MessageId, Parties, UserId};
use message_service_shared::message::{Content, Message, Millis};
use message_service_shared::row::{Preview, User};
use message_service_shared::seq::Seq;
use message_service_shared::unread::{ConversationHalf, MemberHalf, is_listed};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::logouts::Logouts;

/// Reads that a store keeps for each member and conversation, the newest ones.
pub const READS_KEPT: usize = 32;

/// The trait that every backend implements and `conformance` checks.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// The life of the data set, made when it was created, changed when a backup is restored.
    async fn epoch(&self) -> Result<Epoch, StoreError>;

    /// Stores what the main app says of users, creating those that are new.
    async fn upsert_users(&self, users: Vec<Profile>) -> Result<(), StoreError>;

    /// Makes sure that each of these exists, and returns them in the same order.
    ///
    /// A new user's announcements start after the newest one there is.
    async fn see_users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError>;

    /// Those of the users that exist, in any order.
    async fn users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError>;

    /// Notes that all sessions of the user end which began before, and returns the number that
    /// later ones begin with. Nothing is noted of a user that does not exist.
    async fn log_out(&self, user: &UserId) -> Result<Logouts, StoreError>;

    /// Stores messages and what is derived from them, one outcome for each draft, in order.
    ///
    /// Every message is durable before this returns. A draft whose `(conversation, sender,
    /// client_msg_id)` is taken is not stored again: with the same content hash the outcome is the
    /// first message, after its derived values were written again; with another it is
    /// [`AppendError::Conflict`]. The first message of a direct or system conversation creates the
    /// member rows of its parties. The author's own half grows by the message, and by `read_seq`.
    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Appended, AppendError>>;

    /// Messages of a conversation in order, without a gap; none where there is no conversation.
    async fn messages(
        &self,
        conversation: &ConversationId,
        slice: Slice,
    ) -> Result<MessagePage, StoreError>;

    /// Where a conversation ends for certain. Other reads may be of a moment ago where servers have
    /// just changed places; this one is asked before somebody who knows more is told that they are
    /// wrong, and may take longer.
    async fn end(&self, conversation: &ConversationId) -> Result<Seq, StoreError>;

    /// Takes a message back: its content goes, its hash stays, its position becomes a hole, and the
    /// preview follows, all before this returns. `by` is `None` for the main app, and a user takes
    /// back only what they sent.
    async fn recall(
        &self,
        conversation: &ConversationId,
        seq: Seq,
        by: Option<&UserId>,
        at: Millis,
    ) -> Result<Recalled, RecallError>;

    /// The rows that a user has of these conversations. A wide conversation always gives a row
    /// (with an implied half where the user has none), another only where the user is a member.
    async fn rows(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<StoredRow>, StoreError>;

    /// For each user every row that may be unread, wide conversations included. A row that turns
    /// out to be read may be among them, one that is unread is never missing.
    async fn unread_rows(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Vec<StoredRow>)>, StoreError>;

    /// A page of a user's list, newest first by `(last_at, id)`: rows for which
    /// [`StoredRow::is_listed`] holds, wide conversations merged in, those below `before` alone.
    async fn inbox(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError>;

    /// Changes a member's half. Reading past the newest message changes nothing and is refused.
    async fn change_member(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        change: &MemberChange,
    ) -> Result<StoredRow, ChangeError>;

    /// How many messages in `(after, up_to]` count for the user: neither own nor quiet nor
    /// recalled. Asked only where a half has forgotten its oldest ranges.
    async fn count(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<u64, StoreError>;

    /// The members of a group, those who are in. Nobody asks it about other kinds, whose ids tell.
    async fn members(&self, conversation: &ConversationId) -> Result<Vec<UserId>, StoreError>;

    /// Who read up to where, and when, newest first: what explains a badge afterwards.
    async fn reads(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, StoreError>;

    /// Writes again what a crash of whatever process may have kept from being derived from stored
    /// messages. A node calls it once it has started, and when another one has died; it may take
    /// minutes. Backends whose writes are one transaction have nothing to do.
    async fn repair(&self) -> Result<(), StoreError>;

    /// Writes again what failed calls of this process may have kept from being derived. It looks
    /// at what they were about and no further, and others wait for it: what takes long goes on
    /// behind an [`StoreError::Unavailable`].
    async fn mend(&self) -> Result<(), StoreError>;

    /// Whether the store answers, for the readiness check.
    async fn ping(&self) -> Result<(), StoreError>;
}

/// The store could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// It can't be reached, or is too busy. Nothing is known to be written; the same call again is
    /// safe.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// It holds what it must not, or a write broke a rule that this code should have kept.
    #[error("the store is broken: {0}")]
    Broken(String),
}

/// Why a draft was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The same `client_msg_id` was used for other content.
    #[error("the clientMsgId was used before, for other content")]
    Conflict,
    /// `read_seq` lies past the newest message.
    #[error("read past the newest message")]
    PastEnd,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a message was not recalled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecallError {
    /// There is no message at that position.
    #[error("no message at that position")]
    Unknown,
    /// Somebody else sent it.
    #[error("somebody else sent it")]
    NotYours,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a half was not changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// The user has no row of the conversation, and it is not a wide one.
    #[error("not a member")]
    Unknown,
    /// The position lies past the newest message.
    #[error("past the newest message")]
    PastEnd,
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What is known of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredUser {
    /// What others see.
    pub user: User,
    /// How often they were logged out everywhere.
    pub logouts: Logouts,
}

/// What the main app says of a user. What is absent stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Who.
    pub id: UserId,
    /// The new name.
    pub name: Option<String>,
    /// The new picture's URL.
    pub avatar: Option<String>,
    /// When the main app first had the user: announcements from then on are theirs. It matters only
    /// while the user is new here; without it they start now.
    pub created_at: Option<Millis>,
}

/// A message to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Where.
    pub conversation: ConversationId,
    /// Who says it; `None` for the product.
    pub sender: Option<UserId>,
    /// The sender's own name for it.
    pub client_msg_id: ClientMsgId,
    /// What it says, checked.
    pub content: Content,
    /// Tells a resend from another message under the same name, also after a recall.
    pub content_hash: ContentHash,
    /// Never counts.
    pub quiet: bool,
    /// The id it gets if it is new.
    pub id: MessageId,
    /// The time it gets, unless the message before it is later.
    pub at: Millis,
    /// Up to where its author had rendered the conversation.
    pub read_seq: Option<Seq>,
}

/// SHA-256 of a draft's content as JSON, and of whether it is quiet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl ContentHash {
    /// Hashes.
    pub fn of(content: &Content, quiet: bool) -> Self {
        let mut hash = Sha256::new();
        // The protocol's types have no failing serialiser; were there one, equal content would
        // still hash equally.
        hash.update(serde_json::to_vec(content).unwrap_or_default());
        hash.update([u8::from(quiet)]);
        Self(hash.finalize().into())
    }
}

/// A draft's outcome.
#[derive(Clone, Debug, PartialEq)]
pub struct Appended {
    /// As stored, now or the first time.
    pub message: Message,
    /// Whether it was stored now.
    pub fresh: bool,
    /// The author's half afterwards; `None` where the product is the author.
    pub author: Option<MemberHalf>,
}

/// Which messages are wanted: those in `(after, before)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Only later ones.
    pub after: Seq,
    /// Only earlier ones.
    pub before: Option<Seq>,
    /// Which of them, where there are more than `limit`.
    pub end: End,
    /// Messages at most.
    pub limit: usize,
}

/// An end of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The ones that follow `after`.
    Oldest,
    /// The ones that end at `before`.
    Newest,
}

/// Messages in order, and where the conversation stood when they were read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessagePage {
    /// In order, without a gap.
    pub messages: Vec<Message>,
    /// The newest message of the conversation.
    pub last_seq: Seq,
    /// Retention has deleted up to here.
    pub floor: Seq,
}

/// A message that was taken back.
#[derive(Clone, Debug, PartialEq)]
pub struct Recalled {
    /// As it is now.
    pub message: Message,
    /// Whether this call did it; a second recall changes nothing.
    pub fresh: bool,
}

/// A place in the inbox: below it lies what comes after it in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPlace {
    /// The time of the newest message.
    pub at: Millis,
    /// Breaks ties.
    pub id: ConversationId,
}

/// A conversation as one member sees it, as far as the store knows: names are looked up elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredRow {
    /// Which conversation.
    pub id: ConversationId,
    /// The group's own name.
    pub name: Option<String>,
    /// The group's own picture.
    pub avatar: Option<String>,
    /// What all members share.
    pub conversation: ConversationHalf,
    /// What is the member's own.
    pub member: MemberHalf,
    /// When the newest message was said; 0 where there is none.
    pub last_at: Millis,
    /// The newest message, shortened.
    pub last: Option<Preview>,
}

impl StoredRow {
    /// Whether the user's list shows it.
    pub fn is_listed(&self) -> bool {
        is_listed(&self.conversation, &self.member)
    }
}

/// A change of a member's half. Each is idempotent, and none ever lowers anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberChange {
    /// Read up to `seq`, and the marks up to `mark_seen`.
    Read {
        /// Up to here.
        seq: Seq,
        /// The mark that the reader saw.
        mark_seen: u32,
        /// When.
        at: Millis,
        /// Through what: a session's id, or the way in.
        by: String,
    },
    /// Mark unread by hand: `mark = mark_seen + 1`.
    Mark,
    /// Remove from the list up to here.
    Clear {
        /// The newest message that the user saw listed.
        seq: Seq,
    },
    /// Change the settings.
    Configure(Configure),
}

/// That somebody read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadRecord {
    /// Up to here.
    pub seq: Seq,
    /// When.
    pub at: Millis,
    /// Through what.
    pub by: String,
}

/// Those who get a member row with the first message. Groups get theirs from a join, and a wide
/// conversation has none until somebody reads it.
pub(crate) fn parties_with_rows(id: &ConversationId) -> Vec<UserId> {
    match id.parties() {
        Parties::Direct(first, second) => vec![first, second],
        Parties::System(user) => vec![user],
        Parties::Group(_) | Parties::Announcement => Vec::new(),
    }
}
