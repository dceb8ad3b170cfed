//! Who calls: what a token says, told by whoever can check it.

mod jwt;
mod service_keys;

pub use jwt::{Jwt, LEEWAY_MS, Mint, MintError, TOKEN_BYTES};
pub use service_keys::ServiceKeys;

use std::fmt;

use async_trait::async_trait;
use message_service_shared::id::UserId;
use message_service_shared::message::Millis;

/// Checks users' tokens. The service's own checks JWTs; a host that nests the service may bring
/// one that knows its cookies or its sessions.
#[async_trait]
pub trait Resolver: fmt::Debug + Send + Sync + 'static {
    /// Says whose token it is.
    async fn user(&self, token: &str, now: Millis) -> Result<Verified, Rejected>;
}

/// What a good token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Whose it is.
    pub user: UserId,
    /// When it stops being good; a session ends then.
    pub expires_at: Millis,
    /// The user's name, where the token carries it.
    pub name: Option<String>,
    /// The user's picture, where the token carries it.
    pub avatar: Option<String>,
}

/// Why a token is not good. Callers hear no more than this: a forger learns nothing from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// It was good once.
    #[error("the token has expired")]
    Expired,
    /// It was never good here.
    #[error("the token is not accepted")]
    Invalid,
    /// It can't be told right now.
    #[error("the token can't be checked right now")]
    Unavailable,
}
