//! Where users stand, as a store tells it. Both the audit of a live session and the check of a moved
//! data set ask here, so that they can't mean different things.

use message_service_shared::digest::Digest;
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::unread::{Counted, Standing, base, forgotten_up_to, standing};

use crate::store::{Store, StoreError, StoredRow};

/// A user's standing in every conversation that may be unread.
pub(crate) type Standings = Vec<(ConversationId, Standing)>;

/// Where each of the users stands, in one read for all of them.
pub(crate) async fn standings(
    store: &dyn Store,
    users: &[UserId],
) -> Result<Vec<(UserId, Standings)>, StoreError> {
    let mut all = Vec::with_capacity(users.len());
    for (user, rows) in store.unread_rows(users).await? {
        let mut standings = Vec::with_capacity(rows.len());
        for row in rows {
            let counted = counted(store, &user, &row).await?;
            let standing = standing(&row.conversation, &row.member, counted);
            standings.push((row.id, standing));
        }
        all.push((user, standings));
    }
    Ok(all)
}

/// The digest of what a user's badges should show.
pub(crate) fn digest(standings: &Standings) -> Digest {
    let mut digest = Digest::default();
    for (conversation, standing) in standings {
        digest.add(conversation, standing);
    }
    digest
}

/// Counts in the messages what the halves have forgotten, where they have.
pub(super) async fn counted(
    store: &dyn Store,
    user: &UserId,
    row: &StoredRow,
) -> Result<Option<Counted>, StoreError> {
    if standing(&row.conversation, &row.member, None).exact {
        return Ok(None);
    }
    let after = base(&row.conversation, &row.member);
    let up_to = forgotten_up_to(&row.conversation, &row.member);
    let count = store.count(user, &row.id, after, up_to).await?;
    Ok(Some(Counted { after, up_to, count }))
}
