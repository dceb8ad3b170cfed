//! The real binary, as a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::server::{KEY, SECRET};

/// How long a process may take to begin: under the faults of many, it waits for a store that is busy
/// with everybody else who comes back.
const START: Duration = Duration::from_mins(1);

/// A running process. Dropping it kills it.
pub(crate) struct Process {
    pub(crate) address: SocketAddr,
    child: Child,
    log: Receiver<String>,
}

const BINARY: &str = env!("CARGO_BIN_EXE_message-service");

/// The binary, with the tests' secrets and nothing else in its environment.
pub(crate) fn command() -> Command {
    run(BINARY)
}

/// The same, where it may have so many files open.
pub(crate) fn command_with_files(files: u32) -> Command {
    let mut command = run("/bin/sh");
    command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\""), BINARY]);
    command
}

fn run(program: &str) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("MESSAGE_SERVICE__JWT__SECRETS", SECRET)
        .env("MESSAGE_SERVICE__SERVICE_KEYS", KEY);
    command
}

/// Runs it to its end.
pub(crate) fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

impl Process {
    pub(crate) fn serve(store: &Path) -> Self {
        Self::serve_with(command(), store)
    }

    pub(crate) fn serve_with(command: Command, store: &Path) -> Self {
        Self::serve_at(command, 0, store)
    }

    /// Listens at this port.
    pub(crate) fn serve_at(command: Command, port: u16, store: &Path) -> Self {
        Self::try_serve_at(command, port, store)
            .unwrap_or_else(|log| panic!("the process does not listen: {log:?}"))
    }

    /// The same; what it logged where it ended instead.
    pub(crate) fn try_serve_at(
        mut command: Command,
        port: u16,
        store: &Path,
    ) -> Result<Self, Vec<String>> {
        command.arg("serve").arg("--listen").arg(format!("127.0.0.1:{port}"));
        command.arg("--store").arg(store);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let (sender, log) = channel();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut said = Vec::new();
        loop {
            let Ok(line) = log.recv_timeout(START) else {
                let _ = child.kill();
                child.wait().unwrap();
                return Err(said);
            };
            if let Some((_, address)) = line.split_once("listening address=") {
                let address = address.trim().parse().unwrap();
                return Ok(Self { address, child, log });
            }
            said.push(line);
        }
    }

    /// SIGKILL: nothing is tidied up.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, as an init system sends it.
    pub(crate) fn terminate(&self) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    }

    /// Waits for its end; whether it ended well, and what it logged.
    pub(crate) fn ended(&mut self) -> (bool, Vec<String>) {
        let status = self.child.wait().unwrap();
        (status.success(), self.log.iter().collect())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
