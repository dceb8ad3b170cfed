//! `cargo xtask e2e`: the statements that need a browser, against the demo and the packed SDK.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::tally::Tally;
use crate::{chromium, npm, sdk, workspace, www};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only the tests whose file or title has this in it
    filter: Option<String>,
}

pub(crate) fn run(steps: &Steps, arguments: &Arguments) -> Result<()> {
    let chromium = chromium::need(steps)?;
    let tarball = sdk::build(steps)?;
    www::install(steps, &tarball)?;
    prepare(steps)?;
    job(&chromium, arguments.filter.as_deref()).in_foreground()
}

/// Builds the demo, its pages and its main app; the SDK is installed before.
pub(crate) fn prepare(steps: &Steps) -> Result<()> {
    www::build(steps)?;
    let job = Job::cargo(["build", "--locked", "--package", "message-service-demo"]);
    steps.run("e2e: build the demo's main app", job).map(drop)
}

/// The tests. They find the browser by `CHROMIUM` and the demo's program by `DEMO`.
pub(crate) fn job(chromium: &Path, filter: Option<&str>) -> Job {
    // A report of an earlier run must not pass for this one's.
    let _ = fs::remove_file(report());
    let demo = workspace::target().join("debug/message-service-demo");
    let job = npm::tool(&workspace::www(), "playwright")
        .args(["test", "--config", "playwright.config.ts", "--reporter=list,json"])
        .env("CHROMIUM", chromium)
        .env("DEMO", demo)
        .env("PLAYWRIGHT_JSON_OUTPUT_FILE", report());
    match filter {
        // A bare argument filters files; a title is filtered by `--grep`.
        Some(file) if file.contains(['/', '.']) => job.arg(file),
        Some(title) => job.args(["--grep", title]),
        None => job,
    }
}

/// What the last run of all tests came to.
pub(crate) fn tally() -> Result<Tally> {
    let path = report();
    let json = fs::read_to_string(&path).context("Playwright wrote no report")?;
    let tally = Tally::of_playwright(&json)?;
    if tally.passed + tally.failed == 0 {
        bail!("Playwright found no test");
    }
    Ok(tally)
}

fn report() -> PathBuf {
    workspace::target().join("e2e.json")
}
