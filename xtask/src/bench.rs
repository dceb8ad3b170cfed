//! `cargo xtask bench`: the server's benchmarks, in a release build.

use anyhow::Result;

use crate::job::Job;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// One benchmark instead of all
    name: Option<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let job = Job::cargo(["bench", "--locked", "--package", "message-service"]);
    match &arguments.name {
        Some(name) => job.args(["--bench", name]),
        None => job.arg("--benches"),
    }
    .in_foreground()
}
