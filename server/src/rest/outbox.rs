//! Dead letters of the main app's outbox, for whoever operates it.

use std::sync::Arc;

use axum::Json as Answer;
use axum::extract::State;
use axum::http::StatusCode;
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::limits;
use serde::Serialize;

use super::asked::{InPath, InQuery};
use super::caller::MainApp;
use crate::node::Node;
use crate::outbox::{DeadLetters, Outbox, OutboxError};
use crate::problem::Problem;

#[derive(Serialize)]
pub(super) struct Retried {
    retried: u64,
}

pub(super) async fn dead(
    State(node): State<Arc<Node>>,
    _: MainApp,
    query: InQuery,
) -> Result<Answer<DeadLetters>, Problem> {
    let before: Option<String> = query.one("before")?;
    let limit = query.one("limit")?.unwrap_or(limits::PAGE_DEFAULT);
    if !(1..=limits::PAGE_MAX).contains(&limit) {
        let error = ApiError::invalid("limit", "must be at least 1, and not more than a page");
        return Err(error.with_limit(limits::PAGE_MAX as usize).into());
    }
    Ok(Answer(outbox(&node)?.dead(before.as_deref(), limit).await?))
}

pub(super) async fn retry(
    State(node): State<Arc<Node>>,
    _: MainApp,
    path: InPath,
) -> Result<StatusCode, Problem> {
    if outbox(&node)?.retry(path.entry()).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(Problem::new(ErrorCode::MessageUnknown, "no entry by this id is dead"))
}

pub(super) async fn retry_all(
    State(node): State<Arc<Node>>,
    _: MainApp,
) -> Result<Answer<Retried>, Problem> {
    Ok(Answer(Retried { retried: outbox(&node)?.retry_all().await? }))
}

fn outbox(node: &Node) -> Result<&Outbox, Problem> {
    let message = "this service has no outbox; `outbox` in its configuration says where one is";
    node.outbox.as_ref().ok_or_else(|| Problem::new(ErrorCode::UnknownCommand, message))
}

impl From<OutboxError> for Problem {
    fn from(error: OutboxError) -> Self {
        tracing::error!(%error, "a request failed in the outbox");
        match error {
            OutboxError::Unavailable(_) => {
                let message = "the outbox can't be reached right now; try again";
                Self::new(ErrorCode::Unavailable, message)
            }
            OutboxError::Broken(_) => {
                let message = "a mistake of the server's own; its log says more";
                Self::new(ErrorCode::Internal, message)
            }
        }
    }
}
