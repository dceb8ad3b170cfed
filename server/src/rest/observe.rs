//! Counts requests and notes them in the log: by the route that they matched, never by their path,
//! which may name a user.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

pub(super) async fn observe(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = label(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or_else(|| "unknown".to_owned(), |route| route.as_str().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let seconds = begun.elapsed().as_secs_f64();
    tracing::debug!(method, route, status, seconds, "answered a request");
    metrics::counter!(
        "message_service_http_requests_total",
        "method" => method, "route" => route.clone(), "status" => status.to_string(),
    )
    .increment(1);
    metrics::histogram!(
        "message_service_http_request_seconds", "method" => method, "route" => route
    )
    .record(seconds);
    response
}

/// Anybody can make up methods, and each label costs memory.
fn label(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"];
    known.into_iter().find(|known| method.as_str() == *known).unwrap_or("other")
}
