//! The machine itself: takes an input, lets each part decide, gives back what is to be done.

use message_service_shared::close::CloseCode;
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::write_command;
use message_service_shared::id::{Epoch, UserId};
use message_service_shared::limits::HOLD_MS;
use message_service_shared::view::View;

use crate::beat::Beat;
use crate::body::Body;
use crate::book::Book;
use crate::calls::{Calls, OWN_TIMEOUT_MS, Pending};
use crate::dot::Dot;
use crate::effect::{Effect, Event};
use crate::entry::{Entry, Held};
use crate::input::{Input, Now, Options, TokenFailure};
use crate::link::{ConnectionState, Link, Loss, Stage};
use crate::mirror::{Heard, Mirror, Writes};
use crate::random::Random;
use crate::reads::Reads;
use crate::requests::Jobs;
use crate::timeline::Timeline;

/// The client's brain. See the crate's documentation.
#[derive(Clone, Debug)]
pub struct Machine<B> {
    pub(crate) options: Options,
    pub(crate) now: Now,
    pub(crate) effects: Vec<Effect<B>>,
    pub(crate) random: Random,
    pub(crate) link: Link,
    pub(crate) calls: Calls,
    pub(crate) jobs: Jobs,
    pub(crate) beat: Beat,
    /// Reads and pulls that the server refused for now are not tried again before.
    pub(crate) retry_at: u64,
    pub(crate) user: Option<UserId>,
    /// Whose mirror is shown, before a session has begun.
    pub(crate) shown_for: Option<UserId>,
    /// The user as the server presents them, for the page.
    pub(crate) profile: Option<B>,
    pub(crate) epoch: Option<Epoch>,
    pub(crate) book: Book<B>,
    pub(crate) reads: Reads,
    pub(crate) view: View,
    pub(crate) timeline: Option<Timeline<B>>,
    pub(crate) inbox_next: Option<message_service_shared::answer::InboxCursor>,
    pub(crate) mirror: Mirror<B>,
    pub(crate) dot: Dot,
    told_state: ConnectionState,
    stop_reason: Option<ApiError>,
}

impl<B: Body> Machine<B> {
    /// A machine at rest. The seed is the only chance it has: two machines with equal seeds and
    /// inputs do the same.
    pub fn new(options: Options, seed: u64) -> Self {
        Self {
            options,
            now: Now::default(),
            effects: Vec::new(),
            random: Random::new(seed),
            link: Link::new(),
            calls: Calls::default(),
            jobs: Jobs::default(),
            beat: Beat::default(),
            retry_at: 0,
            user: None,
            shown_for: None,
            profile: None,
            epoch: None,
            book: Book::default(),
            reads: Reads::default(),
            view: View::default(),
            timeline: None,
            inbox_next: None,
            mirror: Mirror::default(),
            dot: Dot::default(),
            told_state: ConnectionState::Idle,
            stop_reason: None,
        }
    }

    /// Takes an input. The effects are to be done in their order, and before the next input; those
    /// that call into the page may lead to inputs, which wait until the rest is done.
    pub fn handle(&mut self, input: Input<B>, now: Now) -> Vec<Effect<B>> {
        self.now = Now { steady: now.steady.max(self.now.steady), wall: now.wall };
        match input {
            Input::Connect { stored } => self.connect(stored),
            Input::Close => self.stop(None),
            Input::SignOut => {
                let writes = self.mirror.purge();
                self.store(writes);
                self.forget();
                self.stop(None);
            }
            Input::Token(token) => self.token(token),
            Input::SocketOpened => self.socket_opened(),
            Input::SocketClosed(code) => self.lose(code, None),
            Input::Frame(frame) => self.frame(&frame),
            Input::Online => self.sign_of_life(),
            Input::Attention { visible, focused } => self.attention(visible, focused),
            Input::Page(page) => {
                let view = View { page, ..self.view.clone() };
                self.look(view);
            }
            Input::Stored(key, value) => self.heard(&key, value.as_deref()),
            Input::StorageCleared { stored } => self.storage_cleared(stored),
            Input::NotStored(key, stored) => self.mirror.refused(key, stored, self.now.steady),
            Input::Delivered { conversation, seq } => self.delivered(&conversation, seq),
            Input::Call(ticket, request) => self.call(ticket, request),
            Input::Read(conversation, seq) => self.read(&conversation, seq),
            Input::Leave => self.leave(),
            Input::Wake => {}
        }
        self.settle();
        std::mem::take(&mut self.effects)
    }

