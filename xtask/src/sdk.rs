//! `cargo xtask sdk`: the SDK's npm package, from the Rust to the packed tarball in `dist/`.

pub(crate) mod budget;
mod webassembly;

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::{npm, tools, workspace};

/// Builds, packs and measures; fails where a part is over its budget.
pub(crate) fn run(steps: &Steps) -> Result<()> {
    build(steps)?;
    budget::check(steps)
}

/// Builds and packs; gives the tarball's path.
pub(crate) fn build(steps: &Steps) -> Result<PathBuf> {
    tools::need_node()?;
    tools::need_wasm_target(steps)?;
    let package = workspace::package();
    npm::install(steps, "sdk", &package)?;
    remove_folder(&package.join("dist"))?;
    webassembly::build(steps)?;
    steps.run("sdk: compile the TypeScript", npm::tool(&package, "tsc"))?;
    steps.step("sdk: pack", || pack(steps))
}

/// Packs the package, and leaves nothing else of it in `dist/`: who takes the tarball from there
/// must not find two.
fn pack(steps: &Steps) -> Result<PathBuf> {
    let (package, dist) = (workspace::package(), workspace::dist());
    for licence in ["LICENSE-MIT", "LICENSE-APACHE"] {
        fs::copy(workspace::root().join(licence), package.join(licence))?;
    }
    fs::create_dir_all(&dist)?;
    for entry in fs::read_dir(&dist)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "tgz") {
            fs::remove_file(path)?;
        }
    }
    let job = Job::new("npm").args(["pack", "--loglevel=error", "--pack-destination"]);
    let output = steps.quietly(job.arg(&dist).within(&package))?;
    // Its last line is the tarball's name.
    let name = output.lines().last().context("npm pack named no tarball")?;
    let tarball = dist.join(name.trim());
    if !tarball.is_file() {
        bail!("npm pack left no {}", tarball.display());
    }
    Ok(tarball)
}

fn remove_folder(folder: &std::path::Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("can't remove {}", folder.display()))?;
    }
    Ok(())
}
