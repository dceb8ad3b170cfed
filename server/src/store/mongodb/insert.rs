//! Getting drafts into their conversations: insert, and where a unique index says no, find out why.
//!
//! Which index it was is not asked of the error: not every server says. The name is looked up, and
//! where nobody bears it, it was the position.

use std::collections::HashMap;

use futures_util::future::join_all;
use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;
use mongodb::bson::doc;
use mongodb::options::ReadConcern;

use super::documents::{ConversationDocument, MessageDocument, sender_text};
use super::failure::{Refusal, Refused, refused};
use super::heads::Head;
use super::lane::Lane;
use super::{CONVERSATIONS, Core, MESSAGES};
use crate::store::StoreError;

/// How often a lane goes on behind others before it is given up.
const TRIES: usize = 200;

impl Core {
    /// Settles every draft of the lanes.
    pub(super) async fn insert(&self, lanes: &mut [Lane]) {
        self.find_heads(lanes).await;
        for _ in 0..TRIES {
            let mut waiting: Vec<&mut Lane> =
                lanes.iter_mut().filter(|lane| lane.next().is_some()).collect();
            if waiting.is_empty() {
                return;
            }
            self.insert_once(&mut waiting).await;
            let stuck = lanes.iter_mut().filter(|lane| lane.next().is_some());
            join_all(stuck.map(|lane| self.find_out(lane))).await;
        }
        let busy = StoreError::Unavailable("other nodes write here without a pause".to_owned());
        for lane in lanes {
            lane.fail(&busy);
        }
    }

    /// Asks where conversations end of which this node does not know it. Where that fails, the
    /// inserts begin at the front, are kept out, and learn it one by one.
    async fn find_heads(&self, lanes: &mut [Lane]) {
        let mut unknown: Vec<&mut Lane> =
            lanes.iter_mut().filter(|lane| lane.head == Head::default()).collect();
        match self.conversations(unknown.iter().map(|lane| &lane.id)).await {
            Ok(found) => {
                for lane in &mut unknown {
                    if let Some(found) = found.get(&lane.id) {
                        lane.head = Head { seq: found.last_seq, at: found.last_at() };
                    }
                }
            }
            Err(StoreError::Broken(why)) => {
                tracing::error!(why, "the row of a conversation can't be read");
            }
            Err(error @ StoreError::Unavailable(_)) => {
                for lane in unknown {
                    lane.fail(&error);
                }
            }
        }
    }

    /// Inserts what is planned. Where lanes have one message each, one command takes them all.
    async fn insert_once(&self, lanes: &mut [&mut Lane]) {
        let (mut single, mut several) = (Vec::new(), Vec::new());
        for lane in lanes {
            let mut planned = lane.plan();
            match planned.len() {
                0 => {}
                1 => single.extend(planned.pop().map(|message| (&mut **lane, message))),
                _ => several.push((lane, planned)),
            }
        }
        let each = several.into_iter().map(|(lane, planned)| self.insert_in_order(lane, planned));
        tokio::join!(self.insert_apart(single), join_all(each));
    }

    /// One message of each lane. That one is kept out says nothing of the others.
    async fn insert_apart(&self, planned: Vec<(&mut Lane, MessageDocument)>) {
        if planned.is_empty() {
            return;
        }
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let documents = planned.iter().map(|(_, message)| message);
        let inserting = messages.insert_many(documents).ordered(false);
        let refused = match self.connection.attempt(inserting).await {
            Ok(Ok(_)) => Ok(Refused::new()),
            Ok(Err(error)) => refused(&error).ok_or_else(|| self.connection.named(error)),
            Err(error) => Err(error),
        };
        for (index, (lane, message)) in planned.into_iter().enumerate() {
            match refused.as_ref().map(|refused| refused.get(&index)) {
                Ok(None) => lane.stored([message]),
                Ok(Some(Refusal::Duplicate)) => {}
                Ok(Some(Refusal::Other(error))) | Err(error) => lane.fail(error),
            }
        }
    }

