//! The connection: when to try, when to wait, when to stop. It knows no frames.

use message_service_shared::close::{AfterClose, CloseCode, after_close};
use message_service_shared::push::Goodbye;

use crate::effect::TokenReason;
use crate::random::Random;

/// The longest first wait, doubled with every attempt.
const FIRST_BACKOFF_MS: u64 = 500;
/// The longest wait.
const LONGEST_BACKOFF_MS: u64 = 20_000;
/// How long a connection must have lived for the next failure to count as a first one.
const STABLE_MS: u64 = 30_000;
/// How long the page may take to bring a token. What it waits for may hang without an end, as a
/// request does whose network went away.
const TOKEN_MS: u64 = 30_000;
/// How long a socket may take to open.
const OPENING_MS: u64 = 10_000;
/// A sign of life from the network skips the wait, but not more often than this.
const SHORTCUT_MS: u64 = 1_000;

/// Where the connection stands, as the page sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ConnectionState {
    /// Not asked to connect yet.
    #[default]
    Idle,
    /// On the way.
    Connecting,
    /// Caught up.
    Live,
    /// Between two attempts.
    Waiting,
    /// Ended, by the page or for a reason that no retry helps.
    Stopped,
}

/// The connection's own state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Idle,
    /// A token is on its way from the page.
    Token {
        until: u64,
    },
    /// The socket is opening.
    Opening {
        until: u64,
    },
    /// `authenticate` is sent.
    Authenticating,
    /// `resume` is sent.
    Resuming,
    /// Caught up.
    Live {
        since: u64,
    },
    Waiting {
        until: u64,
        shortcut: Shortcut,
    },
    Stopped,
}

/// Whether a sign of life from the network ends a wait early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortcut {
    From(u64),
    /// The server named the time itself.
    Never,
}

/// What follows a lost connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Loss {
    Again { in_ms: u64 },
    Stopped,
}

#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) stage: Stage,
    attempts: u32,
    reason: TokenReason,
    goodbye: Option<Goodbye>,
}

impl Link {
    pub(crate) const fn new() -> Self {
        Self { stage: Stage::Idle, attempts: 0, reason: TokenReason::Connect, goodbye: None }
    }

    pub(crate) const fn state(&self) -> ConnectionState {
        match self.stage {
            Stage::Idle => ConnectionState::Idle,
            Stage::Token { .. }
            | Stage::Opening { .. }
            | Stage::Authenticating
            | Stage::Resuming => ConnectionState::Connecting,
            Stage::Live { .. } => ConnectionState::Live,
            Stage::Waiting { .. } => ConnectionState::Waiting,
            Stage::Stopped => ConnectionState::Stopped,
        }
    }

    /// Whether commands can be sent and answered.
    pub(crate) const fn is_live(&self) -> bool {
        matches!(self.stage, Stage::Live { .. })
    }

    /// Whether there is, or may soon be, a socket.
    pub(crate) const fn has_socket(&self) -> bool {
        matches!(
            self.stage,
            Stage::Opening { .. } | Stage::Authenticating | Stage::Resuming | Stage::Live { .. }
        )
    }

    /// Begins an attempt; the page is to be asked for a token.
    pub(crate) const fn begin(&mut self, now: u64) -> TokenReason {
        self.stage = Stage::Token { until: now + TOKEN_MS };
        self.reason
    }

    pub(crate) const fn opening(&mut self, now: u64) {
        self.stage = Stage::Opening { until: now + OPENING_MS };
    }

    pub(crate) const fn live(&mut self, now: u64) {
        self.stage = Stage::Live { since: now };
        self.reason = TokenReason::Connect;
    }

    pub(crate) const fn stop(&mut self) {
        self.stage = Stage::Stopped;
    }

    /// The server said when to come back, should it close.
    pub(crate) const fn said_goodbye(&mut self, goodbye: Goodbye) {
        self.goodbye = Some(goodbye);
    }

