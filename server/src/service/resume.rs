//! Catching up: a client says what it knows, and hears what it should know.

use std::collections::BTreeMap;

use message_service_shared::answer::Resumed;
use message_service_shared::command::{Known, Resume};
use message_service_shared::error::ApiError;
use message_service_shared::id::ConversationId;
use message_service_shared::limits;
use message_service_shared::row::Row;
use message_service_shared::seq::Seq;

use super::inbox::at_most_named;
use super::{Acting, Error, Service};
use crate::store::{MemberChange, StoredRow};

impl Service {
    /// Catches a client up. Its session is in the hub already, so what happens meanwhile comes as
    /// pushes, and merging makes the order irrelevant.
    ///
    /// Where the client has read further than the store knows, the store adopts it: a page that was
    /// closed right after reading loses none of it. Where it knows a position that the store does
    /// not have, or another epoch, its knowledge is void and it is told so.
    pub async fn resume(&self, acting: &Acting, command: Resume) -> Result<Resumed, Error> {
        at_most_named(command.conversations.len())?;
        if command.inbox > limits::PAGE_MAX {
            let error = ApiError::invalid("inbox", "a page has at most 200 rows");
            return Err(error.with_limit(limits::PAGE_MAX as usize).into());
        }
        if let Some(epoch) = &command.epoch {
            self.require_epoch(epoch).await?;
        }
        self.heal().await;
        let named = self.adopt(acting, &command.conversations).await?;
        let verdict = match &command.digest {
            Some(digest) => Some(self.audit(&acting.user, *digest).await?),
            None => None,
        };
        let unchanged = verdict.is_some_and(super::Verdict::agrees);
        let mut rows: BTreeMap<ConversationId, Row> = BTreeMap::new();
        let mut add =
            |more: Vec<Row>| rows.extend(more.into_iter().map(|row| (row.id.clone(), row)));
        if !unchanged {
            add(self.present(&acting.user, named).await?);
            add(self.unread(&acting.user).await?);
        }
        let mut next = None;
        if command.inbox > 0 {
            let page = self.page(&acting.user, None, command.inbox as usize).await?;
            next = page.next;
            add(page.rows);
        }
        // A wide conversation's row goes to everyone, so that its next message finds it there and
        // not everyone has to fetch it at once.
        let wide = [ConversationId::announcement()];
        let wide = self.store.rows(&acting.user, &wide).await?;
        add(self.present(&acting.user, wide).await?);
        Ok(Resumed { unchanged, rows: rows.into_values().collect(), next })
    }

    /// Takes over what the client has read, and returns the rows it named.
    async fn adopt(&self, acting: &Acting, known: &[Known]) -> Result<Vec<StoredRow>, Error> {
        let ids: Vec<ConversationId> = known.iter().map(|known| known.id.clone()).collect();
        let rows = self.store.rows(&acting.user, &ids).await?;
        let mut rows: BTreeMap<ConversationId, StoredRow> =
            rows.into_iter().map(|row| (row.id.clone(), row)).collect();
        for known in known {
            let row = rows.get(&known.id);
            let last_seq = row.map_or(Seq::ZERO, |row| row.conversation.last_seq);
            let furthest = known.last_seq.max(known.read_seq);
            if furthest > last_seq {
                // Where others' conversations end is nobody's business.
                self.may_see(&acting.user, &known.id).await.map_err(|error| match error {
                    Error::ConversationUnknown => Error::SeqPastEnd,
                    other => other,
                })?;
                return Err(self.past_end(&known.id, furthest).await);
            }
            let member = row.map(|row| &row.member);
            let ahead = member.is_some_and(|member| {
                known.read_seq > member.read_seq || known.mark_seen > member.mark_seen
            });
            if ahead {
                let change = MemberChange::Read {
                    seq: known.read_seq,
                    mark_seen: known.mark_seen,
                    at: self.clock.now(),
                    by: acting.via.label(),
                };
                self.change(acting, known.id.clone(), change).await?;
            }
        }
        // Read again: another session may have written in between, and what was adopted is in it.
        rows.clear();
        Ok(self.store.rows(&acting.user, &ids).await?)
    }
}
