//! What the main app says of users, and ending their sessions.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use message_service_shared::id::UserId;
use message_service_shared::message::Millis;
use serde::Deserialize;

use super::asked::InPath;
use super::body::{BULK_BYTES, Json};
use super::caller::MainApp;
use crate::node::Node;
use crate::problem::Problem;
use crate::store::Profile;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    created_at: Option<Millis>,
}

#[derive(Deserialize)]
pub(super) struct Many {
    users: Vec<One>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct One {
    id: UserId,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    created_at: Option<Millis>,
}

pub(super) async fn upsert(
    State(node): State<Arc<Node>>,
    _: MainApp,
    path: InPath,
    Json(about): Json<About>,
) -> Result<StatusCode, Problem> {
    let About { name, avatar, created_at } = about;
    let profile = Profile { id: path.user()?, name, avatar, created_at };
    node.service.upsert_users(vec![profile]).await?;
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn upsert_many(
    State(node): State<Arc<Node>>,
    _: MainApp,
    Json(many): Json<Many, BULK_BYTES>,
) -> Result<StatusCode, Problem> {
    let profile = |One { id, name, avatar, created_at }| Profile { id, name, avatar, created_at };
    node.service.upsert_users(many.users.into_iter().map(profile).collect()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Logged out everywhere, or revoked.
pub(super) async fn end_sessions(
    State(node): State<Arc<Node>>,
    _: MainApp,
    path: InPath,
) -> Result<StatusCode, Problem> {
    let (service, user) = (Arc::clone(&node.service), path.user()?);
    node.finish(async move { service.end_sessions(&user).await }).await??;
    Ok(StatusCode::NO_CONTENT)
}
