//! A member's own half: changing it, and the record of reads in it.

use message_service_shared::id::{ConversationId, ConversationKind, UserId};
use message_service_shared::seq::Seq;
use message_service_shared::unread::{ConversationHalf, MemberHalf, is_listed, standing};
use mongodb::bson::{Document, doc};
use mongodb::options::UpdateModifications;

use super::derive::member_key;
use super::documents::{
    ConversationDocument, MemberDocument, UserDocument, date, half_fields, int, reads_with,
};
use super::row::row_of;
use super::{Core, MEMBERS, USERS};
use crate::store::{ChangeError, MemberChange, ReadRecord, StoreError, StoredRow};

/// How often a change begins anew because the row was written meanwhile.
const TRIES: usize = 200;

impl Core {
    /// Changes a half; nothing is written where that is refused.
    ///
    /// The row is read, changed here, and written where it is still what was read: so the one place
    /// that knows how halves change is the lattice.
    pub(super) async fn change_member(
        &self,
        user: &UserId,
        id: &ConversationId,
        change: &MemberChange,
    ) -> Result<StoredRow, ChangeError> {
        for _ in 0..TRIES {
            let (row, member, start) = tokio::try_join!(
                self.conversation(id),
                self.member(user, id),
                self.implied_start(user, id),
            )?;
            let mut half = match (&member, start) {
                (Some(member), _) => member.half(),
                (None, Some(start)) => MemberHalf::joined_at(start),
                (None, None) => return Err(ChangeError::Unknown),
            };
            let shared = row.as_ref().map(ConversationDocument::half).unwrap_or_default();
            let read = apply(change, &shared, &mut half)?;
            if self.write(user, id, member.as_ref(), row.as_ref(), &half, read.as_ref()).await? {
                return Ok(row_of(id, row.as_ref(), half, 0));
            }
        }
        let busy = "the row is written by others without a pause".to_owned();
        Err(StoreError::Unavailable(busy).into())
    }

    /// Writes a half where its row is still the one that was read. Whether it was.
    async fn write(
        &self,
        user: &UserId,
        id: &ConversationId,
        member: Option<&MemberDocument>,
        row: Option<&ConversationDocument>,
        half: &MemberHalf,
        read: Option<&ReadRecord>,
    ) -> Result<bool, StoreError> {
        let mut fields = half_fields(half)?;
        fields.extend(derived(id, row, member, half));
        if let Some(read) = read {
            fields.insert("reads", reads_with(member, read));
        }
        let mut filter = member_key(user, id);
        let members = self.connection.collection::<Document>(MEMBERS);
        if let Some(member) = member {
            filter.insert("version", member.version);
            let update = doc! { "$set": fields, "$inc": { "version": 1_i64 } };
            let writing = members.update_one(filter, UpdateModifications::Document(update));
            return Ok(self.connection.call(writing).await?.matched_count == 1);
        }
        // The first change of a wide conversation makes the row. Whoever finds one meanwhile has
        // changed nothing.
        fields.extend(doc! { "conversation": id.as_str(), "version": 1_i64 });
        let update = UpdateModifications::Document(doc! { "$setOnInsert": fields });
        let writing = members.update_one(filter, update).upsert(true);
        match self.connection.attempt(writing).await? {
            Ok(written) => Ok(written.upserted_id.is_some()),
            Err(error) if super::failure::is_duplicate(&error) => Ok(false),
            Err(error) => Err(self.connection.named(error)),
        }
    }

    /// A member's row.
    pub(super) async fn member(
        &self,
        user: &UserId,
        id: &ConversationId,
    ) -> Result<Option<MemberDocument>, StoreError> {
        let members = self.connection.collection::<MemberDocument>(MEMBERS);
        self.connection.call(members.find_one(member_key(user, id))).await
    }

    /// Where a wide conversation starts for a user who has no row of it.
    async fn implied_start(
        &self,
        user: &UserId,
        id: &ConversationId,
    ) -> Result<Option<Seq>, StoreError> {
        if id.kind() != ConversationKind::Announcement {
            return Ok(None);
        }
        let users = self.connection.collection::<UserDocument>(USERS);
        let found = self.connection.call(users.find_one(doc! { "_id": user.as_str() })).await?;
        Ok(found.map(|user| user.announcement_start))
    }

    /// The members of a group, those who are in.
    pub(super) async fn members_of(&self, id: &ConversationId) -> Result<Vec<UserId>, StoreError> {
        let found: Vec<MemberDocument> =
            self.connection.find(MEMBERS, doc! { "conversation": id.as_str() }).await?;
        let here = found.into_iter().filter(|member| member.half().is_in());
        Ok(here.map(|member| member.user).collect())
    }
}

/// What a change makes of a half, and the record of a read that went further.
fn apply(
    change: &MemberChange,
    shared: &ConversationHalf,
    half: &mut MemberHalf,
) -> Result<Option<ReadRecord>, ChangeError> {
    if let MemberChange::Read { seq, .. } | MemberChange::Clear { seq } = change
        && *seq > shared.last_seq
    {
        return Err(ChangeError::PastEnd);
    }
    let mut read = None;
    match change {
        MemberChange::Read { seq, mark_seen, at, by } => {
            let record = ReadRecord { seq: *seq, at: *at, by: by.clone() };
            read = (*seq > half.read_seq).then_some(record);
            half.read(*seq, *mark_seen);
        }
        MemberChange::Mark => half.mark = half.mark.max(half.mark_seen + 1),
        MemberChange::Clear { seq } => half.cleared = half.cleared.max(*seq),
        MemberChange::Configure(configure) => half.settings = configure.apply(half.settings),
    }
    Ok(read)
}

/// What the row says of the conversation, for the indexes: as far as the conversation's row or the
/// member's own knows of messages, since a message touches the member's first.
///
/// The row of a wide conversation may always be unread, so that it is found with the others, and is
/// listed by the conversation's own.
pub(super) fn derived(
    id: &ConversationId,
    row: Option<&ConversationDocument>,
    member: Option<&MemberDocument>,
    half: &MemberHalf,
) -> Document {
    if id.kind() == ConversationKind::Announcement {
        return doc! {
            "lastSeq": 0_i64, "lastAt": date(0), "maybeListed": false, "maybeUnread": true,
        };
    }
    let mut shared = row.map(ConversationDocument::half).unwrap_or_default();
    let touched = member.map_or(Seq::ZERO, |member| member.last_seq);
    shared.last_seq = shared.last_seq.max(touched);
    let last_at = row.map_or(0, ConversationDocument::last_at);
    let last_at = last_at.max(member.map_or(0, MemberDocument::last_at));
    let standing = standing(&shared, half, None);
    doc! {
        "lastSeq": int(shared.last_seq),
        "lastAt": date(last_at),
        "maybeListed": is_listed(&shared, half),
        "maybeUnread": standing.shown() > 0 || !standing.exact,
    }
}
