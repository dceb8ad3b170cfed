//! A NATS server of the benchmark's own, and a bare round trip over it.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::net::TcpStream;

use super::Outcome;

pub(crate) struct Nats {
    child: Child,
    port: u16,
}

impl Nats {
    pub(crate) async fn start() -> Outcome<Self> {
        let program = std::env::var("MESSAGE_SERVICE_TEST_NATS_SERVER")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .args(["--addr", "127.0.0.1", "--port", &port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let nats = Self { child, port };
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(nats)
    }

    pub(crate) fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Two clients, of which one answers whatever the other asks.
    pub(crate) async fn echo(&self) -> Outcome<Echo> {
        let (asking, answering) =
            (async_nats::connect(self.url()).await?, async_nats::connect(self.url()).await?);
        let mut asked = answering.subscribe("echo").await?;
        answering.flush().await?;
        tokio::spawn(async move {
            while let Some(message) = asked.next().await {
                if let Some(reply) = message.reply {
                    let _ = answering.publish(reply, message.payload).await;
                }
            }
        });
        Ok(Echo(asking))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) struct Echo(async_nats::Client);

impl Echo {
    /// As many bytes as a push has.
    pub(crate) async fn round_trip(&self) -> Outcome<Duration> {
        let begun = Instant::now();
        self.0.request("echo", vec![b'x'; 400].into()).await?;
        Ok(begun.elapsed())
    }
}
