//! Who is connected to this node, and what waits to be written to them.
//!
//! A push is serialised once, however many sessions get it. Nobody waits for a slow reader: each
//! session has a [`Mailbox`] bounded in bytes, and one that is full is closed with a code that tells
//! its client to come back and catch up. The hub knows nothing of stores and of sockets.

mod followers;
mod mailbox;

pub use followers::{Change, Changes};
pub use mailbox::{Mailbox, Outgoing};

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use message_service_shared::close::CloseCode;
use message_service_shared::frame::write_push;
use message_service_shared::id::{ConversationId, SessionId, UserId};
use message_service_shared::push::{NewMessage, Push};
use message_service_shared::view::View;

use self::followers::Followers;
use crate::bus::{Audience, Envelope, News, NodeId};
use crate::logouts::Logouts;

/// Users are spread over this many locks, so that a fan-out and a login rarely meet.
const SHARDS: usize = 64;

/// The sessions of this node.
#[derive(Debug)]
pub struct Hub {
    shards: Vec<Mutex<Shard>>,
    followers: Followers,
}

type Shard = BTreeMap<UserId, Place>;

/// A user's sessions here, and what the user looks at on other nodes.
#[derive(Debug, Default)]
struct Place {
    seats: Vec<Seat>,
    elsewhere: BTreeMap<NodeId, Vec<ConversationId>>,
}

/// A session's place in the hub.
#[derive(Debug)]
struct Seat {
    session: SessionId,
    mailbox: Arc<Mailbox>,
    views: Vec<View>,
    /// How often the user had been logged out when the session began.
    logouts: Logouts,
}

/// A push that is serialised when the first session needs it, in the form that it needs.
struct Letter<'a> {
    push: &'a Push,
    plain: Option<Bytes>,
    attended: Option<Bytes>,
}

impl Default for Hub {
    fn default() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, followers: Followers::default() }
    }
}

impl Hub {
    /// Gives a session its place. Pushes arrive in the mailbox from now on, so a session joins
    /// before it reads what it will tell. It ends with the first logout after so many.
    pub fn join(&self, user: UserId, session: SessionId, mailbox: Arc<Mailbox>, logouts: Logouts) {
        let seat = Seat { session, mailbox, views: Vec::new(), logouts };
        let mut shard = self.shard(&user);
        let place = shard.entry(user.clone()).or_default();
        place.seats.push(seat);
        if place.seats.len() == 1 {
            // Under the lock, so that nobody hears of coming and leaving in the wrong order.
            self.followers.tell(|| Change::Came(user));
        }
    }

    /// Takes a session's place away.
    pub fn leave(&self, user: &UserId, session: &SessionId) {
        let mut shard = self.shard(user);
        let Some(place) = shard.get_mut(user) else { return };
        self.with_attention(user, place, |place| {
            place.seats.retain(|seat| seat.session != *session);
        });
        if place.seats.is_empty() {
            shard.remove(user);
            self.followers.tell(|| Change::Left(user.clone()));
        }
    }

    /// Notes what a session's tabs look at.
    pub fn look(&self, user: &UserId, session: &SessionId, views: Vec<View>) {
        let mut shard = self.shard(user);
        let Some(place) = shard.get_mut(user) else { return };
        self.with_attention(user, place, |place| {
            if let Some(seat) = place.seats.iter_mut().find(|seat| seat.session == *session) {
                seat.views = views;
            }
        });
    }

    /// Which conversations the user's sessions here look at.
    pub fn attended_by(&self, user: &UserId) -> Vec<ConversationId> {
        self.shard(user).get(user).map(Place::attended).unwrap_or_default().into_iter().collect()
    }

    /// The users here who look at a conversation, and at which.
    pub fn attention(&self) -> Vec<(UserId, Vec<ConversationId>)> {
        let mut all = Vec::new();
        for shard in &self.shards {
            let shard = lock(shard);
            let attention = shard.iter().map(|(user, place)| (user, place.attended()));
            let attention = attention.filter(|(_, attended)| !attended.is_empty());
            all.extend(attention.map(|(user, ids)| (user.clone(), ids.into_iter().collect())));
        }
        all
    }

