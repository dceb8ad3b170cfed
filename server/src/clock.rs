//! Time and ids, handed in so that a simulation can hand in its own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use message_service_shared::id::{ClientMsgId, Epoch, MessageId, SessionId};
use message_service_shared::message::Millis;
use uuid::{NoContext, Timestamp, Uuid};

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970 (UTC).
    fn now(&self) -> Millis;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

/// The machine's clock, corrected by the one of a store that several nodes share: they order and
/// expire by their times what any of them writes.
#[derive(Clone, Debug, Default)]
pub struct CorrectedClock(Arc<AtomicI64>);

impl CorrectedClock {
    /// Takes in what another clock showed, between these two moments of the machine's own.
    pub fn compare(&self, before: Millis, theirs: Millis, after: Millis) {
        let ahead = ahead_of(before, theirs, after);
        metrics::gauge!("message_service_clock_behind_seconds").set(seconds(ahead));
        let known = self.0.load(Ordering::Relaxed);
        if known.abs_diff(ahead) < TOLERATED_MS {
            return;
        }
        if ahead.unsigned_abs() >= WORTH_A_WORD_MS {
            let seconds = seconds(ahead);
            tracing::warn!(seconds, "this machine's clock is behind the store's, and corrected");
        }
        self.0.store(ahead, Ordering::Relaxed);
    }
}

impl Clock for CorrectedClock {
    fn now(&self) -> Millis {
        SystemClock.now().saturating_add_signed(self.0.load(Ordering::Relaxed))
    }
}

/// A difference so small is left alone: it is as likely one of the way there as of the clocks.
const TOLERATED_MS: u64 = 250;
/// A difference so large is one that somebody should mend.
const WORTH_A_WORD_MS: u64 = 2_000;

/// How far the other clock was ahead, taking the answer to be of the middle of the wait.
fn ahead_of(before: Millis, theirs: Millis, after: Millis) -> i64 {
    let middle = before.midpoint(after);
    let distance = i64::try_from(theirs.abs_diff(middle)).unwrap_or(i64::MAX);
    if theirs < middle { -distance } else { distance }
}

fn seconds(millis: i64) -> f64 {
    let whole = Duration::from_millis(millis.unsigned_abs()).as_secs_f64();
    if millis < 0 { -whole } else { whole }
}

/// Makes ids that nobody else makes: 128 bits, of which the caller gives the time's part where
/// order matters.
pub trait Ids: fmt::Debug + Send + Sync + 'static {
    /// A new id; those made for a later `at` are greater.
    fn make(&self, at: Millis) -> Uuid;
}

/// UUIDs of version 7 (RFC 9562): a millisecond, then chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn make(&self, at: Millis) -> Uuid {
        let time = Duration::from_millis(at);
        Uuid::new_v7(Timestamp::from_unix(NoContext, time.as_secs(), time.subsec_nanos()))
    }
}

/// A message's id.
pub(crate) fn message_id(uuid: Uuid) -> MessageId {
    MessageId::from_uuid(uuid.as_u128())
}

/// A session's id.
pub(crate) fn session_id(uuid: Uuid) -> SessionId {
    SessionId::from_uuid(uuid.as_u128())
}

/// A name for a message whose sender gave none.
pub(crate) fn client_msg_id(uuid: Uuid) -> ClientMsgId {
    ClientMsgId::from_uuid(uuid.as_u128())
}

/// The life of a data set that begins now.
pub(crate) fn epoch(uuid: Uuid) -> Epoch {
    Epoch::from_uuid(uuid.as_u128())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_corrected_by_the_stores() {
        let clock = CorrectedClock::default();
        for wrong_by in [3_600_000_i64, -3_600_000, 0] {
            let now = SystemClock.now();
            let theirs = now.saturating_add_signed(wrong_by);
            clock.compare(now - 40, theirs, now + 40);
            let difference =
                clock.now().abs_diff(SystemClock.now().saturating_add_signed(wrong_by));
            assert!(difference < TOLERATED_MS, "{difference} ms from the store's");
        }
    }

    #[test]
    fn what_the_way_there_may_explain_changes_nothing() {
        let clock = CorrectedClock::default();
        let now = SystemClock.now();
        clock.compare(now, now + 200, now);
        assert_eq!(clock.0.load(Ordering::Relaxed), 0);
    }
}
