//! Everything at once: three nodes, NATS and a store as processes of their own, two hundred clients
//! with the browser's real brain on real sockets, and faults at seeded moments while they write.
//!
//! When it is quiet again, every acknowledged message is there once and in order, and every badge
//! says what the messages say. `MESSAGE_SERVICE_TEST_CHAOS_SECONDS` makes it longer than it is in
//! every test run, and `MESSAGE_SERVICE_TEST_CHAOS_SEED` another one.

mod check;
mod client;
mod cluster;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;

use self::client::{Client, Report};
use self::cluster::{Cluster, Fault};

/// Users, and browsers of each.
const USERS: usize = 40;
const EACH: usize = 5;
/// How long clients write where nothing else is said.
const SECONDS: u64 = 20;
/// Beyond this nothing comes back by itself: two audits, a drift that has to be seen twice, and a
/// reconnect.
const QUIET: Duration = Duration::from_mins(4);

/// What the clients are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Act,
    BeQuiet,
    End,
}

/// Chance from a seed (`SplitMix64`, as the simulator's).
#[derive(Clone, Debug)]
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

fn user(number: usize) -> String {
    format!("user{number:02}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_or_miscounted_whatever_dies() {
    let seconds = number("MESSAGE_SERVICE_TEST_CHAOS_SECONDS", SECONDS);
    let mut chance = Chance(number("MESSAGE_SERVICE_TEST_CHAOS_SEED", 1));
    let mut cluster = Cluster::start().await;
    for number in 0..USERS {
        cluster.main_app(0).upsert(&user(number)).await;
    }
    let (tell, phase) = watch::channel(Phase::Act);
    let nodes = cluster.addresses();
    let (mut clients, mut glances) = (Vec::new(), Vec::new());
    for number in 0..USERS * EACH {
        let client = Client::new(number, &user(number / EACH), nodes.clone(), chance.next());
        glances.push(client.glance());
        clients.push(tokio::spawn(client.run(phase.clone())));
    }

    let mut faults: BTreeMap<Fault, usize> = BTreeMap::new();
    let end = tokio::time::Instant::now() + Duration::from_secs(seconds);
    while tokio::time::Instant::now() < end {
        tokio::time::sleep(Duration::from_millis(500 + chance.next() % 3_000)).await;
        let fault = Fault::ALL[chance.below(Fault::ALL.len())];
        cluster.suffer(fault, &mut chance).await;
        *faults.entry(fault).or_default() += 1;
    }
    cluster.heal().await;
    tell.send(Phase::BeQuiet).unwrap();
    let database = cluster.database();
    let right = tokio::time::timeout(QUIET, check::until_right(&database, &glances)).await;
    tell.send(Phase::End).unwrap();
    let mut reports: Vec<Report> = Vec::new();
    for client in clients {
        reports.push(client.await.unwrap());
    }
    // Where it never came to be right, this says in what.
    let summary = check::all(&database, &glances, &reports).await;
    assert!(right.is_ok(), "it came right only in the end");
    eprintln!("{seconds} s, faults {faults:?}: {summary}");
}
