//! The servers that tests share, started together; and what tests are told of them.

use std::ffi::OsString;
use std::fs;
use std::time::Duration;

use anyhow::{Result, bail};

use super::bring::{Programs, folder};
use super::server::Server;
use super::slot::Slot;
use crate::steps::Steps;

/// Servers that answer; they end with this value.
#[derive(Debug)]
pub(crate) struct Servers {
    secantusdb: Server,
    ferretdb: Server,
    environment: Vec<(&'static str, OsString)>,
    /// The last field: it is given back when the servers have ended.
    _slot: Slot,
}

impl Servers {
    /// Starts them with nothing in them, and waits until they answer.
    pub(crate) fn start(steps: &Steps, programs: &Programs) -> Result<Self> {
        steps.step("servers: start SecantusDB and FerretDB", || {
            let slot = Slot::take(&folder()?.join("run"))?;
            let mut secantusdb = secantusdb(programs, &slot)?;
            let mut ferretdb = ferretdb(programs, &slot)?;
            secantusdb.wait()?;
            ferretdb.wait()?;
            let environment = environment(programs, &secantusdb, &ferretdb);
            Ok(Self { secantusdb, ferretdb, environment, _slot: slot })
        })
    }

    /// What tests find them by.
    pub(crate) fn environment(&self) -> impl Iterator<Item = (&'static str, OsString)> {
        self.environment.iter().cloned()
    }

    /// A line for each server: how it is, and where its log lies.
    pub(crate) fn account(&mut self) -> Result<String> {
        Ok(format!("{}\n{}", self.secantusdb.account()?, self.ferretdb.account()?))
    }

    /// Stays until one of them ends, which none should.
    pub(super) fn stay(mut self) -> Result<()> {
        loop {
            for server in [&mut self.secantusdb, &mut self.ferretdb] {
                if server.ended()?.is_some() {
                    bail!("a server ended: {}", server.account()?);
                }
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

fn secantusdb(programs: &Programs, slot: &Slot) -> Result<Server> {
    let data = slot.folder().join("secantusdb");
    fs::create_dir(&data)?;
    let log = slot.folder().join("secantusdb.log");
    Server::start("SecantusDB", &programs.secantusdb, log, |job, port| {
        job.args(["--host", "127.0.0.1", "--port", &port.to_string(), "--storage-path"])
            .arg(data)
            // What it has acknowledged it keeps, and what tests ask it to do wrong it does.
            .args(["--sync-on-commit", "--enable-test-commands", "--log-level", "WARNING"])
    })
}

fn ferretdb(programs: &Programs, slot: &Slot) -> Result<Server> {
    let data = slot.folder().join("ferretdb");
    fs::create_dir(&data)?;
    let log = slot.folder().join("ferretdb.log");
    Server::start("FerretDB", &programs.ferretdb, log, |job, port| {
        job.arg(format!("127.0.0.1:{port}")).arg(data)
    })
}

fn environment(
    programs: &Programs,
    secantusdb: &Server,
    ferretdb: &Server,
) -> Vec<(&'static str, OsString)> {
    let (secantusdb, ferretdb) = (secantusdb.port(), ferretdb.port());
    // SecantusDB says that it is a replica set, whose members a client would look for elsewhere.
    let secantusdb = format!("mongodb://127.0.0.1:{secantusdb}/?directConnection=true");
    let ferretdb = format!("mongodb://127.0.0.1:{ferretdb}/");
    vec![
        ("MESSAGE_SERVICE_TEST_SECANTUSDB", secantusdb.into()),
        ("MESSAGE_SERVICE_TEST_FERRETDB", ferretdb.into()),
        ("MESSAGE_SERVICE_TEST_SECANTUSDB_PROGRAM", programs.secantusdb.clone().into()),
        ("MESSAGE_SERVICE_TEST_FERRETDB_PROGRAM", programs.ferretdb.clone().into()),
        ("MESSAGE_SERVICE_TEST_NATS_SERVER", programs.nats.clone().into()),
        ("MESSAGE_SERVICE_TEST_PYTHON", programs.python.clone().into()),
        ("MESSAGE_SERVICE_TEST_NGINX", programs.nginx.clone().into()),
    ]
}
