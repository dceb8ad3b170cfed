//! One server as a running process, which ends with this one.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use super::hello;
use crate::job::Job;

/// Far more than a server takes to start.
const TOO_LONG: Duration = Duration::from_mins(1);

/// A server that speaks MongoDB's protocol.
#[derive(Debug)]
pub(super) struct Server {
    name: &'static str,
    process: Child,
    port: u16,
    log: PathBuf,
}

impl Server {
    /// Starts a program with arguments that depend on its port; what it says goes into a file.
    pub(super) fn start(
        name: &'static str,
        program: &Path,
        log: PathBuf,
        arguments: impl FnOnce(Job, u16) -> Job,
    ) -> Result<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let job = arguments(ending_with_us(program), port);
        let process = job.start_into(File::create(&log)?)?;
        Ok(Self { name, process, port, log })
    }

    /// Waits until it answers.
    pub(super) fn wait(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !hello::is_answered(self.port) {
            if self.ended()?.is_some() {
                bail!("a server ended before it served anything: {}", self.account()?);
            }
            if begun.elapsed() > TOO_LONG {
                let seconds = TOO_LONG.as_secs();
                bail!("a server did not answer for {seconds} s: {}", self.account()?);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// How it ended, if it did.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.process.try_wait()?)
    }

    /// A line on how it is, and where it says more.
    pub(super) fn account(&mut self) -> Result<String> {
        let is = self.ended()?.map_or("runs".to_owned(), |status| format!("ended ({status})"));
        Ok(format!("{} {is}; its log is {}", self.name, self.log.display()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do. What it keeps is for tests,
        // so it needs no time to say goodbye.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A program that does not outlive this process.
///
/// Where this process ends in order, `Drop` ends the server. Ctrl-C reaches both, for they are in
/// one group of the terminal. A kill of this process alone reaches nobody else; so Linux is asked
/// to end the server then, by util-linux' `setpriv`, for the call itself is out of reach without
/// unsafe code. Where there is no such `setpriv`, as on macOS, that one case leaves servers behind.
fn ending_with_us(program: &Path) -> Job {
    let setpriv = || Job::new("setpriv").args(["--pdeathsig", "KILL", "--"]);
    let works = setpriv().arg("true").finish().is_ok_and(|finished| finished.is_success());
    if works { setpriv().arg(program) } else { Job::new(program) }
}
