//! Small projects that use the packed SDK as its users do: with Vite, with webpack, from a plain
//! page, and in Node.

use std::path::Path;

use anyhow::Result;

use crate::job::Job;
use crate::npm;
use crate::steps::Steps;
use crate::workspace;

/// Installs what they need, the SDK among it.
pub(crate) fn install(steps: &Steps, tarball: &Path) -> Result<()> {
    npm::install(steps, "consumers", &workspace::consumers())?;
    npm::install_sdk(steps, "consumers", &workspace::consumers(), tarball)
}

/// Their tests.
pub(crate) fn tests(chromium: &Path) -> Result<Job> {
    Ok(npm::tests(&workspace::consumers())?.env("CHROMIUM", chromium))
}
