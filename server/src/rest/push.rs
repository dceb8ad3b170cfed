//! The product speaks.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use message_service_shared::message::{Content, Message};
use serde::{Deserialize, Serialize};

use super::asked::IdempotencyKey;
use super::body::{BULK_BYTES, Json};
use super::caller::MainApp;
use crate::node::Node;
use crate::problem::Problem;
use crate::service::{PushRequest, Receivers};

#[derive(Deserialize)]
pub(super) struct Asked {
    to: Receivers,
    content: Content,
    #[serde(default)]
    quiet: bool,
}

#[derive(Serialize)]
pub(super) struct Pushed {
    messages: Vec<Message>,
}

/// Runs to its end even when the caller hangs up meanwhile: what is stored has to be told.
pub(super) async fn push(
    State(node): State<Arc<Node>>,
    _: MainApp,
    IdempotencyKey(key): IdempotencyKey,
    Json(asked): Json<Asked, BULK_BYTES>,
) -> Result<Answer<Pushed>, Problem> {
    let Asked { to, content, quiet } = asked;
    let request = PushRequest { to: to.meant()?, content, quiet, key };
    let service = Arc::clone(&node.service);
    let pushed = node.finish(async move { service.push(request).await }).await??;
    Ok(Answer(Pushed { messages: pushed.messages }))
}
