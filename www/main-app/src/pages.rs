//! The pages, as Vite built them, under paths without endings, with the headers that a careful
//! product sends.

use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, extract::Request, middleware};
use tower_http::services::{ServeDir, ServeFile};

const PAGES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../dist");

/// WebAssembly is compiled from bytes, which a policy has to allow by name; nothing else that runs
/// comes from anywhere but here.
const POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; \
                      img-src 'self' data: https:; connect-src 'self'; object-src 'none'; \
                      base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

pub(crate) fn service() -> Router {
    let page = |name: &str| ServeFile::new(format!("{PAGES}/{name}.html"));
    Router::new()
        .route_service("/", page("index"))
        .route_service("/messages", page("messages"))
        .route_service("/sign-in", page("sign-in"))
        .fallback_service(ServeDir::new(PAGES).fallback(get(missing)))
        .layer(middleware::from_fn(add_headers))
}

async fn missing() -> Response {
    (StatusCode::NOT_FOUND, "There is nothing here.").into_response()
}

async fn add_headers(request: Request, next: Next) -> Response {
    // Vite names these files after what is in them, so they never change.
    let is_asset = request.uri().path().starts_with("/assets/");
    let mut response = next.run(request).await;
    let caching = if is_asset { "public, max-age=31536000, immutable" } else { "no-cache" };
    for (name, value) in [
        (header::CACHE_CONTROL, caching),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
