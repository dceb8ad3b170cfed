//! Writes what waits for a session.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes};
use bytes::Bytes;
use futures_util::{Sink, SinkExt};
use message_service_shared::close::CloseCode;
use tokio::time::{error::Elapsed, timeout};

use super::Line;
use crate::hub::{Mailbox, Outgoing};

/// How long the peer may take to accept one frame. Whoever hangs is given up.
const PATIENCE: Duration = Duration::from_secs(15);

/// Writes until the session is closed, or the peer is gone.
pub(super) async fn run<S>(sink: &mut S, line: &Line)
where
    S: Sink<Message> + Unpin,
{
    tokio::select! {
        () = line.heard_all.cancelled() => {}
        outcome = write_all(sink, &line.mailbox) => match outcome {
            Ok(code) => {
                let code = code.number().to_string();
                metrics::counter!("message_service_closes_total", "code" => code).increment(1);
            }
            Err(Broken) => {
                metrics::counter!("message_service_closes_total", "code" => "gone").increment(1);
            }
        },
    }
    line.said_all.cancel();
}

/// The peer takes nothing more.
struct Broken;

impl From<Elapsed> for Broken {
    fn from(_: Elapsed) -> Self {
        Self
    }
}

async fn write_all<S>(sink: &mut S, mailbox: &Mailbox) -> Result<CloseCode, Broken>
where
    S: Sink<Message> + Unpin,
{
    loop {
        match mailbox.next().await {
            Outgoing::Frames(frames) => write(sink, frames.into_iter().filter_map(text)).await?,
            Outgoing::Close(frames, code) => {
                let frames = frames.into_iter().filter_map(text);
                write(sink, frames.chain([close(code)])).await?;
                return Ok(code);
            }
        }
    }
}

/// Many frames, one flush. The time is counted for each frame, so that a large backlog on a thin
/// line is slow and not broken.
async fn write<S>(sink: &mut S, messages: impl Iterator<Item = Message>) -> Result<(), Broken>
where
    S: Sink<Message> + Unpin,
{
    for message in messages {
        timeout(PATIENCE, sink.feed(message)).await?.map_err(|_| Broken)?;
    }
    timeout(PATIENCE, sink.flush()).await?.map_err(|_| Broken)
}

/// The bytes of the mailbox, without another copy.
fn text(frame: Bytes) -> Option<Message> {
    // Frames were text before they were bytes, so none is ever left out here.
    Utf8Bytes::try_from(frame).ok().map(Message::Text)
}

fn close(code: CloseCode) -> Message {
    Message::Close(Some(CloseFrame { code: code.number(), reason: code.reason().into() }))
}
