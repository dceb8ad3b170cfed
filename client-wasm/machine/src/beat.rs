//! When to say that the client lives, and when to have the badge audited.

use crate::random::Random;

/// The mean time between audits.
const AUDIT_MS: (u64, u64) = (45_000, 75_000);
/// How soon a difference is looked at again: a push that was on its way has come by then.
const RECHECK_MS: (u64, u64) = (3_000, 6_000);

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Beat {
    every: u64,
    pub(crate) next: u64,
    audit: u64,
    /// When to resume, because pushes may have been lost.
    resync: Option<u64>,
}

impl Beat {
    pub(crate) fn start(now: u64, every: u64, random: &mut Random) -> Self {
        let every = every.max(1_000);
        let next = now + random.between(every / 2, every);
        Self { every, next, audit: now + random.between(AUDIT_MS.0, AUDIT_MS.1), resync: None }
    }

    /// A beat is sent now; says whether it is to carry an audit.
    pub(crate) fn beat(&mut self, now: u64, random: &mut Random) -> bool {
        self.next = now + random.between(self.every - self.every / 5, self.every);
        let due = now >= self.audit;
        if due {
            self.audit = now + random.between(AUDIT_MS.0, AUDIT_MS.1);
        }
        due
    }

    /// Pushes may have been lost: resume then, or earlier where that was asked before.
    pub(crate) fn resync_at(&mut self, at: u64) {
        self.resync = Some(self.resync.map_or(at, |earlier| earlier.min(at)));
    }

    /// Whether it is time to resume; says so once.
    pub(crate) fn take_resync(&mut self, now: u64) -> bool {
        self.resync.take_if(|at| *at <= now).is_some()
    }

    /// When there is something to do next.
    pub(crate) fn next_wake(&self) -> u64 {
        self.resync.map_or(self.next, |at| at.min(self.next))
    }

    /// The audit differed, or could not be made: look again soon.
    pub(crate) fn recheck(&mut self, now: u64, random: &mut Random) {
        self.audit = now + random.between(RECHECK_MS.0, RECHECK_MS.1);
        self.next = self.next.min(self.audit);
    }
}
