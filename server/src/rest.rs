//! The HTTP edge: what a request asks, said to the service, and what the service answers, said in
//! HTTP. This file is the map; each area has a file of its own. Deliberately not here: rules, and
//! sockets.

mod asked;
mod body;
mod caller;
mod conversations;
mod cors;
mod health;
mod members;
mod messages;
mod observe;
mod outbox;
mod presence;
mod push;
mod unread;
mod users;

use std::any::Any;
use std::sync::Arc;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, patch, post, put};
use axum::{Router, middleware};
use message_service_shared::error::ErrorCode;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::node::Node;
use crate::problem::Problem;

/// Every path there is, but the socket's.
pub(crate) fn routes() -> Router<Arc<Node>> {
    Router::new()
        .route("/v1/users", post(users::upsert_many))
        .route("/v1/users/{user}", put(users::upsert))
        .route("/v1/users/{user}/sessions", delete(users::end_sessions))
        .route("/v1/push", post(push::push))
        .route("/v1/conversations", get(conversations::list))
        .route("/v1/conversations/{conversation}", get(conversations::one))
        .route(
            "/v1/conversations/{conversation}/messages",
            get(messages::page).post(messages::send),
        )
        .route("/v1/conversations/{conversation}/messages/{seq}", delete(messages::recall))
        .route("/v1/conversations/{conversation}/read", post(members::read))
        .route("/v1/conversations/{conversation}/reads", get(members::reads))
        .route("/v1/conversations/{conversation}/mark", post(members::mark))
        .route("/v1/conversations/{conversation}/clear", post(members::clear))
        .route("/v1/conversations/{conversation}/settings", patch(members::configure))
        .route("/v1/direct/{user}/messages", post(messages::send_direct))
        .route("/v1/unread", get(unread::unread))
        .route("/v1/presence", get(presence::presence))
        .route("/v1/outbox/dead", get(outbox::dead))
        .route("/v1/outbox/dead/retry", post(outbox::retry_all))
        .route("/v1/outbox/dead/{entry}/retry", post(outbox::retry))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
}

/// What every request goes through, those for unknown paths included.
pub(crate) fn finish(routes: Router<Arc<Node>>, node: &Arc<Node>) -> Router<Arc<Node>> {
    let no_store = HeaderValue::from_static("no-store");
    routes
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(SetResponseHeaderLayer::if_not_present(header::CACHE_CONTROL, no_store))
        .layer(cors::layer(Arc::clone(node)))
        .layer(middleware::from_fn(observe::observe))
}

async fn unknown_path() -> Problem {
    Problem::new(
        ErrorCode::UnknownCommand,
        "there is nothing at this path; the service's begin with /v1",
    )
}

async fn unknown_method() -> Problem {
    let message = "this path does not know this method";
    Problem::new(ErrorCode::UnknownCommand, message).with_status(StatusCode::METHOD_NOT_ALLOWED)
}

#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("of no text"), "a request's handler panicked");
    let message = "a mistake of the server's own; its log says more";
    Problem::new(ErrorCode::Internal, message).into_response()
}
