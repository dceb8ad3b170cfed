//! Moving the whole of it.

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, Epoch};
use message_service_shared::row;
use message_service_shared::seq::Seq;
use message_service_shared::unread::MemberHalf;

use super::MemoryStore;
use super::state::{
    ConversationRecord as Conversation, MemberRecord as Member, MessageRecord as Stored, State,
    UserRecord as User, index_of,
};
use super::waiting::{Standing, Wait};
use crate::clock::{self, Clock, Ids, RandomIds, SystemClock};
use crate::logouts::Logouts;
use crate::store::StoreError;
use crate::store::archive::{
    Archive, ConversationRecord, MemberRecord, MessageRecord, NoticeRecord, Place, Progress,
    Record, RestoreError, Stage, Tally, UserRecord, forgotten,
};
use crate::store::waiting::Notice;

#[async_trait]
impl Archive for MemoryStore {
    async fn page(&self, after: &Place, limit: usize) -> Result<Vec<Record>, StoreError> {
        self.read(|state| state.page(after, limit)).await
    }

    async fn tally(&self) -> Result<Tally, StoreError> {
        self.read(State::tally).await
    }

    async fn begin(&self, epoch: &Epoch) -> Result<Stage, RestoreError> {
        let mut state = self.lock();
        if state.tally() != Tally::default() {
            if state.epoch != *epoch {
                let (held, wanted) = (state.epoch.clone(), epoch.clone());
                return Err(RestoreError::OtherDataSet { held, wanted });
            }
            if state.importing.is_none() {
                return Ok(Stage::Complete);
            }
        }
        state.epoch = epoch.clone();
        Ok(Stage::Importing(state.importing.get_or_insert_default().clone()))
    }

    async fn restore(&self, records: Vec<Record>, progress: Progress) -> Result<(), RestoreError> {
        let mut state = self.lock();
        let mut after = state.clone();
        for record in records {
            after.restore(record)?;
        }
        after.importing = Some(progress);
        *state = after;
        Ok(())
    }

    async fn unfinished(&self) -> Result<Option<Progress>, StoreError> {
        self.read(|state| state.importing.clone()).await
    }

    async fn finish(&self) -> Result<(), StoreError> {
        self.lock().importing = None;
        Ok(())
    }

    async fn new_epoch(&self) -> Result<Epoch, StoreError> {
        let epoch = clock::epoch(RandomIds.make(SystemClock.now()));
        self.lock().epoch = epoch.clone();
        Ok(epoch)
    }
}

impl State {
    /// Reads from the beginning each time, as a reference may.
    fn page(&self, after: &Place, limit: usize) -> Vec<Record> {
        self.records().filter(|record| record.place() > *after).take(limit).collect()
    }

    fn records(&self) -> impl Iterator<Item = Record> {
        let users = self.users.values().map(|record| {
            let User { user, announcement_start, .. } = record.clone();
            let (id, name, avatar) = (user.id, user.name, user.avatar);
            Record::User(UserRecord { id, name, avatar, announcement_start })
        });
        let conversations = self.begun().map(|(id, record)| {
            Record::Conversation(ConversationRecord {
                id: id.clone(),
                name: record.name.clone(),
                avatar: record.avatar.clone(),
                floor: record.half.floor,
                holes: forgotten(&record.half.holes),
            })
        });
        let members = self.members.iter().map(|((user, id), member)| {
            let Member { half, reads } = member.clone();
            Record::Member(MemberRecord::new(user.clone(), id.clone(), half, reads))
        });
        let messages = self.conversations.values().flat_map(|record| &record.messages);
        let messages = messages.map(|Stored { message, content_hash }| {
            let (message, content_hash) = (message.clone(), *content_hash);
            Record::Message(Box::new(MessageRecord { content_hash, message }))
        });
        users.chain(conversations).chain(members).chain(messages).chain(self.notices())
    }

    fn notices(&self) -> impl Iterator<Item = Record> {
        let waits = |(notice, standing): (&Notice, &Standing)| match standing {
            Standing::Waits(wait) => {
                let Wait { due, tries, held, company } = wait.clone();
                Some(NoticeRecord::new(notice.clone(), due, tries, company, held))
            }
            Standing::Finished { .. } => None,
        };
        let mut notices: Vec<NoticeRecord> = self.waiting.iter().filter_map(waits).collect();
        notices.sort_by_key(|record| record.notice.key());
        notices.into_iter().map(Record::Notice)
    }

