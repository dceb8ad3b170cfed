//! What a socket's error means for its peer.

use message_service_shared::close::CloseCode;
use tungstenite::Error;
use tungstenite::error::ProtocolError;

/// The code to close with; `None` where the socket is gone and nobody would hear it.
pub(super) fn close_code(error: axum::Error) -> Option<CloseCode> {
    let error = error.into_inner();
    match error.downcast_ref::<Error>()? {
        Error::Capacity(_) => Some(CloseCode::FrameTooLarge),
        Error::Utf8(_) => Some(CloseCode::NotUtf8),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::ProtocolBroken),
        _ => None,
    }
}