    /// When the machine wants a [`Input::Wake`], by the steady clock, if nothing happens before.
    pub fn next_wake(&self) -> Option<u64> {
        let held = self.book.iter().filter_map(|(_, entry)| entry.held.map(|held| held.until));
        let live = self.link.is_live();
        let fetches = self.book.iter().filter_map(|(_, entry)| entry.fetch_at.filter(|_| live));
        [
            self.link.next_wake(),
            self.calls.next_wake(),
            self.jobs.next_wake(),
            self.mirror.next_wake(),
            live.then_some(self.beat.next_wake()),
            Some(self.retry_at).filter(|at| live && *at > self.now.steady),
        ]
        .into_iter()
        .flatten()
        .chain(held)
        .chain(fetches)
        .min()
    }

    fn connect(&mut self, stored: Vec<(String, String)>) {
        if !matches!(self.link.stage, Stage::Idle | Stage::Stopped) {
            return;
        }
        self.mirror = Mirror::load(stored);
        self.forget();
        if let Some(head) = self.mirror.head() {
            // What is shown is of that time and user, whatever other tabs make of the mirror until
            // this one has a session.
            self.epoch = Some(head.epoch.clone());
            self.shown_for = Some(head.user.clone());
            self.show_mirror();
        }
        self.stop_reason = None;
        self.link = Link::new();
        self.attempt();
    }

    /// Shows what this browser knew last, until the server says more.
    fn show_mirror(&mut self) {
        for (id, standing, show_at) in self.mirror.entries() {
            let mut entry = Entry::mirrored(standing);
            let left = show_at.and_then(|show_at| show_at.checked_sub(self.now.wall));
            // A hold that lasts longer comes from a clock that was set back.
            let left = left.filter(|left| (1..=HOLD_MS).contains(left));
            entry.held = left.map(|left| Held { until: self.now.steady + left, show_at });
            self.book.insert(id, entry);
        }
        for (id, read) in self.mirror.reads() {
            self.reads.add(&id, read);
            if let Some(entry) = self.book.change_known(&id) {
                entry.read(read.seq);
            }
        }
    }

    pub(crate) fn attempt(&mut self) {
        let reason = self.link.begin(self.now.steady);
        self.effects.push(Effect::GetToken(reason));
    }

    fn token(&mut self, token: Result<String, TokenFailure>) {
        if !matches!(self.link.stage, Stage::Token { .. }) {
            return;
        }
        match token {
            Ok(token) => {
                self.jobs.token = Some(token);
                self.link.opening(self.now.steady);
                self.effects.push(Effect::OpenSocket);
            }
            Err(TokenFailure::Failed) => self.lose(1006, None),
            Err(TokenFailure::Unauthorized) => {
                let message = "the page has no token any more";
                self.stop(Some(ApiError::new(ErrorCode::Unauthenticated, message)));
            }
        }
    }

    /// The connection is gone, or as good as gone.
    pub(crate) fn lose(&mut self, code: u16, error: Option<ApiError>) {
        if matches!(self.link.stage, Stage::Idle | Stage::Stopped | Stage::Waiting { .. }) {
            return;
        }
        if self.link.has_socket() {
            self.effects.push(Effect::CloseSocket);
        }
        self.calls.clear();
        self.jobs.cut_off();
        match self.link.lost(code, self.now.steady, &mut self.random) {
            Loss::Again { in_ms } => self.tell_state(Some(in_ms), error),
            Loss::Stopped => self.stop(Some(error.unwrap_or_else(|| ended_by(code)))),
        }
    }

    pub(crate) fn stop(&mut self, reason: Option<ApiError>) {
        if self.link.has_socket() {
            self.effects.push(Effect::CloseSocket);
        }
        self.calls.clear();
        self.link.stop();
        self.timeline = None;
        self.view.open = None;
        self.stop_reason = reason;
        let closed = ApiError::new(ErrorCode::Closed, "the client was closed");
        for ticket in self.jobs.clear() {
            self.effects.push(Effect::Settle(ticket, Err(closed.clone())));
        }
    }

    /// Forgets all that is known, since it is somebody else's or of another time.
    pub(crate) fn forget(&mut self) {
        self.book.clear();
        self.reads.clear();
        self.timeline = None;
        self.inbox_next = None;
        self.user = None;
        self.shown_for = None;
        self.profile = None;
        self.epoch = None;
    }

    pub(crate) fn sign_of_life(&mut self) {
        if self.link.may_try_now(self.now.steady) {
            self.attempt();
        }
    }

    /// Sends one of the machine's own commands.
    pub(crate) fn send_own(
        &mut self,
        pending: Pending,
        command: &impl message_service_shared::command::Ask,
    ) {
        let id = self.calls.begin(pending, self.now.steady + OWN_TIMEOUT_MS);
        self.effects.push(Effect::Send(write_command(id, command)));
    }

