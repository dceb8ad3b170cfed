//! Finds Chromium, which the SDK's consumers and the end-to-end tests run in, and installs it
//! where that is allowed.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::tools;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser's path; installs it first where it is missing and that is possible without asking.
pub(crate) fn need(steps: &Steps) -> Result<PathBuf> {
    if let Some(path) = find()? {
        return Ok(path);
    }
    let Some(sudo) = apt_get() else {
        bail!(
            "Chromium is missing: the SDK and the demo are tested in it; install it (on Debian: \
             apt-get install chromium), or name one by the variable CHROMIUM"
        );
    };
    steps.step("chromium: install from the system's packages", || {
        for arguments in [&["update"][..], &["install", "-y", "chromium"]] {
            let job = match sudo {
                Sudo::NotNeeded => Job::new("apt-get"),
                Sudo::Silent => Job::new("sudo").args(["-n", "apt-get"]),
            };
            steps.quietly(job.args(arguments).env("DEBIAN_FRONTEND", "noninteractive"))?;
        }
        find()?.context("Chromium was installed and still can't be found; set CHROMIUM to its path")
    })
}

fn find() -> Result<Option<PathBuf>> {
    if let Some(named) = std::env::var_os("CHROMIUM").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        if path.is_file() {
            return Ok(Some(path));
        }
        bail!(
            "CHROMIUM is {}, which is no file; name Chromium's program or unset it",
            path.display()
        );
    }
    Ok(NAMES.into_iter().find_map(on_path))
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

#[derive(Clone, Copy)]
enum Sudo {
    NotNeeded,
    Silent,
}

/// How apt-get may be used without asking anyone, if at all.
fn apt_get() -> Option<Sudo> {
    tools::version("apt-get")?;
    let user = Job::new("id").arg("-u").finish().ok()?;
    if user.stdout.trim() == "0" {
        return Some(Sudo::NotNeeded);
    }
    let sudo = Job::new("sudo").args(["-n", "true"]).finish().ok()?;
    sudo.is_success().then_some(Sudo::Silent)
}
