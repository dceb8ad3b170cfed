//! `cargo xtask run`: the SDK, the pages and the main app, built and started.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::job::Job;
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
    let demo = ["--locked", "--package", "message-service-demo"];
    steps.run("demo: build the main app", Job::cargo(["build"]).args(demo))?;

    let mut job = Job::cargo(["run", "--quiet"]).args(demo);
    job = job.args(["--", "--port", &port.to_string()]);
    if let Some(data) = &arguments.data {
        // The demo runs in the repository, the developer may be elsewhere.
        job = job.arg("--data").arg(std::path::absolute(data)?);
    }
    if arguments.fresh {
        job = job.arg("--fresh");
    }
    let mut demo = job.start()?;
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        if let Some(status) = demo.try_wait()? {
            bail!("the demo ended before it served anything ({status})");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("\nThe demo is at http://localhost:{port}/ (Ctrl-C stops it)\n");
    let status = demo.wait()?;
    if status.success() { Ok(()) } else { bail!("the demo failed ({status})") }
}
