//! Who is connected to this node, and what waits to be written to them.
//!
//! A push is serialised once, however many sessions get it. Nobody waits for a slow reader: each
//! session has a [`Mailbox`] bounded in bytes, and one that is full is closed with a code that tells
//! its client to come back and catch up. The hub knows nothing of stores and of sockets.

mod mailbox;

pub use mailbox::{Mailbox, Outgoing};

use std::collections::BTreeMap;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use message_service_shared::close::CloseCode;
use message_service_shared::frame::write_push;
use message_service_shared::id::{ConversationId, SessionId, UserId};
use message_service_shared::push::{NewMessage, Push};
use message_service_shared::view::View;

use crate::bus::{Audience, Envelope, News};

/// Users are spread over this many locks, so that a fan-out and a login rarely meet.
const SHARDS: usize = 64;

/// The sessions of this node.
#[derive(Debug)]
pub struct Hub {
    shards: Vec<Mutex<Shard>>,
}

type Shard = BTreeMap<UserId, Vec<Seat>>;

/// A session's place in the hub.
#[derive(Debug)]
struct Seat {
    session: SessionId,
    mailbox: Arc<Mailbox>,
    views: Vec<View>,
}

/// A push that is serialised when the first session needs it, in the form that it needs.
struct Letter<'a> {
    push: &'a Push,
    plain: Option<Bytes>,
    attended: Option<Bytes>,
}

impl Default for Hub {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect() }
    }
}

impl Hub {
    /// Gives a session its place. Pushes arrive in the mailbox from now on, so a session joins
    /// before it reads anything from the store.
    pub fn join(&self, user: UserId, session: SessionId, mailbox: Arc<Mailbox>) {
        let seat = Seat { session, mailbox, views: Vec::new() };
        self.shard(&user).entry(user).or_default().push(seat);
    }

    /// Takes a session's place away.
    pub fn leave(&self, user: &UserId, session: &SessionId) {
        let mut shard = self.shard(user);
        if let Some(seats) = shard.get_mut(user) {
            seats.retain(|seat| seat.session != *session);
            if seats.is_empty() {
                shard.remove(user);
            }
        }
    }

    /// Notes what a session's tabs look at.
    pub fn look(&self, user: &UserId, session: &SessionId, views: Vec<View>) {
        let mut shard = self.shard(user);
        let mut seats = shard.get_mut(user).into_iter().flatten();
        if let Some(seat) = seats.find(|seat| seat.session == *session) {
            seat.views = views;
        }
    }

    /// Whether the user has a session on this node.
    pub fn is_online(&self, user: &UserId) -> bool {
        self.shard(user).contains_key(user)
    }

    /// How many sessions there are on this node.
    pub fn sessions(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).values().map(Vec::len).sum::<usize>()).sum()
    }

    /// Hands what came over the bus to the sessions of this node that it concerns.
    pub fn receive(&self, envelope: &Envelope) {
        match &envelope.news {
            News::Push(push) => self.deliver(&envelope.to, push),
            News::Close(code) => self.for_each(&envelope.to, |seats| {
                for seat in seats {
                    seat.mailbox.close(*code);
                }
            }),
        }
    }

    fn deliver(&self, to: &Audience, push: &Push) {
        let mut letter = Letter { push, plain: None, attended: None };
        let conversation = match push {
            Push::Message(new) => Some(&new.message.conversation),
            Push::Revised(_) | Push::Member(_) | Push::Goodbye(_) => None,
        };
        let mut delivered = 0;
        self.for_each(to, |seats| {
            delivered += seats.len() as u64;
            let attends = |seat: &Seat| conversation.is_some_and(|id| seat.attends(id));
            let attended = seats.iter().any(attends);
            for seat in seats {
                let held = attended && !attends(seat);
                seat.mailbox.put(if held { letter.attended() } else { letter.plain() });
            }
        });
        metrics::counter!("message_service_pushes_total").increment(delivered);
    }

    /// Ends every session of this node, each with a word on when to come back.
    pub fn close_all(&self, goodbye: impl Fn() -> Push, code: CloseCode) {
        self.for_each(&Audience::Everyone, |seats| {
            for seat in seats {
                seat.mailbox.put(Bytes::from(write_push(&goodbye())));
                seat.mailbox.close(code);
            }
        });
    }

    fn for_each(&self, to: &Audience, mut visit: impl FnMut(&[Seat])) {
        match to {
            Audience::Users(users) => {
                for user in users {
                    if let Some(seats) = self.shard(user).get(user) {
                        visit(seats);
                    }
                }
            }
            Audience::Everyone => {
                for shard in &self.shards {
                    for seats in lock(shard).values() {
                        visit(seats);
                    }
                }
            }
        }
    }

    fn shard(&self, user: &UserId) -> MutexGuard<'_, Shard> {
        // A fixed hash, so that a simulation runs the same way twice. Nobody gains by crowding one
        // lock: the main app gives the ids.
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(user);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        lock(&self.shards[index])
    }
}

