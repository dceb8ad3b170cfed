//! Who is online.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use message_service_shared::answer::Online;
use message_service_shared::command::Presence;
use message_service_shared::error::ApiError;
use message_service_shared::id::UserId;
use message_service_shared::limits::PRESENCE_USERS;

use super::asked::{InQuery, parse};
use super::caller::Anyone;
use crate::node::Node;
use crate::problem::Problem;

/// `users` holds ids between commas, `user` one id, commas and all; both may come often.
pub(super) async fn presence(
    State(node): State<Arc<Node>>,
    Anyone(acting): Anyone,
    query: InQuery,
) -> Result<Json<Online>, Problem> {
    let listed = query.all("users").flat_map(|list| list.split(',')).filter(|id| !id.is_empty());
    let listed = listed.map(|id| parse("users", id));
    let single = query.all("user").map(|id| parse("user", id));
    let users: Vec<UserId> = listed.chain(single).collect::<Result<_, _>>()?;
    if users.len() > PRESENCE_USERS {
        let error = ApiError::invalid("users", "too many users at once");
        return Err(error.with_limit(PRESENCE_USERS).into());
    }
    let online = match acting {
        Some(acting) => node.service.presence(&acting, Presence { users }).await?,
        None => node.service.online(users).await?,
    };
    Ok(Json(online))
}
