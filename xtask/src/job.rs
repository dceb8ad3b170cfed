//! Runs another program, and keeps what it says until someone wants to see it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A program that a test left behind keeps the pipes open; after the program itself has ended, its
/// output is waited for this long.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A program to run, in the repository unless [`Job::within`] says otherwise.
#[derive(Debug)]
pub(crate) struct Job {
    command: Command,
    verbose: bool,
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    line: String,
    status: ExitStatus,
    /// What it wrote on standard output.
    pub(crate) stdout: String,
    /// Both outputs, as they came.
    transcript: String,
}

enum Said {
    Out(String),
    Err(String),
}

impl Job {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.current_dir(workspace::root()).stdin(Stdio::null());
        Self { command, verbose: false }
    }

    /// The cargo that runs us.
    pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Self {
        Self::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())).args(arguments)
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args(mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn envs<'a, V: AsRef<OsStr>>(
        mut self,
        variables: impl IntoIterator<Item = (&'a str, V)>,
    ) -> Self {
        self.command.envs(variables);
        self
    }

    pub(crate) fn within(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Shows each line when it comes.
    pub(crate) fn verbose(mut self, verbose: bool) -> Self {
        self.verbose = verbose;
        self
    }

    /// The program with its arguments, for messages.
    fn line(&self) -> String {
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        let words = std::iter::once(name).chain(self.command.get_args());
        words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
    }

    /// Hands the terminal over to the program, and fails where it does.
    pub(crate) fn in_foreground(self) -> Result<()> {
        let line = self.line();
        let status = self.status_in_foreground()?;
        if status.success() { Ok(()) } else { bail!("{line} failed ({status})") }
    }

    /// Hands the terminal over to the program, and says how it ended.
    pub(crate) fn status_in_foreground(mut self) -> Result<ExitStatus> {
        self.command
            .stdin(Stdio::inherit())
            .status()
            .with_context(|| format!("can't run {}", self.line()))
    }

    /// Starts the program with the terminal's outputs, and does not wait for it.
    pub(crate) fn start(mut self) -> Result<std::process::Child> {
        let line = self.line();
        self.command.spawn().with_context(|| format!("can't run {line}"))
    }

    /// Starts the program, writes all that it says into a file, and does not wait for it.
    pub(crate) fn start_into(mut self, log: std::fs::File) -> Result<std::process::Child> {
        self.command.stdout(log.try_clone()?).stderr(log);
        self.start()
    }

    /// Runs the program to its end, whatever that is.
    pub(crate) fn finish(mut self) -> Result<Finished> {
        let line = self.line();
        let mut child = self
            .command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("can't run {line}"))?;
        let (says, heard) = mpsc::channel();
        listen(child.stdout.take(), says.clone(), Said::Out);
        listen(child.stderr.take(), says, Said::Err);
        let (mut stdout, mut transcript) = (String::new(), String::new());
        let mut ended: Option<Instant> = None;
        loop {
            match heard.recv_timeout(Duration::from_millis(100)) {
                Ok(said) => {
                    let (Said::Out(text) | Said::Err(text)) = &said;
                    if self.verbose {
                        println!("{text}");
                    }
                    transcript.push_str(text);
                    transcript.push('\n');
                    if let Said::Out(text) = said {
                        stdout.push_str(&text);
                        stdout.push('\n');
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => match ended {
                    Some(end) if end.elapsed() > LAST_WORDS => break,
                    Some(_) => {}
                    None => ended = child.try_wait()?.map(|_| Instant::now()),
                },
            }
        }
        Ok(Finished { line, status: child.wait()?, stdout, transcript })
    }

    /// Runs the program, and fails with all that it said where it fails. Gives its output.
    pub(crate) fn succeed(self) -> Result<String> {
        let verbose = self.verbose;
        let finished = self.finish()?;
        if finished.is_success() {
            return Ok(finished.stdout);
        }
        // A verbose run has shown it already.
        let said = if verbose { "" } else { finished.transcript.trim_end() };
        bail!("{} failed ({})\n{said}", finished.line, finished.status)
    }
}

impl Finished {
    pub(crate) fn is_success(&self) -> bool {
        self.status.success()
    }

    /// All that it said.
    pub(crate) fn transcript(&self) -> &str {
        self.transcript.trim_end()
    }
}

fn listen<R: Read + Send + 'static>(
    source: Option<R>,
    says: Sender<Said>,
    wrap: fn(String) -> Said,
) {
    let Some(source) = source else { return };
    std::thread::spawn(move || {
        for line in BufReader::new(source).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            if says.send(wrap(line)).is_err() {
                break;
            }
        }
    });
}