    /// The connection is lost, or an attempt failed.
    pub(crate) fn lost(&mut self, code: u16, now: u64, random: &mut Random) -> Loss {
        if let Stage::Live { since } = self.stage
            && now.saturating_sub(since) >= STABLE_MS
        {
            self.attempts = 0;
        }
        match after_close(code) {
            AfterClose::Stop => {
                self.stage = Stage::Stopped;
                return Loss::Stopped;
            }
            AfterClose::NewToken if code == CloseCode::TokenExpired.number() => {
                self.reason = TokenReason::Expired;
            }
            AfterClose::NewToken => self.reason = TokenReason::Rejected,
            AfterClose::Later => {}
        }
        let (in_ms, shortcut) = match self.goodbye.take() {
            Some(goodbye) => (goodbye.after_ms + random.up_to(goodbye.within_ms), Shortcut::Never),
            None => (self.backoff(random), Shortcut::From(now + SHORTCUT_MS)),
        };
        self.attempts = self.attempts.saturating_add(1);
        self.stage = Stage::Waiting { until: now + in_ms, shortcut };
        Loss::Again { in_ms }
    }

    /// A sign of life from the network or the user: whether to try now.
    pub(crate) const fn may_try_now(&self, now: u64) -> bool {
        matches!(self.stage, Stage::Waiting { shortcut: Shortcut::From(from), .. } if now >= from)
    }

    /// When something is to be done even if nothing happens.
    pub(crate) const fn next_wake(&self) -> Option<u64> {
        match self.stage {
            Stage::Token { until } | Stage::Opening { until } | Stage::Waiting { until, .. } => {
                Some(until)
            }
            _ => None,
        }
    }

    /// Full jitter (Brooker, "Exponential Backoff And Jitter", 2015): anything from zero to a
    /// bound that doubles, so that clients cut off together do not come back together.
    fn backoff(&self, random: &mut Random) -> u64 {
        let bound = FIRST_BACKOFF_MS.saturating_mul(1 << self.attempts.min(16));
        random.up_to(bound.min(LONGEST_BACKOFF_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(link: &mut Link, code: u16, rounds: usize) -> Vec<u64> {
        let mut random = Random::new(7);
        (0..rounds)
            .map(|_| match link.lost(code, 0, &mut random) {
                Loss::Again { in_ms } => in_ms,
                Loss::Stopped => u64::MAX,
            })
            .collect()
    }

    #[test]
    fn waits_grow_within_the_bound_and_are_spread_out() {
        let waits = waits(&mut Link::new(), 1006, 200);
        assert!(waits[0] <= FIRST_BACKOFF_MS);
        assert!(waits.iter().all(|wait| *wait <= LONGEST_BACKOFF_MS));
        let late = &waits[20..];
        let short = late.iter().filter(|wait| **wait < LONGEST_BACKOFF_MS / 2).count();
        assert!(
            (60..120).contains(&short),
            "half of {} waits should be short: {short}",
            late.len()
        );
    }

    #[test]
    fn only_a_stable_connection_starts_the_backoff_over() {
        let mut link = Link::new();
        waits(&mut link, 1006, 10);
        link.live(0);
        link.lost(1006, STABLE_MS - 1, &mut Random::new(1));
        assert_eq!(link.attempts, 11);
        link.live(0);
        link.lost(1006, STABLE_MS, &mut Random::new(1));
        assert_eq!(link.attempts, 1);
    }

    #[test]
    fn a_code_that_says_stop_stops() {
        let mut link = Link::new();
        assert_eq!(link.lost(CloseCode::Ended.number(), 0, &mut Random::new(1)), Loss::Stopped);
        assert_eq!(link.state(), ConnectionState::Stopped);
    }

    #[test]
    fn the_servers_own_window_is_kept_and_takes_no_shortcut() {
        let mut link = Link::new();
        link.said_goodbye(Goodbye { after_ms: 3_000, within_ms: 1_000 });
        let Loss::Again { in_ms } = link.lost(1012, 0, &mut Random::new(1)) else { panic!() };
        assert!((3_000..=4_000).contains(&in_ms));
        assert!(!link.may_try_now(60_000));
        link.lost(1012, 0, &mut Random::new(1));
        assert!(!link.may_try_now(SHORTCUT_MS - 1) && link.may_try_now(SHORTCUT_MS));
    }
}
