//! Errors as HTTP tells them: problem details (RFC 9457), with the code that programs branch on.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use message_service_shared::error::{ApiError, ErrorCode};
use serde::Serialize;

use crate::service::Error;

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    error: ApiError,
}

#[derive(Serialize)]
struct Details<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: ErrorCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
    retryable: bool,
}

impl Problem {
    /// An error without a field.
    pub(crate) fn new(code: ErrorCode, message: &'static str) -> Self {
        ApiError::new(code, message).into()
    }

    /// Where HTTP has a status that says it better than the code's own.
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        Self { status: status(error.code), error }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Error::Store(error) = &error {
            tracing::error!(%error, "a request failed in the store");
        }
        error.to_api().into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let Self { status, error } = self;
        let details = Details {
            r#type: ["urn:message-service:error:", error.code.as_str()].concat(),
            title: title(error.code),
            status: status.as_u16(),
            detail: &error.message,
            code: error.code,
            field: error.field.as_deref(),
            limit: error.limit,
            retryable: error.retryable,
        };
        let mut response = (status, Json(details)).into_response();
        let headers = response.headers_mut();
        let kind = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, kind);
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

const fn status(code: ErrorCode) -> StatusCode {
    match code {
        ErrorCode::Malformed | ErrorCode::Invalid | ErrorCode::ProtocolUnsupported => {
            StatusCode::BAD_REQUEST
        }
        ErrorCode::Unauthenticated | ErrorCode::TokenExpired => StatusCode::UNAUTHORIZED,
        ErrorCode::Forbidden => StatusCode::FORBIDDEN,
        ErrorCode::UnknownCommand
        | ErrorCode::UserUnknown
        | ErrorCode::ConversationUnknown
        | ErrorCode::MessageUnknown => StatusCode::NOT_FOUND,
        ErrorCode::SeqPastEnd | ErrorCode::WrongEpoch | ErrorCode::IdempotencyConflict => {
            StatusCode::CONFLICT
        }
        ErrorCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorCode::Unavailable | ErrorCode::Closed => StatusCode::SERVICE_UNAVAILABLE,
        ErrorCode::Timeout => StatusCode::GATEWAY_TIMEOUT,
        ErrorCode::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn title(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Malformed => "Malformed request",
        ErrorCode::UnknownCommand => "Unknown path or method",
        ErrorCode::Invalid => "Invalid field",
        ErrorCode::TooLarge => "Too large",
        ErrorCode::Unauthenticated => "Not authenticated",
        ErrorCode::TokenExpired => "Token expired",
        ErrorCode::Forbidden => "Not allowed",
        ErrorCode::UserUnknown => "Unknown user",
        ErrorCode::ConversationUnknown => "Unknown conversation",
        ErrorCode::MessageUnknown => "Unknown message",
        ErrorCode::SeqPastEnd => "Position past the end",
        ErrorCode::WrongEpoch => "Another epoch",
        ErrorCode::IdempotencyConflict => "Used before for something else",
        ErrorCode::ProtocolUnsupported => "Protocol not supported",
        ErrorCode::Unavailable => "Temporarily unavailable",
        ErrorCode::RateLimited => "Too many requests",
        ErrorCode::Timeout => "Not in time",
        ErrorCode::Closed => "Closed",
        ErrorCode::Internal => "Internal error",
    }
}
