//! Sets of positions, kept as ranges: own messages, and messages that never count.

use serde::{Deserialize, Serialize};

use crate::limits::RUNS;
use crate::seq::Seq;

/// Every position from the first to the second, both included. On the wire `[from, to]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Run(pub Seq, pub Seq);

impl Run {
    /// The range of one position.
    pub const fn one(seq: Seq) -> Self {
        Self(seq, seq)
    }

    /// How many positions lie in it; none if it ends before it begins.
    pub const fn len(self) -> u64 {
        (self.1.get() + 1).saturating_sub(self.0.get())
    }

    /// Whether no position lies in it.
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// A set of positions: ordered ranges that neither overlap nor touch.
///
/// At most [`RUNS`] ranges are kept. When one more comes, the oldest is forgotten and
/// `known_above` rises to its end: at or below that, the set says nothing, and whoever counts
/// there has to ask the messages themselves ([`crate::unread::Counted`]).
///
/// Merging is a union, and so commutative, associative and idempotent, as long as nothing was
/// forgotten. After that it stays sound: it never claims a position that no side claimed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "WireRuns")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Runs {
    #[serde(default, skip_serializing_if = "is_zero")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Seq>"))]
    known_above: Seq,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<Run>>"))]
    runs: Vec<Run>,
}

/// What a peer may say; made canonical on the way in, so that no other form exists inside.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WireRuns {
    #[serde(default)]
    known_above: Seq,
    #[serde(default)]
    runs: Vec<Run>,
}

impl From<WireRuns> for Runs {
    fn from(wire: WireRuns) -> Self {
        Self::known_from(wire.known_above, wire.runs)
    }
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")
)]
fn is_zero(seq: &Seq) -> bool {
    *seq == Seq::ZERO
}

impl Runs {
    /// The empty set, which knows every position.
    pub const fn new() -> Self {
        Self { known_above: Seq::ZERO, runs: Vec::new() }
    }

    /// A set that was built from ranges in any order.
    pub fn from_runs(runs: impl IntoIterator<Item = Run>) -> Self {
        Self::known_from(Seq::ZERO, runs)
    }

    /// A set that says nothing at or below `known_above`, built from ranges in any order.
    pub fn known_from(known_above: Seq, runs: impl IntoIterator<Item = Run>) -> Self {
        let mut set = Self { known_above, runs: Vec::new() };
        for run in runs {
            set.insert(run);
        }
        set
    }

    /// The position above which the set is complete.
    pub const fn known_above(&self) -> Seq {
        self.known_above
    }

    /// The ranges in order.
    pub fn as_slice(&self) -> &[Run] {
        &self.runs
    }

    /// Whether the set has no position and has forgotten none.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.known_above == Seq::ZERO
    }

    /// Whether the position is in the set.
    pub fn contains(&self, seq: Seq) -> bool {
        self.end_of_run_at(seq).is_some()
    }

    /// The last position of the range that holds `seq`.
    pub fn end_of_run_at(&self, seq: Seq) -> Option<Seq> {
        let after = self.runs.partition_point(|run| run.0 <= seq);
        let run = self.runs.get(after.checked_sub(1)?)?;
        (run.1 >= seq).then_some(run.1)
    }

    /// Adds a range; what lies at or below `known_above` adds nothing.
    pub fn insert(&mut self, run: Run) {
        let mut run = Run(run.0.max(self.known_above.next()), run.1);
        if run.is_empty() {
            return;
        }
        // Ranges that overlap the new one or touch it become one with it.
        let first = self.runs.partition_point(|old| old.1.next() < run.0);
        let last = self.runs.partition_point(|old| old.0 <= run.1.next());
        if let Some(touched) = self.runs.get(first..last).filter(|touched| !touched.is_empty()) {
            run.0 = run.0.min(touched[0].0);
            run.1 = run.1.max(touched[touched.len() - 1].1);
        }
        self.runs.splice(first..last, [run]);
        if self.runs.len() > RUNS {
            let forgotten = self.runs.remove(0);
            self.known_above = forgotten.1;
        }
    }

    /// Takes in everything the other set knows.
    pub fn merge(&mut self, other: &Self) {
        self.know_only_above(other.known_above);
        for run in &other.runs {
            self.insert(*run);
        }
    }

    /// Drops every position at or below `seq`, which the caller no longer asks about.
    pub fn drop_up_to(&mut self, seq: Seq) {
        self.runs.retain_mut(|run| {
            run.0 = run.0.max(seq.next());
            !run.is_empty()
        });
        if self.known_above <= seq {
            self.known_above = Seq::ZERO;
        }
    }

    /// The positions of either set in `(after, up_to]`, as ordered ranges that do not touch.
    pub fn union_within(&self, other: &Self, after: Seq, up_to: Seq) -> Vec<Run> {
        let mut union: Vec<Run> = Vec::new();
        let (mut left, mut right) = (self.runs.iter().peekable(), other.runs.iter().peekable());
        loop {
            let next = match (left.peek(), right.peek()) {
                (Some(one), Some(two)) if one.0 <= two.0 => left.next(),
                (Some(_), None) => left.next(),
                (_, Some(_)) => right.next(),
                (None, None) => break,
            };
            let Some(run) = next else { break };
            let run = Run(run.0.max(after.next()), run.1.min(up_to));
            match union.last_mut() {
                _ if run.is_empty() => {}
                Some(previous) if run.0 <= previous.1.next() => previous.1 = previous.1.max(run.1),
                _ => union.push(run),
            }
        }
        union
    }

    fn know_only_above(&mut self, seq: Seq) {
        if seq > self.known_above {
            self.drop_up_to(seq);
            self.known_above = seq;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn runs(list: &[(u32, u32)]) -> Runs {
        Runs::from_runs(list.iter().map(|(from, to)| Run((*from).into(), (*to).into())))
    }

    #[test]
    fn touching_and_overlapping_ranges_become_one() {
        assert_eq!(runs(&[(1, 2), (5, 6), (3, 4)]).as_slice(), runs(&[(1, 6)]).as_slice());
        assert_eq!(runs(&[(4, 9), (1, 5), (20, 21)]).as_slice().len(), 2);
        assert_eq!(runs(&[(3, 3), (9, 9), (1, 20)]), runs(&[(1, 20)]));
        assert_eq!(runs(&[(5, 4)]), Runs::new());
    }

    #[test]
    fn membership_ends_where_the_ranges_end() {
        let set = runs(&[(2, 3), (7, 7)]);
        let held: Vec<u32> = (0..10).filter(|seq| set.contains((*seq).into())).collect();
        assert_eq!(held, [2, 3, 7]);
    }

    #[test]
    fn one_range_too_many_forgets_the_oldest_and_says_so() {
        let limit = u32::try_from(RUNS).unwrap();
        let mut set = Runs::new();
        for index in 1..=limit {
            set.insert(Run::one((index * 2).into()));
        }
        assert_eq!((set.as_slice().len(), set.known_above()), (RUNS, Seq::ZERO));
        set.insert(Run::one((limit * 2 + 2).into()));
        assert_eq!((set.as_slice().len(), set.known_above()), (RUNS, Seq::from(2)));
        set.insert(Run::one(Seq::from(1)));
        assert!(!set.contains(Seq::from(1)), "below known_above nothing is learned again");
    }

    #[test]
    fn what_a_peer_says_is_made_canonical() {
        let wire = r#"{"runs":[[7,7],[1,2],[3,3],[9,8]]}"#;
        let set: Runs = serde_json::from_str(wire).unwrap();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"{"runs":[[1,3],[7,7]]}"#);
    }
}
