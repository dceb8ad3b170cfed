//! Request bodies: JSON of a limited size, read in limited time, with errors that name the field.

use std::str;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use futures_util::StreamExt;
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::frame::read_json;
use message_service_shared::limits::FRAME_BYTES;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use crate::problem::Problem;

/// Bytes of a body that may name many users.
pub(super) const BULK_BYTES: usize = 1024 * 1024;

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(15);

/// A body of JSON.
pub(super) struct Json<T, const LIMIT: usize = FRAME_BYTES>(pub(super) T);

impl<T, S, const LIMIT: usize> FromRequest<S> for Json<T, LIMIT>
where
    T: DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let message = "the body must be JSON, with Content-Type: application/json";
            let problem = Problem::new(ErrorCode::Malformed, message);
            return Err(problem.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let reading = collect(request.into_body(), LIMIT);
        let bytes = timeout(PATIENCE, reading).await.map_err(|_| {
            let problem = Problem::new(ErrorCode::Timeout, "the body did not arrive in time");
            problem.with_status(StatusCode::REQUEST_TIMEOUT)
        })??;
        let text = str::from_utf8(&bytes)
            .map_err(|_| Problem::new(ErrorCode::Malformed, "the body is not UTF-8"))?;
        Ok(Self(read_json(text)?))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case("application/json")
}

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, Problem> {
    let mut chunks = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk =
            chunk.map_err(|_| Problem::new(ErrorCode::Malformed, "the body was cut off"))?;
        if bytes.len() + chunk.len() > limit {
            let error = ApiError::new(ErrorCode::TooLarge, "the body is too large");
            return Err(error.with_limit(limit).into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
