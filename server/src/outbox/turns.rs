//! Which entries may go now: those before which nothing unfinished goes to one of the same
//! conversations. Nothing here speaks to a server.

use std::collections::HashSet;

use message_service_shared::id::ConversationId;
use mongodb::bson::Bson;

/// Entries that a node delivers at once.
const ENTRIES: usize = 32;
/// Their receivers in all. Each is a message of its own that waits to be stored, with all its
/// content, and what a store lets wait is everybody's: so a campaign leaves most of it to others.
const RECEIVERS: usize = 2_000;

/// An unfinished entry, as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) id: Bson,
    /// How often it was claimed, whatever stands there.
    pub(super) attempts: Bson,
    /// The conversations it goes to.
    pub(super) lanes: Vec<ConversationId>,
    /// Who has claimed it and never said what became of it, since somebody last did.
    pub(super) left_by: Vec<String>,
    /// Whether nobody has it and it is due.
    pub(super) is_free: bool,
}

impl Seen {
    /// How much of a node's room it takes. One that was left may be what ended the node that had it,
    /// so it goes alone: what it brings down with it is not taken for the cause.
    pub(super) fn weight(&self) -> usize {
        if self.left_by.is_empty() { self.lanes.len().clamp(1, RECEIVERS) } else { RECEIVERS }
    }
}

/// What a node may take in hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    entries: usize,
    receivers: usize,
}

impl Room {
    /// What is left of it beside entries of these weights.
    pub(super) fn beside(weights: impl Iterator<Item = usize>) -> Self {
        let whole = Self { entries: ENTRIES, receivers: RECEIVERS };
        weights.fold(whole, |room, weight| Self {
            entries: room.entries.saturating_sub(1),
            receivers: room.receivers.saturating_sub(weight),
        })
    }

    pub(super) fn is_none(self) -> bool {
        self.entries == 0 || self.receivers == 0
    }

    fn with(self, weight: usize) -> Option<Self> {
        let entries = self.entries.checked_sub(1)?;
        Some(Self { entries, receivers: self.receivers.checked_sub(weight)? })
    }
}

/// Takes entries, oldest first.
#[derive(Debug)]
pub(super) struct Turns {
    room: Room,
    are_full: bool,
    held: HashSet<ConversationId>,
    next: Vec<Seen>,
}

impl Turns {
    /// As many may go as there is room for.
    pub(super) fn new(room: Room) -> Self {
        Self { room, are_full: room.is_none(), held: HashSet::new(), next: Vec::new() }
    }

    pub(super) fn are_full(&self) -> bool {
        self.are_full
    }

    /// An entry that waits holds back whoever comes after it in any of its conversations, and so
    /// does one that goes.
    pub(super) fn see(&mut self, seen: Seen) {
        let is_first = !seen.lanes.iter().any(|lane| self.held.contains(lane));
        self.held.extend(seen.lanes.iter().cloned());
        if !is_first || !seen.is_free || self.are_full {
            return;
        }
        let Some(room) = self.room.with(seen.weight()) else {
            // What comes after it waits for it: else it might never find so much room.
            self.are_full = true;
            return;
        };
        self.room = room;
        self.are_full = room.is_none();
        self.next.push(seen);
    }

    pub(super) fn into_next(self) -> Vec<Seen> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(id: &str, users: &[&str], is_free: bool) -> Seen {
        let lanes = users.iter().map(|user| ConversationId::system(&user.parse().unwrap()));
        let (id, lanes) = (Bson::from(id), lanes.collect());
        Seen { id, attempts: Bson::Null, lanes, left_by: Vec::new(), is_free }
    }

    fn to_many(id: &str, receivers: usize) -> Seen {
        let users: Vec<String> = (0..receivers).map(|number| format!("{id}-{number}")).collect();
        entry(id, &users.iter().map(String::as_str).collect::<Vec<_>>(), true)
    }

    fn left(id: &str) -> Seen {
        Seen { left_by: vec!["another".to_owned()], ..entry(id, &[id], true) }
    }

    fn those_of(room: Room, seen: impl IntoIterator<Item = Seen>) -> Vec<String> {
        let mut turns = Turns::new(room);
        for seen in seen {
            turns.see(seen);
        }
        turns.into_next().iter().map(|seen| seen.id.as_str().unwrap().to_owned()).collect()
    }

    fn next(entries: usize, seen: &[(&str, &[&str], bool)]) -> Vec<String> {
        let room = Room { entries, receivers: RECEIVERS };
        those_of(room, seen.iter().map(|(id, users, is_free)| entry(id, users, *is_free)))
    }

    /// What goes beside entries of these weights.
    fn beside<const N: usize>(weights: &[usize], seen: [Seen; N]) -> Vec<String> {
        those_of(Room::beside(weights.iter().copied()), seen)
    }

    #[test]
    fn the_oldest_of_each_conversation_goes() {
        let seen: &[(&str, &[&str], bool)] =
            &[("1", &["ann"], true), ("2", &["ann"], true), ("3", &["bob"], true)];
        assert_eq!(next(9, seen), ["1", "3"]);
        assert_eq!(next(1, seen), ["1"]);
    }

    #[test]
    fn one_that_waits_holds_back_its_own_conversations_and_what_waits_for_them() {
        let seen: &[(&str, &[&str], bool)] = &[
            ("1", &["ann"], false),
            ("2", &["ann", "bob"], true),
            ("3", &["bob"], true),
            ("4", &["cyd"], true),
        ];
        assert_eq!(next(9, seen), ["4"]);
    }

    #[test]
    fn one_that_goes_nowhere_holds_nobody_back() {
        assert_eq!(next(9, &[("1", &[], true), ("2", &["ann"], true)]), ["1", "2"]);
    }

    #[test]
    fn a_node_has_so_many_entries_in_hand_and_so_many_receivers() {
        let hundred = || (0..100).map(|number| entry(&number.to_string(), &[], true));
        assert_eq!(those_of(Room::beside([].into_iter()), hundred()).len(), ENTRIES);
        assert_eq!(those_of(Room::beside([1; 30].into_iter()), hundred()).len(), ENTRIES - 30);
        assert_eq!(beside(&[], [to_many("1", 1_000), to_many("2", 1_000)]), ["1", "2"]);
        let three = [to_many("1", 1_000), to_many("2", 999), to_many("3", 2)];
        assert_eq!(beside(&[], three), ["1", "2"]);
        assert_eq!(beside(&[1_000], [to_many("1", 1_001)]), [""; 0]);
    }

    #[test]
    fn one_that_finds_no_room_is_not_overtaken() {
        let waiting = || [to_many("1", 1_500), entry("2", &["ann"], true)];
        assert_eq!(beside(&[1_000], waiting()), [""; 0]);
        assert_eq!(beside(&[500], waiting()), ["1"]);
    }

    #[test]
    fn one_that_is_larger_than_the_room_goes_alone() {
        let large = || [to_many("1", RECEIVERS * 2), entry("2", &["ann"], true)];
        assert_eq!(beside(&[1], large()), [""; 0]);
        assert_eq!(beside(&[], large()), ["1"]);
        assert_eq!(beside(&[to_many("1", RECEIVERS * 2).weight()], large()), [""; 0]);
    }

    #[test]
    fn one_that_was_left_goes_alone() {
        let seen = || [entry("1", &["ann"], true), left("2"), entry("3", &["bob"], true)];
        assert_eq!(beside(&[], seen()), ["1"]);
        let [_, two, three] = seen();
        assert_eq!(beside(&[1], [two.clone(), three.clone()]), [""; 0]);
        assert_eq!(beside(&[], [two, three]), ["2"]);
    }
}
