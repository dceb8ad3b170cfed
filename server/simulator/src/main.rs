//! `cargo xtask simulate`: runs seeds, and tells the story of the first that fails.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command speaks to its user")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use message_service_simulator::{Run, simulate};

/// Runs the simulator over many seeds.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: usize,
    /// Steps of chaos in each.
    #[arg(long, default_value_t = 2_000)]
    steps: u32,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Lines of the story of a run that fails.
    #[arg(long, default_value_t = 70)]
    lines: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    let mut tally: BTreeMap<&str, u64> = BTreeMap::new();
    for (done, seed) in (arguments.seed..).take(arguments.seeds).enumerate() {
        let outcome = simulate(Run { seed, steps: arguments.steps, told: 0 });
        if !outcome.complaints.is_empty() {
            let shortest = shortest(Run { seed, steps: arguments.steps, told: 0 });
            report(Run { told: arguments.lines, ..shortest });
            return ExitCode::FAILURE;
        }
        for (what, count) in outcome.tally {
            *tally.entry(what).or_default() += count;
        }
        if (done + 1) % 50 == 0 {
            println!("{} seeds, {:.0} s", done + 1, began.elapsed().as_secs_f64());
        }
    }
    println!("{} seeds of {} steps: all is well", arguments.seeds, arguments.steps);
    for (what, count) in tally {
        println!("{count:>10} {what}");
    }
    ExitCode::SUCCESS
}

/// The fewest steps that this search finds to fail still: the story is shorter then.
fn shortest(run: Run) -> Run {
    let mut run = run;
    let mut cut = run.steps / 2;
    while cut > 0 {
        let shorter = Run { steps: run.steps - cut, ..run };
        if simulate(shorter).complaints.is_empty() {
            cut /= 2;
        } else {
            run = shorter;
            cut = cut.min(run.steps / 2);
        }
    }
    run
}

fn report(run: Run) {
    let outcome = simulate(run);
    eprintln!("{}", outcome.story);
    for complaint in outcome.complaints.iter().take(8) {
        eprintln!("WRONG  {complaint}");
    }
    eprintln!("replay: cargo xtask simulate --seeds 1 --seed {} --steps {}", run.seed, run.steps);
}
