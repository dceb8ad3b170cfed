//! Whether lines follow each other as an export writes them: each record once, positions without a
//! gap, times that never go back, and as many of each kind as the head says.

use message_service_shared::id::ConversationId;
use message_service_shared::message::{Message, Millis};
use message_service_shared::seq::Seq;

use super::line::Line;
use crate::store::archive::{Place, Record, Tally};

/// What came before.
pub(super) struct Order {
    /// What should come.
    pub(super) expected: Tally,
    /// What came so far; what only grows is not summed.
    pub(super) found: Tally,
    place: Place,
    newest: Option<(ConversationId, Seq, Millis)>,
}

impl Order {
    /// The order of a file that has so much.
    pub(super) fn of(expected: Tally) -> Self {
        Self { expected, found: Tally::default(), place: Place::Start, newest: None }
    }

    /// Takes the next line, which must be a record that follows the last one; otherwise says why
    /// not.
    pub(super) fn follow(&mut self, line: Line) -> Result<Record, String> {
        let record = line.into_record().ok_or("a second `head`")?;
        let place = record.place();
        if place <= self.place {
            return Err(format!("{place} does not follow {}", self.place));
        }
        let count = match &record {
            Record::User(_) => &mut self.found.users,
            Record::Conversation(_) => &mut self.found.conversations,
            Record::Member(_) => &mut self.found.members,
            Record::Message(_) => &mut self.found.messages,
            Record::Notice(_) => &mut self.found.notices,
        };
        *count += 1;
        if let Record::Message(record) = &record {
            self.check_message(&record.message)?;
        }
        self.place = place;
        Ok(record)
    }

    fn check_message(&mut self, message: &Message) -> Result<(), String> {
        let Message { conversation, seq, at, .. } = message;
        if let Some((last, end, not_before)) = &self.newest
            && last == conversation
        {
            if *seq != end.next() {
                return Err(format!("`message.seq` is {seq}, and {} follows", end.next()));
            }
            if at < not_before {
                return Err(format!(
                    "`message.at` is {at}, before the last message's {not_before}"
                ));
            }
        }
        self.newest = Some((conversation.clone(), *seq, *at));
        Ok(())
    }

    /// Refuses where records are missing once all should have come.
    pub(super) fn check_whole(&self) -> Result<(), String> {
        let Self { expected: head, found, .. } = self;
        for (what, expected, found) in [
            ("users", head.users, found.users),
            ("conversations", head.conversations, found.conversations),
            ("members", head.members, found.members),
            ("messages", head.messages, found.messages),
            ("notices", head.notices, found.notices),
        ] {
            if expected != found {
                return Err(format!("the head tells of {expected} {what}, and {found} came"));
            }
        }
        Ok(())
    }
}
