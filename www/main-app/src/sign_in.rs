//! Who is signed in: a cookie for the main app's own pages, and a token for the service.
//!
//! There is no password, since anybody may be anybody here. The cookie's sessions live in memory.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use message_service::caller::Mint;
use serde::Deserialize;
use serde_json::json;

use crate::App;
use crate::members::{self, MEMBERS, Member};

const COOKIE: &str = "fernrow";
/// A token is fetched for every connection, so it need not live long.
const TOKEN_SECONDS: u64 = 600;

#[derive(Debug)]
pub(crate) struct Sessions {
    secret: String,
    signed_in: Mutex<HashMap<String, Member>>,
}

impl Sessions {
    pub(crate) fn new(secret: String) -> Self {
        Self { secret, signed_in: Mutex::default() }
    }

    /// Who sends this request.
    pub(crate) fn member(&self, headers: &HeaderMap) -> Option<Member> {
        self.lock().get(cookie(headers)?).copied()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Member>> {
        self.signed_in.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// 244 random bits.
pub(crate) fn new_secret() -> String {
    format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple())
}

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/users", get(|| async { Json(MEMBERS) }))
        .route("/me", get(me))
        .route("/token", get(token))
        .route("/sign-in", post(sign_in))
        .route("/sign-out", post(sign_out))
}

async fn me(State(app): State<App>, headers: HeaderMap) -> Result<Json<Member>, StatusCode> {
    app.sessions.member(&headers).map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

/// The token that the page's SDK asks for: the main app knows who it is by its own cookie.
async fn token(State(app): State<App>, headers: HeaderMap) -> Result<Response, StatusCode> {
    let member = app.sessions.member(&headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let user = member.user().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Mint { sub: &user, exp: now + TOKEN_SECONDS, name: None, iss: None, aud: None };
    let token = claims.sign(&app.sessions.secret).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({ "token": token }))).into_response())
}

#[derive(Debug, Deserialize)]
struct SignIn {
    user: String,
}

async fn sign_in(
    State(app): State<App>,
    Json(SignIn { user }): Json<SignIn>,
) -> Result<Response, StatusCode> {
    let member = members::find(&user).ok_or(StatusCode::NOT_FOUND)?;
    let session = new_secret();
    let cookie = format!("{COOKIE}={session}; Path=/; HttpOnly; SameSite=Lax");
    app.sessions.lock().insert(session, member);
    Ok(([(header::SET_COOKIE, cookie)], Json(member)).into_response())
}

async fn sign_out(State(app): State<App>, headers: HeaderMap) -> Response {
    if let Some(session) = cookie(&headers) {
        app.sessions.lock().remove(session);
    }
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
}
