//! The developer's commands; `cargo xtask` lists them.
//!
//! One file per command. What they share: [`job`] runs other programs, [`steps`] tells how far the
//! work is, [`tools`] finds what must be installed, [`npm`] installs packages, [`tally`] counts
//! tests. Nothing here knows how the product works.
#![expect(clippy::print_stdout, reason = "talking to the developer is its purpose")]

mod apt;
mod bench;
mod check;
mod chromium;
mod consumers;
mod demo;
mod deployment;
mod e2e;
mod job;
mod licences;
mod links;
mod npm;
mod package;
mod run;
mod sdk;
mod servers;
mod simulate;
mod statements;
mod steps;
mod tally;
mod test;
mod tools;
mod types;
mod workspace;
mod www;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::steps::Steps;

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "The developer's commands")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Task>,
    /// Show what the programs print, and not only when they fail
    #[arg(long, short, global = true)]
    verbose: bool,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and run the demo
    Run(run::Arguments),
    /// Run every check and test there is
    Test,
    /// Check format, lints, types, documents, links and licences
    Check,
    /// Build the SDK's npm package into dist/, and measure it
    Sdk,
    /// Write the SDK's protocol.ts from the Rust types
    Types,
    /// Run the end-to-end tests in Chromium
    E2e(e2e::Arguments),
    /// Run the simulator: many clients and servers from one seed
    Simulate(simulate::Arguments),
    /// Run the server's benchmarks, or one of them
    Bench(bench::Arguments),
    /// Start the servers that tests need, for a command or until Ctrl-C
    Servers(servers::Arguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let steps = Steps::new(arguments.verbose);
    let outcome = match arguments.command {
        None => {
            list();
            Ok(())
        }
        Some(Task::Run(arguments)) => run::run(&steps, &arguments),
        Some(Task::Test) => test::run(&steps),
        Some(Task::Check) => check::run(&steps),
        Some(Task::Sdk) => sdk::run(&steps),
        Some(Task::Types) => types::write(&steps),
        Some(Task::E2e(arguments)) => e2e::run(&steps, &arguments),
        Some(Task::Simulate(arguments)) => simulate::run(&arguments),
        Some(Task::Bench(arguments)) => bench::run(&arguments),
        Some(Task::Servers(arguments)) => match servers::run(&steps, &arguments) {
            Ok(code) => return code,
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// A line for each command.
fn list() {
    println!("usage: cargo xtask <command> [--verbose]\n");
    for command in Arguments::command().get_subcommands() {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        println!("  {:<9} {about}", command.get_name());
    }
    println!("\ncargo xtask <command> --help says more.");
}
