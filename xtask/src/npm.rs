//! Installs npm packages, and no more often than needed.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::job::Job;
use crate::steps::Steps;

/// The folder that the SDK lies in once it is installed.
const SDK: &str = "node_modules/message-service-client";

/// Installs what a folder's lock file says, unless that is what was installed last.
pub(crate) fn install(steps: &Steps, name: &str, folder: &Path) -> Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).with_context(|| format!("can't read {}", lock.display()))?;
    let installed = folder.join("node_modules/.installed-lock.json");
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    steps.run(
        &format!("{name}: npm ci"),
        Job::new("npm").args(["ci", "--no-progress"]).within(folder),
    )?;
    fs::write(installed, wanted)?;
    Ok(())
}

/// Installs the packed SDK into a folder, as its users do, beside what the lock file says.
///
/// The lock file must not name the tarball: `npm ci` would take an older one of the same version
/// from its cache, and say nothing.
pub(crate) fn install_sdk(steps: &Steps, name: &str, folder: &Path, tarball: &Path) -> Result<()> {
    steps.step(&format!("{name}: install the SDK's tarball"), || {
        let before = folder.join(SDK);
        if before.exists() {
            fs::remove_dir_all(before)?;
        }
        steps.quietly(
            Job::new("npm")
                .args(["install", "--no-save", "--no-package-lock", "--no-progress"])
                .arg(tarball)
                .within(folder),
        )?;
        Ok(())
    })
}

/// A program that an npm package of the folder brings.
pub(crate) fn tool(folder: &Path, program: &str) -> Job {
    Job::new(folder.join("node_modules/.bin").join(program)).within(folder)
}

/// The folder's own tests, as TAP.
///
/// Node's versions don't agree on what a folder or a pattern means there, so files are named.
pub(crate) fn tests(folder: &Path) -> Result<Job> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder.join("test"))? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path);
        }
    }
    files.sort();
    // One file after the other: they may drive a browser, and have few cores to do so.
    let job = Job::new("node").args(["--test", "--test-reporter=tap", "--test-concurrency=1"]);
    Ok(job.args(files).within(folder))
}
