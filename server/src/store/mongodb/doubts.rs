//! What this process does not know to be derived.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use message_service_shared::id::ConversationId;

/// What failed here may still be carried out by a server that has it, or reach a majority, for so
/// long: many times what a call may take.
pub(super) const LATE: Duration = Duration::from_mins(1);

#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Where a write failed.
    conversations: BTreeMap<ConversationId, Doubt>,
    turn: u64,
    search: Search,
}

#[derive(Clone, Copy, Debug)]
struct Doubt {
    /// In which a write failed there last.
    turn: u64,
    at: Instant,
    /// Whether it was looked at since.
    looked: bool,
}

/// How far this process is with looking for what a crash may have left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Search {
    /// Nobody has asked for it.
    #[default]
    Unasked,
    /// It was begun, and has not come to its end.
    Begun,
    Ended,
}

/// Which doubts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// Those that nobody has looked at.
    New,
    All,
}

impl Doubts {
    /// A write there failed, or may have failed.
    pub(super) fn note(&self, id: &ConversationId) {
        let mut state = self.lock();
        state.turn += 1;
        let doubt = Doubt { turn: state.turn, at: Instant::now(), looked: false };
        state.conversations.insert(id.clone(), doubt);
    }

    /// Where writes failed, each with the turn in which they did so last.
    pub(super) fn list(&self, which: Which) -> Vec<(ConversationId, u64)> {
        let state = self.lock();
        let listed = state.conversations.iter().filter(|(_, it)| which == Which::All || !it.looked);
        listed.map(|(id, doubt)| (id.clone(), doubt.turn)).collect()
    }

    /// All that failed there up to this turn is put right; what failed since is not. Where it may
    /// still come to something by itself, it has to be looked at once more.
    pub(super) fn settle(&self, id: &ConversationId, turn: u64, now: Instant) {
        let mut state = self.lock();
        let Some(doubt) = state.conversations.get_mut(id).filter(|doubt| doubt.turn == turn) else {
            return;
        };
        doubt.looked = true;
        if now.saturating_duration_since(doubt.at) >= LATE {
            state.conversations.remove(id);
        }
    }

    pub(super) fn begin_search(&self) {
        self.lock().search = Search::Begun;
    }

    pub(super) fn end_search(&self) {
        self.lock().search = Search::Ended;
    }

    pub(super) fn search(&self) -> Search {
        self.lock().search
    }

    /// Whether anything may not be derived.
    pub(super) fn are_there(&self) -> bool {
        let state = self.lock();
        state.search != Search::Ended || !state.conversations.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubts() -> (Doubts, ConversationId) {
        let doubts = Doubts::default();
        doubts.end_search();
        (doubts, "direct:ann:bob".parse().unwrap())
    }

    #[test]
    fn what_fails_while_it_is_put_right_stays_in_doubt() {
        let (doubts, id) = doubts();
        let later = Instant::now() + 2 * LATE;
        assert!(!doubts.are_there());
        doubts.note(&id);
        let (_, turn) = doubts.list(Which::New).remove(0);
        doubts.note(&id);
        doubts.settle(&id, turn, later);
        assert!(doubts.are_there());
        let (_, turn) = doubts.list(Which::New).remove(0);
        doubts.settle(&id, turn, later);
        assert!(!doubts.are_there());
    }

    #[test]
    fn what_may_still_come_is_looked_at_once_more_and_waited_for_by_nobody() {
        let (doubts, id) = doubts();
        doubts.note(&id);
        let (_, turn) = doubts.list(Which::New).remove(0);
        doubts.settle(&id, turn, Instant::now());
        assert_eq!(doubts.list(Which::New), []);
        assert!(doubts.are_there());
        let (_, turn) = doubts.list(Which::All).remove(0);
        doubts.settle(&id, turn, Instant::now() + LATE);
        assert!(!doubts.are_there());
    }

    #[test]
    fn nothing_is_certain_before_the_first_search_nor_during_another() {
        let doubts = Doubts::default();
        assert!(doubts.are_there());
        doubts.end_search();
        doubts.begin_search();
        assert!(doubts.are_there());
    }
}
