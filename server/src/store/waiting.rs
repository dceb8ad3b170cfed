//! What waits to be told to the main app of users who are away, kept until it is told.
//!
//! Deliberately not here: who is away, what is unread, and how the main app is told
//! (`service::away`, `webhook`). A store keeps notices, and sees to it that several nodes don't
//! take the same one.

use std::fmt;

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use serde::{Deserialize, Serialize};

use super::StoreError;

#[cfg(test)]
pub(crate) mod conformance;

/// That one message is there for one receiver.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// For whom; `None` for everyone, by an announcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receiver: Option<UserId>,
    /// Where the message is.
    pub conversation: ConversationId,
    /// Which one it is.
    pub seq: Seq,
}

impl Notice {
    /// A text that no other notice has, by which all backends put them in order.
    pub(crate) fn key(&self) -> String {
        // A user's id without a `:`, as in a conversation's (RFC 6901); nobody's is empty.
        let escape = |user: &UserId| user.as_str().replace('~', "~0").replace(':', "~1");
        let receiver = self.receiver.as_ref().map(escape).unwrap_or_default();
        format!("{receiver}:{}:{}", self.conversation, self.seq)
    }
}

/// A notice whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What it is.
    pub notice: Notice,
    /// Since when it is due.
    pub at: Millis,
    /// How often it was put off so far.
    pub tries: Tries,
    /// The company that it leads, if it does.
    pub company: Option<Company>,
}

/// Notices that are told together or not at all, however often it takes. Of a company the leader
/// alone comes due, so that no page cuts it and no two nodes have a part each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Company {
    /// Whoever made it, which no other company has; the others are held by that name for good.
    pub id: Holder,
    /// Who may have joined the leader; [`Waiting::gather`] says who has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Notice>,
}

/// How often a notice was put off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// Because the main app could not be told.
    pub told: u32,
    /// Because its receiver was not away.
    pub looked: u32,
}

/// Names whoever holds a notice while it is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder(pub(crate) String);

/// Notices, kept until they are told; `waiting::conformance` checks it.
#[async_trait]
pub trait Waiting: fmt::Debug + Send + Sync + 'static {
    /// Keeps notices, due at a time. One that is there, or was finished and not yet forgotten,
    /// stays as it is. All are durable before this returns.
    async fn keep(&self, notices: Vec<Notice>, due: Millis) -> Result<(), StoreError>;

    /// Those that are due, the longest first, at most `limit` of them.
    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, StoreError>;

    /// Takes notices so that nobody else does until then, and returns those that nobody had taken
    /// or put off since they were read. Whoever holds one and ends leaves it due again after that.
    async fn hold(
        &self,
        due: Vec<Due>,
        holder: &Holder,
        until: Millis,
    ) -> Result<Vec<Notice>, StoreError>;

    /// Makes a company before it is told for the first time, and goes over it before each time
    /// after that, as its maker may have died half way: those of the others that its id still
    /// holds join, and come due no more by themselves. Returns the leader and all who have joined,
    /// or nothing where `holder` does not hold the leader any more.
    async fn gather(
        &self,
        leader: Notice,
        company: Company,
        holder: &Holder,
    ) -> Result<Vec<Notice>, StoreError>;

    /// Lets go of what is held, to come back at a time; a leader leads its company on.
    async fn put_off(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        until: Millis,
        tries: Tries,
    ) -> Result<(), StoreError>;

    /// Lets go of what is held for good. Those who joined a company are held by its id, and end
    /// before their leader, through which alone they are found.
    async fn finish(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        at: Millis,
    ) -> Result<(), StoreError>;

    /// Forgets what was finished before a time.
    async fn forget(&self, before: Millis) -> Result<(), StoreError>;
}