    /// Everyone who has a session here.
    pub fn users(&self) -> Vec<UserId> {
        self.shards
            .iter()
            .flat_map(|shard| lock(shard).keys().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Hears from now on who comes and leaves, and what they look at.
    pub fn follow(&self) -> Changes {
        self.followers.add()
    }

    /// Whether the user has a session on this node.
    pub fn is_online(&self, user: &UserId) -> bool {
        self.shard(user).contains_key(user)
    }

    /// How many sessions there are on this node.
    pub fn sessions(&self) -> usize {
        self.shards.iter().map(|shard| sessions_in(&lock(shard))).sum()
    }

    /// Hands what came over the bus to the sessions of this node that it concerns.
    pub fn receive(&self, envelope: &Envelope) {
        match &envelope.news {
            News::Push(push) => self.deliver(&envelope.to, push),
            News::LoggedOut(logouts) => self.for_each(&envelope.to, |place| {
                for seat in place.seats.iter().filter(|seat| seat.logouts < *logouts) {
                    seat.mailbox.close(CloseCode::Ended);
                }
            }),
            News::Attending { node, conversations } => self.for_each(&envelope.to, |place| {
                if conversations.is_empty() {
                    place.elsewhere.remove(node);
                } else {
                    place.elsewhere.insert(*node, conversations.clone());
                }
            }),
        }
    }

    fn deliver(&self, to: &Audience, push: &Push) {
        let mut letter = Letter { push, plain: None, attended: None };
        let conversation = match push {
            Push::Message(new) => Some(&new.message.conversation),
            Push::Revised(_) | Push::Member(_) | Push::Goodbye(_) | Push::Resync(_) => None,
        };
        let mut delivered = 0;
        self.for_each(to, |place| {
            delivered += place.seats.len() as u64;
            let attends = |seat: &Seat| conversation.is_some_and(|id| seat.attends(id));
            let attended = place.seats.iter().any(attends)
                || conversation.is_some_and(|id| place.is_attended_elsewhere(id));
            for seat in &place.seats {
                let held = attended && !attends(seat);
                seat.mailbox.put(if held { letter.attended() } else { letter.plain() });
            }
        });
        metrics::counter!("message_service_pushes_total").increment(delivered);
    }

    /// Ends every session of this node, each with a word on when to come back.
    pub fn close_all(&self, goodbye: impl Fn() -> Push, code: CloseCode) {
        self.for_each(&Audience::Everyone, |place| {
            for seat in &place.seats {
                seat.mailbox.put(Bytes::from(write_push(&goodbye())));
                seat.mailbox.close(code);
            }
        });
    }

    /// Does something that may change what the user looks at, and tells it where it does.
    fn with_attention(&self, user: &UserId, place: &mut Place, act: impl FnOnce(&mut Place)) {
        if self.followers.is_empty() {
            return act(place);
        }
        let before = place.attended();
        act(place);
        let after = place.attended();
        if before != after {
            self.followers.tell(|| Change::Attends(user.clone(), after.into_iter().collect()));
        }
    }

    fn for_each(&self, to: &Audience, mut visit: impl FnMut(&mut Place)) {
        match to {
            Audience::Users(users) => {
                for user in users {
                    if let Some(place) = self.shard(user).get_mut(user) {
                        visit(place);
                    }
                }
            }
            Audience::Everyone => {
                for shard in &self.shards {
                    lock(shard).values_mut().for_each(&mut visit);
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

impl Place {
    fn attended(&self) -> BTreeSet<ConversationId> {
        let views = self.seats.iter().flat_map(|seat| &seat.views);
        let open = views.filter_map(|view| view.open.as_ref().filter(|id| view.attends(id)));
        open.cloned().collect()
    }

    fn is_attended_elsewhere(&self, conversation: &ConversationId) -> bool {
        self.elsewhere.values().any(|attended| attended.contains(conversation))
    }
}

fn sessions_in(shard: &Shard) -> usize {
    shard.values().map(|place| place.seats.len()).sum()
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
        hub.join(
            "ann".parse().unwrap(),
            session.parse().unwrap(),
            Arc::clone(&mailbox),
            Logouts(0),
        );
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
    fn what_is_attended_on_another_node_is_held_here_until_that_node_says_otherwise() {
        let hub = Hub::default();
        let here = join(&hub, "s1");
        let attending = |conversations: Vec<ConversationId>| {
            let to = Audience::Users(vec!["ann".parse().unwrap()]);
            let news = News::Attending { node: NodeId(7), conversations };
            hub.receive(&Envelope { to, news });
        };
        attending(vec![HERE.parse().unwrap()]);
        send(&hub);
        assert!(is_held(&only_frame(&here)));
        attending(vec!["direct:ann:cid".parse().unwrap()]);
        send(&hub);
        assert!(!is_held(&only_frame(&here)));
        attending(vec![HERE.parse().unwrap()]);
        attending(vec![]);
        send(&hub);
        assert!(!is_held(&only_frame(&here)));
    }

    #[test]
    fn a_follower_hears_of_the_first_session_and_the_last_and_of_what_is_looked_at() {
        let hub = Hub::default();
        let mut changes = hub.follow();
        let (ann, here): (UserId, ConversationId) = ("ann".parse().unwrap(), HERE.parse().unwrap());
        join(&hub, "s1");
        join(&hub, "s2");
        look(&hub, "s1", true, true);
        look(&hub, "s2", true, true);
        hub.leave(&ann, &"s1".parse().unwrap());
        hub.leave(&ann, &"s2".parse().unwrap());
        let heard = std::iter::from_fn(|| changes.take());
        let expected = [
            Change::Came(ann.clone()),
            Change::Attends(ann.clone(), vec![here]),
            Change::Attends(ann.clone(), vec![]),
            Change::Left(ann),
        ];
        assert_eq!(heard.collect::<Vec<_>>(), expected);
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
