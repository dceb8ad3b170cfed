//! When the main app is told again, and when a receiver who is there is looked at again.

use message_service_shared::message::Millis;

const SECOND: Millis = 1_000;
const MINUTE: Millis = 60 * SECOND;
const HOUR: Millis = 60 * MINUTE;

/// How long each retry waits: what the Standard Webhooks specification recommends. All together it
/// is a little more than three days; after that the main app is not told.
const RETRIES: [Millis; 9] = [
    5 * SECOND,
    5 * MINUTE,
    30 * MINUTE,
    2 * HOUR,
    5 * HOUR,
    10 * HOUR,
    14 * HOUR,
    20 * HOUR,
    24 * HOUR,
];

/// A receiver who is there and does not read is looked at again after 30 s, and ever more seldom.
const FIRST_LOOK: Millis = 30 * SECOND;
const LAST_LOOK: Millis = 10 * MINUTE;

/// How long to wait after so many failures before; nothing where it is enough. Up to a tenth of it
/// is chance, so that what failed together does not come back together.
pub(super) fn after(failures: u32, chance: u128) -> Option<Millis> {
    let delay = *RETRIES.get(usize::try_from(failures).ok()?)?;
    let spread = u128::from(delay / 10).max(1);
    Some(delay + Millis::try_from(chance % spread).unwrap_or_default())
}

/// How long to wait after so many looks before.
pub(super) fn look_again(looks: u32) -> Millis {
    FIRST_LOOK.saturating_mul(1 << looks.min(8)).min(LAST_LOOK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_ever_longer_and_end_after_three_days() {
        let delays: Vec<Millis> = (0..).map_while(|failures| after(failures, 0)).collect();
        assert!(delays.is_sorted());
        assert_eq!(delays.len(), 9);
        let all: Millis = delays.iter().sum();
        assert!((72 * HOUR..80 * HOUR).contains(&all));
    }

    #[test]
    fn chance_adds_a_tenth_at_most() {
        assert_eq!(after(0, 499), Some(5_499));
        assert_eq!(after(0, 500), Some(5_000));
    }

    #[test]
    fn looks_become_seldom_and_do_not_end() {
        assert_eq!(
            [0, 1, 4, 5, u32::MAX].map(look_again),
            [30_000, 60_000, 480_000, 600_000, 600_000]
        );
    }
}
