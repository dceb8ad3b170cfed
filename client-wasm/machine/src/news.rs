//! What comes in: pushes, and the rows and pages that carry the same facts.

use message_service_shared::answer::{Audit, MemberNews};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::CallId;
use message_service_shared::id::ConversationId;
use message_service_shared::limits::HOLD_MS;
use message_service_shared::message::MessageHead;
use message_service_shared::push::{Goodbye, Resync};
use message_service_shared::row::RowHead;
use message_service_shared::seq::Seq;
use serde::Deserialize;

use crate::body::Body;
use crate::effect::{Effect, Event};
use crate::entry::{Held, Newest, Told};
use crate::machine::Machine;
use crate::page::Page;
use crate::reads::PendingRead;
use crate::replies::RETRY_MS;

/// A gap may be a mere reordering; it closes by itself within so long, or the row is fetched.
const REORDER_MS: u64 = 50;

/// The head of [`message_service_shared::push::NewMessage`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewMessageHead {
    #[serde(default)]
    attended: bool,
    #[serde(default)]
    spread_ms: u32,
}

impl<B: Body> Machine<B> {
    pub(crate) fn frame(&mut self, frame: &B) {
        if !self.link.has_socket() {
            return;
        }
        if let Some(push) = frame.member("push").and_then(|name| name.read::<String>()) {
            if let Some(data) = frame.member("data") {
                self.push(&push, &data);
            }
            return;
        }
        let call = frame.member("reply").and_then(|id| id.read::<CallId>());
        let Some(pending) = call.and_then(|id| self.calls.end(id)) else { return };
        let outcome = match frame.member("error").map(|error| error.read::<ApiError>()) {
            None => Ok(frame.member("result")),
            Some(Some(error)) => Err(error),
            // A code of a later server: what it was is lost, that it failed is not.
            Some(None) => Err(ApiError::new(
                ErrorCode::Internal,
                "the server refused, for a reason unknown here",
            )),
        };
        self.reply(pending, outcome);
    }

    /// An unknown push, or one that is not understood, is skipped: a later server may say more than
    /// this client knows, and what matters is audited.
    fn push(&mut self, name: &str, data: &B) {
        match name {
            "message" => {
                let head = data.read::<NewMessageHead>();
                if let (Some(new), Some(message)) = (head, data.member("message")) {
                    self.new_message(&message, new.attended, u64::from(new.spread_ms));
                }
            }
            "revised" => self.revised(data),
            "member" => {
                if let Some(news) = data.read::<MemberNews>() {
                    self.member_news(&news);
                }
            }
            "goodbye" => {
                if let Some(goodbye) = data.read::<Goodbye>() {
                    self.link.said_goodbye(goodbye);
                }
            }
            "resync" => {
                if let Some(resync) = data.read::<Resync>() {
                    let at = self.now.steady + self.random.between(0, resync.within_ms);
                    self.beat.resync_at(at);
                }
            }
            _ => {}
        }
    }

    /// A message was stored: the fact, and its body for whoever shows it.
    pub(crate) fn new_message(&mut self, message: &B, attended: bool, spread_ms: u64) {
        let Some(head) = message.read::<MessageHead>() else { return };
        let own = head.sender.is_some() && head.sender == self.user;
        let attended_here = self.view.attends(&head.conversation);
        let (now, wall) = (self.now.steady, self.now.wall);
        let wait = if spread_ms > 0 { self.random.up_to(spread_ms) } else { 0 };
        let entry = self.book.change(&head.conversation);
        let was_silent = entry.standing().shown() == 0;
        let told = entry.tell(&head, own);
        if told == Told::Gap && entry.fetch_at.is_none() {
            let wait = if entry.is_known() { wait + REORDER_MS } else { wait };
            entry.fetch_at = Some(now + wait);
        }
        entry.show_newest((head.seq, head.revision), Newest::Message(message.clone()));
        if (attended || attended_here) && was_silent && entry.held.is_none() && !own {
            let show_at = (!attended_here).then_some(wall + HOLD_MS);
            entry.held = Some(Held { until: now + HOLD_MS, show_at });
        }
        if told != Told::Nothing {
            let message = message.clone();
            let attended = attended_here;
            self.effects.push(Effect::Emit(Event::Message { message, own, attended }));
        }
        self.add_to_timeline(&head.conversation, head.seq, message);
    }

