//! Messages of a conversation: reading pages, sending, taking back.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use message_service_shared::answer::{History, Sent};
use message_service_shared::command::{Pull, Recall, SendMessage};
use message_service_shared::error::ApiError;
use message_service_shared::id::{ClientMsgId, ConversationId};
use message_service_shared::message::{Content, Message};
use message_service_shared::seq::Seq;
use serde::Deserialize;

use super::asked::{IdempotencyKey, InPath, InQuery};
use super::body::Json;
use super::caller::{Anyone, AsUser};
use crate::clock::client_msg_id;
use crate::node::Node;
use crate::problem::Problem;
use crate::service::Acting;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Letter {
    #[serde(default)]
    client_msg_id: Option<ClientMsgId>,
    content: Content,
    #[serde(default)]
    read_seq: Option<Seq>,
}

pub(super) async fn page(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
    query: InQuery,
) -> Result<Answer<History>, Problem> {
    let pull = Pull {
        conversation: path.conversation()?,
        after: query.seq("after")?,
        before: query.seq("before")?,
        limit: query.one("limit")?,
    };
    Ok(Answer(node.service.pull(&acting, pull).await?))
}

pub(super) async fn send(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(letter): Json<Letter>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    post(&node, acting, path.conversation()?, key, letter).await
}

pub(super) async fn send_direct(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
    IdempotencyKey(key): IdempotencyKey,
    Json(letter): Json<Letter>,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let conversation = ConversationId::direct(&acting.user, &path.user()?)
        .ok_or_else(|| ApiError::invalid("user", "must be somebody else than the sender"))?;
    post(&node, acting, conversation, key, letter).await
}

/// Runs to its end even when the caller hangs up meanwhile: what is stored has to be told.
async fn post(
    node: &Node,
    acting: Acting,
    conversation: ConversationId,
    key: Option<ClientMsgId>,
    letter: Letter,
) -> Result<(StatusCode, Answer<Sent>), Problem> {
    let Letter { client_msg_id, content, read_seq } = letter;
    let client_msg_id = name(node, key, client_msg_id)?;
    let message = SendMessage { conversation, client_msg_id, content, read_seq };
    let service = Arc::clone(&node.service);
    let sent = node.finish(async move { service.send(&acting, message, |_| {}).await }).await??;
    let status = if sent.fresh { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Answer(sent)))
}

/// The sender's name for a message, from wherever it was given.
fn name(
    node: &Node,
    key: Option<ClientMsgId>,
    in_body: Option<ClientMsgId>,
) -> Result<ClientMsgId, ApiError> {
    match (key, in_body) {
        (Some(key), Some(name)) if key != name => {
            Err(ApiError::invalid("clientMsgId", "differs from the Idempotency-Key header"))
        }
        (Some(name), _) | (None, Some(name)) => Ok(name),
        (None, None) => {
            let service = &node.service;
            Ok(client_msg_id(service.ids().make(service.clock().now())))
        }
    }
}

/// A user takes back what they sent, the main app whatever was.
pub(super) async fn recall(
    State(node): State<Arc<Node>>,
    Anyone(acting): Anyone,
    path: InPath,
) -> Result<Answer<Message>, Problem> {
    let recall = Recall { conversation: path.conversation()?, seq: path.seq()? };
    let service = Arc::clone(&node.service);
    let recalling = async move { service.recall(acting.as_ref(), recall).await };
    Ok(Answer(node.finish(recalling).await??))
}
