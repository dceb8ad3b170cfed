//! The demo's main app as a running process.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::job::Job;
use crate::steps::Steps;
use crate::workspace;

/// Builds its program.
pub(crate) fn build(steps: &Steps) -> Result<()> {
    let job = Job::cargo(["build", "--locked", "--package", "message-service-demo"]);
    steps.run("demo: build the main app", job).map(drop)
}

/// A demo that answers; it ends with this value.
#[derive(Debug)]
pub(crate) struct Demo {
    process: Child,
    port: u16,
}

impl Demo {
    /// Starts the program that was built, and waits until it answers.
    pub(crate) fn start(port: u16, job: Job) -> Result<Self> {
        Self::wait(port, job.start()?)
    }

    /// Starts it at any free port, with the sample messages alone; what it says goes into a file.
    pub(crate) fn start_fresh(data: &Path, log: &Path) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = File::create(log)?;
        Self::wait(port, job(port, Some(data), true).start_into(log)?)
    }

    fn wait(port: u16, process: Child) -> Result<Self> {
        let mut demo = Self { process, port };
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if let Some(status) = demo.process.try_wait()? {
                bail!("the demo ended before it served anything ({status})");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(demo)
    }

    /// Where it answers.
    pub(crate) fn url(&self) -> String {
        format!("http://localhost:{}", self.port)
    }

    /// Stays until it ends by itself.
    pub(crate) fn stay(mut self) -> Result<()> {
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { bail!("the demo failed ({status})") }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Its program, as it was built.
pub(crate) fn program() -> PathBuf {
    workspace::target().join("debug/message-service-demo")
}

/// How it is started.
pub(crate) fn job(port: u16, data: Option<&Path>, fresh: bool) -> Job {
    let mut job = Job::new(program()).args(["--port", &port.to_string()]);
    if let Some(data) = data {
        job = job.arg("--data").arg(data);
    }
    if fresh { job.arg("--fresh") } else { job }
}
