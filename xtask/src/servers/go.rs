//! Builds FerretDB, and finds the Go to do so.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::bring::recipes;
use super::python::Environment;
use super::stamp::Stamp;
use crate::job::Job;
use crate::steps::Steps;

/// The oldest Go that FerretDB's `go.mod` allows.
const OLDEST: (u32, u32) = (1, 24);

/// Builds FerretDB into a folder, where it is not there from just these sources.
pub(super) fn build_ferretdb(
    steps: &Steps,
    folder: &Path,
    python: &Environment,
) -> Result<PathBuf> {
    let program = folder.join("ferretdb");
    let sources = recipes().join("ferretdb");
    let read = |name| fs::read_to_string(sources.join(name));
    let stamp = Stamp::new(folder, &[&read("main.go")?, &read("go.mod")?, &read("go.sum")?]);
    if stamp.is_there() && program.is_file() {
        return Ok(program);
    }
    let go = need(steps, python)?;
    fs::create_dir_all(folder)?;
    let job = Job::new(go)
        .args(["build", "-trimpath", "-buildvcs=false", "-o"])
        .arg(&program)
        .within(&sources)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        // Somebody's own flags could have another module built than the one that is pinned.
        .env("GOFLAGS", "")
        .env("GOWORK", "off");
    steps.run("servers: build FerretDB", job).context(
        "Go can't build FerretDB, which tests need; it asks Go's module proxy for the sources, or \
         the one that GOPROXY names",
    )?;
    stamp.put()?;
    Ok(program)
}

/// The machine's Go where that is new enough, and else one from PyPI.
fn need(steps: &Steps, python: &Environment) -> Result<PathBuf> {
    let on_path = PathBuf::from("go");
    if is_new_enough(&on_path) {
        return Ok(on_path);
    }
    let brought = python.program("go");
    if !is_new_enough(&brought) {
        let (major, minor) = OLDEST;
        steps
            .step("servers: install Go", || {
                python.install(steps, &recipes().join("requirements-go.txt"))
            })
            .with_context(|| {
                format!(
                    "Go {major}.{minor} or later is missing: it builds FerretDB, which tests \
                     need; install it from https://go.dev/dl or your system"
                )
            })?;
    }
    Ok(brought)
}

fn is_new_enough(go: &Path) -> bool {
    let said = Job::new(go).arg("version").env("GOTOOLCHAIN", "local").finish();
    said.ok().and_then(|said| version(&said.stdout)).is_some_and(|version| version >= OLDEST)
}

/// The version in what `go version` says.
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split_whitespace().nth(2)?.strip_prefix("go")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_go_is_told_from_a_new_one() {
        let new_enough = |said| version(said).is_some_and(|version| version >= OLDEST);
        for new in ["go version go1.24 linux/amd64", "go version go1.100.3 darwin/arm64"] {
            assert!(new_enough(new), "{new}");
        }
        for old in ["go version go1.19.8 linux/amd64", "go version devel +abc linux/amd64", ""] {
            assert!(!new_enough(old), "{old}");
        }
    }
}
