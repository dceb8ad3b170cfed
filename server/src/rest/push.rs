//! The product speaks.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use message_service_shared::error::ApiError;
use message_service_shared::id::UserId;
use message_service_shared::message::{Content, Message};
use serde::{Deserialize, Serialize};

use super::asked::IdempotencyKey;
use super::body::{BULK_BYTES, Json};
use super::caller::MainApp;
use crate::node::Node;
use crate::problem::Problem;
use crate::service::{PushRequest, To};

#[derive(Deserialize)]
pub(super) struct Asked {
    to: Receivers,
    content: Content,
    #[serde(default)]
    quiet: bool,
}

/// Exactly one of these.
#[derive(Deserialize)]
struct Receivers {
    #[serde(default)]
    user: Option<UserId>,
    #[serde(default)]
    users: Option<Vec<UserId>>,
    #[serde(default)]
    everyone: bool,
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

impl Receivers {
    fn meant(self) -> Result<To, ApiError> {
        match (self.user, self.users, self.everyone) {
            (Some(user), None, false) => Ok(To::Users(vec![user])),
            (None, Some(users), false) => Ok(To::Users(users)),
            (None, None, true) => Ok(To::Everyone),
            _ => {
                let message =
                    "must be one of {\"user\": id}, {\"users\": [id, …]}, {\"everyone\": true}";
                Err(ApiError::invalid("to", message))
            }
        }
    }
}
