//! `cargo xtask run`: the SDK, the pages and the main app, built and started.

use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::demo::{self, Demo};
use crate::steps::Steps;
use crate::{sdk, www};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The port to serve at
    #[arg(long, default_value_t = 8787)]
    port: u16,
    /// The folder that keeps the demo's messages
    #[arg(long)]
    data: Option<PathBuf>,
    /// Begin with the sample messages alone, and forget what the folder keeps
    #[arg(long)]
    fresh: bool,
    /// Keep the messages here instead, such as in `mongodb://127.0.0.1:27017/demo`
    #[arg(long, conflicts_with_all = ["data", "fresh"])]
    store: Option<String>,
    /// By what several demos on one store speak to each other, such as `nats://127.0.0.1:4222`
    #[arg(long)]
    bus: Option<String>,
}

pub(crate) fn run(steps: &Steps, arguments: &Arguments) -> Result<()> {
    let port = arguments.port;
    if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err() {
        let other = if port == u16::MAX { port - 1 } else { port + 1 };
        bail!(
            "port {port} is taken by another program; choose another: cargo xtask run --port {other}"
        );
    }
    let tarball = sdk::build(steps)?;
    if www::exists() {
        www::install(steps, &tarball)?;
        www::build(steps)?;
    } else {
        steps.say("www: there are no pages to build");
    }
    demo::build(steps)?;
    // The demo runs in the repository, the developer may be elsewhere.
    let data = arguments.data.as_deref().map(std::path::absolute).transpose()?;
    let mut job = demo::job(port, data.as_deref(), arguments.fresh);
    for (flag, value) in [("--store", &arguments.store), ("--bus", &arguments.bus)] {
        if let Some(value) = value {
            job = job.args([flag, value]);
        }
    }
    let demo = Demo::start(port, job)?;
    println!("\nThe demo is at {}/ (Ctrl-C stops it)\n", demo.url());
    demo.stay()
}
