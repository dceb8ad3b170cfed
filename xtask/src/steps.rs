//! Tells how far the work is: a line per step, with the seconds it took.

use std::io::Write;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::job::Job;

/// The steps of one command.
#[derive(Debug)]
pub(crate) struct Steps {
    verbose: bool,
    begun: Instant,
}

impl Steps {
    pub(crate) fn new(verbose: bool) -> Self {
        Self { verbose, begun: Instant::now() }
    }

    /// Does a piece of work under a name, and says how long it took.
    pub(crate) fn step<T>(&self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = Instant::now();
        if self.verbose {
            println!("== {name}");
        } else {
            print!("   {name:<58}");
            // Where it can't be shown, there is nobody who waits for it.
            let _ = std::io::stdout().flush();
        }
        let result = work();
        let mark = if result.is_ok() { "" } else { "  FAILED" };
        let seconds = begun.elapsed().as_secs_f64();
        if self.verbose {
            println!("== {name}: {seconds:.1} s{mark}");
        } else {
            println!("{seconds:>7.1} s{mark}");
        }
        result.with_context(|| format!("{name} failed"))
    }

    /// A step that is one program; gives what it wrote on standard output.
    pub(crate) fn run(&self, name: &str, job: Job) -> Result<String> {
        self.step(name, || self.quietly(job))
    }

    /// Runs a program as a part of a step.
    pub(crate) fn quietly(&self, job: Job) -> Result<String> {
        job.verbose(self.verbose).succeed()
    }

    pub(crate) fn is_verbose(&self) -> bool {
        self.verbose
    }

    /// Says something between two steps.
    #[expect(clippy::unused_self, reason = "who has no steps has nobody to talk to")]
    pub(crate) fn say(&self, text: &str) {
        println!("   {text}");
    }

    /// Seconds since the command began.
    pub(crate) fn seconds(&self) -> u64 {
        self.begun.elapsed().as_secs()
    }
}
