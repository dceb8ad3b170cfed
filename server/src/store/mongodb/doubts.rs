//! What this process does not know to be derived.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use message_service_shared::id::ConversationId;

#[derive(Debug, Default)]
pub(super) struct Doubts(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Where a write failed, each with the turn in which it did so last.
    conversations: BTreeMap<ConversationId, u64>,
    turn: u64,
    /// Whether what a crash may have left was looked for, by a search that came to its end.
    is_repaired: bool,
}

impl Doubts {
    /// A write there failed, or may have failed.
    pub(super) fn note(&self, id: &ConversationId) {
        let mut state = self.lock();
        state.turn += 1;
        let turn = state.turn;
        state.conversations.insert(id.clone(), turn);
    }

    /// Where writes failed, and when last.
    pub(super) fn all(&self) -> Vec<(ConversationId, u64)> {
        self.lock().conversations.iter().map(|(id, turn)| (id.clone(), *turn)).collect()
    }

    /// All that failed there up to this turn is put right; what failed since is not.
    pub(super) fn settle(&self, id: &ConversationId, turn: u64) {
        let mut state = self.lock();
        if state.conversations.get(id) == Some(&turn) {
            state.conversations.remove(id);
        }
    }

    pub(super) fn begin_repair(&self) {
        self.lock().is_repaired = false;
    }

    pub(super) fn end_repair(&self) {
        self.lock().is_repaired = true;
    }

    /// Whether anything may not be derived.
    pub(super) fn are_there(&self) -> bool {
        let state = self.lock();
        !state.is_repaired || !state.conversations.is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_while_it_is_put_right_stays_in_doubt() {
        let (doubts, id) = (Doubts::default(), "direct:ann:bob".parse().unwrap());
        doubts.end_repair();
        assert!(!doubts.are_there());
        doubts.note(&id);
        let (_, turn) = doubts.all().remove(0);
        doubts.note(&id);
        doubts.settle(&id, turn);
        assert!(doubts.are_there());
        let (_, turn) = doubts.all().remove(0);
        doubts.settle(&id, turn);
        assert!(!doubts.are_there());
    }

    #[test]
    fn nothing_is_certain_before_the_first_repair_nor_during_another() {
        let doubts = Doubts::default();
        assert!(doubts.are_there());
        doubts.end_repair();
        doubts.begin_repair();
        assert!(doubts.are_there());
    }
}