impl Seat {
    fn attends(&self, conversation: &ConversationId) -> bool {
        self.views.iter().any(|view| view.attends(conversation))
    }
}

impl Letter<'_> {
    fn plain(&mut self) -> Bytes {
        self.plain.get_or_insert_with(|| Bytes::from(write_push(self.push))).clone()
    }

    fn attended(&mut self) -> Bytes {
        self.attended
            .get_or_insert_with(|| match self.push {
                Push::Message(new) => {
                    let held = NewMessage { attended: true, ..new.clone() };
                    Bytes::from(write_push(&Push::Message(held)))
                }
                other => Bytes::from(write_push(other)),
            })
            .clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change under the lock is whole before anything can panic.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use message_service_shared::message::{Content, Message};
    use message_service_shared::view::Page;

    use super::*;

    const HERE: &str = "direct:ann:bob";

    fn push() -> Push {
        let message = Message {
            id: "m".parse().unwrap(),
            conversation: HERE.parse().unwrap(),
            seq: 1_u32.into(),
            sender: Some("bob".parse().unwrap()),
            client_msg_id: "c".parse().unwrap(),
            at: 1,
            revision: 0,
            quiet: false,
            recalled: None,
            content: Some(Content::text("hello")),
        };
        Push::Message(NewMessage { message, attended: false, spread_ms: 0 })
    }

    fn join(hub: &Hub, session: &str) -> Arc<Mailbox> {
        let mailbox = Arc::new(Mailbox::default());
        hub.join("ann".parse().unwrap(), session.parse().unwrap(), Arc::clone(&mailbox));
        mailbox
    }

    fn look(hub: &Hub, session: &str, visible: bool, focused: bool) {
        let open = Some(HERE.parse().unwrap());
        let view = View { page: Page::Messages, open, visible, focused };
        hub.look(&"ann".parse().unwrap(), &session.parse().unwrap(), vec![view]);
    }

    fn send(hub: &Hub) {
        let to = Audience::Users(vec!["ann".parse().unwrap()]);
        hub.receive(&Envelope { to, news: News::Push(push()) });
    }

    fn only_frame(mailbox: &Mailbox) -> Bytes {
        match mailbox.take() {
            Some(Outgoing::Frames(mut frames)) if frames.len() == 1 => frames.remove(0),
            other => panic!("one frame, not {other:?}"),
        }
    }

    fn is_held(frame: &Bytes) -> bool {
        std::str::from_utf8(frame).unwrap().contains("\"attended\":true")
    }

    #[test]
    fn a_push_is_serialised_once_for_all_its_receivers() {
        let hub = Hub::default();
        let (one, other) = (join(&hub, "s1"), join(&hub, "s2"));
        send(&hub);
        let (one, other) = (only_frame(&one), only_frame(&other));
        assert_eq!(one.as_ptr(), other.as_ptr());
        assert!(!is_held(&one));
    }

    #[test]
    fn only_those_who_do_not_attend_are_told_that_somebody_does() {
        let hub = Hub::default();
        let (reading, elsewhere) = (join(&hub, "s1"), join(&hub, "s2"));
        look(&hub, "s1", true, true);
        send(&hub);
        assert!(!is_held(&only_frame(&reading)));
        assert!(is_held(&only_frame(&elsewhere)));
    }

    #[test]
    fn a_window_that_lies_open_beside_the_one_in_use_attends_to_nothing() {
        let hub = Hub::default();
        let (beside, elsewhere) = (join(&hub, "s1"), join(&hub, "s2"));
        look(&hub, "s1", true, false);
        send(&hub);
        assert!(!is_held(&only_frame(&beside)) && !is_held(&only_frame(&elsewhere)));
    }

    #[test]
    fn a_session_that_left_hears_nothing_and_its_user_is_offline() {
        let hub = Hub::default();
        let mailbox = join(&hub, "s1");
        hub.leave(&"ann".parse().unwrap(), &"s1".parse().unwrap());
        send(&hub);
        assert_eq!(mailbox.take(), None);
        assert!(!hub.is_online(&"ann".parse().unwrap()));
    }
}
