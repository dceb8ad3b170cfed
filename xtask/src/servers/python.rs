//! A Python virtual environment, which brings programs that PyPI has and a machine may lack.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::bring::recipes;
use super::stamp::Stamp;
use crate::job::Job;
use crate::steps::Steps;

/// The Pythons that SecantusDB is published for, by their minor versions.
const OLDEST: u32 = 10;
const NEWEST: u32 = 13;

/// A virtual environment with the servers in it.
#[derive(Debug)]
pub(super) struct Environment {
    folder: PathBuf,
}

impl Environment {
    /// Makes it, where it is not there with just what is asked for.
    pub(super) fn bring(steps: &Steps, folder: &Path) -> Result<Self> {
        let environment = Self { folder: folder.to_owned() };
        let requirements = recipes().join("requirements.txt");
        let wanted = fs::read_to_string(&requirements)?;
        let stamp = Stamp::new(folder, &[&wanted]);
        // A Python that was removed leaves links to nowhere.
        if stamp.is_there() && environment.program("python").is_file() {
            return Ok(environment);
        }
        let python = need_python()?;
        steps.step("servers: make a Python environment", || {
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
            steps.quietly(Job::new(python).args(["-m", "venv"]).arg(folder))
        })?;
        steps.step("servers: install SecantusDB and NATS", || {
            environment.install(steps, &requirements)
        })?;
        stamp.put()?;
        Ok(environment)
    }

    /// Installs what a file of requirements says, at the end of which everything must fit.
    pub(super) fn install(&self, steps: &Steps, requirements: &Path) -> Result<()> {
        let job = Job::new(self.program("python"))
            .args(["-m", "pip", "install", "--disable-pip-version-check", "--no-input"])
            // A package that had to be compiled would want compilers that nobody has asked for.
            .args(["--only-binary", ":all:", "--requirement"])
            .arg(requirements);
        steps.quietly(job).context(
            "pip can't install what tests need; it asks PyPI, or the index that pip's settings \
             name (PIP_INDEX_URL)",
        )?;
        Ok(())
    }

    /// A program that a package brought.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.folder.join("bin").join(name)
    }
}

/// The name of a Python that will do.
fn need_python() -> Result<String> {
    let versions = (OLDEST..=NEWEST).rev().map(|minor| format!("python3.{minor}"));
    let mut unfit = Vec::new();
    for name in std::iter::once("python3".to_owned()).chain(versions) {
        match fitness(&name) {
            Fitness::Fit => return Ok(name),
            Fitness::Unfit(why) => unfit.push(format!("; {name} {why}")),
            Fitness::Missing => {}
        }
    }
    bail!(
        "Python 3.{OLDEST} to 3.{NEWEST} with venv is missing: it brings SecantusDB and NATS, \
         which tests need; install it (on Debian: apt-get install python3-venv){}",
        unfit.concat()
    )
}

enum Fitness {
    Fit,
    Unfit(String),
    Missing,
}

fn fitness(name: &str) -> Fitness {
    let ask = |script| Job::new(name).args(["-c", script]).finish();
    let Ok(version) = ask("import sys; print(*sys.version_info[:2], sep='.')") else {
        return Fitness::Missing;
    };
    if !version.is_success() {
        return Fitness::Missing;
    }
    let version = version.stdout.trim();
    let minor = version.strip_prefix("3.").and_then(|minor| minor.parse().ok());
    if !minor.is_some_and(|minor: u32| (OLDEST..=NEWEST).contains(&minor)) {
        return Fitness::Unfit(format!("is {version}"));
    }
    // Debian's Python has one without the other, until python3-venv is installed.
    match ask("import venv, ensurepip") {
        Ok(finished) if finished.is_success() => Fitness::Fit,
        _ => Fitness::Unfit("has no venv".to_owned()),
    }
}
