//! Users who are away: which messages wait to be told to the main app, and whether one is still
//! worth telling.
//!
//! A message waits from the moment it is stored, for each of its receivers, whether they seem to be
//! there or not: a phone in a tunnel counts as online for a while, and a node that died did not say
//! so. Once its time has come, it is told if nobody has read it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::{Message, Millis};
use message_service_shared::seq::Seq;
use message_service_shared::unread::base;
use tokio::sync::Notify;

use super::{Error, Service, standings};
use crate::bus::Audience;
use crate::store::waiting::{Notice, Waiting};
use crate::store::{End, Slice, StoredRow};

/// How a service keeps what the main app is to be told.
#[derive(Clone, Debug)]
pub struct Away {
    /// Where it waits.
    pub waiting: Arc<dyn Waiting>,
    /// Who counts as away.
    pub when: When,
    /// How long a message may stay unread before that.
    pub after_ms: Millis,
    /// Woken when something waits that may be told at once.
    pub wake: Arc<Notify>,
}

/// Who counts as away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Who has no live session. For others a message waits until it is read, or they go.
    #[default]
    Offline,
    /// Whoever has not read.
    Unread,
}

/// What to do about notices of one receiver.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outlook {
    /// Nothing any more: all of it was read, taken back, or muted.
    Settled,
    /// Wait: the receiver is there, and may read it.
    Present,
    /// Tell these.
    Tell(Told),
}

/// What the main app is told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    /// The messages that are still unread, conversation by conversation, in order.
    pub(crate) messages: Vec<Message>,
    /// What the receiver's dot counts; nothing where everyone is the receiver.
    pub(crate) unread: Option<u64>,
}

impl Service {
    /// Lets messages wait, if anybody wants to be told of them. It happens before their senders
    /// hear that they are stored, so that a message that was acknowledged is one that waits.
    pub(super) async fn let_wait(&self, messages: &[&Message]) -> Result<(), Error> {
        let Some(away) = &self.away else { return Ok(()) };
        let mut notices = Vec::new();
        for message in messages {
            if message.quiet || message.recalled.is_some() {
                continue;
            }
            let notice = |receiver| Notice {
                receiver,
                conversation: message.conversation.clone(),
                seq: message.seq,
            };
            match self.audience(&message.conversation).await? {
                Audience::Everyone => notices.push(notice(None)),
                Audience::Users(users) => {
                    let others =
                        users.into_iter().filter(|user| Some(user) != message.sender.as_ref());
                    notices.extend(others.map(|user| notice(Some(user))));
                }
            }
        }
        if !notices.is_empty() {
            away.waiting.keep(notices, self.clock.now().saturating_add(away.after_ms)).await?;
            if away.after_ms == 0 {
                away.wake.notify_one();
            }
        }
        Ok(())
    }

    /// What to do about notices of one receiver. Whether the receiver is there matters the first
    /// time alone: what the main app may have heard of already is told to the end.
    pub(crate) async fn outlook(
        &self,
        receiver: Option<&UserId>,
        notices: &[Notice],
        may_wait: bool,
    ) -> Result<Outlook, Error> {
        let mut wanted: BTreeMap<ConversationId, BTreeSet<Seq>> = BTreeMap::new();
        for notice in notices {
            wanted.entry(notice.conversation.clone()).or_default().insert(notice.seq);
        }
        if let Some(user) = receiver {
            let ids: Vec<ConversationId> = wanted.keys().cloned().collect();
            let rows = self.store.rows(user, &ids).await?;
            wanted.retain(|id, seqs| {
                let row = rows.iter().find(|row| row.id == *id);
                seqs.retain(|seq| row.is_some_and(|row| is_unread(row, *seq)));
                !seqs.is_empty()
            });
            if wanted.is_empty() {
                return Ok(Outlook::Settled);
            }
            if may_wait && self.is_there(user).await? {
                return Ok(Outlook::Present);
            }
        }
        let messages = self.all_of(&wanted).await?;
        if messages.is_empty() {
            return Ok(Outlook::Settled);
        }
        let unread = match receiver {
            Some(user) => Some(self.total(user).await?),
            None => None,
        };
        Ok(Outlook::Tell(Told { messages, unread }))
    }

    async fn is_there(&self, user: &UserId) -> Result<bool, Error> {
        match self.away.as_ref().map(|away| away.when) {
            Some(When::Offline) => Ok(!self.roster.online(vec![user.clone()]).await?.is_empty()),
            Some(When::Unread) | None => Ok(false),
        }
    }

    /// What the user's dot counts.
    async fn total(&self, user: &UserId) -> Result<u64, Error> {
        let standings = standings(&*self.store, std::slice::from_ref(user)).await?;
        let all = standings.iter().flat_map(|(_, standings)| standings);
        Ok(all.map(|(_, standing)| standing.counted_in_total()).sum())
    }

    /// The messages that were not taken back.
    async fn all_of(
        &self,
        wanted: &BTreeMap<ConversationId, BTreeSet<Seq>>,
    ) -> Result<Vec<Message>, Error> {
        let mut messages = Vec::new();
        for (id, seqs) in wanted {
            for (first, last) in neighbours(seqs) {
                let slice = Slice {
                    after: first.previous(),
                    before: Some(last.next()),
                    end: End::Oldest,
                    limit: seqs.len(),
                };
                let page = self.store.messages(id, slice).await?;
                let there = page.messages.into_iter().filter(|message| message.recalled.is_none());
                messages.extend(there);
            }
        }
        Ok(messages)
    }
}

/// Whether the dot counts a message for the member whose row it is.
fn is_unread(row: &StoredRow, seq: Seq) -> bool {
    let StoredRow { conversation, member, .. } = row;
    let is_silent = member.own.contains(seq) || conversation.holes.contains(seq);
    member.is_in() && !member.settings.muted && seq > base(conversation, member) && !is_silent
}

/// Positions as ranges without a gap, both ends included.
fn neighbours(seqs: &BTreeSet<Seq>) -> Vec<(Seq, Seq)> {
    let mut ranges: Vec<(Seq, Seq)> = Vec::new();
    for seq in seqs {
        match ranges.last_mut() {
            Some((_, last)) if last.next() == *seq => *last = *seq,
            _ => ranges.push((*seq, *seq)),
        }
    }
    ranges
}
