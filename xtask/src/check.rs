//! `cargo xtask check`: all that can be said without running the product.

use anyhow::{Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::{deployment, licences, links, sdk, tools, types, www};

/// A check with nothing to give but its verdict.
pub(crate) type Check = fn(&Steps) -> Result<()>;

/// The checks that need no build of the SDK, cheap ones first.
pub(crate) const CHECKS: [Check; 9] = [
    format,
    licences::check,
    links::check,
    deployment::dockerfile,
    deployment::units,
    types::check,
    clippy,
    clippy_wasm,
    documentation,
];

/// The crates that the browser runs.
const IN_THE_BROWSER: [&str; 3] =
    ["message-service-shared", "message-service-machine", "message-service-client"];

/// Runs them all, also where one fails, and then the checks of TypeScript.
pub(crate) fn run(steps: &Steps) -> Result<()> {
    tools::need_node()?;
    tools::need_lints(steps)?;
    tools::need_wasm_target(steps)?;
    let mut failed = 0;
    for check in CHECKS.into_iter().chain([typescript as Check]) {
        if let Err(error) = check(steps) {
            eprintln!("{error:#}");
            failed += 1;
        }
    }
    if failed > 0 {
        bail!("{failed} of the checks failed");
    }
    Ok(())
}

fn format(steps: &Steps) -> Result<()> {
    steps.run("format", Job::cargo(["fmt", "--all", "--check"])).map(drop)
}

fn clippy(steps: &Steps) -> Result<()> {
    let job = Job::cargo(["clippy", "--locked", "--workspace", "--all-targets"]).args([
        "--features",
        "message-service-shared/ts",
        "--",
        "-D",
        "warnings",
    ]);
    steps.run("clippy", job).map(drop)
}

fn clippy_wasm(steps: &Steps) -> Result<()> {
    let job = Job::cargo(["clippy", "--locked", "--target", "wasm32-unknown-unknown"])
        .args(IN_THE_BROWSER.iter().flat_map(|name| ["--package", name]))
        .args(["--", "-D", "warnings"]);
    steps.run("clippy for WebAssembly", job).map(drop)
}

fn documentation(steps: &Steps) -> Result<()> {
    let job = Job::cargo(["doc", "--locked", "--workspace", "--no-deps"])
        .env("RUSTDOCFLAGS", "-D warnings");
    steps.run("documentation of the crates", job).map(drop)
}

/// The SDK's types are checked by building it, the demo's against the packed SDK.
fn typescript(steps: &Steps) -> Result<()> {
    let tarball = sdk::build(steps)?;
    if !www::exists() {
        steps.say("www: there are no pages");
        return Ok(());
    }
    www::install(steps, &tarball)?;
    www::check(steps)
}
