//! `cargo xtask e2e`: the statements that need a browser, against the demo and the packed SDK.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::demo::{self, Demo};
use crate::job::Job;
use crate::steps::Steps;
use crate::tally::Tally;
use crate::{chromium, npm, sdk, workspace, www};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run only the tests with this in their title; or, with a dot or slash in it, in their file's name
    filter: Option<String>,
}

pub(crate) fn run(steps: &Steps, arguments: &Arguments) -> Result<()> {
    let chromium = chromium::need(steps)?;
    let tarball = sdk::build(steps)?;
    www::install(steps, &tarball)?;
    www::build(steps)?;
    demo::build(steps)?;
    let demo = start(steps)?;
    job(&chromium, &demo, arguments.filter.as_deref()).in_foreground()
}

/// Starts the demo; its pages and its main app are built before.
pub(crate) fn start(steps: &Steps) -> Result<Demo> {
    let folder = workspace::target().join("e2e");
    fs::create_dir_all(&folder)?;
    let log = folder.join("demo.log");
    steps.step("e2e: start the demo", || {
        Demo::start_fresh(&folder.join("data"), &log)
            .with_context(|| format!("it says why in {}", log.display()))
    })
}

/// The tests. They find the browser by `CHROMIUM` and the demo by `DEMO_URL`; those that kill one
/// start it by `DEMO_PROGRAM`.
pub(crate) fn job(chromium: &Path, demo: &Demo, filter: Option<&str>) -> Job {
    // A report of an earlier run must not pass for this one's.
    let _ = fs::remove_file(report());
    let job = npm::tool(&workspace::www(), "playwright")
        .args(["test", "--config", "e2e/playwright.config.ts", "--reporter=list,json"])
        .env("CHROMIUM", chromium)
        .env("DEMO_URL", demo.url())
        .env("DEMO_PROGRAM", demo::program())
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
    workspace::target().join("e2e/report.json")
}
