//! Where conversations end, as far as this node has seen: it spares a read before most inserts.
//!
//! A head may be behind what other nodes have stored; then the insert is kept out and learns better.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use message_service_shared::id::ConversationId;
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;

/// Heads in a generation; two generations are kept, some megabytes.
const GENERATION: usize = 16_384;

/// The newest message of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: Seq,
    pub(super) at: Millis,
}

/// The heads of the conversations that were written to lately.
#[derive(Debug, Default)]
pub(super) struct Heads(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<ConversationId, Head>,
    old: HashMap<ConversationId, Head>,
}

impl Heads {
    pub(super) fn get(&self, id: &ConversationId) -> Option<Head> {
        let heads = self.lock();
        heads.young.get(id).or_else(|| heads.old.get(id)).copied()
    }

    /// All that derives from the messages up to there is written.
    pub(super) fn note(&self, id: &ConversationId, head: Head) {
        let mut heads = self.lock();
        if heads.young.len() >= GENERATION && !heads.young.contains_key(id) {
            heads.old = std::mem::take(&mut heads.young);
        }
        heads.young.insert(id.clone(), head);
    }

    /// What was written there last is not certain.
    pub(super) fn forget(&self, id: &ConversationId) {
        let mut heads = self.lock();
        heads.young.remove(id);
        heads.old.remove(id);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
