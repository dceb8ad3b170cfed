//! A whole data set, read out of a store in order and put into another one.
//!
//! Facts go first: users, conversations, members. The messages follow, then what waits to be told of
//! them to the main app; and everything that derives
//! from them (positions, holes, own messages, previews, what may be unread) is derived again by the
//! store that takes them in. What can't be derived travels: among it the hash of a content that was
//! recalled, and where a set of ranges has forgotten its oldest.
//!
//! Deliberately not here: files, lines and check sums ([`crate::transfer`]).

mod record;

#[cfg(test)]
pub(crate) mod conformance;

pub use self::record::{
    ConversationRecord, MemberRecord, MessageRecord, NoticeRecord, Place, Record, UserRecord,
    forgotten,
};

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, Epoch};
use message_service_shared::seq::Seq;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

/// What moving a data set asks of a backend beside [`Store`]; `archive::conformance` checks it.
///
/// Whoever calls it has the store to themselves.
#[async_trait]
pub trait Archive: Store {
    /// Records that come after a place, in the order of [`Place`], at most `limit` of them; none
    /// where nothing follows.
    async fn page(&self, after: &Place, limit: usize) -> Result<Vec<Record>, StoreError>;

    /// How much there is.
    async fn tally(&self) -> Result<Tally, StoreError>;

    /// Makes the store ready to take in the data set of this epoch, or to go on with it.
    ///
    /// An empty store takes the epoch over, and is [`Archive::unfinished`] until
    /// [`Archive::finish`]. One that holds another epoch and anything else is refused.
    async fn begin(&self, epoch: &Epoch) -> Result<Stage, RestoreError>;

    /// Takes in records that follow each other in the order of [`Place`], derives what they change,
    /// and notes the progress. All of it is durable before this returns; where it is refused,
    /// none of it is written.
    ///
    /// What is there already stays, so that a record that is taken in twice changes nothing.
    async fn restore(&self, records: Vec<Record>, progress: Progress) -> Result<(), RestoreError>;

    /// How far an import has come that was begun and not finished. Such a store must not serve.
    async fn unfinished(&self) -> Result<Option<Progress>, StoreError>;

    /// Says that an import is complete.
    async fn finish(&self) -> Result<(), StoreError>;

    /// Begins a new life of the data set, as after an older backup was put back: every client is
    /// told to forget what it knew.
    async fn new_epoch(&self) -> Result<Epoch, StoreError>;
}

/// How much a store holds. Two that hold the same facts have equal tallies, and one that was
/// written to has another one than before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// Users who were seen.
    pub users: u64,
    /// Conversations; the announcement is one from its first message on.
    pub conversations: u64,
    /// Members' rows.
    pub members: u64,
    /// Messages.
    pub messages: u64,
    /// What waits to be told to the main app.
    #[serde(default)]
    pub notices: u64,
    /// The sum of what only grows: floors, revisions of messages, and the numbers of all members'
    /// halves and settings. Whatever changes a fact and adds no record raises it, but for a user's
    /// name and picture.
    pub grown: u64,
}

impl Tally {
    /// All records together.
    pub fn records(&self) -> u64 {
        self.users + self.conversations + self.members + self.messages + self.notices
    }
}

/// Where a store stands before an import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It holds what was taken in so far.
    Importing(Progress),
    /// It holds the data set; there is nothing to take in.
    Complete,
}

/// How far an import has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Lines of the file that are in the store.
    pub lines: u64,
    /// The file's check sum up to there, by which the same file is known again.
    pub sum: String,
}

/// Why records were not taken in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The store holds something else.
    #[error(
        "the store holds another data set (epoch {held}, and this one is {wanted}); import into an \
         empty store"
    )]
    OtherDataSet {
        /// The epoch of the store.
        held: Epoch,
        /// The epoch of what should come in.
        wanted: Epoch,
    },
    /// A member or a message of a conversation that has no record.
    #[error("{0} has no record of its own before")]
    NoConversation(ConversationId),
    /// A position was left out.
    #[error("in {conversation} comes seq {seq}, and the store ends at {end}")]
    Gap {
        /// Which conversation.
        conversation: ConversationId,
        /// The position that came.
        seq: Seq,
        /// The newest message of the store.
        end: Seq,
    },
    /// The store has another message at that position, or another one of the same name.
    #[error(
        "the store has another message than seq {seq} of {conversation}: it went its own way after \
         this data set was exported; import into an empty store"
    )]
    OtherMessage {
        /// Which conversation.
        conversation: ConversationId,
        /// The position.
        seq: Seq,
    },
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}
