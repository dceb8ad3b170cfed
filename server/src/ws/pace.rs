//! How fast a session may send.

use tokio::time::Instant;

/// Frames that a session may send in one go. Catching up after a long absence is a burst.
const BURST: f64 = 200.0;
/// Frames a second that it may go on sending.
const RATE: f64 = 50.0;
/// Frames that are refused before the session is closed.
const REFUSALS: u32 = 200;

/// Counts a session's frames, pings included.
#[derive(Debug)]
pub(super) struct Pace {
    left: f64,
    at: Instant,
    refused: u32,
}

/// What to do with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    /// Take it.
    Granted,
    /// Answer that it is too much.
    Refused,
    /// Answering does not help.
    Spent,
}

impl Pace {
    pub(super) const fn new(now: Instant) -> Self {
        Self { left: BURST, at: now, refused: 0 }
    }

    pub(super) fn take(&mut self, now: Instant) -> Allowance {
        self.left += now.saturating_duration_since(self.at).as_secs_f64() * RATE;
        self.at = now;
        if self.left >= BURST {
            self.left = BURST;
            self.refused = 0;
        }
        if self.left >= 1.0 {
            self.left -= 1.0;
            return Allowance::Granted;
        }
        self.refused += 1;
        if self.refused > REFUSALS { Allowance::Spent } else { Allowance::Refused }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_is_granted_then_refused_then_ended() {
        let now = Instant::now();
        let mut pace = Pace::new(now);
        let taken: Vec<Allowance> = (0..401).map(|_| pace.take(now)).collect();
        assert!(taken[..200].iter().all(|allowance| *allowance == Allowance::Granted));
        assert!(taken[200..400].iter().all(|allowance| *allowance == Allowance::Refused));
        assert_eq!(taken[400], Allowance::Spent);
    }

    #[test]
    fn whoever_pauses_is_heard_again() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        while pace.take(now) == Allowance::Granted {}
        now += Duration::from_millis(100);
        let granted = (0..10).filter(|_| pace.take(now) == Allowance::Granted).count();
        assert_eq!(granted, 5, "50 a second");
        now += Duration::from_secs(5);
        assert_eq!(pace.take(now), Allowance::Granted);
        assert_eq!(pace.refused, 0);
    }
}
