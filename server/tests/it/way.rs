//! A way over which one process reaches another, and what can befall it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};

/// What becomes of what is on its way there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Traffic {
    Flows,
    /// It waits.
    Stands,
    Vanishes,
}

/// Carries connections to a place.
pub(crate) struct Way {
    at: SocketAddr,
    carrying: Arc<Mutex<Vec<AbortHandle>>>,
    traffic: watch::Sender<Traffic>,
    accepting: JoinHandle<()>,
}

impl Drop for Way {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Way {
    pub(crate) async fn open(to: String) -> Self {
        Self::open_at(0, to).await
    }

    /// A way that begins at this port of the loopback.
    pub(crate) async fn open_at(port: u16, to: String) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let at = listener.local_addr().unwrap();
        let carrying = Arc::<Mutex<Vec<AbortHandle>>>::default();
        let (traffic, seen) = watch::channel(Traffic::Flows);
        let mine = Arc::clone(&carrying);
        let accepting = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let Ok(to) = TcpStream::connect(&to).await else { continue };
                let carry = tokio::spawn(carry(from, to, seen.clone()));
                let mut carrying = mine.lock().unwrap();
                carrying.retain(|handle| !handle.is_finished());
                carrying.push(carry.abort_handle());
            }
        });
        Self { at, carrying, traffic, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.at.port()
    }

    /// From now on nothing arrives there any more, and nobody is told.
    pub(crate) fn swallow(&self) {
        self.traffic.send_replace(Traffic::Vanishes);
    }

    /// From now on nothing arrives there until it goes on, and nothing is lost.
    pub(crate) fn stand(&self) {
        self.traffic.send_replace(Traffic::Stands);
    }

    pub(crate) fn go_on(&self) {
        self.traffic.send_replace(Traffic::Flows);
    }

    /// Every connection ends, in the middle of whatever it carries; later ones are carried.
    pub(crate) fn cut(&self) {
        for handle in self.carrying.lock().unwrap().drain(..) {
            handle.abort();
        }
        self.go_on();
    }
}

async fn carry(from: TcpStream, to: TcpStream, traffic: watch::Receiver<Traffic>) {
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    let (_never, back) = watch::channel(Traffic::Flows);
    tokio::join!(pass(from_read, to_write, traffic), pass(to_read, from_write, back));
}

async fn pass(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut traffic: watch::Receiver<Traffic>,
) {
    let mut bytes = vec![0; 16 * 1_024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        let moving = traffic.wait_for(|traffic| *traffic != Traffic::Stands).await;
        let Ok(flows) = moving.map(|traffic| *traffic == Traffic::Flows) else { return };
        if flows && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
