//! Debian's package manager, where it may be used without asking anyone.

use anyhow::Result;

use crate::job::Job;
use crate::steps::Steps;
use crate::tools;

/// A way to be obeyed by apt-get.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Apt {
    /// This process is root's.
    AsRoot,
    /// There is a `sudo` that asks nothing.
    BySudo,
}

impl Apt {
    /// How it may be used, if at all.
    pub(crate) fn find() -> Option<Self> {
        tools::version("apt-get")?;
        let user = Job::new("id").arg("-u").finish().ok()?;
        if user.stdout.trim() == "0" {
            return Some(Self::AsRoot);
        }
        let sudo = Job::new("sudo").args(["-n", "true"]).finish().ok()?;
        sudo.is_success().then_some(Self::BySudo)
    }

    /// Runs `apt-get` with these arguments, as a part of a step.
    pub(crate) fn run(self, steps: &Steps, arguments: &[&str]) -> Result<()> {
        let job = match self {
            Self::AsRoot => Job::new("apt-get"),
            Self::BySudo => Job::new("sudo").args(["-n", "apt-get"]),
        };
        steps.quietly(job.args(arguments).env("DEBIAN_FRONTEND", "noninteractive")).map(drop)
    }
}
