//! Which pages' scripts may read our answers: those that may open a socket.

use std::sync::Arc;
use std::time::Duration;

use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, header};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::node::Node;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How long a browser may remember what it was allowed.
const MAX_AGE: Duration = Duration::from_mins(10);

/// Credentials of the browser's own, such as cookies, are never allowed: tokens travel in a header.
pub(super) fn layer(node: Arc<Node>) -> CorsLayer {
    let allow = move |origin: &HeaderValue, parts: &Parts| {
        node.origins.allow_origin(origin, parts.headers.get(header::HOST))
    };
    CorsLayer::new()
        .allow_origin(AllowOrigin::predicate(allow))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::IF_NONE_MATCH,
            IDEMPOTENCY_KEY,
        ])
        .expose_headers([header::ETAG, header::RETRY_AFTER])
        .max_age(MAX_AGE)
}
