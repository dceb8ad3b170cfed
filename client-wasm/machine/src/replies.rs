//! What the server answered: a command ends, and the page gets what it asked for.

use message_service_shared::answer::{Beat, InboxCursor, MemberNews};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::id::ConversationId;

use crate::body::Body;
use crate::calls::Pending;
use crate::effect::{Effect, Settled};
use crate::input::Request;
use crate::machine::Machine;
use crate::page::Page;
use crate::requests::Job;

/// How long after one of the machine's own commands was refused it is tried again.
pub(crate) const RETRY_MS: (u64, u64) = (2_000, 5_000);

impl<B: Body> Machine<B> {
    pub(crate) fn reply(&mut self, pending: Pending, outcome: Result<Option<B>, ApiError>) {
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
                // A tab of an epoch that is over may have taken the mirror meanwhile.
                self.claim_mirror();
                self.beaten(beat.read::<Beat>().unwrap_or_default().audit);
            }
            (Pending::Fetch(asked), Ok(Some(rows))) => self.fetched(asked, &rows.elements()),
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
                    self.finish_job(&job, outcome);
                }
            }
        }
    }

    /// An answer to the page.
    fn finish_job(&mut self, job: &Job, outcome: Result<Option<B>, ApiError>) {
        let settled = match outcome {
            Err(error) => Err(error),
            Ok(result) => self.settled(job, result),
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

    pub(crate) fn fail_job(&mut self, job: &Job, error: ApiError) {
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
}
