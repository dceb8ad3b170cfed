//! `export`, `import` and `new-epoch`: what is done to a whole data set, with the service stopped.

use std::fs::File;
use std::io::{self, BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use message_service::store::archive::Tally;
use message_service::transfer::{self, Event, TransferError, Witness};

use crate::{Outcome, Settings, say};

/// How often it is told how far it is.
const TOLD_EVERY: Duration = Duration::from_secs(2);

#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    settings: Settings,
    /// The file to write, or - for standard output. Until it is whole it has `.partial` behind its
    /// name; a try that was interrupted is gone on with by the same command.
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct Import {
    #[command(flatten)]
    settings: Settings,
    /// The file to read, or - for standard input. A try that was interrupted is gone on with by the
    /// same command and the same file.
    file: PathBuf,
}

#[derive(Args)]
pub(crate) struct NewEpoch {
    #[command(flatten)]
    settings: Settings,
}

#[tokio::main]
pub(crate) async fn export(command: &Export) -> Outcome {
    let store = transfer::open(&command.settings.load()?).await?;
    let (path, mut meter) = (command.file.as_path(), Meter::new());
    let tally = if path == Path::new("-") {
        let out = BufWriter::new(io::stdout().lock());
        transfer::export(&*store, out, &mut meter).await?
    } else {
        transfer::export_to_file(&*store, path, &mut meter).await?
    };
    meter.finished("exported", &tally);
    Ok(())
}

#[tokio::main]
pub(crate) async fn import(command: &Import) -> Outcome {
    let (path, mut meter) = (command.file.as_path(), Meter::new());
    let tally = if path == Path::new("-") {
        let store = transfer::open_or_create(&command.settings.load()?).await?;
        transfer::import(&*store, io::stdin().lock(), &mut meter).await?
    } else {
        // A file that is not there must not leave a new store behind.
        let file = File::open(path)
            .map_err(|error| format!("{} can't be read: {error}", path.display()))?;
        let store = transfer::open_or_create(&command.settings.load()?).await?;
        transfer::import(&*store, BufReader::with_capacity(1 << 18, file), &mut meter).await?
    };
    meter.finished("imported and compared", &tally);
    Ok(())
}

#[tokio::main]
pub(crate) async fn new_epoch(command: &NewEpoch) -> Outcome {
    let store = transfer::open(&command.settings.load()?).await?;
    let epoch = store.new_epoch().await.map_err(TransferError::from)?;
    say(epoch.as_str());
    eprintln!(
        "message-service: the data set begins a new life under this epoch: every client that \
         connects forgets what it knew and starts from what the store holds"
    );
    Ok(())
}

/// Tells how far it is, on standard error.
struct Meter {
    begun: Instant,
    told: Option<Instant>,
}

impl Meter {
    fn new() -> Self {
        Self { begun: Instant::now(), told: None }
    }

    fn finished(&self, what: &str, tally: &Tally) {
        let Tally { users, conversations, members, messages, notices, .. } = tally;
        let seconds = self.begun.elapsed().as_secs_f64();
        eprintln!(
            "message-service: {what} {users} users, {conversations} conversations, {members} \
             members, {messages} messages and {notices} notices in {seconds:.1} s"
        );
    }
}

impl Witness for Meter {
    fn told(&mut self, event: Event) {
        let text = match event {
            Event::GoesOnAfter(line) => format!("goes on after line {line}"),
            Event::StartsOver => "the store has changed since; starts over".to_owned(),
            Event::Comparing => "all records are there; looks at what the badges show".to_owned(),
            Event::IsThere => "the store holds this data set already; only compares".to_owned(),
        };
        eprintln!("message-service: {text}");
    }

    fn done(&mut self, records: u64, of: u64) {
        if self.told.is_some_and(|told| told.elapsed() < TOLD_EVERY) {
            return;
        }
        self.told = Some(Instant::now());
        let percent = (records * 100).checked_div(of).unwrap_or(100);
        let millis = self.begun.elapsed().as_millis().max(1);
        let rate = u128::from(records) * 1_000 / millis;
        eprintln!("message-service: {records} of {of} records, {percent} %, {rate} a second");
    }
}
