//! Durations, and what they come to.

use std::time::Duration;

#[derive(Debug, Default)]
pub(crate) struct Figures {
    took: Vec<Duration>,
    within: Duration,
}

impl Figures {
    pub(crate) fn add(&mut self, took: Vec<Duration>, within: Duration) {
        self.took.extend(took);
        self.within += within;
    }

    pub(crate) fn per_second(&self) -> f64 {
        let count = u32::try_from(self.took.len()).unwrap_or(u32::MAX);
        f64::from(count) / self.within.as_secs_f64()
    }

    /// In milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let mut sorted = self.took.clone();
        sorted.sort();
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).map_or(f64::NAN, |took| took.as_secs_f64() * 1_000.0)
    }
}
