//! `cargo xtask simulate`: many clients against real server code, in no real time.

use anyhow::Result;

use crate::job::Job;

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

impl Arguments {
    /// What the test run runs.
    pub(crate) const TEST: Self = Self { seeds: 200, steps: 2_000, seed: None };

    /// The simulator with these arguments.
    ///
    /// The development profile optimises what a run spends its time in, and is built for the tests
    /// anyway; a release build would take longer than most runs.
    pub(crate) fn job(&self) -> Job {
        let mut job = Job::cargo(["run", "--quiet", "--locked"])
            .args(["--package", "message-service-simulator", "--"])
            .args(["--seeds", &self.seeds.to_string(), "--steps", &self.steps.to_string()]);
        if let Some(seed) = self.seed {
            job = job.args(["--seed", &seed.to_string()]);
        }
        job
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.job().in_foreground()
}
