//! Finds nginx, or unpacks Debian's beside the other servers.
//!
//! It is not installed: the package would start a web server on the developer's machine, and tests
//! want only the program.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::job::Job;
use crate::steps::Steps;
use crate::tools::{self, on_path};

/// Where systems put it that do not have it on everybody's path.
const USUAL: [&str; 3] =
    ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/local/nginx/sbin/nginx"];

/// The program; brings it into the folder where the machine has none.
pub(super) fn need(steps: &Steps, folder: &Path) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("NGINX").filter(|value| !value.is_empty()) {
        let path = PathBuf::from(named);
        if runs(&path) {
            return Ok(path);
        }
        bail!("NGINX is {}, which is no nginx; name its program or unset it", path.display());
    }
    let unpacked = folder.join("usr/sbin/nginx");
    let usual = USUAL.map(PathBuf::from);
    let mut known = on_path("nginx").into_iter().chain(usual).chain([unpacked.clone()]);
    if let Some(path) = known.find(|path| runs(path)) {
        return Ok(path);
    }
    let missing = "nginx is missing: sockets are tested through it; install it (on Debian: apt-get \
                   install nginx), or name one by the variable NGINX";
    if tools::version("apt-get").is_none() || tools::version("dpkg-deb").is_none() {
        bail!(missing);
    }
    steps.step("servers: unpack Debian's nginx", || unpack(steps, folder)).context(missing)?;
    if !runs(&unpacked) {
        bail!("Debian's nginx was unpacked into {} and does not run; {missing}", folder.display());
    }
    Ok(unpacked)
}

fn runs(nginx: &Path) -> bool {
    let said = Job::new(nginx).arg("-v").finish();
    said.is_ok_and(|said| said.is_success() && said.transcript().contains("nginx version"))
}

fn unpack(steps: &Steps, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    // Downloading needs no rights, but for the lists of packages that a fresh machine lacks.
    if let Some(apt) = Apt::find() {
        apt.run(steps, &["update"])?;
    }
    let options = ["-o", "APT::Sandbox::User=root"];
    let download = Job::new("apt-get").args(options).args(["download", "nginx"]).within(folder);
    steps.quietly(download)?;
    for entry in fs::read_dir(folder)? {
        let package = entry?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            steps.quietly(Job::new("dpkg-deb").arg("--extract").arg(package).arg(folder))?;
        }
    }
    Ok(())
}
