//! Those who use the service: users, and the main app.

use std::net::SocketAddr;

use message_service::id::{ConversationId, UserId};
use serde_json::{Value, json};

use crate::http::{Reply, try_send};
use crate::server::{KEY, fresh, token};
use crate::socket::Socket;

/// A user.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) token: String,
    at: SocketAddr,
}

/// The main app.
#[derive(Clone)]
pub(crate) struct MainApp {
    at: SocketAddr,
}

/// A conversation's id as a part of a path.
pub(crate) fn part(text: &str) -> String {
    let digit = |number: u8| char::from(b"0123456789ABCDEF"[usize::from(number)]);
    text.bytes().flat_map(|byte| ['%', digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(crate) fn direct(one: &str, other: &str) -> String {
    let user = |id: &str| id.parse::<UserId>().unwrap();
    ConversationId::direct(&user(one), &user(other)).unwrap().to_string()
}

pub(crate) fn text(text: &str) -> Value {
    json!({ "kind": "text", "text": text })
}

async fn ask(
    at: SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
    more: &[(&str, &str)],
) -> Reply {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("authorization", bearer.as_str())];
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    headers.extend_from_slice(more);
    let body = body.map(Value::to_string).unwrap_or_default();
    try_send(at, method, path, &headers, body).await.unwrap()
}

impl Person {
    pub(crate) fn at(at: SocketAddr, id: &str) -> Self {
        Self { id: id.to_owned(), token: token(id), at }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        ask(self.at, &self.token, "GET", path, None, &[]).await
    }

    /// The same, of a server that may not be there.
    pub(crate) async fn try_get(&self, path: &str) -> Option<Reply> {
        let bearer = format!("Bearer {}", self.token);
        let headers = [("authorization", bearer.as_str())];
        try_send(self.at, "GET", path, &headers, String::new()).await.ok()
    }

    pub(crate) async fn get_with(&self, path: &str, more: &[(&str, &str)]) -> Reply {
        ask(self.at, &self.token, "GET", path, None, more).await
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        ask(self.at, &self.token, method, path, body, &[]).await
    }

    /// Sends a text to another user, by REST.
    pub(crate) async fn say(&self, to: &str, words: &str) -> Value {
        let body = json!({ "clientMsgId": fresh("m"), "content": text(words) });
        let path = format!("/v1/direct/{}/messages", part(to));
        self.ask("POST", &path, Some(&body)).await.good()
    }

    /// The row of a conversation.
    pub(crate) async fn row(&self, conversation: &str) -> Value {
        self.get(&format!("/v1/conversations/{}", part(conversation))).await.good()
    }

    /// Opens a session.
    pub(crate) async fn connect(&self) -> Socket {
        let mut socket = Socket::open(self.at, "").await;
        socket.authenticate(&self.token).await.unwrap();
        socket
    }
}

impl MainApp {
    pub(crate) fn at(at: SocketAddr) -> Self {
        Self { at }
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        ask(self.at, KEY, method, path, body, &[]).await
    }

    pub(crate) async fn upsert(&self, id: &str) {
        let name: String = id.chars().take(20).chain("'s name".chars()).collect();
        let body = json!({ "name": name, "avatar": "/avatars/7.png" });
        let path = format!("/v1/users/{}", part(id));
        self.ask("PUT", &path, Some(&body)).await.good();
    }

    /// Speaks as the product; `to` as in the request.
    pub(crate) async fn push(&self, to: &Value, title: &str) -> Value {
        let body = json!({ "to": to, "content": { "kind": "notice", "title": title } });
        self.ask("POST", "/v1/push", Some(&body)).await.good()
    }
}
