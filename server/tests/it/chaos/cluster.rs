//! The processes: nodes, NATS, the store; and what befalls them.

use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::time::Duration;

use super::Chance;
use crate::backing::{Nats, Secantus, eventually};
use crate::person::{MainApp, Person};
use crate::process::{Process, command};
use crate::way::Way;

const NODES: usize = 3;

/// What befalls the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// A node gets SIGKILL, and is started again.
    NodeDies,
    /// NATS gets SIGKILL, and is started again.
    NatsDies,
    /// What a node tells NATS does not arrive, and then the connection ends.
    NatsConnectionEnds,
    /// All connections of a node to the store end in the middle of whatever they carry.
    StoreConnectionsEnd,
}

impl Fault {
    pub(super) const ALL: [Self; 5] = [
        Self::NodeDies,
        Self::StoreConnectionsEnd,
        Self::NatsDies,
        Self::StoreConnectionsEnd,
        Self::NatsConnectionEnds,
    ];
}

pub(super) struct Cluster {
    store: Secantus,
    nats: Option<Nats>,
    nats_port: u16,
    nodes: Vec<Node>,
}

struct Node {
    process: Option<Process>,
    port: u16,
    to_store: Way,
    to_nats: Way,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Cluster {
    pub(super) async fn start() -> Self {
        let (store, nats) = (Secantus::start().await, Nats::start().await);
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            let to_store = Way::open(store.address()).await;
            let to_nats = Way::open(format!("127.0.0.1:{}", nats.port())).await;
            nodes.push(Node { process: None, port: free_port(), to_store, to_nats });
        }
        let nats_port = nats.port();
        let mut cluster = Self { store, nats: Some(nats), nats_port, nodes };
        for node in 0..NODES {
            cluster.start_node(node);
        }
        cluster
    }

    /// Starts a node, again where it could not reach the store in that moment, as an init system
    /// does.
    fn start_node(&mut self, number: usize) {
        let node = &mut self.nodes[number];
        let options = "directConnection=true";
        let store = format!("mongodb://127.0.0.1:{}/messages?{options}", node.to_store.port());
        let bus = format!("nats://127.0.0.1:{}", node.to_nats.port());
        let mut log = Vec::new();
        for _ in 0..5 {
            let mut command = command();
            command.env("MESSAGE_SERVICE__BUS", &bus);
            match Process::try_serve_at(command, node.port, Path::new(&store)) {
                Ok(process) => return node.process = Some(process),
                Err(said) => log = said,
            }
        }
        panic!("a node does not start: {log:?}");
    }

    /// Where the nodes listen, dead or alive.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        let at = |node: &Node| SocketAddr::from(([127, 0, 0, 1], node.port));
        self.nodes.iter().map(at).collect()
    }

    pub(super) fn main_app(&self, node: usize) -> MainApp {
        MainApp::at(self.addresses()[node])
    }

    /// The store's own address, past all that can be cut.
    pub(super) fn database(&self) -> String {
        self.store.database("messages")
    }

    pub(super) async fn suffer(&mut self, fault: Fault, chance: &mut Chance) {
        let number = chance.below(NODES);
        let pause = Duration::from_millis(chance.next() % 2_000);
        match fault {
            Fault::NodeDies => {
                if let Some(mut process) = self.nodes[number].process.take() {
                    process.kill();
                }
                tokio::time::sleep(pause).await;
                self.start_node(number);
            }
            Fault::NatsDies => {
                drop(self.nats.take());
                tokio::time::sleep(pause).await;
                self.nats = Some(Nats::start_at(self.nats_port).await);
            }
            Fault::NatsConnectionEnds => {
                self.nodes[number].to_nats.swallow();
                tokio::time::sleep(pause).await;
                self.nodes[number].to_nats.cut();
            }
            Fault::StoreConnectionsEnd => self.nodes[number].to_store.cut(),
        }
    }

    /// All of it runs again.
    pub(super) async fn heal(&self) {
        for at in self.addresses() {
            let node = Person::at(at, "operator");
            let is_well = async || {
                let ready = node.try_get("/readyz").await;
                ready.is_some_and(|ready| ready.status == 200 && ready.json()["status"] == "ok")
            };
            eventually(is_well).await;
        }
    }
}
