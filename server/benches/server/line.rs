//! A receiver's socket.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
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
            match self.stream.next().await.ok_or("the socket ended")?? {
                Message::Text(text) => return Ok(serde_json::from_str(&text)?),
                Message::Close(why) => return Err(format!("the socket was closed: {why:?}").into()),
                _ => {}
            }
        }
    }
}
