//! Has the files in `docs/deploy` read by those who know their kind best. What the server makes of
//! them is told by its own tests.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::apt::Apt;
use crate::job::Job;
use crate::servers::hadolint;
use crate::steps::Steps;
use crate::tools::on_path;
use crate::workspace;

/// Where the units have the server, which the machine that checks them need not have.
const SERVER: &str = "/usr/local/bin/message-service";

pub(crate) fn dockerfile(steps: &Steps) -> Result<()> {
    let hadolint = hadolint(steps)?;
    let job = Job::new(hadolint).arg("docs/deploy/Dockerfile");
    steps.run("deployment: the Dockerfile, by hadolint", job).map(drop)
}

pub(crate) fn units(steps: &Steps) -> Result<()> {
    if !cfg!(target_os = "linux") {
        steps.say("deployment: the units are not verified, since systemd is Linux's alone");
        return Ok(());
    }
    need_systemd(steps)?;
    steps.step("deployment: the units, by systemd-analyze", || {
        let folder = workspace::target().join("units");
        fs::create_dir_all(&folder)?;
        let mut files = Vec::new();
        for entry in fs::read_dir(workspace::root().join("docs/deploy/systemd"))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "service") {
                files.push(with_a_server(&path, &folder)?);
            }
        }
        if files.is_empty() {
            bail!("there are no units");
        }
        // It tells of unknown settings and goes on; only what it says nothing about is right.
        let said = Job::new("systemd-analyze").args(["verify", "--man=no"]).args(files).finish()?;
        if said.is_success() && said.transcript().is_empty() {
            return Ok(());
        }
        bail!("{}", said.transcript())
    })
}

/// A copy of a unit, or of an instance of a template, that runs a program which is there.
fn with_a_server(unit: &Path, folder: &Path) -> Result<std::path::PathBuf> {
    let text = fs::read_to_string(unit)?;
    if !text.contains(SERVER) {
        bail!("{} does not run {SERVER}", unit.display());
    }
    let name = unit.file_name().context("a unit has a name")?.to_string_lossy();
    let copy = std::path::absolute(folder.join(name.replace("@.", "@8787.")))?;
    fs::write(&copy, text.replace(SERVER, "/bin/true"))?;
    Ok(copy)
}

fn need_systemd(steps: &Steps) -> Result<()> {
    if on_path("systemd-analyze").is_some() {
        return Ok(());
    }
    let missing = "systemd-analyze is missing: it verifies the units in docs/deploy; install it \
                   (on Debian: apt-get install systemd)";
    let Some(apt) = Apt::find() else { bail!(missing) };
    steps
        .step("systemd: install from the system's packages", || {
            apt.run(steps, &["update"])?;
            apt.run(steps, &["install", "-y", "--no-install-recommends", "systemd"])
        })
        .context(missing)?;
    if on_path("systemd-analyze").is_some() { Ok(()) } else { bail!(missing) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_verified_as_one_of_its_instances() {
        let here = tempfile::tempdir().unwrap();
        let unit = here.path().join("a@.service");
        fs::write(&unit, format!("[Service]\nExecStart={SERVER} serve\n")).unwrap();
        let copy = with_a_server(&unit, here.path()).unwrap();
        assert!(copy.ends_with("a@8787.service"), "{}", copy.display());
        assert!(fs::read_to_string(copy).unwrap().contains("ExecStart=/bin/true serve"));
    }
}
