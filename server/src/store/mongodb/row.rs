//! The rows of a user: by name, those that may be unread, and the list.
//!
//! A row is read in two steps, the member's first and then the conversation's. What is stored in
//! between makes the conversation's half the newer one, and an own message would count. So a member
//! that was left behind is read again: it is written first, and is level with the conversation then.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use message_service_shared::id::{ConversationId, ConversationKind, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use message_service_shared::unread::{MemberHalf, standing};
use mongodb::bson::{Bson, doc};

use super::documents::{ConversationDocument, MemberDocument, UserDocument, date, member_id};
use super::{Core, MEMBERS, USERS};
use crate::store::{InboxPlace, StoreError, StoredRow, parties_with_rows};

/// A row from its two halves. `touched` is when a message last touched the member's: the
/// conversation's may not say so yet.
pub(super) fn row_of(
    id: &ConversationId,
    row: Option<&ConversationDocument>,
    member: MemberHalf,
    touched: Millis,
) -> StoredRow {
    StoredRow {
        id: id.clone(),
        name: row.and_then(|row| row.name.clone()),
        avatar: row.and_then(|row| row.avatar.clone()),
        conversation: row.map(ConversationDocument::half).unwrap_or_default(),
        member,
        last_at: row.map_or(0, ConversationDocument::last_at).max(touched),
        last: row.and_then(|row| row.last.clone()),
    }
}

/// Whether the row belongs among those that may be unread.
fn may_be_unread(row: &StoredRow) -> bool {
    let standing = standing(&row.conversation, &row.member, None);
    standing.shown() > 0 || !standing.exact
}

type Conversations = HashMap<ConversationId, ConversationDocument>;
type Starts = HashMap<UserId, Seq>;