    fn heard(&mut self, key: &str, value: Option<&str>) {
        let (user, epoch) = (self.user.as_ref(), self.epoch.as_ref());
        let now = self.now.steady;
        let heard = self.mirror.heard(key, value, user, epoch, now, &mut self.random);
        self.heed(heard);
    }

    fn heed(&mut self, heard: Heard) {
        match heard {
            Heard::Nothing => {}
            Heard::Read(conversation, seq) => {
                if let Some(entry) = self.book.change_known(&conversation) {
                    entry.read(seq);
                }
            }
            Heard::SignedOut(user) => {
                self.forget();
                self.stop(None);
                self.effects.push(Effect::Emit(Event::SignedOut(user)));
            }
        }
    }

    /// A tab that is live fills an emptied storage again. Another one leaves that to its next
    /// session: what it knows may be of an epoch that is over.
    fn storage_cleared(&mut self, stored: Vec<(String, String)>) {
        let heard = self.mirror.emptied(stored, self.user.as_ref());
        self.heed(heard);
        if self.link.is_live() && self.mirror.head().is_none() {
            self.claim_mirror();
        }
    }

    /// Makes the mirror this session's own; the server has just said that it is one.
    pub(crate) fn claim_mirror(&mut self) {
        if let (Some(user), Some(epoch)) = (&self.user, &self.epoch) {
            let writes = self.mirror.claim(user, epoch, &mut self.random);
            self.store(writes);
        }
    }

    pub(crate) fn store(&mut self, writes: Writes) {
        self.effects.extend(writes.into_iter().map(|(key, value)| Effect::Store(key, value)));
    }

    /// What every input ends with: what is due is done, and what changed is told.
    fn settle(&mut self) {
        self.run_due();
        self.release_held();
        let may_write = self.mirror.head().is_some_and(|head| {
            Some(&head.user) == self.user.as_ref() && Some(&head.epoch) == self.epoch.as_ref()
        });
        if may_write && self.link.state() != ConnectionState::Stopped {
            let book = Some(&self.book).filter(|_| self.link.is_live());
            let update = self.mirror.update(&self.reads, book, self.now.steady, self.now.wall);
            self.store(update.writes);
            self.ask_about(update.disputed);
        }
        self.mirror.end_yielding(self.now.steady);
        self.tell_state(None, None);
        let change = self.dot.update(self.book.unread(), &self.view);
        let changed = self.book.take_changed();
        if !changed.is_empty() {
            self.effects.push(Effect::Emit(Event::Conversations(changed)));
        }
        if let Some(unread) = change.unread {
            self.effects.push(Effect::Emit(Event::Unread(unread)));
        }
        if let Some(visible) = change.dot {
            self.effects.push(Effect::Emit(Event::Dot(visible)));
        }
    }

    fn run_due(&mut self) {
        let now = self.now.steady;
        for job in self.jobs.expire(now) {
            let message = "no answer came in time; it is safe to try again";
            self.fail_job(&job, ApiError::new(ErrorCode::Timeout, message));
        }
        match self.link.stage {
            Stage::Token { until } | Stage::Opening { until } if until <= now => {
                self.lose(1006, None);
            }
            Stage::Waiting { until, .. } if until <= now => self.attempt(),
            _ if self.calls.is_overdue(now) => self.lose(1006, None),
            _ => {}
        }
        for (conversation, read) in self.mirror.overdue_reads(self.epoch.as_ref(), now) {
            self.reads.add(&conversation, read);
        }
        if self.link.is_live() {
            self.send_due();
        }
    }

    fn release_held(&mut self) {
        let now = self.now.steady;
        for (id, entry) in self.book.iter_mut() {
            let left = |held: &Held| held.show_at.is_none() && !self.view.attends(id);
            let over = |held: &Held| held.until <= now || left(held);
            // What is not counted yet, because of a gap, is as little a reason to let go as it is
            // one to show.
            let read = !entry.is_lacking() && entry.standing().shown() == 0;
            if entry.held.as_ref().is_some_and(|held| read || over(held)) {
                entry.held = None;
            }
        }
    }

    pub(crate) fn tell_state(&mut self, retry_in_ms: Option<u64>, error: Option<ApiError>) {
        let state = self.link.state();
        if state == self.told_state {
            return;
        }
        let previous = std::mem::replace(&mut self.told_state, state);
        let error = error.or_else(|| self.stop_reason.take());
        self.effects.push(Effect::Emit(Event::State { state, previous, retry_in_ms, error }));
    }
}

/// Why a session that closed with this code is not begun again.
fn ended_by(code: u16) -> ApiError {
    if code == CloseCode::ProtocolUnsupported.number() {
        let message = "the server does not speak this client's protocol version";
        return ApiError::new(ErrorCode::ProtocolUnsupported, message);
    }
    ApiError::new(ErrorCode::Unauthenticated, "the server ended the session for good")
}
