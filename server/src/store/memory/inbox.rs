//! What a user's list shows, and how a member's half changes.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::seq::Seq;
use message_service_shared::unread::standing;

use super::state::{MemberRecord, State};
use crate::store::{ChangeError, InboxPlace, MemberChange, ReadRecord, StoredRow};

impl State {
    pub(super) fn unread_rows(&self, user: &UserId) -> Vec<StoredRow> {
        let rows = self.all_rows(user);
        rows.filter(|row| {
            let standing = standing(&row.conversation, &row.member, None);
            standing.shown() > 0 || !standing.exact
        })
        .collect()
    }

    pub(super) fn inbox(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Vec<StoredRow> {
        let place = |row: &StoredRow| (row.last_at, row.id.clone());
        let below = |row: &StoredRow| {
            before.is_none_or(|before| place(row) < (before.at, before.id.clone()))
        };
        let mut rows: Vec<StoredRow> =
            self.all_rows(user).filter(|row| row.is_listed() && below(row)).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(place(row)));
        rows.truncate(limit);
        rows
    }

    pub(super) fn change(
        &mut self,
        user: &UserId,
        conversation: &ConversationId,
        change: &MemberChange,
    ) -> Result<StoredRow, ChangeError> {
        let half = self.half(user, conversation).ok_or(ChangeError::Unknown)?;
        let record = self.conversations.get(conversation);
        let end = record.map_or(Seq::ZERO, |record| record.half.last_seq);
        if let MemberChange::Read { seq, .. } | MemberChange::Clear { seq } = change
            && *seq > end
        {
            return Err(ChangeError::PastEnd);
        }
        let key = (user.clone(), conversation.clone());
        let member = self.members.entry(key).or_insert(MemberRecord { half, reads: Vec::new() });
        match change {
            MemberChange::Read { seq, mark_seen, at, by } => {
                member.read(&ReadRecord { seq: *seq, at: *at, by: by.clone() }, *mark_seen);
            }
            MemberChange::Mark => {
                member.half.mark = member.half.mark.max(member.half.mark_seen + 1);
            }
            MemberChange::Clear { seq } => member.half.cleared = member.half.cleared.max(*seq),
            MemberChange::Configure(configure) => {
                member.half.settings = configure.apply(member.half.settings);
            }
        }
        self.row(user, conversation).ok_or(ChangeError::Unknown)
    }

    fn all_rows(&self, user: &UserId) -> impl Iterator<Item = StoredRow> {
        let announcement = ConversationId::announcement();
        let members = self.members.keys();
        let own = members.filter(|(member, id)| member == user && *id != announcement);
        let ids: Vec<ConversationId> =
            own.map(|(_, id)| id.clone()).chain([announcement.clone()]).collect();
        ids.into_iter().filter_map(|id| self.row(user, &id))
    }
}
