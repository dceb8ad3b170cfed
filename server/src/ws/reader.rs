//! Reads a socket: the frame that authenticates, then one command after the other.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes};
use futures_util::{Stream, StreamExt};
use message_service_shared::close::CloseCode;
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::limits;
use tokio::time::{Instant, sleep, timeout_at};

use super::pace::{Allowance, Pace};
use super::{Line, fault};
use crate::node::Node;
use crate::session::{Handled, Session};

const AUTHENTICATE: Duration = Duration::from_millis(limits::AUTHENTICATE_MS);
const SILENCE: Duration = Duration::from_millis(limits::SILENCE_MS);
/// How long the peer may take to answer a close.
const CLOSING: Duration = Duration::from_secs(5);
/// How long a socket stays open after a frame that was not read to its end. Closing it at once
/// would reset the connection, and the peer might never see why.
const UNREAD: Duration = Duration::from_secs(1);

/// Why no more is read.
enum Ending {
    /// The peer goes, or is gone.
    Theirs,
    /// The server ends it, for this reason.
    Ours(CloseCode),
    /// The frame is broken, so nothing after it can be read.
    Broken(CloseCode),
    /// The mailbox holds the reason already.
    Settled,
}

/// Reads until either side ends it, and then until the peer has seen it end.
pub(super) async fn run<S>(node: &Node, stream: &mut S, line: &Line)
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let Err(ending) = converse(node, stream, line).await;
    match ending {
        Ending::Theirs => line.heard_all.cancel(),
        Ending::Ours(code) => line.mailbox.close(code),
        Ending::Broken(code) => {
            line.mailbox.close(code);
            sleep(UNREAD).await;
        }
        Ending::Settled => {}
    }
    // A close is answered, and its answer awaited, by reading on until there is nothing left.
    let end = Instant::now() + CLOSING;
    while let Ok(Some(_)) = timeout_at(end, stream.next()).await {}
}

async fn converse<S>(node: &Node, stream: &mut S, line: &Line) -> Result<Infallible, Ending>
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let mut pace = Pace::new(Instant::now());
    let mut session = begin(node, stream, line, &mut pace).await?;
    let _counted = Counted::new();
    if node.draining.is_cancelled() {
        return Err(Ending::Ours(CloseCode::Restart));
    }
    let mut heard = Instant::now();
    loop {
        let now = node.service.clock().now();
        let left = Duration::from_millis(session.expires_at().saturating_sub(now));
        if left.is_zero() {
            return Err(Ending::Ours(CloseCode::TokenExpired));
        }
        if line.mailbox.closed().is_some() {
            return Err(Ending::Settled);
        }
        let silent = heard + SILENCE;
        let deadline = silent.min(Instant::now() + left.min(SILENCE));
        let Some(message) = hear(stream, line, deadline).await? else {
            if Instant::now() >= silent {
                return Err(Ending::Ours(CloseCode::Silent));
            }
            continue;
        };
        heard = Instant::now();
        match (pace.take(heard), message) {
            (Allowance::Spent, _) => return Err(Ending::Ours(CloseCode::Flooding)),
            (Allowance::Granted, Message::Text(frame)) => {
                let handled = session.handle(&frame).await;
                count(handled, heard);
            }
            (Allowance::Refused, Message::Text(frame)) => session.refuse(&frame, too_fast()),
            // Pings were answered while they were read, and pongs say only that the peer lives.
            (Allowance::Granted | Allowance::Refused, _) => {}
        }
    }
}

/// Waits for the first frame, and lets it authenticate.
async fn begin<S>(
    node: &Node,
    stream: &mut S,
    line: &Line,
    pace: &mut Pace,
) -> Result<Session, Ending>
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let first = tokio::select! {
        first = first_frame(stream, line, pace) => first?,
        () = node.draining.cancelled() => return Err(Ending::Ours(CloseCode::Restart)),
    };
    let (service, mailbox) = (Arc::clone(&node.service), Arc::clone(&line.mailbox));
    let beginning = Session::begin(service, &*node.resolver, mailbox, &first);
    match timeout_at(Instant::now() + AUTHENTICATE, beginning).await {
        Ok(Some(session)) => Ok(session),
        Ok(None) => Err(Ending::Settled),
        Err(_) => Err(Ending::Ours(CloseCode::Unavailable)),
    }
}

async fn first_frame<S>(stream: &mut S, line: &Line, pace: &mut Pace) -> Result<Utf8Bytes, Ending>
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let deadline = Instant::now() + AUTHENTICATE;
    loop {
        match hear(stream, line, deadline).await? {
            None => return Err(Ending::Ours(CloseCode::AuthenticationTimeout)),
            Some(Message::Text(frame)) if frame.len() > limits::FIRST_FRAME_BYTES => {
                return Err(Ending::Ours(CloseCode::FrameTooLarge));
            }
            Some(Message::Text(frame)) => return Ok(frame),
            Some(_) if pace.take(Instant::now()) == Allowance::Spent => {
                return Err(Ending::Ours(CloseCode::Flooding));
            }
            Some(_) => {}
        }
    }
}

/// Waits for the next text, ping or pong; `None` where there was none in time.
async fn hear<S>(stream: &mut S, line: &Line, deadline: Instant) -> Result<Option<Message>, Ending>
where
    S: Stream<Item = Result<Message, axum::Error>> + Unpin,
{
    let heard = tokio::select! {
        biased;
        () = line.said_all.cancelled() => return Err(Ending::Settled),
        heard = timeout_at(deadline, stream.next()) => heard,
    };
    match heard {
        Err(_) => Ok(None),
        Ok(None | Some(Ok(Message::Close(_)))) => Err(Ending::Theirs),
        Ok(Some(Ok(Message::Binary(_)))) => Err(Ending::Ours(CloseCode::BinaryFrame)),
        Ok(Some(Ok(message))) => Ok(Some(message)),
        Ok(Some(Err(error))) => {
            Err(fault::close_code(error).map_or(Ending::Theirs, Ending::Broken))
        }
    }
}

fn too_fast() -> ApiError {
    ApiError::new(ErrorCode::RateLimited, "too many frames in a short time; slow down")
}

fn count(handled: Handled, since: Instant) {
    let command = handled.command.unwrap_or("unreadable");
    let outcome = handled.refused.map_or("ok", ErrorCode::as_str);
    metrics::counter!(
        "message_service_commands_total", "command" => command, "outcome" => outcome
    )
    .increment(1);
    metrics::histogram!("message_service_command_seconds", "command" => command)
        .record(since.elapsed().as_secs_f64());
}

/// Counts a session while it lives.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("message_service_sessions").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("message_service_sessions").decrement(1.0);
    }
}
