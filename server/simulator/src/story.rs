//! What happened, told so that a person can follow it.

use std::collections::VecDeque;

/// Lines kept.
const KEPT: usize = 40_000;

/// The story so far. A run that is expected to go well keeps none: telling takes longer than doing.
#[derive(Debug)]
pub(crate) struct Story {
    kept: bool,
    lines: VecDeque<String>,
}

impl Story {
    pub(crate) const fn new(kept: bool) -> Self {
        Self { kept, lines: VecDeque::new() }
    }

    pub(crate) const fn is_kept(&self) -> bool {
        self.kept
    }

    pub(crate) fn tell(&mut self, now: u64, line: impl AsRef<str>) {
        if !self.kept {
            return;
        }
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(format!("{:>5}.{:03}s  {}", now / 1000, now % 1000, line.as_ref()));
    }

    /// The last lines that mention one of these words, or all of the last lines where none is given.
    pub(crate) fn about(&self, words: &[String], count: usize) -> String {
        let mentions = |line: &&String| {
            words.is_empty() || words.iter().any(|word| line.contains(word.as_str()))
        };
        let lines: Vec<&String> = self.lines.iter().filter(mentions).collect();
        let skipped = lines.len().saturating_sub(count);
        lines[skipped..].iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }
}
