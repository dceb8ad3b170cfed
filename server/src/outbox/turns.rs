//! Which entries may go now: those before which nothing unfinished goes to one of the same
//! conversations. Nothing here speaks to a server.

use std::collections::HashSet;

use message_service_shared::id::ConversationId;
use mongodb::bson::Bson;

/// An unfinished entry, as it was seen.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Seen {
    pub(super) id: Bson,
    /// How often it was claimed, whatever stands there.
    pub(super) attempts: Bson,
    /// The conversations it goes to.
    pub(super) lanes: Vec<ConversationId>,
    /// Whether nobody has it and it is due.
    pub(super) is_free: bool,
}

/// Takes entries, oldest first.
#[derive(Debug)]
pub(super) struct Turns {
    room: usize,
    held: HashSet<ConversationId>,
    next: Vec<Seen>,
}

impl Turns {
    /// At most so many may go.
    pub(super) fn new(room: usize) -> Self {
        Self { room, held: HashSet::new(), next: Vec::new() }
    }

    pub(super) fn are_full(&self) -> bool {
        self.next.len() >= self.room
    }

    /// An entry that waits holds back whoever comes after it in any of its conversations, and so
    /// does one that goes.
    pub(super) fn see(&mut self, seen: Seen) {
        let is_first = !seen.lanes.iter().any(|lane| self.held.contains(lane));
        self.held.extend(seen.lanes.iter().cloned());
        if is_first && seen.is_free && !self.are_full() {
            self.next.push(seen);
        }
    }

    pub(super) fn into_next(self) -> Vec<Seen> {
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(room: usize, seen: &[(&str, &[&str], bool)]) -> Vec<String> {
        let mut turns = Turns::new(room);
        for (id, users, is_free) in seen {
            let lanes = users.iter().map(|user| ConversationId::system(&user.parse().unwrap()));
            let (id, lanes) = (Bson::from(*id), lanes.collect());
            turns.see(Seen { id, attempts: Bson::Null, lanes, is_free: *is_free });
        }
        turns.into_next().iter().map(|seen| seen.id.as_str().unwrap().to_owned()).collect()
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
}
