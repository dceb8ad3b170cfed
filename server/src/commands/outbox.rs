//! `outbox list` and `outbox retry`: an operator sees to dead letters, with the service running or
//! not.

use clap::{Args, Subcommand};
use message_service::limits::PAGE_MAX;
use message_service::outbox::Outbox;

use crate::{Outcome, Settings, say};

#[derive(Args)]
pub(crate) struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Print the dead letters, newest first, each as a line of JSON with its reason.
    List(List),
    /// Have dead letters tried again, as if they were new.
    Retry(Retry),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    settings: Settings,
}

#[derive(Args)]
struct Retry {
    #[command(flatten)]
    settings: Settings,
    /// The `_id` of one of them.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    id: Option<String>,
    /// All of them.
    #[arg(long)]
    all: bool,
}

#[tokio::main]
pub(crate) async fn run(command: &Command) -> Outcome {
    match &command.what {
        What::List(List { settings }) => list(&open(settings).await?).await,
        What::Retry(Retry { settings, id, .. }) => {
            retry(&open(settings).await?, id.as_deref()).await
        }
    }
}

async fn open(settings: &Settings) -> Result<Outbox, Box<dyn std::error::Error>> {
    let at = settings.load()?.outbox.ok_or(
        "`outbox` is empty; set it to the main app's database, mongodb://HOST:PORT/DATABASE",
    )?;
    Ok(Outbox::open(at.address()).await?)
}

async fn list(outbox: &Outbox) -> Outcome {
    let mut before = None;
    loop {
        let page = outbox.dead(before.as_deref(), PAGE_MAX).await?;
        for letter in &page.entries {
            say(&serde_json::to_string(letter)?);
        }
        before = page.next;
        if before.is_none() {
            return Ok(());
        }
    }
}

async fn retry(outbox: &Outbox, id: Option<&str>) -> Outcome {
    let Some(id) = id else {
        say(&format!("{} will be tried again", outbox.retry_all().await?));
        return Ok(());
    };
    if !outbox.retry(id).await? {
        return Err(format!("no entry `{id}` is dead; `outbox list` shows those that are").into());
    }
    say(&format!("{id} will be tried again"));
    Ok(())
}
