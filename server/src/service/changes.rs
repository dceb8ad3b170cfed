//! A member's own half changes: read, marked, removed from the list, muted.

use message_service_shared::answer::MemberNews;
use message_service_shared::command::{Clear, Configure, Mark, Read};
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::push::Push;

use super::standings::counted;
use super::{Acting, Error, Service};
use crate::bus::Audience;
use crate::store::{ChangeError, MemberChange, ReadRecord, StoredRow};

impl Service {
    /// Reads up to a message that somebody rendered.
    pub async fn read(&self, acting: &Acting, command: Read) -> Result<MemberNews, Error> {
        if let Some(epoch) = &command.epoch {
            self.require_epoch(epoch).await?;
        }
        let change = MemberChange::Read {
            seq: command.seq,
            mark_seen: command.mark_seen,
            at: self.clock.now(),
            by: acting.via.label(),
        };
        self.change(acting, command.conversation, change).await
    }

    /// Marks a conversation unread by hand.
    pub async fn mark(&self, acting: &Acting, command: Mark) -> Result<MemberNews, Error> {
        self.change(acting, command.conversation, MemberChange::Mark).await
    }

    /// Removes a conversation from the user's list until something newer is said.
    pub async fn clear(&self, acting: &Acting, command: Clear) -> Result<MemberNews, Error> {
        let change = MemberChange::Clear { seq: command.seq };
        self.change(acting, command.conversation, change).await
    }

    /// Changes the user's choices for a conversation.
    pub async fn configure(
        &self,
        acting: &Acting,
        command: Configure,
    ) -> Result<MemberNews, Error> {
        let conversation = command.conversation.clone();
        self.change(acting, conversation, MemberChange::Configure(command)).await
    }

    /// Who read up to where, and when: the user's own reads of a conversation, newest first.
    pub async fn reads(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, Error> {
        self.may_see(user, conversation).await?;
        Ok(self.store.reads(user, conversation, limit).await?)
    }

    pub(super) async fn require_epoch(
        &self,
        epoch: &message_service_shared::id::Epoch,
    ) -> Result<(), Error> {
        if self.store.epoch().await? == *epoch { Ok(()) } else { Err(Error::WrongEpoch) }
    }

    /// Changes a half, and tells the user's other tabs and devices the outcome in full.
    pub(super) async fn change(
        &self,
        acting: &Acting,
        conversation: ConversationId,
        change: MemberChange,
    ) -> Result<MemberNews, Error> {
        self.may_see(&acting.user, &conversation).await?;
        let changed = self.store.change_member(&acting.user, &conversation, &change).await;
        let row = match (changed, &change) {
            (
                Err(ChangeError::PastEnd),
                MemberChange::Read { seq, .. } | MemberChange::Clear { seq },
            ) => return Err(self.past_end(&conversation, *seq).await),
            (changed, _) => changed?,
        };
        let news = self.news_of(&acting.user, row).await?;
        self.publish(Audience::Users(vec![acting.user.clone()]), Push::Member(news.clone()));
        Ok(news)
    }

    async fn news_of(&self, user: &UserId, row: StoredRow) -> Result<MemberNews, Error> {
        let counted = counted(&*self.store, user, &row).await?;
        Ok(MemberNews { conversation: row.id, member: row.member, counted })
    }
}
