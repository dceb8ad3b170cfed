//! `cargo xtask test`: everything. What can't be had fails, and says how to get it; nothing is
//! left out in silence.

use std::path::Path;

use anyhow::{Result, bail};

use crate::job::{Finished, Job};
use crate::servers::{Programs, Servers};
use crate::steps::Steps;
use crate::tally::Tally;
use crate::{check, chromium, consumers, e2e, package, sdk, simulate, statements, tools, www};

pub(crate) fn run(steps: &Steps) -> Result<()> {
    tools::need_node()?;
    tools::need_lints(steps)?;
    tools::need_wasm_target(steps)?;
    let chromium = chromium::need(steps)?;
    let mut total = Total { steps, tally: Tally::default(), failures: Vec::new() };

    let programs = total.check(|| Programs::bring(steps));
    for check in check::CHECKS {
        total.check(|| check(steps));
    }
    if total.check(|| build(steps)).is_some() {
        total.native(programs.as_ref());
        total.check(|| steps.run("simulator: 200 seeds", simulate::test_job()).map(drop));
    }
    if let Some(tarball) = total.check(|| sdk::build(steps)) {
        total.packed_sdk(&tarball, &chromium);
    }
    total.statements();
    total.close()
}

/// Builds all tests and programs at once. Built one by one, each would want its dependencies with
/// other features, and most of them once more.
fn build(steps: &Steps) -> Result<()> {
    let job = Job::cargo(["build", "--locked", "--workspace", "--bins", "--tests"]);
    steps.run("build every program and test", job).map(drop)
}

/// What all tests and checks came to; a check counts as a test.
struct Total<'a> {
    steps: &'a Steps,
    tally: Tally,
    failures: Vec<String>,
}

impl Total<'_> {
    /// The tests that cargo runs. Without the servers they run all the same: those that need one
    /// say so and fail, and the others tell what they have to tell.
    fn native(&mut self, programs: Option<&Programs>) {
        let steps = self.steps;
        let mut job = Job::cargo(["test", "--locked", "--workspace", "--no-fail-fast"]);
        let mut servers =
            programs.and_then(|programs| self.check(|| Servers::start(steps, programs)));
        if let Some(servers) = &servers {
            job = job.envs(servers.environment());
        }
        let failed = self.tally.failed;
        self.suite("tests: native", Ok(job), |finished| Ok(Tally::of_cargo(&finished.stdout)));
        if let Some(yours) = std::env::var_os("MESSAGE_SERVICE_TEST_MONGODB_URI") {
            let words = ["test", "--locked", "-p", "message-service", "--lib", "tests::secantusdb"];
            let job = Job::cargo(words).env("MESSAGE_SERVICE_TEST_SECANTUSDB", yours);
            self.suite("tests: the store on your MongoDB", Ok(job), |finished| {
                Ok(Tally::of_cargo(&finished.stdout))
            });
        }
        if let Some(servers) = servers.as_mut().filter(|_| self.tally.failed > failed) {
            match servers.account() {
                Ok(account) => eprintln!("{account}"),
                Err(error) => self.fail(&format!("{error:#}")),
            }
        }
    }

    /// All that needs the packed SDK.
    fn packed_sdk(&mut self, tarball: &Path, chromium: &Path) {
        let steps = self.steps;
        self.check(|| sdk::budget::check(steps));
        self.suite("tests: SDK without a browser", package::tests(), tap);
        self.check(|| package::publint(steps, tarball));
        self.check(|| package::types_are_right(steps, tarball));
        if self.check(|| consumers::install(steps, tarball)).is_some() {
            self.suite("tests: SDK in its consumers", consumers::tests(chromium), tap);
        }
        if !www::exists() {
            steps.say("www: there are no pages, and so no end-to-end tests");
            return;
        }
        if self.check(|| www::install(steps, tarball)).is_none() {
            return;
        }
        self.check(|| www::check(steps));
        self.suite("tests: pages without a browser", Ok(www::tests()), tap);
        if let Some(demo) = self.check(|| www::build(steps).and_then(|()| e2e::start(steps))) {
            self.suite("tests: end to end", Ok(e2e::job(chromium, &demo, None)), |_| e2e::tally());
        }
    }

    /// Does a piece of work that is no test itself; gives its result where it went well.
    fn check<T>(&mut self, work: impl FnOnce() -> Result<T>) -> Option<T> {
        match work() {
            Ok(result) => {
                self.tally.passed += 1;
                Some(result)
            }
            Err(error) => {
                self.fail(&format!("{error:#}"));
                None
            }
        }
    }

    /// Runs tests and counts them.
    fn suite(&mut self, name: &str, job: Result<Job>, count: fn(&Finished) -> Result<Tally>) {
        let job = match job {
            Ok(job) => job,
            Err(error) => return self.fail(&format!("{name}: {error:#}")),
        };
        let (steps, tally) = (self.steps, &mut self.tally);
        let outcome = steps.step(name, || {
            let finished = job.verbose(steps.is_verbose()).finish()?;
            let counted = count(&finished);
            let (passed, failed) =
                counted.as_ref().map_or((0, 0), |counted| (counted.passed, counted.failed));
            let error = counted.map(|counted| tally.add(counted)).err();
            if finished.is_success() && failed == 0 && passed > 0 && error.is_none() {
                return Ok(());
            }
            let said = without_passed(finished.transcript());
            // Tests that failed are counted already; a run that broke otherwise counts as one.
            if failed == 0 {
                tally.failed += 1;
            }
            match error {
                Some(error) => bail!("{said}\n{error:#}"),
                None if passed + failed == 0 => bail!("{said}\nno test ran"),
                None => bail!("{said}"),
            }
        });
        if let Err(error) = outcome {
            self.show(&format!("{error:#}"));
        }
    }

    /// Every statement of the product must have run a test.
    fn statements(&mut self) {
        let missing = statements::without_test(&self.tally.names);
        let steps = self.steps;
        self.check(|| {
            steps.step("statements: each has a test that passed", || {
                if missing.is_empty() {
                    return Ok(());
                }
                bail!("no test passed for {}", missing.join(", "))
            })
        });
    }

    fn fail(&mut self, error: &str) {
        self.tally.failed += 1;
        self.show(error);
    }

    fn show(&mut self, error: &str) {
        eprintln!("{error}");
        self.failures.push(error.lines().next().unwrap_or_default().to_owned());
    }

    /// Says what it came to.
    fn close(self) -> Result<()> {
        for name in &self.tally.left_out {
            println!("left out by its author: {name}");
        }
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{} seconds in all", self.steps.seconds());
        println!("{} passed, {} failed", self.tally.passed, self.tally.failed);
        if self.tally.failed == 0 { Ok(()) } else { bail!("not everything passed") }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "other runners' reports can be broken")]
fn tap(finished: &Finished) -> Result<Tally> {
    Ok(Tally::of_tap(&finished.stdout))
}

/// A transcript of tests, without those that there is nothing to say about, and without the
/// compiler's progress.
fn without_passed(transcript: &str) -> String {
    let wanted = |line: &&str| !line.ends_with(" ... ok") && !line.starts_with("   Compiling ");
    transcript.lines().filter(wanted).collect::<Vec<_>>().join("\n")
}
