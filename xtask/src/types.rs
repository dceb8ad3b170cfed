//! `cargo xtask types`: the SDK's `protocol.ts` out of the Rust types.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::workspace;

fn file() -> PathBuf {
    workspace::package().join("src/protocol.ts")
}

fn generate(steps: &Steps) -> Result<String> {
    let generator = ["run", "--quiet", "--locked", "--package", "message-service-shared"];
    steps.quietly(Job::cargo(generator).args(["--features", "ts", "--example", "typescript"]))
}

/// Writes the file.
pub(crate) fn write(steps: &Steps) -> Result<()> {
    steps.step("types: write protocol.ts", || Ok(fs::write(file(), generate(steps)?)?))
}

/// Fails where the file says something else than the Rust types.
pub(crate) fn check(steps: &Steps) -> Result<()> {
    steps.step("types: protocol.ts is up to date", || {
        let wanted = generate(steps)?;
        if fs::read_to_string(file()).is_ok_and(|text| text == wanted) {
            return Ok(());
        }
        bail!("client-wasm/npm/src/protocol.ts is stale; write it with `cargo xtask types`")
    })
}
