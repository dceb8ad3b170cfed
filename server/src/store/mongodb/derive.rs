//! What derives from messages that are stored: the rows of the members, the row of the
//! conversation.
//!
//! Every write here only lets values grow, so it may come twice, late, and beside another one: from
//! the sender's own append, from a resend, from whoever opens the conversation, from a node that
//! repairs. The members come first and the conversation last, because its newest position is what
//! makes a message count: by then its author's own row has it among the own ones, and a quiet one
//! is among the holes.

use std::collections::BTreeMap;

use message_service_shared::id::{ConversationId, ConversationKind, UserId};
use message_service_shared::message::Message;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;
use mongodb::bson::{Document, doc};
use mongodb::options::ReturnDocument;

use super::connection::{Statement, bson};
use super::documents::{
    ConversationDocument, MemberDocument, MessageDocument, Positions, date, each, half_fields, int,
    member_id, preview, push_read, read_documents,
};
use super::{CONVERSATIONS, Core, MEMBERS};
use crate::store::{End, ReadRecord, Slice, StoreError, parties_with_rows};

/// Messages that are derived from at once where it may be much.
const STEP: usize = 500;

/// A stored message, and what its author had read.
#[derive(Clone, Debug)]
pub(super) struct Derivation {
    pub(super) message: Message,
    pub(super) read: Option<ReadRecord>,
}

/// What messages of one conversation come to.
struct Sum<'a> {
    id: &'a ConversationId,
    newest: &'a Message,
    has_first: bool,
    /// Those that never count.
    silent: Vec<Seq>,
    authors: BTreeMap<&'a UserId, Author<'a>>,
    /// For each party the newest message that counts for them.
    counts: BTreeMap<UserId, Seq>,
}

#[derive(Default)]
struct Author<'a> {
    own: Vec<Seq>,
    read: Option<&'a ReadRecord>,
}

impl Core {
    /// Writes what derives from these messages.
    pub(super) async fn derive(&self, derivations: &[Derivation]) -> Result<(), StoreError> {
        let sums = sums(derivations);
        self.make_rows(sums.iter().filter(|sum| sum.has_first)).await?;
        let touches: Vec<Statement> = sums.iter().flat_map(Sum::touches).collect();
        self.connection.update(MEMBERS, &touches).await?;
        for sum in sums.iter().filter(|sum| !sum.silent.is_empty()) {
            self.add_holes(sum.id, &sum.silent).await?;
        }
        let raises = sums.iter().map(Sum::raise).collect::<Result<Vec<_>, _>>()?;
        self.connection.update(CONVERSATIONS, &raises).await
    }

    /// Derives whatever lies between what a conversation's row says and what is stored, in steps:
    /// after a backup was restored it may be much.
    pub(super) async fn derive_between(
        &self,
        id: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<(), StoreError> {
        let mut done = after;
        while done < up_to {
            let slice =
                Slice { after: done, before: Some(up_to.next()), end: End::Oldest, limit: STEP };
            let found = self.slice(id, slice).await?;
            // A server that has just taken over may lag behind what the one before it knew. The row
            // must not say that it is at a message before all that came earlier is in it.
            let Some(last) = self.end_of_run(id, done, &found).await? else {
                let text = format!("messages of {id} after {done} are not to be seen yet");
                return Err(StoreError::Unavailable(text));
            };
            self.derive(&derivations(found)?).await?;
            done = last;
        }
        Ok(())
    }

    /// The last of these messages, where none is missing between a position and it, but for what
    /// retention has taken.
    async fn end_of_run(
        &self,
        id: &ConversationId,
        after: Seq,
        found: &[MessageDocument],
    ) -> Result<Option<Seq>, StoreError> {
        let (Some(first), Some(last)) = (found.first(), found.last()) else { return Ok(None) };
        let begins = first.seq == after.next()
            || self.conversation(id).await?.is_some_and(|row| first.seq <= row.half().floor.next());
        let is_run = found.is_sorted_by(|one, other| one.seq.next() == other.seq);
        Ok((begins && is_run).then_some(last.seq))
    }

    /// A first message makes the rows of its conversation.
    async fn make_rows<'a>(
        &self,
        sums: impl Iterator<Item = &'a Sum<'a>>,
    ) -> Result<(), StoreError> {
        let (mut conversations, mut members) = (Vec::new(), Vec::new());
        for Sum { id, .. } in sums {
            let first = ConversationDocument::first(id)?;
            conversations.push(Statement::make(doc! { "_id": id.as_str() }, first));
            for party in parties_with_rows(id) {
                members.push(Statement::make(member_key(&party, id), new_member(id)?));
            }
        }
        tokio::try_join!(
            self.connection.update(CONVERSATIONS, &conversations),
            self.connection.update(MEMBERS, &members),
        )?;
        Ok(())
    }

    /// Adds positions that never count, and tidies up where there have come to be too many.
    pub(super) async fn add_holes(
        &self,
        id: &ConversationId,
        silent: &[Seq],
    ) -> Result<(), StoreError> {
        let conversations = self.connection.collection::<ConversationDocument>(CONVERSATIONS);
        let update = doc! {
            "$addToSet": { "holes.runs": each(silent.iter().copied()) },
            "$inc": { "version": 1_i64 },
        };
        let adding = conversations
            .find_one_and_update(doc! { "_id": id.as_str() }, update)
            .return_document(ReturnDocument::After);
        let Some(found) = self.connection.call(adding).await? else { return Ok(()) };
        if found.holes.is_long() {
            let filter = doc! { "_id": id.as_str(), "version": found.version };
            let update = doc! {
                "$set": { "holes": bson(&Positions::from(&found.holes.set()))? },
                "$inc": { "version": 1_i64 },
            };
            self.connection.update(CONVERSATIONS, &[Statement::change(filter, update)]).await?;
        }
        Ok(())
    }