    /// Several messages of one lane: where one is kept out, those after it are not tried.
    async fn insert_in_order(&self, lane: &mut Lane, planned: Vec<MessageDocument>) {
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let inserting = messages.insert_many(&planned);
        let stored = match self.connection.attempt(inserting).await {
            Ok(Ok(_)) => Ok(planned.len()),
            Ok(Err(error)) => match refused(&error).and_then(|mut refused| refused.pop_first()) {
                Some((first, Refusal::Duplicate)) => Ok(first),
                Some((_, Refusal::Other(_))) | None => Err(self.connection.named(error)),
            },
            Err(error) => Err(error),
        };
        match stored {
            Ok(stored) => lane.stored(planned.into_iter().take(stored)),
            Err(error) => lane.fail(&error),
        }
    }

    /// Finds out why the next draft of a lane is not stored: its name is taken, or its position, or
    /// it claims to have read what is not there.
    async fn find_out(&self, lane: &mut Lane) {
        match self.look_around(lane).await {
            Ok((head, named)) => {
                (lane.head, lane.is_certain) = (head, true);
                lane.meet(named);
            }
            Err(error) => lane.fail(&error),
        }
    }

    /// Where the lane's conversation ends, with all that derives from it written, and who bears the
    /// name of the lane's next draft.
    async fn look_around(
        &self,
        lane: &Lane,
    ) -> Result<(Head, Option<MessageDocument>), StoreError> {
        let (named, head, row) = tokio::try_join!(
            self.by_name_of_next(lane),
            self.newest(&lane.id),
            self.conversation(&lane.id),
        )?;
        let derived = row.map(|row| row.last_seq).unwrap_or_default();
        // Whoever stored them may have crashed; nobody builds on what is not derived.
        if derived < head.seq {
            self.derive_between(&lane.id, derived, head.seq).await?;
        }
        Ok((head, named))
    }

    /// The message that bears the name of a lane's next draft.
    async fn by_name_of_next(&self, lane: &Lane) -> Result<Option<MessageDocument>, StoreError> {
        let Some(draft) = lane.next().and_then(|next| lane.drafts.get(next)) else {
            return Ok(None);
        };
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let finding = messages.find_one(doc! {
            "conversation": draft.conversation.as_str(),
            "sender": sender_text(draft.sender.as_ref()),
            "clientMsgId": draft.client_msg_id.as_str(),
        });
        self.connection.call(finding).await
    }

    /// Where a conversation ends, by its messages.
    pub(super) async fn newest(&self, id: &ConversationId) -> Result<Head, StoreError> {
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let newest = messages
            .find_one(doc! { "conversation": id.as_str() })
            .sort(doc! { "conversation": -1, "seq": -1 });
        let found = self.connection.call(newest).await?;
        Ok(found.map(|found| Head { seq: found.seq, at: found.at() }).unwrap_or_default())
    }

    /// The same, by a read that the server answers only once a majority has confirmed that it is
    /// the one that writes.
    pub(super) async fn end(&self, id: &ConversationId) -> Result<Seq, StoreError> {
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let newest = messages
            .find_one(doc! { "conversation": id.as_str() })
            .sort(doc! { "conversation": -1, "seq": -1 })
            .read_concern(ReadConcern::linearizable());
        let found = self.connection.call(newest).await?;
        Ok(found.map(|found| found.seq).unwrap_or_default())
    }

    /// The rows of conversations.
    pub(super) async fn conversations<'a>(
        &self,
        ids: impl Iterator<Item = &'a ConversationId>,
    ) -> Result<HashMap<ConversationId, ConversationDocument>, StoreError> {
        let ids: Vec<&str> = ids.map(ConversationId::as_str).collect();
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let found: Vec<ConversationDocument> =
            self.connection.find(CONVERSATIONS, doc! { "_id": { "$in": ids } }).await?;
        Ok(found.into_iter().map(|found| (found.id.clone(), found)).collect())
    }
}
