//! Direct conversations that are known to have begun. Whether one may begin is asked of the store
//! once, and not again with every message: none ever ends.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use message_service_shared::id::ConversationId;

/// Conversations in a generation; two generations are kept, some megabytes.
const GENERATION: usize = 16_384;

/// The ones that were written in lately.
#[derive(Debug, Default)]
pub(super) struct Begun(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashSet<ConversationId>,
    old: HashSet<ConversationId>,
}

impl Begun {
    /// Whether it is known to have begun. It may have when this says no.
    pub(super) fn knows(&self, id: &ConversationId) -> bool {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.contains(id) || generations.old.contains(id)
    }

    /// It has begun.
    pub(super) fn note(&self, id: &ConversationId) {
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= GENERATION && !generations.young.contains(id) {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(id.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> ConversationId {
        format!("direct:a:b{number}").parse().unwrap()
    }

    #[test]
    fn what_was_written_in_lately_is_known_and_the_number_is_bounded() {
        let begun = Begun::default();
        for number in 0..3 * GENERATION {
            begun.note(&id(number));
        }
        assert!(begun.knows(&id(3 * GENERATION - 1)) && !begun.knows(&id(0)));
        let generations = begun.0.lock().unwrap();
        assert!(generations.young.len() + generations.old.len() <= 2 * GENERATION);
    }
}
