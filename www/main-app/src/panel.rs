//! The panel that plays the main app: it pushes, and takes back what it pushed.
//!
//! Whoever is signed in may use it, since it is there to be tried. In a real product these calls
//! come from its own code: an order was shipped, a bill is due.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use message_service::command::Recall;
use message_service::error::{ApiError, ErrorCode};
use message_service::id::{ConversationId, UserId};
use message_service::message::Content;
use message_service::seq::Seq;
use message_service::service::{Error, PushRequest, To};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{App, sign_in};

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/demo/push", post(push)).route("/demo/recall", post(recall))
}

#[derive(Debug, Deserialize)]
struct Push {
    to: Receivers,
    content: Content,
    #[serde(default)]
    quiet: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Receivers {
    User(UserId),
    Users(Vec<UserId>),
    Everyone(bool),
}

#[derive(Debug, Deserialize)]
struct Pushed {
    conversation: ConversationId,
    seq: Seq,
}

async fn push(
    State(app): State<App>,
    headers: HeaderMap,
    Json(Push { to, content, quiet }): Json<Push>,
) -> Result<Json<Value>, Refused> {
    require_member(&headers)?;
    let to = match to {
        Receivers::User(user) => To::Users(vec![user]),
        Receivers::Users(users) => To::Users(users),
        Receivers::Everyone(true) => To::Everyone,
        Receivers::Everyone(false) => {
            return Err(
                ApiError::invalid("to.everyone", "names nobody; it can only be true").into()
            );
        }
    };
    let pushed = app.messages.push(PushRequest { to, content, quiet, key: None }).await?;
    let messages = pushed
        .messages
        .iter()
        .map(|message| json!({ "conversation": message.conversation, "seq": message.seq }));
    Ok(Json(json!({ "messages": messages.collect::<Value>() })))
}

async fn recall(
    State(app): State<App>,
    headers: HeaderMap,
    Json(Pushed { conversation, seq }): Json<Pushed>,
) -> Result<StatusCode, Refused> {
    require_member(&headers)?;
    app.messages.service().recall(None, Recall { conversation, seq }).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn require_member(headers: &HeaderMap) -> Result<(), Refused> {
    if sign_in::member(headers).is_some() {
        return Ok(());
    }
    Err(ApiError::new(ErrorCode::Unauthenticated, "sign in first").into())
}

/// What the panel shows when it did not work.
struct Refused(ApiError);

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self(error)
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self(error.to_api())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self.0.code {
            ErrorCode::Unauthenticated => StatusCode::UNAUTHORIZED,
            _ if self.0.retryable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, self.0.message.into_owned()).into_response()
    }
}
