//! Connections: taking them in, and answering what comes on each of them.
//!
//! `axum::serve` does the same without a timer, and then a connection that says nothing stays for
//! ever, with one of the files that the process may have open.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long nobody is taken in after that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Answers until `ended`, and then what has begun. A connection on which no request comes within
/// `idle` is closed, be it the first one or another; one that has become a socket is the socket's.
pub(crate) async fn answer(
    listener: TcpListener,
    router: Router,
    idle: Duration,
    ended: CancellationToken,
) {
    let mut http = http1::Builder::new();
    // It runs from the end of a request, or from the beginning, to the end of the next one's head.
    http.timer(TokioTimer::new()).header_read_timeout(idle);
    let open = TaskTracker::new();
    while let Some(socket) = ended.run_until_cancelled(accept(&listener)).await {
        let (http, ended) = (http.clone(), ended.clone());
        let service = TowerToHyperService::new(router.clone());
        open.spawn(async move {
            let connection = http.serve_connection(TokioIo::new(socket), service).with_upgrades();
            let mut connection = pin!(connection);
            let outcome = tokio::select! {
                outcome = &mut connection => outcome,
                () = ended.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = outcome {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
    drop(listener);
    open.close();
    open.wait().await;
}

/// The next connection.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((socket, _)) => {
                // Small frames must not wait for one another.
                if let Err(error) = socket.set_nodelay(true) {
                    tracing::debug!(%error, "a socket keeps its delay");
                }
                return socket;
            }
            Err(error) if has_gone(&error) => {}
            // Most likely no more files may be open. Others will be closed, and asking for one
            // without a pause would only keep the processor from it.
            Err(error) => {
                tracing::error!(%error, "no connection can be taken in; goes on in a second");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Whether the peer went away before it was taken in.
fn has_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
