//! A position in a conversation.

use serde::{Deserialize, Serialize};

use crate::limits::MAX_SEQ;

/// Position of a message in its conversation: 1 for the first, +1 for each, never a gap.
///
/// [`Seq::ZERO`] stands before the first message, so it serves as "read nothing yet". At most
/// [`MAX_SEQ`], so that a JavaScript number holds it exactly.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "u64", into = "u64")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
pub struct Seq(u64);

/// A number above [`MAX_SEQ`] was given as a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a seq is at most {MAX_SEQ}")]
pub struct SeqTooLarge;

impl Seq {
    /// Before the first message.
    pub const ZERO: Self = Self(0);
    /// The first message of a conversation.
    pub const FIRST: Self = Self(1);
    /// The largest position there is.
    pub const MAX: Self = Self(MAX_SEQ);

    /// The number itself.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The position after this one; the last position is its own successor.
    #[must_use]
    pub const fn next(self) -> Self {
        if self.0 < MAX_SEQ { Self(self.0 + 1) } else { self }
    }

    /// The position before this one; nothing stands before [`Seq::ZERO`].
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }

    /// The position `count` after this one, at most [`Seq::MAX`].
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        let sum = self.0.saturating_add(count);
        Self(if sum > MAX_SEQ { MAX_SEQ } else { sum })
    }

    /// The position `count` before this one, at least [`Seq::ZERO`].
    #[must_use]
    pub const fn minus(self, count: u64) -> Self {
        Self(self.0.saturating_sub(count))
    }
}

impl TryFrom<u64> for Seq {
    type Error = SeqTooLarge;

    fn try_from(number: u64) -> Result<Self, SeqTooLarge> {
        if number <= MAX_SEQ { Ok(Self(number)) } else { Err(SeqTooLarge) }
    }
}

impl From<u32> for Seq {
    fn from(number: u32) -> Self {
        Self(u64::from(number))
    }
}

impl From<Seq> for u64 {
    fn from(seq: Seq) -> Self {
        seq.0
    }
}

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
