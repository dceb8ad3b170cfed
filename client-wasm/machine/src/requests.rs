//! What the page asked for: sent when there is a connection, asked again after a lost one, answered
//! once, with a time-out in between. Each request may be repeated safely.

use message_service_shared::command::{Clear, List, Mark, Presence, Pull, Recall};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::{CallId, write_command, write_with_raw};
use message_service_shared::id::{ClientMsgId, ConversationId};
use message_service_shared::seq::Seq;
use message_service_shared::view::View;
use serde::Serialize;

use crate::body::Body;
use crate::calls::{OWN_TIMEOUT_MS, Pending};
use crate::effect::{Effect, Settled};
use crate::input::{Request, Ticket};
use crate::machine::Machine;
use crate::timeline::Timeline;

#[derive(Clone, Debug)]
pub(crate) struct Job {
    number: u64,
    pub(crate) ticket: Ticket,
    pub(crate) request: Request,
    deadline: u64,
    sent: bool,
    /// The read position that the author had on screen when writing.
    read_seq: Option<Seq>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Jobs {
    last: u64,
    waiting: Vec<Job>,
    /// The token of the attempt under way, until it is sent.
    pub(crate) token: Option<String>,
}

impl Jobs {
    pub(crate) fn end(&mut self, number: u64) -> Option<Job> {
        let index = self.waiting.iter().position(|job| job.number == number)?;
        Some(self.waiting.remove(index))
    }

    /// The connection is gone: what was sent is to be sent again.
    pub(crate) fn cut_off(&mut self) {
        for job in &mut self.waiting {
            job.sent = false;
        }
    }

    /// Those whose time is over.
    pub(crate) fn expire(&mut self, now: u64) -> Vec<Job> {
        self.waiting.extract_if(.., |job| job.deadline <= now).collect()
    }

    pub(crate) fn next_wake(&self) -> Option<u64> {
        self.waiting.iter().map(|job| job.deadline).min()
    }

    pub(crate) fn clear(&mut self) -> Vec<Ticket> {
        std::mem::take(&mut self.waiting).into_iter().map(|job| job.ticket).collect()
    }

    /// Ends every request of this sort, since a later one has taken its place.
    fn supersede(&mut self, same: impl Fn(&Request) -> bool) -> Vec<Ticket> {
        self.waiting.extract_if(.., |job| same(&job.request)).map(|job| job.ticket).collect()
    }
}

/// `message_service_shared::command::SendMessage` without its content, which passes through as
/// text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SendHead<'a> {
    conversation: &'a ConversationId,
    client_msg_id: &'a ClientMsgId,
    #[serde(skip_serializing_if = "Option::is_none")]
    read_seq: Option<Seq>,
}

impl<B: Body> Machine<B> {
    pub(crate) fn call(&mut self, ticket: Ticket, request: Request) {
        if matches!(self.link.stage, crate::link::Stage::Stopped) {
            let error = ApiError::new(ErrorCode::Closed, "the client is closed; connect first");
            return self.effects.push(Effect::Settle(ticket, Err(error)));
        }
        match &request {
            Request::Open(conversation) => self.begin_open(conversation.clone()),
            Request::More if self.inbox_next.is_none() && self.link.is_live() => {
                return self.effects.push(Effect::Settle(ticket, Ok(Settled::More(false))));
            }
            _ => {}
        }
        self.jobs.last += 1;
        let job = Job {
            number: self.jobs.last,
            ticket,
            read_seq: self.rendered_in(&request),
            request,
            deadline: self.now.steady + self.options.request_timeout_ms,
            sent: false,
        };
        self.jobs.waiting.push(job);
        if self.link.is_live() {
            self.send_jobs();
        }
    }

    /// Sends every request that is not on its way, in the order they were made.
    pub(crate) fn send_jobs(&mut self) {
        let mut jobs = std::mem::take(&mut self.jobs.waiting);
        for job in jobs.iter_mut().filter(|job| !job.sent) {
            job.sent = true;
            let deadline = self.now.steady + OWN_TIMEOUT_MS;
            let id = self.calls.begin(Pending::Job(job.number), deadline);
            self.effects.push(Effect::Send(self.frame_of(id, job)));
        }
        jobs.append(&mut self.jobs.waiting);
        self.jobs.waiting = jobs;
    }

    fn frame_of(&self, id: CallId, job: &Job) -> String {
        match &job.request {
            Request::Open(conversation) => write_command(
                id,
                &Pull {
                    conversation: conversation.clone(),
                    after: None,
                    before: None,
                    limit: None,
                },
            ),
            Request::History { conversation, before, limit } => write_command(
                id,
                &Pull {
                    conversation: conversation.clone(),
                    after: None,
                    before: Some(*before),
                    limit: *limit,
                },
            ),
            Request::Send { conversation, client_msg_id, content } => {
                let head = SendHead { conversation, client_msg_id, read_seq: job.read_seq };
                write_with_raw(id, "send", &head, "content", content)
            }
            Request::Mark(conversation) => {
                write_command(id, &Mark { conversation: conversation.clone() })
            }
            Request::Clear(conversation) => {
                let entry = self.book.get(conversation);
                let seq = entry.map(crate::entry::Entry::last_seq).unwrap_or_default();
                write_command(id, &Clear { conversation: conversation.clone(), seq })
            }
            Request::Configure(configure) => write_command(id, configure),
            Request::Recall(conversation, seq) => {
                write_command(id, &Recall { conversation: conversation.clone(), seq: *seq })
            }
            Request::Presence(users) => write_command(id, &Presence { users: users.clone() }),
            Request::More => {
                write_command(id, &List { before: self.inbox_next.clone(), limit: None })
            }
        }
    }

    fn begin_open(&mut self, conversation: ConversationId) {
        self.give_up_opening("another conversation was opened meanwhile");
        self.timeline = Some(Timeline::new(conversation.clone()));
        let view = View { open: Some(conversation), ..self.view.clone() };
        self.look(view);
    }

    /// Ends an opening that is still on its way.
    pub(crate) fn give_up_opening(&mut self, reason: &'static str) {
        let superseded = self.jobs.supersede(|request| matches!(request, Request::Open(_)));
        for ticket in superseded {
            let error = ApiError::new(ErrorCode::Closed, reason);
            self.effects.push(Effect::Settle(ticket, Err(error)));
        }
    }

    /// Up to where the author of a message has its conversation on screen.
    fn rendered_in(&self, request: &Request) -> Option<Seq> {
        let Request::Send { conversation, .. } = request else { return None };
        let timeline = self.timeline.as_ref()?;
        let on_screen = timeline.conversation == *conversation
            && timeline.rendered > Seq::ZERO
            && self.options.auto_read
            && self.view.attends(conversation);
        on_screen.then_some(timeline.rendered)
    }
}
