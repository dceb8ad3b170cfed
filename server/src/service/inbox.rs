//! Reading: rows, pages of the inbox, pages of a conversation.

use std::collections::BTreeMap;

use message_service_shared::answer::{History, Inbox, InboxCursor};
use message_service_shared::command::{Fetch, List, Pull};
use message_service_shared::error::ApiError;
use message_service_shared::id::{ConversationKind, UserId};
use message_service_shared::limits;
use message_service_shared::message::Message;
use message_service_shared::row::{Row, User};
use message_service_shared::unread::standing;

use super::standings::counted;
use super::{Acting, Error, Service};
use crate::store::{End, InboxPlace, Slice, StoredRow};

impl Service {
    /// A page of the user's list.
    pub async fn list(&self, acting: &Acting, command: List) -> Result<Inbox, Error> {
        let limit = page_limit(command.limit)?;
        let before = command.before.map(|cursor| InboxPlace { at: cursor.at, id: cursor.id });
        self.page(&acting.user, before.as_ref(), limit).await
    }

    /// Rows by name. Those that are not the user's are left out.
    pub async fn fetch(&self, acting: &Acting, command: Fetch) -> Result<Vec<Row>, Error> {
        at_most_named(command.conversations.len())?;
        let rows = self.store.rows(&acting.user, &command.conversations).await?;
        self.present(&acting.user, rows).await
    }

    /// Messages of a conversation, in order.
    pub async fn pull(&self, acting: &Acting, command: Pull) -> Result<History, Error> {
        let limit = page_limit(command.limit)?;
        self.may_see(&acting.user, &command.conversation).await?;
        let end = if command.after.is_some() { End::Oldest } else { End::Newest };
        let after = command.after.unwrap_or_default();
        let slice = Slice { after, before: command.before, end, limit };
        let page = self.store.messages(&command.conversation, slice).await?;
        if after > page.last_seq {
            return Err(self.past_end(&command.conversation, after).await);
        }
        Ok(History {
            conversation: command.conversation,
            messages: within_bytes(page.messages, end),
            last_seq: page.last_seq,
            floor: page.floor,
        })
    }

    /// All that may be unread for the user.
    pub async fn unread(&self, user: &UserId) -> Result<Vec<Row>, Error> {
        let rows = self.store.unread_rows(std::slice::from_ref(user)).await?;
        let rows = rows.into_iter().flat_map(|(_, rows)| rows).collect();
        let rows = self.present(user, rows).await?;
        Ok(rows.into_iter().filter(|row| row.standing().shown() > 0).collect())
    }

    pub(super) async fn page(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Inbox, Error> {
        let mut rows = self.store.inbox(user, before, limit + 1).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| more);
        let next = last.map(|row| InboxCursor { at: row.last_at, id: row.id.clone() });
        Ok(Inbox { rows: self.present(user, rows).await?, next })
    }

    /// Adds to stored rows what a page needs to show them: names, pictures, the count.
    pub(super) async fn present(
        &self,
        user: &UserId,
        rows: Vec<StoredRow>,
    ) -> Result<Vec<Row>, Error> {
        let peers: Vec<UserId> = rows.iter().filter_map(|row| row.id.peer_of(user)).collect();
        let known = if peers.is_empty() { Vec::new() } else { self.store.users(&peers).await? };
        let known: BTreeMap<UserId, User> =
            known.into_iter().map(|known| (known.user.id.clone(), known.user)).collect();
        let mut presented = Vec::with_capacity(rows.len());
        for row in rows {
            let counted = counted(&*self.store, user, &row).await?;
            let peer = row.id.peer_of(user);
            let profile = peer.as_ref().and_then(|peer| known.get(peer));
            let kind = row.id.kind();
            let own_name = match kind {
                ConversationKind::Group => row.name,
                ConversationKind::System | ConversationKind::Announcement => {
                    self.rules.product_name.clone()
                }
                ConversationKind::Direct => None,
            };
            presented.push(Row {
                unread: standing(&row.conversation, &row.member, counted).shown(),
                name: own_name.or_else(|| profile.and_then(|user| user.name.clone())),
                avatar: row.avatar.or_else(|| profile.and_then(|user| user.avatar.clone())),
                id: row.id,
                kind,
                peer,
                last_at: row.last_at,
                last: row.last,
                conversation: row.conversation,
                member: row.member,
                counted,
            });
        }
        Ok(presented)
    }
}

pub(super) fn at_most_named(count: usize) -> Result<(), ApiError> {
    if count <= limits::NAMED_CONVERSATIONS {
        return Ok(());
    }
    let error = ApiError::invalid("conversations", "too many conversations at once");
    Err(error.with_limit(limits::NAMED_CONVERSATIONS))
}

fn page_limit(limit: Option<u32>) -> Result<usize, ApiError> {
    let limit = limit.unwrap_or(limits::PAGE_DEFAULT);
    if (1..=limits::PAGE_MAX).contains(&limit) {
        Ok(limit as usize)
    } else {
        let error = ApiError::invalid("limit", "a page has from 1 to 200 entries");
        Err(error.with_limit(limits::PAGE_MAX as usize))
    }
}

/// As many messages as a page may have bytes, at least one, from the end that was asked for.
fn within_bytes(mut messages: Vec<Message>, end: End) -> Vec<Message> {
    if end == End::Newest {
        messages.reverse();
    }
    let mut bytes = 0;
    let fits = messages.iter().take_while(|message| {
        let had = bytes;
        bytes += size(message);
        had == 0 || bytes <= limits::PAGE_BYTES
    });
    let fits = fits.count();
    messages.truncate(fits);
    if end == End::Newest {
        messages.reverse();
    }
    messages
}

fn size(message: &Message) -> usize {
    // Types of the protocol have no failing serialiser.
    serde_json::to_vec(message).map_or(0, |json| json.len())
}

#[cfg(test)]
mod tests {
    use message_service_shared::message::Content;

    use super::*;

    fn message(seq: u64, chars: usize) -> Message {
        Message {
            id: "m".parse().unwrap(),
            conversation: "direct:ann:bob".parse().unwrap(),
            seq: seq.try_into().unwrap(),
            sender: Some("bob".parse().unwrap()),
            client_msg_id: "c".parse().unwrap(),
            at: 1,
            revision: 0,
            quiet: false,
            recalled: None,
            content: Some(Content::text("x".repeat(chars))),
        }
    }

    fn seqs(messages: &[Message]) -> Vec<u64> {
        messages.iter().map(|message| message.seq.get()).collect()
    }

    #[test]
    fn a_page_ends_at_its_bytes_from_the_side_that_was_asked_for() {
        let half = limits::PAGE_BYTES / 2;
        let messages: Vec<Message> = (1..=5).map(|seq| message(seq, half - 500)).collect();
        assert_eq!(seqs(&within_bytes(messages.clone(), End::Oldest)), [1, 2]);
        assert_eq!(seqs(&within_bytes(messages, End::Newest)), [4, 5]);
    }

    #[test]
    fn one_message_always_fits() {
        let messages = vec![message(1, limits::PAGE_BYTES), message(2, 1)];
        assert_eq!(seqs(&within_bytes(messages, End::Oldest)), [1]);
        assert_eq!(seqs(&within_bytes(Vec::new(), End::Newest)), [0_u64; 0]);
    }
}
