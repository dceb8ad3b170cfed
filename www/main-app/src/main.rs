//! The demo's main app: a small product that takes message-service in as a module.
//!
//! It nests the service's router, signs people in, mints their tokens, serves the pages, and has a
//! panel from which it pushes. Everything here is what a user of ours writes; only [`past`] is not,
//! since a real product has a past of its own.
#![expect(clippy::print_stdout, reason = "a command tells its user where to look")]

mod members;
mod pages;
mod panel;
mod past;
mod sign_in;

use std::error::Error;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use clap::Parser;
use message_service::MessageService;
use message_service::config::{BusAt, Config, StoreAt};
use tokio::net::TcpListener;

/// The demo of message-service.
#[derive(Debug, Parser)]
struct Arguments {
    /// The port to serve at.
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// The folder that keeps the messages.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/demo"))]
    data: PathBuf,
    /// Begin with the sample messages alone.
    #[arg(long)]
    fresh: bool,
    /// Keep the messages here instead of in the folder, such as in
    /// `mongodb://127.0.0.1:27017/demo`.
    #[arg(long, conflicts_with = "fresh", value_parser = |text: &str| StoreAt::try_from(text.to_owned()))]
    store: Option<StoreAt>,
    /// By what several demos on one store speak to each other, such as `nats://127.0.0.1:4222`.
    #[arg(long, default_value = "none", value_parser = |text: &str| BusAt::try_from(text.to_owned()))]
    bus: BusAt,
}

/// What the main app's own handlers stand on.
#[derive(Clone, Debug)]
struct App {
    messages: Arc<MessageService>,
    /// What tokens are signed with, so that the service knows them for ours.
    secret: Arc<str>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { port, data, fresh, store, bus } = Arguments::parse();
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();

    let store = match store {
        Some(store) => store,
        None => StoreAt::Sqlite(past::prepare_file(&data, fresh).await?),
    };
    past::prepare(&store).await?;
    let secret = sign_in::new_secret();
    let mut config = Config { bus, ..Config::new(store)? };
    config.product_name = Some("Fernrow".to_owned());
    config.jwt.secrets = vec![secret.as_str().into()];
    config.service_keys = vec![sign_in::new_secret().as_str().into()];

    let messages = Arc::new(MessageService::start(config).await?);
    messages.upsert_users(members::profiles()).await?;

    let app = App { messages: Arc::clone(&messages), secret: secret.into() };
    let router = Router::new()
        .nest("/service", messages.router())
        .nest("/api", sign_in::routes().merge(panel::routes()).with_state(app))
        .fallback_service(pages::service());

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("Fernrow is open. Two windows, two people, each with cookies of its own:");
    println!("  http://localhost:{port}/");
    println!("  http://127.0.0.1:{port}/");
    axum::serve(listener, router).with_graceful_shutdown(ended(messages)).await?;
    Ok(())
}

/// Waits for the end, and sends everybody home in good order.
async fn ended(messages: Arc<MessageService>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        messages.shutdown().await;
    }
}
