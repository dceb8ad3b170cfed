//! The mirror in the browser's storage: what a page without a socket paints its dot from.
//!
//! | key | value | |
//! |---|---|---|
//! | `head` | `{"v":1,"user":…,"login":…,"epoch":…}` | whose mirror it is |
//! | `c:<conversation>` | `{"n":3,"last":17,"base":14,"showAt":…}` | something is unread there |
//! | `r:<conversation>` | `{"seq":17,"mark":1,"epoch":…}` | read, and not acknowledged yet |
//! | `more` | `{"n":12}` | total of what the list has no room for |
//!
//! One key for each conversation, so that tabs can't overwrite each other. This module knows what
//! the storage holds and what it should hold; the difference is what is written.

mod format;

use std::marker::PhantomData;

use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use message_service_shared::unread::Standing;

use self::format::{HEAD, Head};
use crate::body::Body;
use crate::book::Book;
use crate::random::Random;
use crate::reads::{PendingRead, Reads};
use crate::sorted::Sorted;

/// What another tab has just written is left alone for so long: its push may be ahead of ours.
const YIELD_MS: (u64, u64) = (300, 600);
/// How long the server has to settle a dispute.
const ASK_MS: u64 = 2_000;
/// How long another tab has to get its own read acknowledged, before this one sends it too.
const ADOPT_MS: u64 = 2_000;
/// How long after the storage had no room it is tried again.
const ROOM_MS: u64 = 10_000;

/// What another tab's writing means for this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Nothing,
    /// Another tab read.
    Read(ConversationId, Seq),
    /// Another user signed in, or somebody signed out.
    SignedOut(Option<UserId>),
}

/// `B` parses what is stored, as it does what the server says.
#[derive(Clone, Debug)]
pub(crate) struct Mirror<B> {
    parser: PhantomData<B>,
    /// What the storage holds, as far as is known.
    stored: Sorted<String, String>,
    /// What its head says, where it has one that can be read.
    head: Option<Head>,
    /// Keys that are left alone for a while, and why.
    yielding: Sorted<String, Yield>,
}

/// A key that is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Yield {
    until: u64,
    to: Reason,
}

/// Why a key is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Another tab wrote it.
    Tab,
    /// The server was asked who is right.
    Server,
    /// The storage has no room for more; removing makes some, and waits for nothing.
    Room,
}

/// What to do to the storage, and about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) writes: Writes,
    /// Conversations of which another tab says something else, and goes on saying it. Whoever is
    /// wrong learns it from the server; writing over each other would make the dot flicker.
    pub(crate) disputed: Vec<ConversationId>,
}

/// Writes to do: a key, and its value or `None` to remove it.
pub(crate) type Writes = Vec<(String, Option<String>)>;

impl<B> Default for Mirror<B> {
    fn default() -> Self {
        Self {
            parser: PhantomData,
            stored: Sorted::default(),
            head: None,
            yielding: Sorted::default(),
        }
    }
}

impl<B: Body> Mirror<B> {
    pub(crate) fn load(stored: Vec<(String, String)>) -> Self {
        let mut mirror = Self::default();
        for (key, value) in stored {
            mirror.stored.insert(key, value);
        }
        mirror.read_head();
        mirror
    }

    pub(crate) const fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// What it says is unread.
    pub(crate) fn entries(&self) -> Vec<(ConversationId, Standing, Option<Millis>)> {
        self.stored.iter().filter_map(|(key, value)| format::unread::<B>(key, value)).collect()
    }

    /// What it says was read and not acknowledged, in its own epoch.
    pub(crate) fn reads(&self) -> Vec<(ConversationId, PendingRead)> {
        let epoch = self.head.as_ref().map(|head| &head.epoch);
        self.stored.iter().filter_map(|(key, value)| format::read::<B>(key, value, epoch)).collect()
    }

    /// Another tab wrote. Its reads count where they belong to this tab's epoch, whatever the head
    /// says meanwhile: a tab of another epoch may have written that.
    pub(crate) fn heard(
        &mut self,
        key: &str,
        value: Option<&str>,
        user: Option<&UserId>,
        epoch: Option<&Epoch>,
        now: u64,
        random: &mut Random,
    ) -> Heard {
        match value {
            Some(value) => self.stored.insert(key.to_owned(), value.to_owned()),
            None => self.stored.remove(key),
        };
        if key == HEAD {
            self.read_head();
            return self.whose(user);
        }
        let read = value.and_then(|value| format::read::<B>(key, value, epoch));
        let wait = match &read {
            Some(_) => ADOPT_MS,
            None => random.between(YIELD_MS.0, YIELD_MS.1),
        };
        self.yielding.insert(key.to_owned(), Yield { until: now + wait, to: Reason::Tab });
        read.map_or(Heard::Nothing, |(id, read)| Heard::Read(id, read.seq))
    }

    /// The storage had no room; this is what it still holds.
    pub(crate) fn refused(&mut self, key: String, stored: Option<String>, now: u64) {
        match stored {
            Some(stored) => self.stored.insert(key.clone(), stored),
            None => self.stored.remove(&key),
        };
        self.yielding.insert(key, Yield { until: now + ROOM_MS, to: Reason::Room });
    }

