//! What the user's badge should show, for pages that hold no session. Asking again costs little:
//! the answer has an `ETag`, and while it is right the server says so and no more.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use message_service_shared::digest::Digest;
use message_service_shared::id::{ConversationId, Epoch};
use message_service_shared::row::Row;
use message_service_shared::seq::Seq;
use serde::Serialize;

use super::caller::AsUser;
use crate::node::Node;
use crate::problem::Problem;

#[derive(Serialize)]
struct Unread {
    /// What the dot counts: muted conversations are left out.
    total: u64,
    /// How many conversations the total is of.
    conversations: usize,
    epoch: Epoch,
    rows: Vec<UnreadRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UnreadRow {
    id: ConversationId,
    unread: u64,
    last_seq: Seq,
}

pub(super) async fn unread(
    State(node): State<Arc<Node>>,
    AsUser(acting): AsUser,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let epoch = node.service.epoch().await?;
    if let Some(known) = headers.get(header::IF_NONE_MATCH) {
        let current = tag(&epoch, node.service.digest(&acting.user).await?);
        if matches(known, &current) {
            return Ok((StatusCode::NOT_MODIFIED, caching(current)).into_response());
        }
    }
    let rows = node.service.unread(&acting.user).await?;
    // From the very rows that are answered, so that the tag never belongs to others.
    let mut digest = Digest::default();
    for row in &rows {
        digest.add(&row.id, &row.standing());
    }
    let counts = rows.iter().map(|row| row.standing().counted_in_total());
    let counts: Vec<u64> = counts.filter(|count| *count > 0).collect();
    let current = tag(&epoch, digest);
    let unread = Unread {
        total: counts.iter().sum(),
        conversations: counts.len(),
        epoch,
        rows: rows.into_iter().map(UnreadRow::from).collect(),
    };
    Ok((caching(current), Json(unread)).into_response())
}

impl From<Row> for UnreadRow {
    fn from(row: Row) -> Self {
        Self { id: row.id, unread: row.unread, last_seq: row.conversation.last_seq }
    }
}

/// A strong entity tag: the digest covers every position and count of the answer.
fn tag(epoch: &Epoch, digest: Digest) -> String {
    let odd = |char: char| !char.is_ascii_graphic() || char == '"' || char == ',';
    let epoch = epoch.as_str().replace(odd, "_");
    ["\"", &epoch, ".", &String::from(digest), "\""].concat()
}

/// Whether the caller holds it already. A proxy that compresses makes a strong tag weak, and for
/// this condition the two are alike (RFC 9110).
fn matches(known: &HeaderValue, current: &str) -> bool {
    let mut known = known.to_str().unwrap_or_default().split(',').map(str::trim);
    known.any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == current)
}

fn caching(tag: String) -> [(HeaderName, String); 2] {
    [(header::ETAG, tag), (header::CACHE_CONTROL, "private, no-cache".to_owned())]
}
