//! The WebSocket edge: checks where a page comes from, upgrades, and carries frames between a
//! socket and a [`Session`](crate::session::Session).
//!
//! A socket is read in one place and written in another. The reader handles one frame after the
//! other and never gives a command up half-way, whatever happens to the socket; the writer takes
//! all that waits in the session's mailbox and flushes once. Either can end the socket, and says so
//! on the [`Line`] between them. Deliberately not here: what a frame means.

mod fault;
mod pace;
mod reader;
mod writer;

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use message_service_shared::error::ErrorCode;
use message_service_shared::limits::FRAME_BYTES;
use tokio_util::sync::CancellationToken;

use crate::hub::Mailbox;
use crate::node::Node;
use crate::problem::Problem;

/// Bytes that a socket reads at a time. It is zeroed for every read and kept for every socket.
const READ_BUFFER: usize = 4 * 1024;
/// Bytes that gather before they go to the system ahead of a flush.
const WRITE_BUFFER: usize = 16 * 1024;

/// What the reader and the writer of a socket share.
#[derive(Debug, Default)]
struct Line {
    mailbox: Arc<Mailbox>,
    /// The peer has gone, or said that it goes: nothing more is written.
    heard_all: CancellationToken,
    /// The last frame is written, or none can be any more: nothing more is read.
    said_all: CancellationToken,
}

/// Answers a request for a socket.
pub(crate) async fn upgrade(
    State(node): State<Arc<Node>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    if !node.origins.allow(&headers) {
        let message = "pages of this origin may not connect; see `allowed_origins`";
        return Problem::new(ErrorCode::Forbidden, message).into_response();
    }
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            let message = "this is the address of a WebSocket (RFC 6455, version 13)";
            let problem = Problem::new(ErrorCode::Malformed, message);
            return problem.with_status(rejection.status()).into_response();
        }
    };
    if node.draining.is_cancelled() {
        let message = "this server is about to stop; try again";
        return Problem::new(ErrorCode::Unavailable, message).into_response();
    }
    let open = node.work.token();
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_message_size(FRAME_BYTES)
        .max_frame_size(FRAME_BYTES)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a socket did not come about"))
        .on_upgrade(move |socket| async move {
            metrics::gauge!("message_service_sockets").increment(1.0);
            serve(&node, socket).await;
            metrics::gauge!("message_service_sockets").decrement(1.0);
            drop(open);
        })
}

async fn serve(node: &Node, socket: WebSocket) {
    let line = Line::default();
    let (mut sink, mut stream) = socket.split();
    tokio::join!(reader::run(node, &mut stream, &line), writer::run(&mut sink, &line));
}
