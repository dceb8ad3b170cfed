//! A user's socket, as a program has it.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use message_service::id::{ConversationId, UserId};
use message_service::limits::PROTOCOL_VERSION;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::Outcome;
use super::node::token;

pub(crate) struct Line {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u64,
}

impl Line {
    /// Authenticated.
    pub(crate) async fn open(address: SocketAddr, user: &str) -> Outcome<Self> {
        let (stream, _) = connect_async(format!("ws://{address}/v1/socket")).await?;
        let mut line = Self { stream, next: 1 };
        line.call("authenticate", &json!({ "token": token(user)?, "protocol": PROTOCOL_VERSION }))
            .await?;
        Ok(line)
    }

    /// Sends a message, and waits until it is acknowledged.
    pub(crate) async fn send(&mut self, from: &str, to: &str) -> Outcome<()> {
        let (from, to): (UserId, UserId) = (from.parse()?, to.parse()?);
        let conversation =
            ConversationId::direct(&from, &to).ok_or("nobody writes to themselves")?;
        let name = format!("{from}-{}", self.next);
        let content = json!({ "kind": "text", "text": "The parcel is at the door; shall I wait?" });
        let params =
            json!({ "conversation": conversation, "clientMsgId": name, "content": content });
        self.call("send", &params).await
    }

    async fn call(&mut self, command: &str, params: &Value) -> Outcome<()> {
        let id = self.next;
        self.next += 1;
        let frame = json!({ "id": id, "command": command, "params": params });
        self.stream.send(Message::text(frame.to_string())).await?;
        loop {
            let frame = self.frame().await?;
            if frame["reply"] == id {
                return match frame.get("error") {
                    Some(error) => Err(error.to_string().into()),
                    None => Ok(()),
                };
            }
        }
    }

    /// Waits until a message is pushed.
    pub(crate) async fn push(&mut self) -> Outcome<()> {
        while self.frame().await?["push"] != "message" {}
        Ok(())
    }

    /// Takes whatever comes, to the end.
    pub(crate) async fn listen(mut self) {
        while self.frame().await.is_ok() {}
    }

    async fn frame(&mut self) -> Outcome<Value> {
        loop {
            if let Message::Text(text) =
                self.stream.next().await.ok_or("the socket was closed")??
            {
                return Ok(serde_json::from_str(&text)?);
            }
        }
    }
}
