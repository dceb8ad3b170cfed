//! Finds what must be installed. Each tool that is missing is named, with what it is needed for
//! and how to get it.

use anyhow::{Result, bail};

use crate::job::Job;

const NODE_MAJOR: u32 = 20;

/// Whether a program is there, and says so when asked for its version.
pub(crate) fn version(program: &str) -> Option<String> {
    let finished = Job::new(program).arg("--version").finish().ok()?;
    finished.is_success().then(|| finished.stdout.trim().to_owned())
}

/// Node and npm: they build the TypeScript, pack the package and run its tests.
pub(crate) fn need_node() -> Result<()> {
    let get = format!("install Node {NODE_MAJOR} or later, from https://nodejs.org or your system");
    let Some(node) = version("node") else {
        bail!("node is missing: it builds and tests the SDK's npm package; {get}");
    };
    let major = node.trim_start_matches('v').split('.').next().and_then(|text| text.parse().ok());
    if major.is_none_or(|major: u32| major < NODE_MAJOR) {
        bail!("node is {node}, which is too old for the SDK's tools; {get}");
    }
    if version("npm").is_none() {
        bail!("npm is missing: it packs the SDK and installs its tools; {get}, which brings it");
    }
    Ok(())
}

/// The compiler's part for WebAssembly, which `rust-toolchain.toml` asks rustup for.
pub(crate) fn need_wasm_target() -> Result<()> {
    let target = Job::new("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"])
        .finish()?;
    if target.is_success() && std::path::Path::new(target.stdout.trim()).is_dir() {
        return Ok(());
    }
    bail!(
        "the target wasm32-unknown-unknown is missing: the SDK is compiled for it; \
         get it by `rustup target add wasm32-unknown-unknown`"
    )
}
