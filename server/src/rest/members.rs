//! The user's own half of a conversation: reading, marking, removing from the list, settings.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use message_service_shared::answer::MemberNews;
use message_service_shared::command::{Clear, Configure, Mark, Read};
use message_service_shared::id::Epoch;
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use serde::{Deserialize, Serialize};

use super::asked::InPath;
use super::body::Json;
use super::caller::AsUser;
use crate::node::Node;
use crate::problem::Problem;
use crate::store::{READS_KEPT, ReadRecord};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReadUpTo {
    seq: Seq,
    #[serde(default)]
    mark_seen: u32,
    #[serde(default)]
    epoch: Option<Epoch>,
}

#[derive(Deserialize)]
pub(super) struct ClearUpTo {
    seq: Seq,
}

#[derive(Deserialize)]
pub(super) struct Choices {
    #[serde(default)]
    muted: Option<bool>,
    #[serde(default)]
    pinned: Option<bool>,
}

#[derive(Serialize)]
pub(super) struct Reads {
    reads: Vec<WhoRead>,
}

#[derive(Serialize)]
struct WhoRead {
    seq: Seq,
    at: Millis,
    by: String,
}

pub(super) async fn read(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
    Json(up_to): Json<ReadUpTo>,
) -> Result<Answer<MemberNews>, Problem> {
    let ReadUpTo { seq, mark_seen, epoch } = up_to;
    let read = Read { conversation: path.conversation()?, seq, mark_seen, epoch };
    let service = Arc::clone(&node.service);
    Ok(Answer(node.finish(async move { service.read(&acting, read).await }).await??))
}

pub(super) async fn mark(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
) -> Result<Answer<MemberNews>, Problem> {
    let mark = Mark { conversation: path.conversation()? };
    let service = Arc::clone(&node.service);
    Ok(Answer(node.finish(async move { service.mark(&acting, mark).await }).await??))
}

pub(super) async fn clear(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
    Json(up_to): Json<ClearUpTo>,
) -> Result<Answer<MemberNews>, Problem> {
    let clear = Clear { conversation: path.conversation()?, seq: up_to.seq };
    let service = Arc::clone(&node.service);
    Ok(Answer(node.finish(async move { service.clear(&acting, clear).await }).await??))
}

pub(super) async fn configure(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
    Json(choices): Json<Choices>,
) -> Result<Answer<MemberNews>, Problem> {
    let Choices { muted, pinned } = choices;
    let configure = Configure { conversation: path.conversation()?, muted, pinned };
    let service = Arc::clone(&node.service);
    Ok(Answer(node.finish(async move { service.configure(&acting, configure).await }).await??))
}

/// Who read up to where, when, and through what: what explains a badge afterwards.
pub(super) async fn reads(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
) -> Result<Answer<Reads>, Problem> {
    let reads = node.service.reads(&acting.user, &path.conversation()?, READS_KEPT).await?;
    let told = |ReadRecord { seq, at, by }| WhoRead { seq, at, by };
    Ok(Answer(Reads { reads: reads.into_iter().map(told).collect() }))
}
