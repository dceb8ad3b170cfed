//! The binary: reads the command line, and serves.

mod commands;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand};
use message_service::MessageService;
use message_service::caller::Mint;
use message_service::config::{Config, LogConfig, LogFormat, StoreAt};
use message_service::id::UserId;
use message_service::serve::{listen, serve};
use message_service::store::mongodb::{Migrate, MongoStore};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use self::commands::{outbox, transfer};

/// Messages and notifications for a web product: keeps them in a database, and brings them to
/// whoever is online.
#[derive(Parser)]
#[command(name = "message-service", version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until SIGTERM or SIGINT; the second one ends it at once.
    Serve(Settings),
    /// Read the configuration and say whether it would do.
    CheckConfig(Settings),
    /// Print the configuration as it comes out of all its layers, without its secrets.
    PrintConfig(Settings),
    /// Prepare a MongoDB database: its collections, indexes and schema version. It may be run
    /// again, and while nodes are running; `serve` does it by itself unless `migrate_at_start` is
    /// false.
    Migrate(Settings),
    /// Mint a user's token, for trying things out.
    Token(Token),
    /// Write everything that the store holds to a file of JSON lines. Stop the service before.
    Export(transfer::Export),
    /// Read an export into an empty store, which goes on where the exported one was: clients only
    /// reconnect. Stop the service before.
    Import(transfer::Import),
    /// Begin a new life of the data set, after an older backup was put back: clients forget what
    /// they knew. Stop the service before. Prints the new epoch.
    NewEpoch(transfer::NewEpoch),
    /// See to the dead letters of the main app's outbox: entries that can't be delivered as they
    /// are.
    Outbox(outbox::Command),
}

/// Settings come from flags, then from the environment (as `MESSAGE_SERVICE__JWT__SECRETS`), then
/// from the file, then from the defaults.
#[derive(Args)]
struct Settings {
    /// A configuration file in TOML; `print-config` shows what can be in it.
    #[arg(long, value_name = "FILE", env = "MESSAGE_SERVICE_CONFIG")]
    config: Option<PathBuf>,
    /// Where to listen, such as 127.0.0.1:8787; port 0 takes one that is free.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Where to keep everything: the path of an SQLite file, `mongodb://HOST:PORT/DATABASE`, or
    /// `memory`.
    #[arg(long, value_name = "STORE")]
    store: Option<String>,
    /// By what several nodes speak to each other, such as `nats://127.0.0.1:4222`.
    #[arg(long, value_name = "BUS")]
    bus: Option<String>,
    /// The main app's own database, `mongodb://HOST:PORT/DATABASE`, where it inserts into `outbox`.
    #[arg(long, value_name = "OUTBOX")]
    outbox: Option<String>,
}

#[derive(Args)]
struct Token {
    #[command(flatten)]
    settings: Settings,
    /// Whose token it is.
    #[arg(long, value_name = "ID")]
    user: UserId,
    /// The user's name.
    #[arg(long)]
    name: Option<String>,
    /// For how many seconds it is good.
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600)]
    ttl: u64,
}

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let outcome = match CommandLine::parse().command {
        Command::Serve(settings) => run(&settings),
        Command::CheckConfig(settings) => check(&settings),
        Command::PrintConfig(settings) => print(&settings),
        Command::Migrate(settings) => migrate(&settings),
        Command::Token(token) => mint(&token),
        Command::Export(command) => transfer::export(&command),
        Command::Import(command) => transfer::import(&command),
        Command::NewEpoch(command) => transfer::new_epoch(&command),
        Command::Outbox(command) => outbox::run(&command),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("message-service: {error}");
            ExitCode::FAILURE
        }
    }
}

impl Settings {
    fn load(&self) -> Result<Config, Box<dyn Error>> {
        let flags = [
            ("listen", &self.listen),
            ("store", &self.store),
            ("bus", &self.bus),
            ("outbox", &self.outbox),
        ];
        let flags = flags.into_iter().filter_map(|(key, text)| Some((key, text.clone()?)));
        // Names that are not text are none of ours.
        let environment = std::env::vars_os()
            .filter_map(|(name, text)| Some((name.into_string().ok()?, text.into_string().ok()?)));
        Ok(Config::load(self.config.as_deref(), environment, flags)?)
    }
}

#[tokio::main]
async fn run(settings: &Settings) -> Outcome {
    let config = settings.load()?;
    log(&config.log)?;
    // Before anything is open, so that a signal is never missed.
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    config.check_standalone()?;
    let listener = listen(&config.listen).await?;
    let service = MessageService::start(config).await?;
    tracing::info!(address = %listener.local_addr()?, "listening");
    let serving = serve(&service, listener, either(&mut terminate, &mut interrupt));
    let mut serving = std::pin::pin!(serving);
    let (mut again_terminate, mut again_interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let second = async {
        either(&mut again_terminate, &mut again_interrupt).await;
        either(&mut again_terminate, &mut again_interrupt).await;
    };
    tokio::select! {
        () = &mut serving => {}
        () = second => return Err("ended at once, by the second signal".into()),
    }
    tracing::info!("drained");
    Ok(())
}

async fn either(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

fn log(config: &LogConfig) -> Outcome {
    let filter = EnvFilter::try_new(&config.filter)
        .map_err(|error| format!("`log.filter` can't be read: {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match config.format {
        LogFormat::Text => log.with_ansi(false).init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

fn check(settings: &Settings) -> Outcome {
    settings.load()?.check_standalone()?;
    say("the configuration will do");
    Ok(())
}

fn print(settings: &Settings) -> Outcome {
    say(&toml::to_string(&settings.load()?)?);
    Ok(())
}

#[tokio::main]
async fn migrate(settings: &Settings) -> Outcome {
    match settings.load()?.store {
        StoreAt::MongoDb(address) => {
            MongoStore::open(&address, Migrate::AtStart).await?;
            say("the database is prepared");
        }
        StoreAt::Sqlite(_) | StoreAt::Memory => {
            say("there is nothing to prepare: `serve` brings this store up to date by itself");
        }
    }
    Ok(())
}

fn mint(token: &Token) -> Outcome {
    let config = token.settings.load()?;
    let secret =
        config.jwt.secrets.first().ok_or("`jwt.secrets` is empty; set one to sign with")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
    let mint = Mint {
        sub: &token.user,
        exp: now.saturating_add(Duration::from_secs(token.ttl)).as_secs(),
        name: token.name.as_deref(),
        iss: config.jwt.issuer.as_deref(),
        aud: config.jwt.audience.as_deref(),
    };
    say(&mint.sign(secret.expose())?);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "it is what the command was asked for")]
fn say(text: &str) {
    println!("{text}");
}
