//! Listening, for the binary. A host that nests the router does this by itself.

use std::io;

use axum::serve::ListenerExt;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::MessageService;

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
    TcpListener::bind(address).await.map_err(|source| {
        let address = address.to_owned();
        match source.kind() {
            io::ErrorKind::AddrInUse => ServeError::Busy(address),
            _ => ServeError::Listen { address, source },
        }
    })
}

/// Answers until `stop`, then drains. While it drains, requests are still answered, so that
/// whoever asks hears that it is not ready any more.
pub async fn serve(
    service: &MessageService,
    listener: TcpListener,
    stop: impl Future<Output = ()>,
) -> io::Result<()> {
    // Small frames must not wait for one another.
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a socket keeps its delay");
        }
    });
    let drained = CancellationToken::new();
    let until = drained.clone().cancelled_owned();
    let serving = axum::serve(listener, service.router()).with_graceful_shutdown(until);
    let mut serving = std::pin::pin!(serving.into_future());
    tokio::select! {
        outcome = &mut serving => return outcome,
        () = stop => {}
    }
    tracing::info!("draining");
    tokio::select! {
        outcome = &mut serving => return outcome,
        () = service.shutdown() => drained.cancel(),
    }
    // Whoever has not finished by now is cut off.
    tokio::time::timeout(LAST_WORDS, serving).await.unwrap_or(Ok(()))
}

/// How long the last answers may take after the drain.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_secs(2);
