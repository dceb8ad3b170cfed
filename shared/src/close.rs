//! Why a session's socket closes, and what the client should do about it.
//!
//! The numbers are API. 4000–4099: come back later. 4100–4199: come back with a new token.
//! 4200–4299: stop, a person or the main app has to act. Codes below 4000 are the WebSocket
//! protocol's own (RFC 6455 §7.4) and mean "later", whatever sent them: a proxy may have.

/// What a client does after a close.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfterClose {
    /// Wait, then connect again.
    Later,
    /// Fetch a new token, then connect again.
    NewToken,
    /// Do not connect again by itself.
    Stop,
}

/// The codes that the server closes a session with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum CloseCode {
    /// The peer breaks the WebSocket protocol itself.
    ProtocolBroken = 1002,
    /// A binary frame; the protocol is text.
    BinaryFrame = 1003,
    /// A text frame whose bytes are not UTF-8.
    NotUtf8 = 1007,
    /// A frame over the limit.
    FrameTooLarge = 1009,
    /// A mistake of the server's own.
    Internal = 1011,
    /// The server is going down for a moment; the `goodbye` push says when to come back.
    Restart = 1012,
    /// The session read too slowly and its queue was full; what it missed is pulled on return.
    TooSlow = 4000,
    /// Nothing was heard from the client for too long.
    Silent = 4001,
    /// The store has a new epoch; everything the client knows is void.
    Reset = 4002,
    /// No authentication within the time for it.
    AuthenticationTimeout = 4003,
    /// The store could not be reached while the session began.
    Unavailable = 4004,
    /// The session went on sending far more than it may, after it was told so.
    Flooding = 4005,
    /// The token has expired, at the start or while the session lived.
    TokenExpired = 4100,
    /// The token is not accepted; a fresh one may be.
    TokenRejected = 4101,
    /// The first frame was no authentication.
    NotAuthenticated = 4200,
    /// The server does not speak the client's protocol version.
    ProtocolUnsupported = 4201,
    /// The main app closed the user's sessions: logged out everywhere, or revoked.
    Ended = 4202,
}

impl CloseCode {
    /// Every code, for documents and tables.
    pub const ALL: [Self; 17] = [
        Self::ProtocolBroken,
        Self::BinaryFrame,
        Self::NotUtf8,
        Self::FrameTooLarge,
        Self::Internal,
        Self::Restart,
        Self::TooSlow,
        Self::Silent,
        Self::Reset,
        Self::AuthenticationTimeout,
        Self::Unavailable,
        Self::Flooding,
        Self::TokenExpired,
        Self::TokenRejected,
        Self::NotAuthenticated,
        Self::ProtocolUnsupported,
        Self::Ended,
    ];

    /// The number on the wire.
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The reason on the wire, at most 123 bytes (RFC 6455 §5.5).
    pub const fn reason(self) -> &'static str {
        match self {
            Self::ProtocolBroken => "WebSocket protocol error",
            Self::BinaryFrame => "frames are text",
            Self::NotUtf8 => "text frames are UTF-8",
            Self::FrameTooLarge => "frame too large",
            Self::Internal => "internal error",
            Self::Restart => "restarting, come back soon",
            Self::TooSlow => "reading too slowly, come back and catch up",
            Self::Silent => "no heartbeat",
            Self::Reset => "the data set was reset",
            Self::AuthenticationTimeout => "not authenticated in time",
            Self::Unavailable => "temporarily unavailable",
            Self::Flooding => "too many frames, come back later",
            Self::TokenExpired => "token expired",
            Self::TokenRejected => "token rejected",
            Self::NotAuthenticated => "the first frame must authenticate",
            Self::ProtocolUnsupported => "protocol version not supported",
            Self::Ended => "session ended by the main app",
        }
    }
}

/// What a client does after a close with this number.
pub const fn after_close(number: u16) -> AfterClose {
    match number {
        4100..=4199 => AfterClose::NewToken,
        4200..=4299 => AfterClose::Stop,
        _ => AfterClose::Later,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_lies_in_the_range_of_what_follows_it() {
        for code in CloseCode::ALL {
            let expected = match code {
                CloseCode::TokenExpired | CloseCode::TokenRejected => AfterClose::NewToken,
                CloseCode::NotAuthenticated | CloseCode::ProtocolUnsupported | CloseCode::Ended => {
                    AfterClose::Stop
                }
                _ => AfterClose::Later,
            };
            assert_eq!(after_close(code.number()), expected, "{code:?}");
            assert!(code.reason().len() <= 123);
        }
    }
}
