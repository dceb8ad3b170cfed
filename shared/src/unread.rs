//! The unread lattice: what is known of a conversation, what is known of a member, and the one
//! function that counts.
//!
//! Nobody anywhere adds one to a counter. Both halves only grow under [`ConversationHalf::merge`]
//! and [`MemberHalf::merge`], so duplicates, reordering, stale tabs, two devices and lost pushes
//! all end in the same place, and [`standing`] reads the count off.

use serde::{Deserialize, Serialize};

use crate::runs::{Run, Runs};
use crate::seq::Seq;

/// What all members of a conversation share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ConversationHalf {
    /// The newest message.
    pub last_seq: Seq,
    /// Retention has deleted up to here.
    #[serde(default)]
    pub floor: Seq,
    /// Messages that never count: notices born quiet, recalled messages.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Runs>"))]
    pub holes: Runs,
}

/// What belongs to one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MemberHalf {
    /// Read up to here.
    #[serde(default)]
    pub read_seq: Seq,
    /// The last message when this membership began.
    #[serde(default)]
    pub start_seq: Seq,
    /// Own messages above `read_seq`.
    #[serde(default, skip_serializing_if = "Runs::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Runs>"))]
    pub own: Runs,
    /// Removed from the user's list up to here.
    #[serde(default)]
    pub cleared: Seq,
    /// How often the user marked the conversation unread by hand.
    #[serde(default)]
    pub mark: u32,
    /// The mark that the user has since read away.
    #[serde(default)]
    pub mark_seen: u32,
    /// Grows at each join and leave; an odd term is in, an even one is out.
    #[serde(default)]
    pub term: u32,
    /// What the user chose for this conversation.
    #[serde(default)]
    pub settings: Settings,
}

/// A member's choices, as one value: the higher revision replaces the lower.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Settings {
    /// Given by the server, +1 with each change.
    #[serde(default)]
    pub revision: u32,
    /// Unread messages are counted in the conversation, and left out of the total and the dot.
    #[serde(default)]
    pub muted: bool,
    /// Shown before the others.
    #[serde(default)]
    pub pinned: bool,
}

/// How many messages in `(after, up_to]` count, read from the messages themselves.
///
/// The server sends it where a set has forgotten its oldest ranges ([`Runs::known_above`]) above
/// the member's base. It is worth something for exactly that base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Counted {
    /// The base it was counted from.
    pub after: Seq,
    /// The last position that was counted.
    pub up_to: Seq,
    /// How many count.
    #[cfg_attr(feature = "ts", ts(type = "number"))]
    pub count: u64,
}

/// Whether the member's list shows the conversation: there is a message, the member is in, and has
/// not removed it since.
pub fn is_listed(conversation: &ConversationHalf, member: &MemberHalf) -> bool {
    member.is_in() && conversation.last_seq > member.cleared
}

/// The position up to which the halves have forgotten ranges. Where the base lies below it, only
/// the messages themselves can say what counts in between.
pub fn forgotten_up_to(conversation: &ConversationHalf, member: &MemberHalf) -> Seq {
    let forgotten = conversation.holes.known_above().max(member.own.known_above());
    forgotten.min(conversation.last_seq)
}

/// Where a member stands in a conversation: all that a badge may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Standing {
    /// Nothing at or below this counts.
    pub base: Seq,
    /// The newest message.
    pub last_seq: Seq,
    /// Messages above the base that count; 0 for who is out.
    pub unread: u64,
    /// Marked unread by hand, and not read since.
    pub marked: bool,
    /// The total and the dot leave it out.
    pub muted: bool,
    /// Whether `unread` is certain; otherwise it is the most that it can be, and the member's half
    /// has to be fetched again.
    pub exact: bool,
}

impl Standing {
    /// What a badge beside the conversation shows: a conversation marked by hand shows at least 1.
    pub fn shown(&self) -> u64 {
        self.unread.max(u64::from(self.marked))
    }

    /// What the conversation adds to the total.
    pub fn counted_in_total(&self) -> u64 {
        if self.muted { 0 } else { self.shown() }
    }
}

