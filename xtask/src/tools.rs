//! Finds what must be installed. Each tool that is missing is named, with what it is needed for
//! and how to get it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::job::Job;
use crate::steps::Steps;

const NODE_MAJOR: u32 = 20;

const WASM: &str = "wasm32-unknown-unknown";

/// Whether a program is there, and says so when asked for its version.
pub(crate) fn version(program: &str) -> Option<String> {
    let finished = Job::new(program).arg("--version").finish().ok()?;
    finished.is_success().then(|| finished.stdout.trim().to_owned())
}

/// Where the shell would find a program.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
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

/// The compiler's part for WebAssembly, which `rust-toolchain.toml` asks rustup for. A rustup that
/// was told to install nothing by itself is asked for it here.
pub(crate) fn need_wasm_target(steps: &Steps) -> Result<()> {
    let is_there = || {
        let target =
            Job::new("rustc").args(["--print", "target-libdir", "--target", WASM]).finish();
        target.is_ok_and(|target| target.is_success() && Path::new(target.stdout.trim()).is_dir())
    };
    need_of_rustup(steps, is_there, ["target", "add", WASM], "the SDK is compiled for it")
}

/// The toolchain's parts that check the code, from the same place.
pub(crate) fn need_lints(steps: &Steps) -> Result<()> {
    for (component, command, why) in
        [("clippy", "clippy", "it lints the code"), ("rustfmt", "fmt", "it checks the format")]
    {
        let is_there = || {
            let said = Job::cargo([command, "--version"]).finish();
            said.is_ok_and(|said| said.is_success())
        };
        need_of_rustup(steps, is_there, ["component", "add", component], why)?;
    }
    Ok(())
}

/// Has rustup install what is not there.
fn need_of_rustup(
    steps: &Steps,
    is_there: impl Fn() -> bool,
    install: [&str; 3],
    why: &str,
) -> Result<()> {
    if is_there() {
        return Ok(());
    }
    let [kind, _, name] = install;
    let command = install.join(" ");
    let missing = || format!("the {kind} {name} is missing: {why}; get it by `rustup {command}`");
    if version("rustup").is_some() {
        let job = Job::new("rustup").args(install);
        steps.run(&format!("rustup: add the {kind} {name}"), job).with_context(missing)?;
    }
    if is_there() { Ok(()) } else { bail!(missing()) }
}
