//! What comes in: pushes, and the replies that carry the same facts.

use message_service_shared::answer::{Audit, Beat, History, InboxCursor, MemberNews};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::CallId;
use message_service_shared::id::ConversationId;
use message_service_shared::limits::HOLD_MS;
use message_service_shared::message::MessageHead;
use message_service_shared::push::Goodbye;
use message_service_shared::row::RowHead;
use message_service_shared::seq::Seq;
use serde::Deserialize;

use crate::body::Body;
use crate::calls::Pending;
use crate::effect::{Effect, Event, Settled};
use crate::entry::{Held, Newest, Told};
use crate::input::Request;
use crate::machine::Machine;
use crate::reads::PendingRead;
use crate::requests::Job;

/// A gap may be a mere reordering; it closes by itself within so long, or the row is fetched.
const REORDER_MS: u64 = 50;
/// How long after one of the machine's own commands was refused it is tried again.
const RETRY_MS: (u64, u64) = (2_000, 5_000);

/// The head of [`message_service_shared::push::NewMessage`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewMessageHead {
    #[serde(default)]
    attended: bool,
    #[serde(default)]
    spread_ms: u32,
}

/// The head of [`History`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryHead {
    last_seq: Seq,
    floor: Seq,
}

/// A page of messages whose bodies pass through.
struct Page<B> {
    messages: Vec<(Seq, B)>,
    last_seq: Seq,
    floor: Seq,
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
            _ => {}
        }
    }

    fn reply(&mut self, pending: Pending, outcome: Result<Option<B>, ApiError>) {
        if let Err(error) = &outcome
            && matches!(error.code, ErrorCode::SeqPastEnd | ErrorCode::WrongEpoch)
            && !matches!(pending, Pending::Job(_))
        {
            return self.reset();
        }
        match (pending, outcome) {
            (Pending::Authenticate, outcome) => self.welcomed(outcome),
            (Pending::Resume, outcome) => self.resumed(outcome),
            (Pending::Heartbeat, Ok(Some(beat))) => {
                self.beaten(beat.read::<Beat>().unwrap_or_default().audit);
            }
            (Pending::Fetch(asked), Ok(Some(rows))) => self.fetched(asked, rows.elements()),
            (Pending::Fetch(asked), _) => {
                let again = self.random.between(RETRY_MS.0, RETRY_MS.1);
                for id in asked {
                    if let Some(entry) = self.book.touch(&id) {
                        entry.fetch_at = Some(self.now.steady + again);
                    }
                }
            }
            (Pending::Gap(conversation), Ok(Some(page))) => self.gap_filled(&conversation, &page),
            (Pending::Read { .. }, Ok(Some(news))) => {
                if let Some(news) = news.read::<MemberNews>() {
                    self.member_news(&news);
                }
            }
            (Pending::Read { conversation, .. }, Err(error)) if !error.retryable => {
                // Nothing here can make it acceptable; the audit heals what is shown.
                self.reads.drop(&conversation);
            }
            (Pending::Read { .. } | Pending::Gap(_), Err(_)) => {
                let again = self.random.between(RETRY_MS.0, RETRY_MS.1);
                self.retry_at = self.now.steady + again;
            }
            (Pending::Read { .. } | Pending::Gap(_) | Pending::Heartbeat | Pending::Look, _) => {}
            (Pending::Job(number), outcome) => {
                if let Some(job) = self.jobs.end(number) {
                    self.finish_job(job, outcome);
                }
            }
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
            entry.held = Some(Held { until: now + HOLD_MS, show_at: wall + HOLD_MS });
        }
        if told != Told::Nothing {
            let message = message.clone();
            let attended = attended_here;
            self.effects.push(Effect::Emit(Event::Message { message, own, attended }));
        }
        self.add_to_timeline(&head.conversation, head.seq, message);
    }

    fn revised(&mut self, message: &B) {
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
        let version = last.as_ref().and_then(|last| last.read::<PreviewHead>());
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
        entry.row = Some(row.clone());
        if let (Some(last), Some(version)) = (last, version) {
            entry.show_newest((version.seq, version.revision), Newest::Preview(last));
        }
        entry.fetch_at = entry.is_lacking().then_some(self.now.steady + REORDER_MS);
        Some(id)
    }

    fn fetched(&mut self, asked: Vec<ConversationId>, rows: Vec<B>) {
        let found: Vec<ConversationId> = rows.iter().filter_map(|row| self.row(row)).collect();
        for id in asked {
            if !found.contains(&id) {
                // It is none of this user's, or is no more.
                self.book.remove(&id);
                self.reads.drop(&id);
            }
        }
    }

    fn gap_filled(&mut self, conversation: &ConversationId, page: &B) {
        let Some(page) = Page::read(page) else { return };
        let timeline = self.timeline.as_mut();
        if let Some(timeline) = timeline.filter(|open| open.conversation == *conversation) {
            let before = timeline.end();
            let delivered = timeline.fill(page.messages, page.floor, page.last_seq);
            if timeline.end() == before {
                // Nothing came although something should have: the next message, or the next
                // session, asks again.
                timeline.lacking = false;
            }
            self.deliver(delivered);
        }
    }

    fn add_to_timeline(&mut self, conversation: &ConversationId, seq: Seq, message: &B) {
        let timeline = self.timeline.as_mut();
        if let Some(timeline) = timeline.filter(|open| open.conversation == *conversation) {
            let delivered = timeline.add(seq, message.clone());
            self.deliver(delivered);
        }
    }

    fn deliver(&mut self, messages: Vec<B>) {
        let Some(timeline) = &self.timeline else { return };
        if let (false, Some(seq)) = (messages.is_empty(), timeline.end()) {
            let conversation = timeline.conversation.clone();
            self.effects.push(Effect::Emit(Event::Delivery { conversation, messages, seq }));
        }
    }

    /// An answer to the page.
    fn finish_job(&mut self, job: Job, outcome: Result<Option<B>, ApiError>) {
        let settled = match outcome {
            Err(error) => Err(error),
            Ok(result) => self.settled(&job, result),
        };
        match settled {
            Ok(settled) => {
                self.effects.push(Effect::Settle(job.ticket, Ok(settled)));
                if let Request::Open(conversation) = &job.request {
                    self.after_opening(conversation);
                }
            }
            Err(error) => self.fail_job(job, error),
        }
    }

    pub(crate) fn fail_job(&mut self, job: Job, error: ApiError) {
        let reset = matches!(error.code, ErrorCode::SeqPastEnd | ErrorCode::WrongEpoch);
        if let Request::Open(conversation) = &job.request
            && self.timeline.as_ref().is_some_and(|open| open.conversation == *conversation)
        {
            self.leave();
        }
        self.effects.push(Effect::Settle(job.ticket, Err(error)));
        if reset {
            self.reset();
        }
    }

    fn settled(&mut self, job: &Job, result: Option<B>) -> Result<Settled<B>, ApiError> {
        let unreadable =
            || ApiError::new(ErrorCode::Internal, "the server's answer is not understood here");
        let result = result.ok_or_else(unreadable)?;
        Ok(match &job.request {
            Request::Open(conversation) => {
                let page = Page::read(&result).ok_or_else(unreadable)?;
                let entry = self.book.get(conversation);
                let first_unread_seq = entry.and_then(crate::entry::Entry::first_unread);
                Settled::Opened {
                    conversation: conversation.clone(),
                    first_unread_seq,
                    more: page.goes_on(),
                    messages: self.open_page(page),
                }
            }
            Request::History { .. } => {
                let page = Page::read(&result).ok_or_else(unreadable)?;
                Settled::History { more: page.goes_on(), messages: page.bodies() }
            }
            Request::Send { .. } => {
                let message = result.member("message").ok_or_else(unreadable)?;
                self.new_message(&message, false, 0);
                Settled::Message(message)
            }
            Request::Recall(..) => {
                self.revised(&result);
                Settled::Message(result)
            }
            Request::Mark(_) | Request::Clear(_) | Request::Configure(_) => {
                let news = result.read::<MemberNews>().ok_or_else(unreadable)?;
                self.member_news(&news);
                Settled::Done
            }
            Request::Presence(_) => {
                Settled::Online(result.member("online").ok_or_else(unreadable)?)
            }
            Request::More => {
                for row in result.member("rows").map(|rows| rows.elements()).unwrap_or_default() {
                    self.row(&row);
                }
                let next = result.member("next").and_then(|next| next.read::<InboxCursor>());
                self.inbox_next = next;
                Settled::More(self.inbox_next.is_some())
            }
        })
    }

    fn open_page(&mut self, page: Page<B>) -> Vec<B> {
        let end = page.messages.last().map_or(page.floor, |(seq, _)| *seq);
        let mut messages = page.bodies();
        if let Some(timeline) = &mut self.timeline {
            messages.extend(timeline.opened(end));
            timeline.rendered = timeline.end().unwrap_or_default();
        }
        messages
    }

    fn after_opening(&mut self, conversation: &ConversationId) {
        if self.book.get(conversation).is_none_or(|entry| !entry.is_known()) {
            self.book.change(conversation).fetch_at = Some(self.now.steady);
        }
        self.read_rendered();
    }

    fn beaten(&mut self, audit: Audit) {
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

impl<B: Body> Page<B> {
    fn read(history: &B) -> Option<Self> {
        let head = history.read::<HistoryHead>()?;
        let messages = history.member("messages")?.elements();
        let messages = messages.into_iter().map(|message| {
            let seq = message.read::<MessageHead>()?.seq;
            Some((seq, message))
        });
        let messages = messages.collect::<Option<_>>()?;
        Some(Self { messages, last_seq: head.last_seq, floor: head.floor })
    }

    /// Whether there is something before the page.
    fn goes_on(&self) -> bool {
        self.messages.first().is_some_and(|(first, _)| *first > self.floor.next())
    }

    fn bodies(self) -> Vec<B> {
        self.messages.into_iter().map(|(_, message)| message).collect()
    }
}

// The field names above are those of the types they are heads of.
const _: fn(History) -> (Seq, Seq) = |history| (history.last_seq, history.floor);
