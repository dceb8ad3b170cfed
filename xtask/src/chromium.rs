//! Finds Chromium, which the SDK's consumers and the end-to-end tests run in, and installs it
//! where that is allowed.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::steps::Steps;
use crate::tools::on_path;

const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// The browser's path; installs it first where it is missing and that is possible without asking.
pub(crate) fn need(steps: &Steps) -> Result<PathBuf> {
    if let Some(path) = find()? {
        return Ok(path);
    }
    let Some(apt) = Apt::find() else {
        bail!(
            "Chromium is missing: the SDK and the demo are tested in it; install it (on Debian: \
             apt-get install chromium), or name one by the variable CHROMIUM"
        );
    };
    steps.step("chromium: install from the system's packages", || {
        apt.run(steps, &["update"])?;
        apt.run(steps, &["install", "-y", "chromium"])?;
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