impl ConversationHalf {
    /// Takes in everything the other side knows of the conversation.
    pub fn merge(&mut self, other: &Self) {
        self.last_seq = self.last_seq.max(other.last_seq);
        self.floor = self.floor.max(other.floor);
        self.holes.merge(&other.holes);
        self.holes.drop_up_to(self.floor);
    }
}

impl MemberHalf {
    /// A member who joined, or was made a member, when `start_seq` was the newest message.
    pub fn joined_at(start_seq: Seq) -> Self {
        Self { start_seq, term: 1, ..Self::default() }
    }

    /// Takes in everything the other side knows of the member.
    pub fn merge(&mut self, other: &Self) {
        self.read_seq = self.read_seq.max(other.read_seq);
        (self.term, self.start_seq) =
            (self.term, self.start_seq).max((other.term, other.start_seq));
        self.own.merge(&other.own);
        self.own.drop_up_to(self.read_seq);
        self.cleared = self.cleared.max(other.cleared);
        self.mark = self.mark.max(other.mark);
        self.mark_seen = self.mark_seen.max(other.mark_seen);
        self.settings = self.settings.max(other.settings);
    }

    /// Reads up to `seq`, and with it the marks up to `mark_seen`.
    pub fn read(&mut self, seq: Seq, mark_seen: u32) {
        self.read_seq = self.read_seq.max(seq);
        self.mark_seen = self.mark_seen.max(mark_seen.min(self.mark));
        self.own.drop_up_to(self.read_seq);
    }

    /// Notes an own message; one at or below the read position adds nothing.
    pub fn wrote(&mut self, seq: Seq) {
        if seq > self.read_seq {
            self.own.insert(Run::one(seq));
        }
    }

    /// Whether the user is in the conversation.
    pub const fn is_in(&self) -> bool {
        self.term % 2 == 1
    }
}

/// The position below which nothing counts, carried over every own message and hole that follows
/// without a gap.
pub fn base(conversation: &ConversationHalf, member: &MemberHalf) -> Seq {
    let mut base =
        member.read_seq.max(member.start_seq).max(member.cleared).max(conversation.floor);
    while let Some(end) =
        member.own.end_of_run_at(base.next()).max(conversation.holes.end_of_run_at(base.next()))
    {
        if end <= base {
            break;
        }
        base = end;
    }
    base
}

/// Counts. The only place that does, for server and client alike.
///
/// With `base` as in [`base`]: `unread = |{ s in (base, last_seq] : s not own, s not a hole }|`.
/// A mark by hand shows while the conversation is listed, that is, while `last_seq > cleared`.
/// Where a set has forgotten ranges above the base, `counted` answers for the forgotten part; without
/// it the answer is not exact.
pub fn standing(
    conversation: &ConversationHalf,
    member: &MemberHalf,
    counted: Option<Counted>,
) -> Standing {
    let base = base(conversation, member);
    let last_seq = conversation.last_seq;
    let known = forgotten_up_to(conversation, member);
    let (from, below, exact) = match counted {
        _ if known <= base => (base, 0, true),
        Some(counted) if counted.after == base && counted.up_to >= known => {
            (counted.up_to.min(last_seq), counted.count, true)
        }
        _ => (known, known.get() - base.get(), false),
    };
    let silent: u64 = member
        .own
        .union_within(&conversation.holes, from, last_seq)
        .iter()
        .map(|run| run.len())
        .sum();
    let above = last_seq.get().saturating_sub(from.get()).saturating_sub(silent);
    let is_in = member.is_in();
    Standing {
        base,
        last_seq,
        unread: if is_in { below + above } else { 0 },
        // A conversation that was removed from the list must not count where nobody sees it.
        marked: is_listed(conversation, member) && member.mark > member.mark_seen,
        muted: member.settings.muted,
        exact,
    }
}

/// Drops what the member's base has made irrelevant, so that two histories that mean the same are
/// the same value. The read position takes over what carried the base: the standing stays what it
/// was, now and after whatever comes later.
pub fn normalise(conversation: &mut ConversationHalf, member: &mut MemberHalf) {
    let base = base(conversation, member);
    conversation.holes.drop_up_to(base);
    member.read_seq = base;
    member.own.drop_up_to(base);
}
