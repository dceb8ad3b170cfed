//! Whether the process lives, and whether it should get requests. Neither asks who wants to know.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;

use crate::bus::Reach;
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
    /// A node that can't reach the others still serves its own sessions, and everything is stored.
    bus: &'static str,
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
    let reach = node.service.reach();
    let bus = if reach == Reach::Every { "ok" } else { "unavailable" };
    let (code, status) = match reach {
        _ if pinged.is_err() || draining => (StatusCode::SERVICE_UNAVAILABLE, "not ready"),
        Reach::Every => (StatusCode::OK, "ok"),
        Reach::ThisAlone => (StatusCode::OK, "degraded"),
    };
    (code, Json(Ready { status, checks: Checks { store, bus, draining } }))
}
