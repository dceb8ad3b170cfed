//! Brings the servers' programs, and what receivers of webhooks stand on, once: what is there and
//! was asked for in the same words stays.

use std::fs::{self, File};
use std::path::PathBuf;

use anyhow::Result;

use super::go;
use super::nginx;
use super::python::Environment;
use crate::steps::Steps;
use crate::{npm, workspace};

/// Where the servers' programs are.
#[derive(Debug)]
pub(crate) struct Programs {
    pub(super) secantusdb: PathBuf,
    pub(super) ferretdb: PathBuf,
    pub(super) nats: PathBuf,
    /// A Python that has what receivers of webhooks need.
    pub(super) python: PathBuf,
    pub(super) nginx: PathBuf,
}

impl Programs {
    /// Installs and builds what is not there yet.
    pub(crate) fn bring(steps: &Steps) -> Result<Self> {
        let folder = folder()?;
        // Two commands at once would install into each other's files.
        let lock = File::create(folder.join("bring.lock"))?;
        lock.lock()?;
        let python = Environment::bring(steps, &folder.join("python"))?;
        npm::install(steps, "receivers of webhooks", &workspace::root().join("docs/receivers"))?;
        let nginx = nginx::need(steps, &folder.join("nginx"))?;
        let ferretdb = go::build_ferretdb(steps, &folder.join("ferretdb"), &python)?;
        Ok(Self {
            secantusdb: python.program("secantusd-py"),
            ferretdb,
            nats: python.program("nats-server"),
            python: python.program("python"),
            nginx,
        })
    }
}

/// The program that checks Dockerfiles; it comes with the servers.
pub(crate) fn hadolint(steps: &Steps) -> Result<PathBuf> {
    let folder = folder()?;
    let lock = File::create(folder.join("bring.lock"))?;
    lock.lock()?;
    Ok(Environment::bring(steps, &folder.join("python"))?.program("hadolint"))
}

/// Where all of it lies, as a path that means the same in every directory.
pub(super) fn folder() -> Result<PathBuf> {
    let folder = std::path::absolute(workspace::target())?.join("servers");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// What says which versions are brought.
pub(super) fn recipes() -> PathBuf {
    workspace::root().join("xtask/servers")
}