impl Core {
    /// The rows of these conversations.
    pub(super) async fn rows(
        &self,
        user: &UserId,
        ids: &[ConversationId],
    ) -> Result<Vec<StoredRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = ids.iter().map(|id| member_id(user, id)).collect();
        let of_user = doc! { "_id": { "$in": keys }, "user": user.as_str() };
        let has_wide = ids.iter().any(is_wide);
        let asked = if has_wide { std::slice::from_ref(user) } else { &[] };
        let (members, starts) =
            tokio::try_join!(self.connection.find(MEMBERS, of_user), self.starts(asked))?;
        let members: Vec<MemberDocument> = members;
        let theirs = members.iter().map(|member| &member.conversation);
        let theirs = theirs.chain(ids.iter().filter(|id| is_wide(id)));
        let theirs: BTreeSet<&ConversationId> = theirs.collect();
        let conversations = self.conversations(theirs.into_iter()).await?;
        let members = self.level(members, &conversations).await?;
        let members: HashMap<ConversationId, MemberDocument> =
            members.into_iter().map(by_conversation).collect();
        let row = |id: &ConversationId| {
            of_user_row(id, members.get(id), starts.get(user).copied(), &conversations)
        };
        Ok(ids.iter().filter_map(row).collect())
    }

    /// For each user the rows that may be unread, the wide one among them.
    pub(super) async fn unread_rows(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Vec<StoredRow>)>, StoreError> {
        let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let filter = doc! { "user": one_of(&names), "maybeUnread": true };
        let (members, starts) =
            tokio::try_join!(self.connection.find(MEMBERS, filter), self.starts(users))?;
        let members: Vec<MemberDocument> = members;
        let announcement = ConversationId::announcement();
        let ids = members.iter().map(|member| &member.conversation).chain([&announcement]);
        let ids: BTreeSet<&ConversationId> = ids.collect();
        let conversations = self.conversations(ids.into_iter()).await?;
        let members = self.level(members, &conversations).await?;
        let mut of_users: HashMap<UserId, HashMap<ConversationId, MemberDocument>> = HashMap::new();
        for member in members {
            of_users
                .entry(member.user.clone())
                .or_default()
                .insert(member.conversation.clone(), member);
        }
        let of_one = |user: &UserId| {
            let members = of_users.get(user);
            let start = starts.get(user).copied();
            let own = members.into_iter().flatten().filter(|(id, _)| !is_wide(id));
            let narrow =
                own.filter_map(|(id, member)| of_user_row(id, Some(member), None, &conversations));
            let wide = members.and_then(|members| members.get(&announcement));
            let wide = of_user_row(&announcement, wide, start, &conversations);
            (user.clone(), narrow.chain(wide).filter(may_be_unread).collect())
        };
        Ok(users.iter().map(of_one).collect())
    }

    /// A page of the list.
    pub(super) async fn inbox(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let announcement = ConversationId::announcement();
        let wide = self.rows(user, std::slice::from_ref(&announcement));
        let (wide, mut page) = tokio::try_join!(wide, self.listed(user, before, limit))?;
        let is_below = |row: &StoredRow| {
            before.is_none_or(|before| (row.last_at, &row.id) < (before.at, &before.id))
        };
        page.extend(wide.into_iter().filter(|row| row.is_listed() && is_below(row)));
        page.sort_by_key(|row| Reverse((row.last_at, row.id.clone())));
        page.truncate(limit);
        Ok(page)
    }

    /// Rows with a member's own in the list. Some of those that are found may not be listed any
    /// more; then it is looked further.
    async fn listed(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError> {
        let mut page = Vec::new();
        let mut before = before.cloned();
        while page.len() < limit {
            let found = self.listed_members(user, before.as_ref(), limit).await?;
            let is_all = found.len() < limit;
            let conversations =
                self.conversations(found.iter().map(|member| &member.conversation)).await?;
            before = found
                .last()
                .map(|member| InboxPlace { at: member.last_at(), id: member.conversation.clone() });
            let found = self.level(found, &conversations).await?;
            let rows = found.iter().filter_map(|member| {
                of_user_row(&member.conversation, Some(member), None, &conversations)
            });
            page.extend(rows.filter(StoredRow::is_listed));
            if is_all {
                break;
            }
        }
        Ok(page)
    }

    /// These members, none of them behind its conversation.
    async fn level(
        &self,
        mut members: Vec<MemberDocument>,
        conversations: &Conversations,
    ) -> Result<Vec<MemberDocument>, StoreError> {
        let is_behind = |member: &MemberDocument| {
            let row = conversations.get(&member.conversation);
            row.is_some_and(|row| row.last_seq > member.last_seq)
                && parties_with_rows(&member.conversation).contains(&member.user)
        };
        let behind = members.iter().filter(|member| is_behind(member));
        let behind = behind.map(|member| (member.user.clone(), member.conversation.clone()));
        let mut again = self.members(behind.collect::<Vec<_>>().into_iter()).await?;
        for member in &mut members {
            let key = (member.user.clone(), member.conversation.clone());
            if let Some(again) = again.remove(&key) {
                *member = again;
            }
        }
        Ok(members)
    }

    async fn listed_members(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<MemberDocument>, StoreError> {
        let mut filter = doc! { "user": user.as_str(), "maybeListed": true };
        if let Some(InboxPlace { at, id }) = before {
            let at = date(*at);
            filter.insert("lastAt", doc! { "$lte": at });
            let lower = doc! { "conversation": { "$lt": id.as_str() } };
            filter.insert("$or", [doc! { "lastAt": { "$lt": at } }, lower].as_slice());
        }
        let members = self.connection.collection::<MemberDocument>(MEMBERS);
        let finding = async {
            let mut cursor = members
                .find(filter)
                .sort(doc! { "user": 1, "maybeListed": 1, "lastAt": -1, "conversation": -1 })
                .limit(i64::try_from(limit).unwrap_or(i64::MAX))
                .await?;
            let mut found = Vec::new();
            while cursor.advance().await? {
                found.push(cursor.deserialize_current()?);
            }
            Ok(found)
        };
        self.connection.call(finding).await
    }

    /// Where the announcements of users start; nothing for those who were never seen.
    async fn starts(&self, users: &[UserId]) -> Result<Starts, StoreError> {
        if users.is_empty() {
            return Ok(Starts::new());
        }
        let names: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let found: Vec<UserDocument> =
            self.connection.find(USERS, doc! { "_id": one_of(&names) }).await?;
        Ok(found.into_iter().map(|user| (user.id, user.announcement_start)).collect())
    }
}

/// One user plainly: not every server finds one among one by an index.
fn one_of(names: &[&str]) -> Bson {
    match names {
        [only] => (*only).into(),
        several => doc! { "$in": several }.into(),
    }
}

pub(super) fn is_wide(id: &ConversationId) -> bool {
    id.kind() == ConversationKind::Announcement
}

fn by_conversation(member: MemberDocument) -> (ConversationId, MemberDocument) {
    (member.conversation.clone(), member)
}

/// A user's row: the own one, or what a wide conversation implies for a user who was seen.
fn of_user_row(
    id: &ConversationId,
    member: Option<&MemberDocument>,
    start: Option<Seq>,
    conversations: &Conversations,
) -> Option<StoredRow> {
    let (half, touched) = match (member, start) {
        (Some(member), _) => (member.half(), member.last_at()),
        (None, Some(start)) if is_wide(id) => (MemberHalf::joined_at(start), 0),
        (None, _) => return None,
    };
    Some(row_of(id, conversations.get(id), half, touched))
}