    /// Writes anew what sends have added to rows of authors without reading them, unless a row has
    /// changed since it was read.
    pub(super) async fn tidy<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a MemberDocument>,
    ) -> Result<(), StoreError> {
        let tidy = |row: &MemberDocument| {
            let mut filter = member_key(&row.user, &row.conversation);
            filter.insert("version", row.version);
            let set = doc! {
                "own": bson(&Positions::from(&row.half().own))?,
                "reads": read_documents(&row.reads()),
            };
            Ok(Statement::change(filter, doc! { "$set": set, "$inc": { "version": 1_i64 } }))
        };
        let statements = rows.into_iter().map(tidy).collect::<Result<Vec<_>, StoreError>>()?;
        self.connection.update(MEMBERS, &statements).await
    }
}

/// Documents of messages, as what is to be derived from them; what their authors had read is known
/// to nobody any more, and is not lost: they say it again with their next read.
pub(super) fn derivations(found: Vec<MessageDocument>) -> Result<Vec<Derivation>, StoreError> {
    let derivation = |found: MessageDocument| Ok(Derivation { message: found.read()?, read: None });
    found.into_iter().map(derivation).collect()
}

/// How a member's row is found: by its id, and by the user whose shard it is on.
pub(super) fn member_key(user: &UserId, id: &ConversationId) -> Document {
    doc! { "_id": member_id(user, id), "user": user.as_str() }
}

/// The row that a first message makes for a party, but for its key.
fn new_member(id: &ConversationId) -> Result<Document, StoreError> {
    let mut fields = half_fields(&MemberHalf::joined_at(Seq::ZERO))?;
    fields.extend(doc! {
        "conversation": id.as_str(),
        "lastSeq": 0_i64,
        "lastAt": date(0),
        "maybeListed": false,
        "maybeUnread": false,
        "version": 0_i64,
    });
    Ok(fields)
}

fn sums(derivations: &[Derivation]) -> Vec<Sum<'_>> {
    let mut sums: BTreeMap<&ConversationId, Sum<'_>> = BTreeMap::new();
    for Derivation { message, read } in derivations {
        let id = &message.conversation;
        let sum = sums.entry(id).or_insert_with(|| Sum {
            id,
            newest: message,
            has_first: false,
            silent: Vec::new(),
            authors: BTreeMap::new(),
            counts: BTreeMap::new(),
        });
        if sum.newest.seq < message.seq {
            sum.newest = message;
        }
        sum.has_first |= message.seq == Seq::FIRST;
        if message.quiet || message.recalled.is_some() {
            sum.silent.push(message.seq);
        } else {
            for party in parties_with_rows(id) {
                if message.sender.as_ref() != Some(&party) {
                    let newest = sum.counts.entry(party).or_default();
                    *newest = message.seq.max(*newest);
                }
            }
        }
        if let Some(sender) = &message.sender {
            let author = sum.authors.entry(sender).or_default();
            author.own.push(message.seq);
            author.read = further(author.read, read.as_ref());
        }
    }
    sums.into_values().collect()
}

/// The read that went further.
fn further<'a>(
    one: Option<&'a ReadRecord>,
    other: Option<&'a ReadRecord>,
) -> Option<&'a ReadRecord> {
    if other.map(|read| read.seq) > one.map(|read| read.seq) { other } else { one }
}

impl Sum<'_> {
    /// The changes of the members' rows: none where the conversation's row stands for all.
    fn touches(&self) -> Vec<Statement> {
        if self.id.kind() == ConversationKind::Announcement {
            return Vec::new();
        }
        let newest = doc! { "lastSeq": int(self.newest.seq), "lastAt": date(self.newest.at) };
        let mut touches = Vec::new();
        for party in parties_with_rows(self.id) {
            let key = member_key(&party, self.id);
            let mut grow = newest.clone();
            let mut set = doc! { "maybeListed": true };
            let mut update = doc! { "$inc": { "version": 1_i64 } };
            let counts = self.counts.get(&party);
            if let Some(author) = self.authors.get(&party) {
                update.insert("$addToSet", doc! { "own.runs": each(author.own.iter().copied()) });
                if let Some(read) = author.read {
                    grow.insert("readSeq", int(read.seq));
                    update.insert("$push", push_read(read));
                }
            } else if counts == Some(&self.newest.seq) {
                // One statement does for both; where the newest is read, the write that read it has
                // raised the rest.
                set.insert("maybeUnread", true);
            }
            let is_whole = set.contains_key("maybeUnread");
            update.insert("$max", grow);
            update.insert("$set", set);
            let filter = if is_whole { below(&key, self.newest.seq) } else { key.clone() };
            touches.push(Statement::change(filter, update));
            if let (Some(counts), false) = (counts, is_whole) {
                let update = doc! { "$set": { "maybeUnread": true }, "$inc": { "version": 1_i64 } };
                touches.push(Statement::change(below(&key, *counts), update));
            }
        }
        touches
    }

    /// The change of the conversation's row, where nobody has written a newer message into it.
    fn raise(&self) -> Result<Statement, StoreError> {
        let filter = doc! {
            "_id": self.id.as_str(),
            "lastSeq": { "$lt": int(self.newest.seq) },
        };
        let update = doc! { "$set": {
            "lastSeq": int(self.newest.seq),
            "lastAt": date(self.newest.at),
            "last": preview(self.newest)?,
        } };
        Ok(Statement::change(filter, update))
    }
}

/// The row, where the member has not read up to a message.
fn below(key: &Document, seq: Seq) -> Document {
    let mut filter = key.clone();
    filter.insert("readSeq", doc! { "$lt": int(seq) });
    filter
}
