//! What a send costs through the whole server: request, service, store, and the way to its receiver.
//!
//! `cargo xtask servers -- cargo xtask bench server`
//!
//! Senders send one message after the other by REST, each into a conversation of its own, and each
//! waits for its acknowledgement; a receiver of each holds a socket. The stores take
//! turns, so that whatever else the machine does meets all of them alike. Then one user sends on
//! one node, and another hears it on another node, beside what a bare round trip over the same NATS
//! takes in the same run.
//!
//! Clients, nodes and databases share this machine: a figure is only worth something beside its
//! neighbours. Nothing here is asserted.

#![expect(clippy::print_stdout, reason = "the tables are what this program is for")]

mod figures;
mod line;
mod nats;
mod node;
mod sender;

use std::error::Error;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use self::figures::Figures;
use self::line::Line;
use self::nats::Nats;
use self::node::{Backing, Node};
use self::sender::Sender;

const SENDERS: [usize; 3] = [1, 16, 64];
const REPETITIONS: usize = 3;
const RUN: Duration = Duration::from_secs(3);
/// Messages from node to node.
const MESSAGES: usize = 500;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let secantusdb = std::env::var("MESSAGE_SERVICE_TEST_SECANTUSDB").map_err(|_| {
        "MESSAGE_SERVICE_TEST_SECANTUSDB is not set; run `cargo xtask servers -- cargo xtask bench \
         server`, which sets it"
    })?;
    println!(
        "message-service {}, {} processors; {REPETITIONS} runs of {} s each, in turns",
        env!("CARGO_PKG_VERSION"),
        available_parallelism()?,
        RUN.as_secs(),
    );
    from_node_to_node(secantusdb.clone()).await?;
    println!(
        "{:>10} | {:>7} | {:>8} | {:>8} | {:>8}",
        "store", "senders", "sends/s", "p50 ms", "p99 ms"
    );
    let backings = [Backing::Memory, Backing::Sqlite, Backing::MongoDb(secantusdb.clone())];
    for senders in SENDERS {
        let mut figures = [(); 3].map(|()| Figures::default());
        for _ in 0..REPETITIONS {
            for (backing, figures) in backings.iter().zip(&mut figures) {
                figures.add(sends(backing, senders).await?, RUN);
            }
        }
        for (backing, figures) in backings.iter().zip(&figures) {
            println!(
                "{:>10} | {senders:>7} | {:>8.0} | {:>8.2} | {:>8.2}",
                backing.name(),
                figures.per_second(),
                figures.percentile(50),
                figures.percentile(99),
            );
        }
    }
    Ok(())
}

/// How long each send took until it was acknowledged.
async fn sends(backing: &Backing, senders: usize) -> Outcome<Vec<Duration>> {
    let node = Node::start(backing, None).await?;
    let mut tasks = Vec::new();
    for number in 0..senders {
        let (from, to) = (format!("sender{number}"), format!("receiver{number}"));
        let receiver = Line::open(node.address, &to).await?;
        tokio::spawn(receiver.listen());
        // Who has shown a token exists.
        Line::open(node.address, &from).await?;
        let mut sender = Sender::open(node.address, &from).await?;
        tasks.push(tokio::spawn(async move {
            let (mut took, end) = (Vec::new(), Instant::now() + RUN);
            while Instant::now() < end {
                let begun = Instant::now();
                sender.send(&to).await?;
                took.push(begun.elapsed());
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(took)
        }));
    }
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await??);
    }
    node.end().await;
    Ok(took)
}

/// One sends on one node, another hears it on the other.
async fn from_node_to_node(secantusdb: String) -> Outcome<()> {
    let nats = Nats::start().await?;
    let backing = Backing::MongoDb(secantusdb).with_one_database();
    let one = Node::start(&backing, Some(nats.url())).await?;
    let other = Node::start(&backing, Some(nats.url())).await?;
    one.reaches_all().await;
    other.reaches_all().await;
    let mut receiver = Line::open(other.address, "receiver").await?;
    Line::open(one.address, "sender").await?;
    let mut sender = Sender::open(one.address, "sender").await?;
    let bare = Arc::new(nats.echo().await?);
    let (mut acknowledged, mut arrived, mut after, mut round_trips) =
        (Figures::default(), Figures::default(), Figures::default(), Figures::default());
    for _ in 0..MESSAGES {
        let begun = Instant::now();
        let pushed = async {
            receiver.push().await?;
            Ok::<_, Box<dyn Error + Send + Sync>>(Instant::now())
        };
        let replied = async {
            sender.send("receiver").await?;
            Ok(Instant::now())
        };
        let (pushed, replied) = tokio::try_join!(pushed, replied)?;
        acknowledged.add(vec![replied - begun], Duration::ZERO);
        arrived.add(vec![pushed - begun], Duration::ZERO);
        after.add(vec![pushed.saturating_duration_since(replied)], Duration::ZERO);
        round_trips.add(vec![bare.round_trip().await?], Duration::ZERO);
    }
    println!("from node to node, {MESSAGES} messages one after the other on SecantusDB and NATS");
    for (what, figures) in [
        ("sent until acknowledged", &acknowledged),
        ("sent until heard on the other node", &arrived),
        ("acknowledged until heard there", &after),
        ("bare NATS round trip", &round_trips),
    ] {
        println!(
            "{what:>36} | p50 {:>7.2} ms | p99 {:>7.2} ms",
            figures.percentile(50),
            figures.percentile(99)
        );
    }
    one.end().await;
    other.end().await;
    Ok(())
}
