//! The demo's pages, which use the packed SDK as a stranger does.

use std::path::Path;

use anyhow::Result;

use crate::job::Job;
use crate::npm;
use crate::steps::Steps;
use crate::workspace;

/// Whether there are pages at all.
pub(crate) fn exists() -> bool {
    workspace::www().join("package.json").is_file()
}

/// Installs what the pages need, the SDK among it.
pub(crate) fn install(steps: &Steps, tarball: &Path) -> Result<()> {
    npm::install(steps, "www", &workspace::www())?;
    npm::install_sdk(steps, "www", &workspace::www(), tarball)
}

/// Checks the pages' types and whatever else their own `check` looks at.
pub(crate) fn check(steps: &Steps) -> Result<()> {
    steps.run("www: check", script("check")).map(drop)
}

/// The tests of what is pure in the pages.
pub(crate) fn tests() -> Job {
    // The script is theirs; how its results are told is ours, since we count them.
    script("test").env("NODE_OPTIONS", "--test-reporter=tap")
}

/// Builds the pages.
pub(crate) fn build(steps: &Steps) -> Result<()> {
    steps.run("www: build", script("build")).map(drop)
}

fn script(name: &str) -> Job {
    Job::new("npm").args(["run", name]).within(workspace::www())
}