    pub(crate) fn revised(&mut self, message: &B) {
        let Some(head) = message.read::<MessageHead>() else { return };
        if let Some(entry) = self.book.change_known(&head.conversation) {
            let known = !head.is_silent() || entry.silence(head.seq);
            if !known && entry.fetch_at.is_none() {
                entry.fetch_at = Some(self.now.steady + REORDER_MS);
            }
            if entry.newest.as_ref().is_none_or(|((seq, _), _)| head.seq >= *seq) {
                let version = (head.seq, head.revision);
                entry.show_newest(version, Newest::Message(message.clone()));
            }
        }
        self.effects.push(Effect::Emit(Event::Revised(message.clone())));
    }

    pub(crate) fn member_news(&mut self, news: &MemberNews) {
        self.reads.acknowledge(&news.conversation, &news.member);
        let entry = self.book.change(&news.conversation);
        entry.merge_member(&news.member, news.counted);
        if entry.is_lacking() && entry.fetch_at.is_none() {
            entry.fetch_at = Some(self.now.steady);
        }
    }

    pub(crate) fn row(&mut self, row: &B) -> Option<ConversationId> {
        let head = row.read::<RowHead>()?;
        let id = head.id.clone();
        self.reads.acknowledge(&id, &head.member);
        let last = row.member("last");
        let version = last.as_ref().and_then(B::read::<PreviewHead>);
        let stored = PendingRead { seq: head.member.read_seq, mark_seen: head.member.mark_seen };
        let entry = self.book.change(&id);
        entry.merge_row(head);
        if let Some(member) = entry.member() {
            let known = PendingRead { seq: member.read_seq, mark_seen: member.mark_seen };
            if known.seq > stored.seq || known.mark_seen > stored.mark_seen {
                // Ahead of the store: it takes the read over, or says that it can't be.
                self.reads.add(&id, known);
            }
        }
        if let Some(read) = self.reads.get(&id) {
            entry.adopt(read);
        }
        entry.row = Some(row.clone());
        if let (Some(last), Some(version)) = (last, version) {
            entry.show_newest((version.seq, version.revision), Newest::Preview(last));
        }
        entry.fetch_at = entry.is_lacking().then_some(self.now.steady + REORDER_MS);
        Some(id)
    }

    pub(crate) fn fetched(&mut self, asked: Vec<ConversationId>, rows: &[B]) {
        let found: Vec<ConversationId> = rows.iter().filter_map(|row| self.row(row)).collect();
        for id in asked {
            if !found.contains(&id) {
                // It is none of this user's, or is no more.
                self.book.remove(&id);
                self.reads.drop(&id);
            }
        }
    }

    pub(crate) fn gap_filled(&mut self, conversation: &ConversationId, page: &B) {
        let Some(page) = Page::read(page) else { return };
        let timeline = self.timeline.as_mut();
        if let Some(timeline) = timeline.filter(|open| open.conversation == *conversation) {
            let before = timeline.end();
            let delivered = timeline.fill(page.messages, page.floor, page.last_seq);
            if timeline.end() == before {
                // Nothing came although something should have: the next message, or the next
                // session, asks again.
                if timeline.lacking {
                    self.retry_at = self.now.steady + RETRY_MS.1;
                }
                timeline.lacking = false;
            }
            self.deliver(delivered);
        }
    }

    pub(crate) fn add_to_timeline(&mut self, conversation: &ConversationId, seq: Seq, message: &B) {
        let timeline = self.timeline.as_mut();
        if let Some(timeline) = timeline.filter(|open| open.conversation == *conversation) {
            let delivered = timeline.add(seq, message.clone());
            self.deliver(delivered);
        }
    }

    pub(crate) fn deliver(&mut self, messages: Vec<B>) {
        let Some(timeline) = &self.timeline else { return };
        if let (false, Some(seq)) = (messages.is_empty(), timeline.end()) {
            let conversation = timeline.conversation.clone();
            self.effects.push(Effect::Emit(Event::Delivery { conversation, messages, seq }));
        }
    }

    pub(crate) fn beaten(&mut self, audit: Audit) {
        match audit {
            Audit::None | Audit::Agreed => {}
            Audit::Differs => self.beat.recheck(self.now.steady, &mut self.random),
            Audit::Drifted => self.send_resume(),
        }
    }
}

/// The part of a preview that says which writing of which message it is.
#[derive(Deserialize)]
struct PreviewHead {
    seq: Seq,
    #[serde(default)]
    revision: u32,
}
