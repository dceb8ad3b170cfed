//! Who asks, and for whom: a user by a token, or the main app by its key, which may act for a user
//! by `?as=`.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::id::UserId;

use super::asked::InQuery;
use crate::caller::{Rejected, TOKEN_BYTES, Verified};
use crate::node::Node;
use crate::problem::Problem;
use crate::service::{Acting, Error, Via};
use crate::store::Profile;

/// Who asks.
enum Caller {
    /// A user, for themself.
    User(UserId),
    /// The main app.
    MainApp,
}

/// The main app; users are refused.
pub(super) struct MainApp;

/// A user, or the main app in a user's name.
pub(super) struct AsUser(pub(super) Acting);

/// A user, the main app in a user's name, or the main app in its own.
pub(super) struct Anyone(pub(super) Option<Acting>);

impl Caller {
    async fn of(parts: &Parts, node: &Node) -> Result<Self, Problem> {
        let token = bearer(parts)?;
        if node.service_keys.accept(token) {
            return Ok(Self::MainApp);
        }
        let now = node.service.clock().now();
        let verified = node.resolver.user(token, now).await.map_err(refusal)?;
        meet(node, verified).await.map(Self::User)
    }
}

impl FromRequestParts<Arc<Node>> for MainApp {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        match Caller::of(parts, node).await? {
            Caller::MainApp => Ok(Self),
            Caller::User(_) => {
                Err(Problem::new(ErrorCode::Forbidden, "only the main app may, with a service key"))
            }
        }
    }
}

impl FromRequestParts<Arc<Node>> for Anyone {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        let caller = Caller::of(parts, node).await?;
        let named: Option<UserId> = InQuery::from_request_parts(parts, node).await?.one("as")?;
        match (caller, named) {
            (Caller::User(user), None) => Ok(Self(Some(Acting { user, via: Via::Rest }))),
            (Caller::User(_), Some(_)) => {
                Err(Problem::new(ErrorCode::Forbidden, "only the main app may act for a user"))
            }
            (Caller::MainApp, named) => {
                Ok(Self(named.map(|user| Acting { user, via: Via::MainApp })))
            }
        }
    }
}

impl FromRequestParts<Arc<Node>> for AsUser {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, node: &Arc<Node>) -> Result<Self, Problem> {
        let Anyone(acting) = Anyone::from_request_parts(parts, node).await?;
        let message = "the main app must say for which user: ?as=<user id>";
        acting.map(Self).ok_or_else(|| ApiError::invalid("as", message).into())
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|value| value.split_once(' ')).unwrap_or_default();
    let token = token.trim();
    if scheme.eq_ignore_ascii_case("bearer") && (1..=TOKEN_BYTES).contains(&token.len()) {
        return Ok(token);
    }
    let message = "an Authorization header is needed: Bearer, and a token or service key";
    Err(Problem::new(ErrorCode::Unauthenticated, message))
}

fn refusal(rejected: Rejected) -> Problem {
    let code = match rejected {
        Rejected::Expired => ErrorCode::TokenExpired,
        Rejected::Invalid => ErrorCode::Unauthenticated,
        Rejected::Unavailable => ErrorCode::Unavailable,
    };
    ApiError::new(code, rejected.to_string()).into()
}

/// A first valid token makes a user exist. Whoever exists is not written again with every request:
/// a session, or the main app, brings a new name.
async fn meet(node: &Node, verified: Verified) -> Result<UserId, Problem> {
    let Verified { user, name, avatar, .. } = verified;
    let known = node.service.store().users(std::slice::from_ref(&user)).await;
    if known.map_err(Error::from)?.is_empty() {
        let profile = Profile { id: user.clone(), name, avatar, created_at: None };
        node.service.arrive(profile).await?;
    }
    Ok(user)
}
