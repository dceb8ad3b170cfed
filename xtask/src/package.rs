//! What must be right about the npm package itself: its unit tests, and its manifest as judged by
//! publint and "are the types wrong".

use std::path::Path;

use anyhow::Result;

use crate::job::Job;
use crate::steps::Steps;
use crate::{npm, workspace};

/// The tests of what runs without a browser.
pub(crate) fn tests() -> Result<Job> {
    npm::tests(&workspace::package())
}

/// Whether every way to import the package is announced as it is.
pub(crate) fn publint(steps: &Steps, tarball: &Path) -> Result<()> {
    let job = npm::tool(&workspace::package(), "publint").args(["run", "--strict"]).arg(tarball);
    steps.run("sdk: publint", job).map(drop)
}

/// Whether the types fit what is imported, in each way of importing.
pub(crate) fn types_are_right(steps: &Steps, tarball: &Path) -> Result<()> {
    let job = npm::tool(&workspace::package(), "attw").arg(tarball).args([
        "--profile",
        "esm-only",
        "--exclude-entrypoints",
        "./message_client.wasm",
    ]);
    steps.run("sdk: are the types wrong?", job).map(drop)
}
