//! From an open socket to being caught up, and back to nothing when what was known is void.

use message_service_shared::answer::InboxCursor;
use message_service_shared::close::CloseCode;
use message_service_shared::command::{Authenticate, Fetch, Heartbeat, Known, Pull, Read, Resume};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::id::{ConversationId, Epoch};
use message_service_shared::limits::{NAMED_CONVERSATIONS, PAGE_MAX, PROTOCOL_VERSION};
use message_service_shared::seq::Seq;
use serde::Deserialize;

use crate::body::Body;
use crate::calls::Pending;
use crate::effect::{Effect, Event};
use crate::entry::Entry;
use crate::link::Stage;
use crate::machine::Machine;

/// Rows fetched at once.
const FETCH: usize = 100;
/// A close that no server sends: the machine gives the session up itself.
const GIVEN_UP: u16 = 1006;

/// The head of [`message_service_shared::answer::Welcome`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WelcomeHead {
    user: UserHead,
    epoch: Epoch,
    heartbeat_ms: u64,
}

#[derive(Deserialize)]
struct UserHead {
    id: message_service_shared::id::UserId,
}

impl<B: Body> Machine<B> {
    pub(crate) fn socket_opened(&mut self) {
        if !matches!(self.link.stage, Stage::Opening { .. }) {
            return;
        }
        let token = self.jobs.token.take().unwrap_or_default();
        self.link.stage = Stage::Authenticating;
        self.send_own(Pending::Authenticate, &Authenticate { token, protocol: PROTOCOL_VERSION });
    }

    pub(crate) fn welcomed(&mut self, outcome: Result<Option<B>, ApiError>) {
        let welcome = match outcome {
            Ok(Some(welcome)) => welcome,
            Ok(None) => return self.lose(GIVEN_UP, None),
            // The server closes with the same meaning; whether that ever arrives is another matter.
            Err(error) => {
                return self
                    .lose(close_of(error.code).map_or(GIVEN_UP, CloseCode::number), Some(error));
            }
        };
        let Some(head) = welcome.read::<WelcomeHead>() else {
            return self.lose(GIVEN_UP, None);
        };
        if self.user.as_ref().is_some_and(|user| *user != head.user.id) {
            // What the page asked for was meant for the user before.
            let user = Some(head.user.id);
            self.forget();
            self.stop(None);
            return self.effects.push(Effect::Emit(Event::SignedOut(user)));
        }
        let other_user = self.shown_for.take().is_some_and(|user| user != head.user.id);
        let other_epoch = self.epoch.as_ref().is_some_and(|epoch| *epoch != head.epoch);
        if other_user || other_epoch {
            self.forget_data();
        }
        if other_epoch && !other_user {
            self.effects.push(Effect::Emit(Event::Reset(head.epoch.clone())));
        }
        self.profile = welcome.member("user");
        self.user = Some(head.user.id.clone());
        self.epoch = Some(head.epoch.clone());
        self.claim_mirror();
        self.beat = crate::beat::Beat::start(self.now.steady, head.heartbeat_ms, &mut self.random);
        self.link.stage = Stage::Resuming;
        // What the tab looks at comes first: from then on the server knows whom to hold back.
        self.send_look();
        self.send_resume();
    }

    pub(crate) fn send_resume(&mut self) {
        let conversations = self.known_conversations();
        let resume = Resume {
            epoch: self.epoch.clone(),
            digest: self.book.digest(),
            conversations,
            inbox: self.options.inbox_page,
        };
        self.send_own(Pending::Resume, &resume);
    }

    /// What the server has to hear about: conversations that show something, and those with a read
    /// that is not acknowledged.
    fn known_conversations(&self) -> Vec<Known> {
        let known = self.book.iter().filter_map(|(id, entry)| {
            let standing = entry.standing();
            let pending = self.reads.get(id);
            let says = standing.shown() > 0 || pending.is_some();
            says.then(|| Known {
                id: id.clone(),
                last_seq: standing.last_seq,
                read_seq: pending
                    .map(|read| read.seq)
                    .max(entry.member().map(|member| member.read_seq))
                    .unwrap_or_default(),
                mark_seen: pending
                    .map(|read| read.mark_seen)
                    .max(entry.member().map(|member| member.mark_seen))
                    .unwrap_or_default(),
                unread: standing.shown(),
            })
        });
        let silent = self.reads.iter().filter(|(id, _)| self.book.get(id).is_none());
        let silent = silent.map(|(id, read)| Known {
            id: id.clone(),
            last_seq: Seq::ZERO,
            read_seq: read.seq,
            mark_seen: read.mark_seen,
            unread: 0,
        });
        // Reads first: they are facts that nobody else may have.
        let is_read = |known: &Known| self.reads.get(&known.id).is_some();
        let (mut known, others): (Vec<Known>, Vec<Known>) = known.chain(silent).partition(is_read);
        known.extend(others);
        known.truncate(NAMED_CONVERSATIONS);
        known
    }

    pub(crate) fn resumed(&mut self, outcome: Result<Option<B>, ApiError>) {
        let resumed = match outcome {
            Ok(Some(resumed)) => resumed,
            Ok(None) => return self.lose(GIVEN_UP, None),
            Err(error) => return self.lose(GIVEN_UP, Some(error)),
        };
        let unchanged = resumed.member("unchanged").and_then(|flag| flag.read()).unwrap_or(false);
        let rows = resumed.member("rows").map(|rows| rows.elements()).unwrap_or_default();
        let mut named = Vec::new();
        for row in &rows {
            named.extend(self.row(row));
        }
        if unchanged {
            // The digests agreed after the server took over what was read here.
            self.reads.clear();
        } else {
            self.drop_unconfirmed();
        }
        if self.inbox_next.is_none() {
            let next = resumed.member("next").and_then(|next| next.read::<InboxCursor>());
            self.inbox_next = next;
        }
        if let Some(timeline) = &mut self.timeline {
            timeline.lacking = timeline.end().is_some();
        }
        if !self.link.is_live() {
            self.link.live(self.now.steady);
        }
        self.send_jobs();
    }

