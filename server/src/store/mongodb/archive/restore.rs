//! Taking in records: first what they stand on is looked at, then messages are inserted, and what
//! they tell is derived from all of a block at once.
//!
//! Nobody else writes meanwhile, so rows are read, changed here and written whole; `derive` and its
//! small writes are for when many nodes write.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use message_service_shared::id::{ConversationId, MessageId, UserId};
use message_service_shared::row::Preview;
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;
use mongodb::bson::{Document, doc};

use super::super::connection::{Statement, bson};
use super::super::derive::member_key;
use super::super::documents::{
    ConversationDocument, MemberDocument, MessageDocument, Positions, date, half_fields, int,
    read_document,
};
use super::super::failure::{Refusal, refused};
use super::super::member::derived;
use super::super::row::is_wide;
use super::super::waiting::kept;
use super::super::{CONVERSATIONS, Core, MEMBERS, MESSAGES, USERS, WAITING};
use crate::store::archive::{
    ConversationRecord, MemberRecord, MessageRecord, NoticeRecord, Record, RestoreError, UserRecord,
};
use crate::store::{StoreError, parties_with_rows};

/// The records of a block by what they are.
#[derive(Default)]
struct Block<'a> {
    users: Vec<&'a UserRecord>,
    conversations: Vec<&'a ConversationRecord>,
    members: Vec<&'a MemberRecord>,
    messages: BTreeMap<&'a ConversationId, Vec<&'a MessageRecord>>,
    notices: Vec<&'a NoticeRecord>,
}

impl<'a> Block<'a> {
    fn of(records: &'a [Record]) -> Self {
        let mut block = Self::default();
        for record in records {
            match record {
                Record::User(record) => block.users.push(record),
                Record::Conversation(record) => block.conversations.push(record),
                Record::Member(record) => block.members.push(record),
                Record::Message(record) => {
                    let id = &record.message.conversation;
                    block.messages.entry(id).or_default().push(record);
                }
                Record::Notice(record) => block.notices.push(record),
            }
        }
        block
    }
}

impl Core {
    /// Takes in all of the records, or none where one is refused.
    pub(super) async fn restore(&self, records: &[Record]) -> Result<(), RestoreError> {
        let block = Block::of(records);
        let ends = self.ends(&block).await?;
        for (id, messages) in &block.messages {
            check_positions(id, messages, ends.get(*id).copied().unwrap_or_default())?;
        }
        self.insert_messages(&block).await?;
        self.make_records(&block).await?;
        self.derive_whole(&block).await?;
        let notices: Result<Vec<Statement>, _> =
            block.notices.iter().map(|record| kept(record)).collect();
        self.connection.update(WAITING, &notices?).await?;
        block.messages.keys().for_each(|id| self.heads.forget(id));
        Ok(())
    }

    /// Where the conversations end and begin that the block speaks of, each of which must be there.
    async fn ends(&self, block: &Block<'_>) -> Result<HashMap<ConversationId, Ends>, RestoreError> {
        let of_members = block.members.iter().map(|member| &member.conversation);
        let of_notices = block.notices.iter().map(|record| &record.notice.conversation);
        let named: BTreeSet<&ConversationId> = of_members
            .filter(|id| !is_wide(id))
            .chain(block.messages.keys().copied())
            .chain(of_notices)
            .collect();
        let known = self.conversations(named.iter().copied()).await?;
        let mut ends: HashMap<ConversationId, Ends> = HashMap::new();
        for record in &block.conversations {
            ends.insert(record.id.clone(), Ends { end: Seq::ZERO, floor: record.floor });
        }
        for (id, row) in known {
            ends.insert(id, Ends { end: row.last_seq, floor: row.half().floor });
        }
        match named.into_iter().find(|id| !ends.contains_key(*id)) {
            Some(id) => Err(RestoreError::NoConversation(id.clone())),
            None => Ok(ends),
        }
    }

