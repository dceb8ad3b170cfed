//! Whether the process lives, and whether it should get requests. Neither asks who wants to know.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::node::Node;

#[derive(Serialize)]
pub(super) struct Alive {
    status: &'static str,
}

#[derive(Serialize)]
pub(super) struct Ready {
    status: &'static str,
    checks: Checks,
}

#[derive(Serialize)]
struct Checks {
    store: &'static str,
    draining: bool,
}

pub(super) async fn alive() -> Json<Alive> {
    Json(Alive { status: "ok" })
}

pub(super) async fn ready(State(node): State<Arc<Node>>) -> (StatusCode, Json<Ready>) {
    let draining = node.draining.is_cancelled();
    let pinged = node.service.store().ping().await;
    if let Err(error) = &pinged {
        tracing::warn!(%error, "not ready: the store does not answer");
    }
    let store = if pinged.is_ok() { "ok" } else { "unavailable" };
    let (code, status) = if pinged.is_ok() && !draining {
        (StatusCode::OK, "ok")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready")
    };
    (code, Json(Ready { status, checks: Checks { store, draining } }))
}
