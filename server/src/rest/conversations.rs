//! The user's conversations.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use message_service_shared::answer::Inbox;
use message_service_shared::command::{Fetch, List};
use message_service_shared::row::Row;

use super::asked::{InPath, InQuery};
use super::caller::AsUser;
use crate::node::Node;
use crate::problem::Problem;
use crate::service::Error;

pub(super) async fn list(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    query: InQuery,
) -> Result<Json<Inbox>, Problem> {
    let list = List { before: query.one("before")?, limit: query.one("limit")? };
    Ok(Json(node.service.list(&acting, list).await?))
}

pub(super) async fn one(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    path: InPath,
) -> Result<Json<Row>, Problem> {
    let fetch = Fetch { conversations: vec![path.conversation()?] };
    let row = node.service.fetch(&acting, fetch).await?.pop();
    Ok(Json(row.ok_or(Error::ConversationUnknown)?))
}