    /// Inserts the messages that are not there yet. Where one can't be, because its place or its
    /// name is another message's, those that were inserted go again.
    async fn insert_messages(&self, block: &Block<'_>) -> Result<(), RestoreError> {
        let records: Vec<&MessageRecord> = block.messages.values().flatten().copied().collect();
        if records.is_empty() {
            return Ok(());
        }
        let documents: Vec<MessageDocument> =
            records.iter().map(|record| MessageDocument::of(record)).collect();
        let messages = self.connection.collection::<MessageDocument>(MESSAGES);
        let inserting = messages.insert_many(&documents).ordered(false);
        let refused = match self.connection.attempt(inserting).await? {
            Ok(_) => return Ok(()),
            Err(error) => refused(&error).ok_or_else(|| self.connection.named(error))?,
        };
        let mut kept_out = BTreeSet::new();
        for (index, refusal) in refused {
            match refusal {
                Refusal::Duplicate => kept_out.insert(index),
                Refusal::Other(error) => return Err(error.into()),
            };
        }
        let known = kept_out.iter().map(|index| records[*index].message.id.as_str());
        let known = doc! { "_id": { "$in": known.collect::<Vec<_>>() } };
        let known: Vec<MessageDocument> = self.connection.find(MESSAGES, known).await?;
        let known: HashMap<MessageId, MessageDocument> =
            known.into_iter().map(|known| (known.id.clone(), known)).collect();
        let is_there = |index: &usize| {
            let MessageRecord { content_hash, message } = records[*index];
            known.get(&message.id).is_some_and(|known| {
                (&known.conversation, known.seq) == (&message.conversation, message.seq)
                    && known.is_of(content_hash)
            })
        };
        let Some(other) = kept_out.iter().find(|index| !is_there(index)) else { return Ok(()) };
        let inserted = documents.iter().enumerate();
        let inserted = inserted.filter(|(index, _)| !kept_out.contains(index));
        let inserted: Vec<&str> = inserted.map(|(_, message)| message.id.as_str()).collect();
        let messages = self.connection.collection::<Document>(MESSAGES);
        let taking_back = messages.delete_many(doc! { "_id": { "$in": inserted } });
        self.connection.call(taking_back).await?;
        let message = &records[*other].message;
        let (conversation, seq) = (message.conversation.clone(), message.seq);
        Err(RestoreError::OtherMessage { conversation, seq })
    }

    /// Makes the documents of everything but the messages, where they are not there yet.
    async fn make_records(&self, block: &Block<'_>) -> Result<(), StoreError> {
        let users = block.users.iter().map(|record| {
            let mut user = doc! { "announcementStart": int(record.announcement_start) };
            user.extend(texts(record.name.as_deref(), record.avatar.as_deref()));
            Statement::make(doc! { "_id": record.id.as_str() }, user)
        });
        let conversation = |record: &&ConversationRecord| {
            let mut row = ConversationDocument::first(&record.id)?;
            row.extend(texts(record.name.as_deref(), record.avatar.as_deref()));
            row.extend(doc! {
                "floor": int(record.floor),
                "holes": bson(&Positions::from(&record.holes))?,
            });
            Ok(Statement::make(doc! { "_id": record.id.as_str() }, row))
        };
        let member = |record: &&MemberRecord| {
            let MemberRecord { user, conversation, half, reads } = record;
            let mut row = half_fields(half)?;
            row.extend(derived(conversation, None, None, half));
            row.insert("reads", reads.iter().map(read_document).collect::<Vec<_>>());
            row.extend(doc! { "conversation": conversation.as_str(), "version": 0_i64 });
            Ok(Statement::make(member_key(user, conversation), row))
        };
        let users: Vec<Statement> = users.collect();
        let conversations = block.conversations.iter().map(conversation);
        let conversations = conversations.collect::<Result<Vec<_>, StoreError>>()?;
        let members = block.members.iter().map(member);
        let members = members.collect::<Result<Vec<_>, StoreError>>()?;
        self.connection.update(USERS, &users).await?;
        self.connection.update(CONVERSATIONS, &conversations).await?;
        self.connection.update(MEMBERS, &members).await
    }

