//! How long an entry waits before it is tried again.

use std::time::Duration;

/// After the first failure.
const FIRST: Duration = Duration::from_millis(500);
/// At most, so that what waited for a store is not late by much once it is back.
pub(super) const LONGEST: Duration = Duration::from_mins(1);

/// Doubles with each attempt. The upper half is chance, so that what failed together is not tried
/// together.
pub(super) fn wait(attempts: i64, chance: u64) -> Duration {
    let doublings = u32::try_from(attempts.saturating_sub(1).clamp(0, 16)).unwrap_or(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let half = whole / 2;
    let millis = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).max(1);
    half.saturating_add(Duration::from_millis(chance % millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_a_minute_and_half_of_it_is_chance() {
        for (attempts, whole) in [(1, 500), (2, 1_000), (5, 8_000), (8, 60_000), (1 << 40, 60_000)]
        {
            let half = Duration::from_millis(whole / 2);
            assert_eq!(wait(attempts, 0), half, "attempt {attempts}");
            assert!((half..half * 2).contains(&wait(attempts, u64::MAX)), "attempt {attempts}");
        }
    }
}