    /// What the mirror named and the server does not have is nobody's any more.
    fn drop_unconfirmed(&mut self) {
        let unconfirmed = self.book.iter().filter(|(_, entry)| entry.is_mirrored());
        let unconfirmed: Vec<ConversationId> = unconfirmed.map(|(id, _)| id.clone()).collect();
        for id in unconfirmed {
            self.book.remove(&id);
            self.reads.drop(&id);
        }
    }

    /// What was known is void: forget it, and begin again from nothing.
    pub(crate) fn reset(&mut self) {
        self.forget_data();
        let writes = self.mirror.clear();
        self.store(writes);
        if let Some(epoch) = self.epoch.clone() {
            self.effects.push(Effect::Emit(Event::Reset(epoch)));
        }
        self.lose(GIVEN_UP, None);
    }

    fn forget_data(&mut self) {
        self.book.clear();
        self.reads.clear();
        self.inbox_next = None;
        // A page that is still on its way is asked for again; one that was shown is void.
        if self.timeline.as_ref().is_some_and(|open| open.end().is_some()) {
            self.timeline = None;
            self.view.open = None;
        }
    }

    /// Whatever is due while live.
    pub(crate) fn send_due(&mut self) {
        self.send_fetches();
        if self.retry_at <= self.now.steady {
            self.send_reads();
            self.send_gap();
        }
        if self.beat.take_resync(self.now.steady) {
            self.send_resume();
        }
        if self.beat.next <= self.now.steady {
            self.send_beat();
        }
    }

    /// Another tab shows something else of these, so one of the two is wrong.
    pub(crate) fn ask_about(&mut self, conversations: Vec<ConversationId>) {
        if conversations.is_empty() {
            return;
        }
        for id in conversations {
            let entry = self.book.change(&id);
            entry.doubted = true;
            entry.fetch_at = Some(self.now.steady);
        }
        self.send_fetches();
    }

    fn send_fetches(&mut self) {
        let now = self.now.steady;
        let due = |entry: &Entry<B>| entry.fetch_at.is_some_and(|at| at <= now);
        let mut ids = Vec::new();
        for (id, entry) in self.book.iter_mut() {
            if due(entry) && ids.len() < FETCH {
                entry.fetch_at = None;
                if entry.is_lacking() {
                    ids.push(id.clone());
                }
            }
        }
        if !ids.is_empty() {
            self.send_own(Pending::Fetch(ids.clone()), &Fetch { conversations: ids });
        }
    }

    /// One read of a conversation is on its way at a time; a later one follows the answer.
    fn send_reads(&mut self) {
        let idle = self.reads.iter().filter(|(id, _)| {
            !self.calls.is_waiting(
                |pending| matches!(pending, Pending::Read { conversation, .. } if conversation == *id),
            )
        });
        let idle: Vec<_> = idle.map(|(id, read)| (id.clone(), *read)).collect();
        for (conversation, read) in idle {
            let pending = Pending::Read {
                conversation: conversation.clone(),
                seq: read.seq,
                mark_seen: read.mark_seen,
            };
            let epoch = self.epoch.clone();
            let command = Read { conversation, seq: read.seq, mark_seen: read.mark_seen, epoch };
            self.send_own(pending, &command);
        }
    }

    fn send_gap(&mut self) {
        if let Some(timeline) = &mut self.timeline {
            let known = self.book.get(&timeline.conversation).map(Entry::known_end);
            timeline.lacking |= timeline.end().zip(known).is_some_and(|(end, known)| end < known);
        }
        let Some(timeline) = self.timeline.as_ref().filter(|timeline| timeline.lacking) else {
            return;
        };
        let Some(end) = timeline.end() else { return };
        let conversation = timeline.conversation.clone();
        let pulling = |pending: &Pending| *pending == Pending::Gap(conversation.clone());
        if !self.calls.is_waiting(pulling) {
            let pull = Pull {
                conversation: conversation.clone(),
                after: Some(end),
                before: None,
                limit: Some(PAGE_MAX),
            };
            self.send_own(Pending::Gap(conversation), &pull);
        }
    }

    fn send_beat(&mut self) {
        let now = self.now.steady;
        let due = self.beat.beat(now, &mut self.random);
        // While something is on its way the two sides differ by right; look again soon.
        let settled = self.reads.is_empty()
            && self.book.iter().all(|(_, entry)| entry.fetch_at.is_none())
            && !self.calls.is_waiting(|pending| {
                matches!(pending, Pending::Read { .. } | Pending::Fetch(_) | Pending::Resume)
            });
        let digest = if due && settled { self.book.digest() } else { None };
        if let Some(timeline) = self.timeline.as_mut().filter(|_| due) {
            // An own message from elsewhere changes no badge, so no audit would miss its push.
            timeline.lacking = timeline.end().is_some();
        }
        if due && digest.is_none() {
            self.beat.recheck(now, &mut self.random);
        }
        self.send_own(Pending::Heartbeat, &Heartbeat { digest });
    }
}

/// How the server closes after it refused an authentication with this code.
const fn close_of(refusal: ErrorCode) -> Option<CloseCode> {
    match refusal {
        ErrorCode::TokenExpired => Some(CloseCode::TokenExpired),
        ErrorCode::Unauthenticated => Some(CloseCode::TokenRejected),
        ErrorCode::ProtocolUnsupported => Some(CloseCode::ProtocolUnsupported),
        _ => None,
    }
}
