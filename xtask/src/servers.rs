//! `cargo xtask servers`: the real servers that tests stand on, for a command or until Ctrl-C.
//!
//! Two servers speak MongoDB's protocol, SecantusDB and FerretDB, and run for as long as the tests
//! do; tests that kill their server start one of their own, and are told where the programs are.
//! All that is brought and kept lies under `target/servers/`, nginx too where the machine has none.
//! MongoDB itself is not brought; who has one names it by
//! `MESSAGE_SERVICE_TEST_MONGODB_URI`, and the store's suite runs there as well.

mod bring;
mod go;
mod hello;
mod nginx;
mod python;
mod running;
mod server;
mod slot;
mod stamp;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use anyhow::Result;

pub(crate) use self::bring::{Programs, hadolint};
pub(crate) use self::running::Servers;
use crate::job::Job;
use crate::steps::Steps;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Run this with the servers in its environment, instead of waiting for Ctrl-C
    #[arg(last = true)]
    command: Vec<OsString>,
}

/// Gives the command's own exit status, where there is one.
pub(crate) fn run(steps: &Steps, arguments: &Arguments) -> Result<ExitCode> {
    let programs = Programs::bring(steps)?;
    let mut servers = Servers::start(steps, &programs)?;
    let Some((program, words)) = arguments.command.split_first() else {
        for (name, value) in servers.environment() {
            println!("export {name}={}", quoted(&value));
        }
        println!("\n{}\nCtrl-C ends them.", servers.account()?);
        return servers.stay().map(|()| ExitCode::SUCCESS);
    };
    let job = Job::new(program).args(words).envs(servers.environment());
    let status = job.within(std::env::current_dir()?).status_in_foreground()?;
    if !status.success() {
        eprintln!("\n{}", servers.account()?);
    }
    // A command that a signal ended has no code.
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, Into::into))
}

/// A value as a shell takes it for one word.
fn quoted(value: &OsStr) -> String {
    format!("'{}'", value.to_string_lossy().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_one_word_for_a_shell() {
        for value in ["mongodb://127.0.0.1:1/?a=b&c=$d", "/it's/here", "a b\"c\\"] {
            let script = format!("printf %s {}", quoted(value.as_ref()));
            assert_eq!(Job::new("sh").args(["-c", &script]).succeed().unwrap().trim_end(), value);
        }
    }
}