    /// Another tab emptied the storage, and this is what it holds now.
    pub(crate) fn emptied(
        &mut self,
        stored: Vec<(String, String)>,
        user: Option<&UserId>,
    ) -> Heard {
        *self = Self::load(stored);
        // Nobody's is what a user made it who emptied it by hand.
        if self.head.is_none() { Heard::Nothing } else { self.whose(user) }
    }

    /// Whether it is still this user's.
    fn whose(&self, user: Option<&UserId>) -> Heard {
        let signed_in = self.head.as_ref().map(|head| &head.user);
        match user {
            Some(user) if signed_in != Some(user) => Heard::SignedOut(signed_in.cloned()),
            _ => Heard::Nothing,
        }
    }

    /// Reads of other tabs that have been waiting for too long: theirs may be closed.
    pub(crate) fn overdue_reads(
        &mut self,
        epoch: Option<&Epoch>,
        now: u64,
    ) -> Vec<(ConversationId, PendingRead)> {
        let over =
            self.yielding.extract(|key, yielding| key.starts_with("r:") && yielding.until <= now);
        over.iter()
            .filter_map(|(key, _)| format::read::<B>(key, self.stored.get(key)?, epoch))
            .collect()
    }

    /// Nothing is left to do about what other tabs wrote up to now.
    pub(crate) fn end_yielding(&mut self, now: u64) {
        self.yielding.retain(|_, yielding| yielding.until > now);
    }

    pub(crate) fn next_wake(&self) -> Option<u64> {
        self.yielding.values().map(|yielding| yielding.until).min()
    }

    /// Makes it this user's: keeps it where it is theirs already, and of the same epoch; otherwise
    /// everything goes.
    pub(crate) fn claim(&mut self, user: &UserId, epoch: &Epoch, random: &mut Random) -> Writes {
        let mine = self.head.as_ref().filter(|head| head.user == *user);
        if mine.is_some_and(|head| head.epoch == *epoch) {
            return Writes::new();
        }
        let login = mine.map_or_else(|| random.name(), |head| head.login.clone());
        let mut writes = self.clear();
        let head = Head::new(user.clone(), login, epoch.clone());
        self.write(&mut writes, HEAD.to_owned(), Some(head.write()));
        self.head = Some(head);
        writes
    }

    /// Removes everything but whose it is. The head is never taken away for a moment: other tabs
    /// would read that as a sign-out.
    pub(crate) fn clear(&mut self) -> Writes {
        let (text, head) = (self.stored.remove(HEAD), self.head.take());
        let writes = self.purge();
        if let Some(text) = text {
            self.stored.insert(HEAD.to_owned(), text);
        }
        self.head = head;
        writes
    }

    /// Removes everything.
    pub(crate) fn purge(&mut self) -> Writes {
        self.yielding.clear();
        self.head = None;
        std::mem::take(&mut self.stored)
            .into_entries()
            .into_iter()
            .map(|(key, _)| (key, None))
            .collect()
    }

    /// Brings the reads up to date, and the rest as well where `book` is given: only a tab that has
    /// caught up may say what is unread.
    pub(crate) fn update(
        &mut self,
        reads: &Reads,
        book: Option<&Book<B>>,
        now: u64,
        wall: Millis,
    ) -> Update {
        let mut wanted = Sorted::default();
        if let Some(head) = &self.head {
            if self.stored.get(HEAD).is_none() {
                // There was no room for it.
                wanted.insert(HEAD.to_owned(), head.write());
            }
            format::add_reads(&mut wanted, reads, &head.epoch);
        }
        if let Some(book) = book {
            format::add_unread(&mut wanted, book, wall);
        }
        let is_ours = |key: &str| key.starts_with("r:") || (book.is_some() && key != HEAD);
        let stale = self.stored.keys().filter(|key| is_ours(key) && wanted.get(*key).is_none());
        let stale: Vec<String> = stale.cloned().collect();
        let changes = wanted.into_entries().into_iter().map(|(key, value)| (key, Some(value)));
        let changes: Writes = changes.chain(stale.into_iter().map(|key| (key, None))).collect();
        let mut update = Update::default();
        for (key, value) in changes {
            if format::says_the_same::<B>(self.stored.get(&key), value.as_ref()) {
                continue;
            }
            match self.yielding.get_mut(&key) {
                Some(Yield { to: Reason::Room, .. }) if value.is_none() => {
                    self.write(&mut update.writes, key, value);
                }
                Some(yielding) if yielding.until > now => {}
                Some(yielding) if yielding.to == Reason::Tab => {
                    *yielding = Yield { until: now + ASK_MS, to: Reason::Server };
                    update.disputed.extend(key.strip_prefix("c:").and_then(|id| id.parse().ok()));
                }
                _ => self.write(&mut update.writes, key, value),
            }
        }
        update
    }

    fn read_head(&mut self) {
        self.head = self.stored.get(HEAD).and_then(|value| Head::read::<B>(value));
    }

    fn write(&mut self, writes: &mut Writes, key: String, value: Option<String>) {
        match &value {
            Some(value) => self.stored.insert(key.clone(), value.clone()),
            None => self.stored.remove(&key),
        };
        writes.push((key, value));
    }
}