    /// The conversations that are there; the announcement from its first message on.
    fn begun(&self) -> impl Iterator<Item = (&ConversationId, &Conversation)> {
        let announcement = ConversationId::announcement();
        let all = self.conversations.iter();
        all.filter(move |(id, record)| **id != announcement || record.stored_end() > Seq::ZERO)
    }

    fn tally(&self) -> Tally {
        let mut tally = Tally {
            users: self.users.len() as u64,
            members: self.members.len() as u64,
            notices: self.notices().count() as u64,
            ..Tally::default()
        };
        for (_, record) in self.begun() {
            tally.conversations += 1;
            tally.messages += record.messages.len() as u64;
            let revisions = record.messages.iter().map(|stored| u64::from(stored.message.revision));
            tally.grown += record.half.floor.get() + revisions.sum::<u64>();
        }
        tally.grown += self.members.values().map(|member| grown(&member.half)).sum::<u64>();
        tally
    }

    fn restore(&mut self, record: Record) -> Result<(), RestoreError> {
        match record {
            Record::User(record) => {
                let UserRecord { id, name, avatar, announcement_start } = record;
                let user = User {
                    user: row::User { id: id.clone(), name, avatar },
                    announcement_start,
                    logouts: Logouts(0),
                };
                self.users.entry(id).or_insert(user);
            }
            Record::Conversation(record) => {
                let known = self.conversations.entry(record.id).or_default();
                known.name = known.name.take().or(record.name);
                known.avatar = known.avatar.take().or(record.avatar);
                known.half.floor = known.half.floor.max(record.floor);
                known.half.holes.merge(&record.holes);
            }
            Record::Member(record) => {
                let MemberRecord { user, conversation, half, reads } = record;
                let is_wide = conversation == ConversationId::announcement();
                if !is_wide && !self.conversations.contains_key(&conversation) {
                    return Err(RestoreError::NoConversation(conversation));
                }
                self.members.entry((user, conversation)).or_insert(Member { half, reads });
            }
            Record::Message(record) => self.restore_message(*record)?,
            Record::Notice(record) => {
                let (held, company) = (record.joined().cloned(), record.leads().cloned());
                let (due, NoticeRecord { notice, tries, .. }) = (record.due(), record);
                if !self.conversations.contains_key(&notice.conversation) {
                    return Err(RestoreError::NoConversation(notice.conversation));
                }
                let wait = Wait { due, tries, held, company };
                self.waiting.entry(notice).or_insert(Standing::Waits(wait));
            }
        }
        Ok(())
    }

    /// Positions are places in a list here, so a conversation begins at 1: one from which retention
    /// has deleted something is refused as one with a gap.
    fn restore_message(&mut self, record: MessageRecord) -> Result<(), RestoreError> {
        let MessageRecord { content_hash, message } = record;
        let (id, seq) = (message.conversation.clone(), message.seq);
        let Some(known) = self.conversations.get_mut(&id) else {
            return Err(RestoreError::NoConversation(id));
        };
        let end = known.stored_end();
        if let Some(stored) = known.get(seq) {
            if (&stored.message.id, stored.content_hash) != (&message.id, content_hash) {
                return Err(RestoreError::OtherMessage { conversation: id, seq });
            }
            return Ok(());
        }
        if index_of(seq) != Some(known.messages.len()) {
            return Err(RestoreError::Gap { conversation: id, seq, end });
        }
        let name = (message.sender.clone(), message.client_msg_id.clone());
        if known.by_client_msg_id.insert(name, seq).is_some() {
            return Err(RestoreError::OtherMessage { conversation: id, seq });
        }
        known.messages.push(Stored { message, content_hash });
        self.derive(&id, seq);
        Ok(())
    }
}

fn grown(half: &MemberHalf) -> u64 {
    let positions = [half.read_seq, half.start_seq, half.cleared].map(Seq::get);
    let numbers = [half.mark, half.mark_seen, half.term, half.settings.revision].map(u64::from);
    positions.iter().chain(&numbers).sum()
}
