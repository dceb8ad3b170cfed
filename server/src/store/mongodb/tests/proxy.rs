//! A process that dies, seen from the server: its connections end before or after a write.
//!
//! A proxy stands between a store and a server. It reads of each request the name of its command,
//! and from the write on that it was told to, it lets nothing through any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use mongodb::bson::RawDocument;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

/// When the process dies.
#[derive(Clone, Copy, Debug)]
pub(super) enum Death {
    /// Before the server sees the write of this number, from 0.
    BeforeWrite(usize),
    /// After the server has done it, and before the answer is heard.
    AfterWrite(usize),
}

/// A way to a server that ends.
pub(super) struct Proxy {
    address: String,
    state: Arc<State>,
    _accepting: AbortOnDropHandle<()>,
}

struct State {
    death: Death,
    /// Whether only one connection ends, and what comes after it gets through.
    once: bool,
    writes: AtomicUsize,
    is_dead: AtomicBool,
}

impl Proxy {
    /// A way on which nothing gets through once the process has died.
    pub(super) async fn dying(address: &str, death: Death) -> Self {
        Self::start(address, death, false).await
    }

    /// A way on which one connection ends, and the next ones are sound.
    pub(super) async fn stumbling(address: &str, death: Death) -> Self {
        Self::start(address, death, true).await
    }

    async fn start(address: &str, death: Death, once: bool) -> Self {
        let (scheme, rest) = address.split_once("://").unwrap();
        let (host, path) = rest.split_once('/').unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let state = Arc::new(State {
            death,
            once,
            writes: AtomicUsize::new(0),
            is_dead: AtomicBool::new(false),
        });
        let accepting = tokio::spawn(accept(listener, host.to_owned(), Arc::clone(&state)));
        Self {
            address: format!("{scheme}://{here}/{path}"),
            state,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Whether it came to that.
    pub(super) fn has_died(&self) -> bool {
        self.state.is_dead.load(Ordering::SeqCst)
    }
}

async fn accept(listener: TcpListener, host: String, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        if state.is_dead.load(Ordering::SeqCst) && !state.once {
            continue;
        }
        let server = TcpStream::connect(&host).await.unwrap();
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        // Commands of one connection follow each other, so a request and its answer are a round.
        tokio::spawn(rounds(from_client, to_client, from_server, to_server, Arc::clone(&state)));
    }
}

async fn rounds(
    mut from_client: OwnedReadHalf,
    mut to_client: OwnedWriteHalf,
    mut from_server: OwnedReadHalf,
    mut to_server: OwnedWriteHalf,
    state: Arc<State>,
) {
    while let Some(request) = read_message(&mut from_client).await {
        let fate = state.judge(&request);
        if matches!(fate, Fate::Lost) || to_server.write_all(&request).await.is_err() {
            return;
        }
        let Some(answer) = read_message(&mut from_server).await else { return };
        if matches!(fate, Fate::Unheard) || to_client.write_all(&answer).await.is_err() {
            return;
        }
    }
}

/// A message of the wire protocol: its length comes first.
async fn read_message(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = from.read_u32_le().await.ok()?;
    let mut message = vec![0; usize::try_from(length).ok()?];
    message[..4].copy_from_slice(&length.to_le_bytes());
    from.read_exact(&mut message[4..]).await.ok()?;
    Some(message)
}

enum Fate {
    Through,
    Lost,
    Unheard,
}

impl State {
    fn judge(&self, request: &[u8]) -> Fate {
        if !is_write(request) {
            return if self.is_dead.load(Ordering::SeqCst) && !self.once {
                Fate::Lost
            } else {
                Fate::Through
            };
        }
        let number = self.writes.fetch_add(1, Ordering::SeqCst);
        let (at, fate) = match self.death {
            Death::BeforeWrite(at) => (at, Fate::Lost),
            Death::AfterWrite(at) => (at, Fate::Unheard),
        };
        match number.cmp(&at) {
            std::cmp::Ordering::Less => Fate::Through,
            std::cmp::Ordering::Equal => {
                self.is_dead.store(true, Ordering::SeqCst);
                fate
            }
            std::cmp::Ordering::Greater if self.once => Fate::Through,
            std::cmp::Ordering::Greater => Fate::Lost,
        }
    }
}

/// Whether an `OP_MSG` (code 2013) is of a command that writes. Its first section, after the header
/// of 16 bytes, the flags of 4 and the section's kind of 1, is the command's document.
fn is_write(request: &[u8]) -> bool {
    const OP_MSG: u32 = 2_013;
    let code = request.get(12..16).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()));
    if code != Some(OP_MSG) || request.get(20) != Some(&0) {
        return false;
    }
    let length = u32::from_le_bytes(request[21..25].try_into().unwrap()) as usize;
    let document = RawDocument::from_bytes(&request[21..21 + length]).unwrap();
    let name = document.iter().next().unwrap().unwrap().0.as_str().to_owned();
    ["insert", "update", "findAndModify", "delete"].contains(&name.as_str())
}
