//! Storing messages: insert, derive, and only then say so.
//!
//! Messages that arrive together share the inserts, and what derives from them shares the updates.
//! The rows of their authors are read meanwhile, so that each author hears what became of the own
//! half; it is at least that, since another write may have let it grow in between.

use std::collections::{BTreeSet, HashMap};

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;
use mongodb::bson::doc;

use super::derive::Derivation;
use super::documents::{MemberDocument, MessageDocument, member_id};
use super::lane::{Fate, Lane};
use super::{Core, MEMBERS};
use crate::store::{AppendError, Appended, Draft, ReadRecord, StoreError, parties_with_rows};

pub(super) type Outcome = Result<Appended, AppendError>;

/// Rows of authors, as they were before.
type Authors = HashMap<(UserId, ConversationId), MemberDocument>;

impl Core {
    /// Stores the drafts of some conversations; for each conversation as many outcomes as drafts,
    /// in order.
    pub(super) async fn append(
        &self,
        drafts: Vec<(ConversationId, Vec<Draft>)>,
    ) -> Vec<(ConversationId, Vec<Outcome>)> {
        let lane = |(id, drafts): (ConversationId, Vec<Draft>)| {
            let head = self.heads.get(&id).unwrap_or_default();
            Lane::new(id, drafts, head)
        };
        let mut lanes: Vec<Lane> = drafts.into_iter().map(lane).collect();
        let authors = authors_of(&lanes);
        let ((), authors) =
            tokio::join!(self.insert(&mut lanes), self.members(authors.into_iter()));
        let finished = match authors {
            Ok(authors) => self.finish(&lanes, authors).await,
            Err(error) => Err(error),
        };
        if lanes.len() > 1 && matches!(finished, Err(StoreError::Broken(_))) {
            return self.finish_each(lanes).await;
        }
        let outcomes = lanes.into_iter().map(|lane| self.outcomes(lane, &finished));
        outcomes.collect()
    }

    /// One of the conversations holds what it must not, or a change of it is refused. The others
    /// must not suffer for having been sent at the same moment.
    async fn finish_each(&self, lanes: Vec<Lane>) -> Vec<(ConversationId, Vec<Outcome>)> {
        let mut outcomes = Vec::with_capacity(lanes.len());
        for lane in lanes {
            let alone = std::slice::from_ref(&lane);
            let finished = match self.members(authors_of(alone).into_iter()).await {
                Ok(authors) => self.finish(alone, authors).await,
                Err(error) => Err(error),
            };
            outcomes.push(self.outcomes(lane, &finished));
        }
        outcomes
    }

    /// Writes what derives from the messages that are stored. Gives their authors' halves, by the
    /// place of the draft in its lane.
    async fn finish(
        &self,
        lanes: &[Lane],
        authors: Authors,
    ) -> Result<HashMap<(ConversationId, usize), Appended>, StoreError> {
        let mut halves: HashMap<(UserId, ConversationId), MemberHalf> = HashMap::new();
        let (mut derivations, mut appended) = (Vec::new(), HashMap::new());
        for lane in lanes {
            let fates = lane.drafts.iter().zip(&lane.fates).enumerate();
            for (place, (draft, fate)) in fates {
                let Fate::Stored { message, fresh } = fate else { continue };
                let message = MessageDocument::clone(message).read()?;
                let author = message.sender.clone().and_then(|sender| {
                    let key = (sender, lane.id.clone());
                    half_of(&mut halves, &authors, &key)
                });
                let mut read = None;
                let author = author.map(|half| {
                    half.wrote(message.seq);
                    read = read_along(draft, half);
                    half.clone()
                });
                derivations.push(Derivation { message: message.clone(), read });
                let outcome = Appended { message, fresh: *fresh, author };
                appended.insert((lane.id.clone(), place), outcome);
            }
        }
        self.tidy(authors.values().filter(|row| row.is_long())).await?;
        self.derive(&derivations).await?;
        Ok(appended)
    }

    /// What the senders are told. What is stored and could not be derived from is not acknowledged:
    /// the resend derives it.
    fn outcomes(
        &self,
        lane: Lane,
        finished: &Result<HashMap<(ConversationId, usize), Appended>, StoreError>,
    ) -> (ConversationId, Vec<Outcome>) {
        let Lane { id, fates, head, .. } = lane;
        let outcome = |(place, fate): (usize, Fate)| match (fate, finished) {
            (Fate::Failed(error), _) => Err(error),
            (Fate::Stored { .. }, Ok(appended)) => {
                let gone = || StoreError::Broken("a message has no outcome".to_owned()).into();
                appended.get(&(id.clone(), place)).cloned().ok_or_else(gone)
            }
            (Fate::Stored { .. }, Err(error)) => Err(error.clone().into()),
            (Fate::Waits, _) => Err(StoreError::Broken("a draft was forgotten".to_owned()).into()),
        };
        let outcomes: Vec<Outcome> = fates.into_iter().enumerate().map(outcome).collect();
        if outcomes.iter().any(|outcome| matches!(outcome, Err(AppendError::Store(_)))) {
            self.heads.forget(&id);
            self.doubts.note(&id);
        } else if head.seq > Seq::ZERO {
            self.heads.note(&id, head);
        }
        (id, outcomes)
    }

    /// The rows of members.
    pub(super) async fn members(
        &self,
        keys: impl Iterator<Item = (UserId, ConversationId)>,
    ) -> Result<Authors, StoreError> {
        let (mut ids, mut users) = (Vec::new(), BTreeSet::new());
        for (user, id) in keys {
            ids.push(member_id(&user, &id));
            users.insert(user);
        }
        if ids.is_empty() {
            return Ok(Authors::new());
        }
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let filter = doc! { "_id": { "$in": ids }, "user": { "$in": users } };
        let found: Vec<MemberDocument> = self.connection.find(MEMBERS, filter).await?;
        let keyed =
            found.into_iter().map(|row| ((row.user.clone(), row.conversation.clone()), row));
        Ok(keyed.collect())
    }
}

/// The authors of all drafts, each once.
fn authors_of(lanes: &[Lane]) -> BTreeSet<(UserId, ConversationId)> {
    let drafts = lanes.iter().flat_map(|lane| &lane.drafts);
    drafts.filter_map(|draft| Some((draft.sender.clone()?, draft.conversation.clone()))).collect()
}

/// The author's half, as it was read, or as the first message makes it; none for whoever has no row
/// there.
fn half_of<'a>(
    halves: &'a mut HashMap<(UserId, ConversationId), MemberHalf>,
    authors: &Authors,
    key: &(UserId, ConversationId),
) -> Option<&'a mut MemberHalf> {
    if !halves.contains_key(key) {
        let half = match authors.get(key) {
            Some(row) => row.half(),
            None if parties_with_rows(&key.1).contains(&key.0) => MemberHalf::joined_at(Seq::ZERO),
            None => return None,
        };
        halves.insert(key.clone(), half);
    }
    halves.get_mut(key)
}

/// Reads as far as the draft says its author had, and gives the record where that went further.
fn read_along(draft: &Draft, half: &mut MemberHalf) -> Option<ReadRecord> {
    let seq = draft.read_seq?;
    let went_further = seq > half.read_seq;
    half.read(seq, 0);
    went_further.then(|| ReadRecord { seq, at: draft.at, by: "send".to_owned() })
}
