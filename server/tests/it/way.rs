//! A way over which one process reaches another, and what can befall it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinHandle};

/// Carries connections to a place.
pub(crate) struct Way {
    at: SocketAddr,
    carrying: Arc<Mutex<Vec<AbortHandle>>>,
    swallows: Arc<AtomicBool>,
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
        let (carrying, swallows) = (Arc::<Mutex<Vec<AbortHandle>>>::default(), Arc::default());
        let (mine, swallowing) = (Arc::clone(&carrying), Arc::clone(&swallows));
        let accepting = tokio::spawn(async move {
            while let Ok((from, _)) = listener.accept().await {
                let Ok(to) = TcpStream::connect(&to).await else { continue };
                let carry = tokio::spawn(carry(from, to, Arc::clone(&swallowing)));
                let mut carrying = mine.lock().unwrap();
                carrying.retain(|handle| !handle.is_finished());
                carrying.push(carry.abort_handle());
            }
        });
        Self { at, carrying, swallows, accepting }
    }

    pub(crate) fn port(&self) -> u16 {
        self.at.port()
    }

    /// From now on nothing arrives there any more, and nobody is told.
    pub(crate) fn swallow(&self) {
        self.swallows.store(true, Ordering::SeqCst);
    }

    /// Every connection ends, in the middle of whatever it carries; later ones are carried.
    pub(crate) fn cut(&self) {
        for handle in self.carrying.lock().unwrap().drain(..) {
            handle.abort();
        }
        self.swallows.store(false, Ordering::SeqCst);
    }
}

async fn carry(from: TcpStream, to: TcpStream, swallows: Arc<AtomicBool>) {
    let ((from_read, from_write), (to_read, to_write)) = (from.into_split(), to.into_split());
    let never = AtomicBool::new(false);
    tokio::join!(pass(from_read, to_write, &swallows), pass(to_read, from_write, &never));
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, swallows: &AtomicBool) {
    let mut bytes = vec![0; 16 * 1_024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if !swallows.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}
