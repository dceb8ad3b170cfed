//! The open conversation: what was delivered of it, in order and without a gap.

use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;

use crate::sorted::Sorted;

/// Messages that wait for a gap to close; beyond that a pull brings them again.
const WAITING: usize = 256;

#[derive(Clone, Debug)]
pub(crate) struct Timeline<B> {
    pub(crate) conversation: ConversationId,
    stage: Stage,
    waiting: Sorted<Seq, B>,
    /// A message after the gap is known to exist.
    pub(crate) lacking: bool,
    /// Every listener has returned for the messages up to here.
    pub(crate) rendered: Seq,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The first page has not come yet.
    Opening,
    /// Delivered up to here.
    Open(Seq),
}

impl<B> Timeline<B> {
    pub(crate) fn new(conversation: ConversationId) -> Self {
        Self {
            conversation,
            stage: Stage::Opening,
            waiting: Sorted::default(),
            lacking: false,
            rendered: Seq::ZERO,
        }
    }

    /// The last message delivered; `None` while the first page is on its way.
    pub(crate) const fn end(&self) -> Option<Seq> {
        match self.stage {
            Stage::Opening => None,
            Stage::Open(end) => Some(end),
        }
    }

    /// The first page has come and ends here. Returns what follows it at once.
    pub(crate) fn opened(&mut self, end: Seq) -> Vec<B> {
        self.stage = Stage::Open(end);
        self.rendered = end;
        self.in_turn()
    }

    /// A message came. Returns what can be delivered now.
    pub(crate) fn add(&mut self, seq: Seq, message: B) -> Vec<B> {
        if self.end().is_some_and(|end| seq <= end) {
            return Vec::new();
        }
        if self.waiting.len() < WAITING {
            self.waiting.insert(seq, message);
        }
        self.in_turn()
    }

    /// Pulled messages came, in order; everything up to `floor` is gone for good.
    pub(crate) fn fill(&mut self, messages: Vec<(Seq, B)>, floor: Seq, last_seq: Seq) -> Vec<B> {
        if let Stage::Open(end) = &mut self.stage {
            *end = (*end).max(floor);
        }
        let mut delivered = Vec::new();
        for (seq, message) in messages {
            delivered.extend(self.add(seq, message));
        }
        self.lacking = self.end().is_some_and(|end| end < last_seq) || !self.waiting.is_empty();
        delivered
    }

    fn in_turn(&mut self) -> Vec<B> {
        let Stage::Open(end) = &mut self.stage else { return Vec::new() };
        let mut turn = Vec::new();
        while self.waiting.first_key().is_some_and(|first| *first <= end.next()) {
            let Some((seq, message)) = self.waiting.take_first() else { break };
            if seq > *end {
                *end = seq;
                turn.push(message);
            }
        }
        self.lacking = !self.waiting.is_empty();
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timeline() -> Timeline<u32> {
        let mut timeline = Timeline::new("direct:a:b".parse().unwrap());
        assert!(timeline.opened(3_u32.into()).is_empty());
        timeline
    }

    #[test]
    fn messages_are_delivered_once_and_in_order() {
        let mut timeline = timeline();
        assert_eq!(timeline.add(5_u32.into(), 5), [0; 0]);
        assert!(timeline.lacking);
        assert_eq!(timeline.add(3_u32.into(), 3), [0; 0]);
        assert_eq!(timeline.add(4_u32.into(), 4), [4, 5]);
        assert_eq!(timeline.add(5_u32.into(), 5), [0; 0]);
        assert!(!timeline.lacking);
    }

    #[test]
    fn what_came_while_opening_follows_the_first_page() {
        let mut timeline = Timeline::new("direct:a:b".parse().unwrap());
        assert!(timeline.add(3_u32.into(), 3).is_empty());
        assert!(timeline.add(4_u32.into(), 4).is_empty());
        assert_eq!(timeline.opened(3_u32.into()), [4]);
    }

    #[test]
    fn a_pull_that_ends_early_leaves_it_lacking() {
        let mut timeline = timeline();
        let first = timeline.fill(vec![(4_u32.into(), 4)], Seq::ZERO, 9_u32.into());
        assert_eq!((first, timeline.lacking), (vec![4], true));
        let rest = (5..=9_u32).map(|seq| (seq.into(), seq)).collect();
        assert_eq!(timeline.fill(rest, Seq::ZERO, 9_u32.into()), [5, 6, 7, 8, 9]);
        assert!(!timeline.lacking);
    }
}