    /// Writes what derives from the messages of the block; the conversations come last, since a row
    /// that says it knows them is not looked at again.
    async fn derive_whole(&self, block: &Block<'_>) -> Result<(), StoreError> {
        let mut rows = self.conversations(block.messages.keys().copied()).await?;
        let narrow = block.messages.keys().filter(|id| !is_wide(id)).map(|id| id.as_str());
        let narrow = doc! { "conversation": { "$in": narrow.collect::<Vec<_>>() } };
        let mut members: HashMap<ConversationId, Vec<MemberDocument>> = HashMap::new();
        for member in self.connection.find::<MemberDocument>(MEMBERS, narrow).await? {
            members.entry(member.conversation.clone()).or_default().push(member);
        }
        let (mut touches, mut raises) = (Vec::new(), Vec::new());
        for (id, messages) in &block.messages {
            let Some(row) = rows.get_mut(*id) else { continue };
            let new = messages.iter().filter(|record| record.message.seq > row.last_seq);
            let new: Vec<&MessageRecord> = new.copied().collect();
            let Some(newest) = new.last().map(|record| &record.message) else { continue };
            let mut halves = halves(id, members.remove(*id).unwrap_or_default());
            let mut shared = row.half();
            for MessageRecord { message, .. } in new {
                if message.quiet || message.recalled.is_some() {
                    shared.holes.insert(Run::one(message.seq));
                }
                if let Some(half) = message.sender.as_ref().and_then(|user| halves.get_mut(user)) {
                    half.wrote(message.seq);
                }
            }
            row.raise(newest, &shared.holes);
            raises.push(Statement::change(
                doc! { "_id": id.as_str() },
                doc! {
                    "$set": {
                        "lastSeq": int(newest.seq),
                        "lastAt": date(newest.at),
                        "last": bson(&Preview::of(newest))?,
                        "holes": bson(&Positions::from(&shared.holes))?,
                    },
                    "$inc": { "version": 1_i64 },
                },
            ));
            for (user, half) in halves {
                let mut fields = half_fields(&half)?;
                fields.extend(derived(id, Some(row), None, &half));
                fields.insert("conversation", id.as_str());
                let update = doc! { "$set": fields, "$inc": { "version": 1_i64 } };
                touches.push(Statement::put(member_key(&user, id), update));
            }
        }
        self.connection.update(MEMBERS, &touches).await?;
        self.connection.update(CONVERSATIONS, &raises).await
    }
}

/// Where a conversation ends, and up to where retention has deleted from it.
#[derive(Clone, Copy, Debug, Default)]
struct Ends {
    end: Seq,
    floor: Seq,
}

/// Refuses where a position is left out.
fn check_positions(
    id: &ConversationId,
    messages: &[&MessageRecord],
    ends: Ends,
) -> Result<(), RestoreError> {
    let mut end = ends.end;
    for seq in messages.iter().map(|record| record.message.seq) {
        // Retention may have deleted what came before the first one, and has then raised the floor.
        let follows = seq <= end.next() || (end == Seq::ZERO && seq <= ends.floor.next());
        if !follows {
            return Err(RestoreError::Gap { conversation: id.clone(), seq, end });
        }
        end = end.max(seq);
    }
    Ok(())
}

/// The halves of everybody who has a row of a conversation, or gets one with its first message.
fn halves(id: &ConversationId, members: Vec<MemberDocument>) -> BTreeMap<UserId, MemberHalf> {
    let mut halves: BTreeMap<_, _> =
        members.into_iter().map(|member| (member.user.clone(), member.half())).collect();
    for party in parties_with_rows(id) {
        halves.entry(party).or_insert_with(|| MemberHalf::joined_at(Seq::ZERO));
    }
    halves
}

fn texts(name: Option<&str>, avatar: Option<&str>) -> Document {
    let texts = [("name", name), ("avatar", avatar)].into_iter();
    texts.filter_map(|(field, text)| Some((field.to_owned(), text?.into()))).collect()
}
