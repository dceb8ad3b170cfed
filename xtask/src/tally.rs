//! Counts tests out of what the test runners print, and remembers which passed.

use anyhow::{Context, Result};
use serde::Deserialize;

/// What one run of tests came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
    /// The names of those that passed.
    pub(crate) names: Vec<String>,
    /// The names of those that their authors left out.
    pub(crate) left_out: Vec<String>,
}

impl Tally {
    /// Reads the output of `cargo test`.
    pub(crate) fn of_cargo(stdout: &str) -> Self {
        let mut tally = Self::default();
        for line in stdout.lines() {
            let line = line.trim();
            if let Some(counts) = line.strip_prefix("test result: ") {
                tally.passed += count_before(counts, " passed");
                tally.failed += count_before(counts, " failed");
            } else if let Some((name, outcome)) =
                line.strip_prefix("test ").and_then(|test| test.rsplit_once(" ... "))
            {
                match outcome.split(',').next() {
                    Some("ok") => tally.names.push(name.to_owned()),
                    Some("ignored") => tally.left_out.push(name.to_owned()),
                    _ => {}
                }
            }
        }
        tally
    }

    /// Reads what `node --test` prints as TAP.
    pub(crate) fn of_tap(stdout: &str) -> Self {
        let mut tally = Self::default();
        for line in stdout.lines() {
            let line = line.trim();
            if let Some(count) = line.strip_prefix("# pass ") {
                tally.passed += count.trim().parse().unwrap_or(0);
            } else if let Some(count) =
                line.strip_prefix("# fail ").or_else(|| line.strip_prefix("# cancelled "))
            {
                tally.failed += count.trim().parse().unwrap_or(0);
            } else if let Some((_, name)) =
                line.strip_prefix("ok ").and_then(|test| test.split_once(" - "))
            {
                match name.split_once(" # ") {
                    Some((name, _)) => tally.left_out.push(name.to_owned()),
                    None => tally.names.push(name.to_owned()),
                }
            }
        }
        tally
    }

    /// Reads the JSON report of Playwright. A test that passed only when repeated has failed.
    pub(crate) fn of_playwright(json: &str) -> Result<Self> {
        let report: Report = serde_json::from_str(json).context("Playwright's report is broken")?;
        let mut tally = Self::default();
        tally.failed += report.errors.len();
        report.suites.iter().for_each(|suite| tally.add_suite(suite));
        Ok(tally)
    }

    fn add_suite(&mut self, suite: &Suite) {
        suite.suites.iter().for_each(|inner| self.add_suite(inner));
        for spec in &suite.specs {
            for test in &spec.tests {
                match test.status.as_str() {
                    "expected" => {
                        self.passed += 1;
                        self.names.push(spec.title.clone());
                    }
                    "skipped" => self.left_out.push(spec.title.clone()),
                    _ => self.failed += 1,
                }
            }
        }
    }

    /// Adds another run's.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.names.extend(other.names);
        self.left_out.extend(other.left_out);
    }
}

/// The number that stands right before a word.
fn count_before(text: &str, word: &str) -> usize {
    text.split_once(word)
        .and_then(|(before, _)| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[derive(Deserialize)]
struct Report {
    #[serde(default)]
    suites: Vec<Suite>,
    /// What went wrong outside of any test.
    #[serde(default)]
    errors: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Suite {
    #[serde(default)]
    suites: Vec<Self>,
    #[serde(default)]
    specs: Vec<Spec>,
}

#[derive(Deserialize)]
struct Spec {
    title: String,
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn cargo_counts_add_up_over_binaries() {
        let tally = Tally::of_cargo(
            "running 3 tests\n\
             test rest::s02_a_push_is_stored ... ok\n\
             test rest::broken ... FAILED\n\
             test slow ... ignored, needs a week\n\
             \n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out\n\
             test src/lib.rs - Thing (line 3) ... ok\n\
             test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out\n",
        );
        assert_eq!((tally.passed, tally.failed), (2, 1));
        assert_eq!(
            tally.names,
            names(&["rest::s02_a_push_is_stored", "src/lib.rs - Thing (line 3)"])
        );
        assert_eq!(tally.left_out, names(&["slow"]));
    }

    #[test]
    fn tap_names_and_counts_are_read() {
        let tally = Tally::of_tap(
            "TAP version 13\n# Subtest: group\n    ok 1 - inner\n    not ok 2 - wrong\n\
             not ok 1 - group\nok 2 - later # SKIP\nok 3 - s10_home\n\
             # tests 5\n# pass 2\n# fail 2\n# cancelled 1\n# skipped 1\n",
        );
        assert_eq!((tally.passed, tally.failed), (2, 3));
        assert_eq!(tally.names, names(&["inner", "s10_home"]));
        assert_eq!(tally.left_out, names(&["later"]));
    }

    #[test]
    fn playwright_flakes_count_as_failed() {
        let tally = Tally::of_playwright(
            r#"{"suites":[{"title":"a","specs":[{"title":"s10_dot","tests":[{"status":"expected"}]}],
                "suites":[{"specs":[{"title":"flaky","tests":[{"status":"flaky"}]},
                                    {"title":"off","tests":[{"status":"skipped"}]}]}]}],
                "errors":[{"message":"no config"}]}"#,
        )
        .unwrap();
        assert_eq!((tally.passed, tally.failed), (1, 2));
        assert_eq!(tally.names, names(&["s10_dot"]));
        assert_eq!(tally.left_out, names(&["off"]));
    }
}
