//! Frames as text: the only place that writes them, and the only one that turns a client's frame
//! into a command. Reading is there with the feature `server` alone: a browser brings its own parser,
//! and the errors that name a field are the server's to tell.
//!
//! | frame | form |
//! |---|---|
//! | command | `{"id": 7, "command": "read", "params": {…}}` |
//! | reply | `{"reply": 7, "result": {…}}` or `{"reply": 7, "error": {…}}` |
//! | push | `{"push": "message", "data": {…}}` |
//!
//! `reply` is `null` where the command's frame was so broken that it had no id.

#[cfg(feature = "server")]
mod read;

#[cfg(feature = "server")]
pub use read::{Unreadable, read_command, read_json};

use serde::Serialize;

use crate::command::Ask;
use crate::error::ApiError;
use crate::push::Push;

/// A client's own number for a command, unique while it waits for the reply.
pub type CallId = u32;

/// Writes a command's frame.
pub fn write_command<C: Ask>(id: CallId, parameters: &C) -> String {
    write_named(id, C::NAME, &json(parameters))
}

/// Writes a command's frame of which one parameter is JSON text already and passes through. The
/// others are an object that lacks it.
pub fn write_with_raw(
    id: CallId,
    command: &str,
    others: &impl Serialize,
    name: &str,
    raw: &str,
) -> String {
    let others = json(others);
    let open = others.strip_suffix('}').unwrap_or(&others);
    write_named(id, command, &[open, ",\"", name, "\":", raw, "}"].concat())
}

fn write_named(id: CallId, command: &str, parameters: &str) -> String {
    let number = id.to_string();
    ["{\"id\":", &number, ",\"command\":\"", command, "\",\"params\":", parameters, "}"].concat()
}

/// Writes a reply's frame.
pub fn write_reply(id: Option<CallId>, outcome: &Result<impl Serialize, ApiError>) -> String {
    let id = id.map_or_else(|| "null".into(), |id| id.to_string());
    let (word, value) = match outcome {
        Ok(answer) => ("result", json(answer)),
        Err(error) => ("error", json(error)),
    };
    ["{\"reply\":", &id, ",\"", word, "\":", &value, "}"].concat()
}

/// Writes a push's frame.
pub fn write_push(push: &Push) -> String {
    json(push)
}

/// The protocol's types have string keys and no failing serialiser, so they always have a text.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}
