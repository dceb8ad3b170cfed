//! Who is signed in: a cookie for the main app's own pages, and a token for the service.
//!
//! There is no password, since anybody may be anybody here; so the cookie is no secret either, and
//! simply names the member. Nothing is remembered, and whoever was signed in when the demo ended
//! still is when it is back. A real product has sessions of its own.

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

/// Who sends this request.
pub(crate) fn member(headers: &HeaderMap) -> Option<Member> {
    members::find(cookie(headers)?)
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

async fn me(headers: HeaderMap) -> Result<Json<Member>, StatusCode> {
    member(&headers).map(Json).ok_or(StatusCode::UNAUTHORIZED)
}

/// The token that the page's SDK asks for: the main app knows who it is by its own cookie.
async fn token(State(app): State<App>, headers: HeaderMap) -> Result<Response, StatusCode> {
    let member = member(&headers).ok_or(StatusCode::UNAUTHORIZED)?;
    let user = member.user().ok_or(StatusCode::INTERNAL_SERVER_ERROR)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let claims = Mint { sub: &user, exp: now + TOKEN_SECONDS, name: None, iss: None, aud: None };
    let token = claims.sign(&app.secret).map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(json!({ "token": token }))).into_response())
}

#[derive(Debug, Deserialize)]
struct SignIn {
    user: String,
}

async fn sign_in(Json(SignIn { user }): Json<SignIn>) -> Result<Response, StatusCode> {
    let member = members::find(&user).ok_or(StatusCode::NOT_FOUND)?;
    let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Lax", member.id);
    Ok(([(header::SET_COOKIE, cookie)], Json(member)).into_response())
}

async fn sign_out() -> Response {
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0");
    ([(header::SET_COOKIE, cookie)], StatusCode::NO_CONTENT).into_response()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)?.strip_prefix('='))
}
