//! Listening, for the binary. A host that nests the router does this by itself.

mod connections;

pub(crate) use self::connections::answer;

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use crate::MessageService;

/// Connections that may wait to be taken in. After a restart all clients of a node come within
/// seconds, and who finds no place tries again a second later.
const BACKLOG: u32 = 1_024;

/// Why it does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Somebody else listens there.
    #[error(
        "{0} is in use by another program; stop it, or choose another port, as with \
         `--listen 127.0.0.1:0` for any that is free"
    )]
    Busy(String),
    /// It is no address of this machine, or the system does not allow it.
    #[error("can't listen at {address}: {source}; change `listen`")]
    Listen {
        /// Where.
        address: String,
        /// Why not.
        source: io::Error,
    },
}

/// Takes an address.
pub async fn listen(address: &str) -> Result<TcpListener, ServeError> {
    bind(address).await.map_err(|source| {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::Busy(address),
            _ => ServeError::Listen { address, source },
        }
    })
}

/// As [`TcpListener::bind`] does it, with more room for those who wait.
async fn bind(address: &str) -> io::Result<TcpListener> {
    let mut refused = io::Error::new(io::ErrorKind::InvalidInput, "no address has this name");
    for address in tokio::net::lookup_host(address).await? {
        match bind_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

/// The same at one address.
pub(crate) fn bind_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // Elsewhere it would take an address from another program that listens there.
    if cfg!(unix) {
        // A restart does not wait until the last connections from before are forgotten.
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers until `stop`, then drains. While it drains, requests are still answered, so that
/// whoever asks hears that it is not ready any more.
pub async fn serve(
    service: &MessageService,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) {
    let drained = CancellationToken::new();
    let ending = async {
        stop.await;
        tracing::info!("draining");
        service.shutdown().await;
        drained.cancel();
        // Whoever has not finished by then is cut off.
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        () = answer(listener, service.router(), service.idle(), drained.clone()) => {}
        () = ending => {}
    }
}

/// How long the last answers may take after the drain.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn it_listens_by_name_and_by_number_and_says_who_is_there_already() {
        let by_name = listen("localhost:0").await.unwrap().local_addr().unwrap();
        assert!(by_name.ip().is_loopback(), "{by_name}");
        let listener = listen("127.0.0.1:0").await.unwrap();
        let taken = listener.local_addr().unwrap().to_string();
        assert!(matches!(listen(&taken).await, Err(ServeError::Busy(at)) if at == taken));
        let nowhere = listen("192.0.2.1:0").await;
        assert!(matches!(nowhere, Err(ServeError::Listen { .. })), "{nowhere:?}");
    }

    #[tokio::test]
    async fn many_may_come_at_once_before_anybody_is_taken_in() {
        let listener = listen("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        // More than systems keep by themselves; of a connection that finds no place nothing comes.
        for number in 0..300 {
            let patience = std::time::Duration::from_secs(20);
            let connecting = tokio::time::timeout(patience, TcpStream::connect(address));
            waiting.push(connecting.await.unwrap_or_else(|_| panic!("no place for {number}")));
        }
        assert!(waiting.iter().all(Result::is_ok));
    }
}
