//! `cargo xtask simulate`: many clients against real server code, in no real time.

use anyhow::Result;

use crate::job::Job;
use crate::workspace;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many seeds to run, from the first one on
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// Steps of each seed
    #[arg(long, default_value_t = 2_000)]
    steps: u64,
    /// The first seed; a failure names the one to repeat
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // The development profile optimises what a run spends its time in, and is built for the tests
    // anyway; a release build would take longer than most runs.
    let mut job = Job::cargo(["run", "--quiet", "--locked"])
        .args(["--package", "message-service-simulator", "--"])
        .args(["--seeds", &arguments.seeds.to_string()])
        .args(["--steps", &arguments.steps.to_string()]);
    if let Some(seed) = arguments.seed {
        job = job.args(["--seed", &seed.to_string()]);
    }
    job.in_foreground()
}

/// The program as it was built for the tests, for as long as a test run takes.
pub(crate) fn test_job() -> Job {
    Job::new(workspace::target().join("debug/message-service-simulator"))
        .args(["--seeds", "200", "--steps", "2000"])
}
