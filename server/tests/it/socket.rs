//! A session as a program sees it: commands with their replies, and pushes between them.

use std::collections::VecDeque;
use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use message_service::limits::PROTOCOL_VERSION;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::http::PATIENCE;

/// A socket.
pub(crate) struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    next: u32,
    pushes: VecDeque<Value>,
}

/// The reply that a command got: its result, or its error.
pub(crate) type Answer = Result<Value, Value>;

impl Socket {
    pub(crate) async fn open(at: SocketAddr, prefix: &str) -> Self {
        Self::try_open(at, prefix, None).await.unwrap()
    }

    /// Opens as a page from `origin` would; the status where it is refused.
    pub(crate) async fn try_open(
        at: SocketAddr,
        prefix: &str,
        origin: Option<&str>,
    ) -> Result<Self, u16> {
        let url = format!("ws://{at}{prefix}/v1/socket");
        let mut request = url.into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        match timeout(PATIENCE, connect_async(request)).await.unwrap() {
            Ok((stream, _)) => Ok(Self { stream, next: 1, pushes: VecDeque::new() }),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(error) => panic!("no socket: {error}"),
        }
    }

    pub(crate) async fn authenticate(&mut self, token: &str) -> Answer {
        let params = json!({ "token": token, "protocol": PROTOCOL_VERSION });
        self.call("authenticate", params).await
    }

    /// Asks, and waits for the answer. Pushes that come meanwhile are kept.
    pub(crate) async fn call(&mut self, command: &str, params: Value) -> Answer {
        let id = self.next;
        self.next += 1;
        let frame = json!({ "id": id, "command": command, "params": params });
        self.send(Message::text(frame.to_string())).await;
        self.reply(&json!(id)).await
    }

    /// Waits for the reply to this id.
    pub(crate) async fn reply(&mut self, id: &Value) -> Answer {
        loop {
            let frame = self.frame().await.expect("closed before the reply came");
            if frame.get("push").is_some() {
                self.pushes.push_back(frame);
            } else if frame["reply"] == *id {
                return match frame.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(frame["result"].clone()),
                };
            }
        }
    }

    /// The next push, which must come.
    pub(crate) async fn push(&mut self) -> Value {
        if let Some(push) = self.pushes.pop_front() {
            return push;
        }
        let frame = self.frame().await.expect("closed before the push came");
        assert!(frame.get("push").is_some(), "{frame} is no push");
        frame
    }

    /// The next push; the close code where none comes any more.
    pub(crate) async fn push_or_close(&mut self) -> Result<Value, u16> {
        match self.pushes.pop_front() {
            Some(push) => Ok(push),
            None => self.frame().await,
        }
    }

    /// The next push of a new message.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            let push = self.push().await;
            if push["push"] == "message" {
                return push["data"]["message"].clone();
            }
        }
    }

    /// The pushes that came before the server answered one more command: nothing that was told
    /// before can be missing then.
    pub(crate) async fn pushes_so_far(&mut self) -> Vec<Value> {
        self.call("heartbeat", json!({})).await.unwrap();
        self.pushes.drain(..).collect()
    }

    /// The pushes that came between the answers so far.
    pub(crate) fn pushes_that_came(&mut self) -> Vec<Value> {
        self.pushes.drain(..).collect()
    }

    pub(crate) async fn send(&mut self, message: Message) {
        // A socket that the server has closed meanwhile says so when it is read.
        let _ = self.stream.send(message).await;
    }

    /// The next text; the close code where there is none any more.
    async fn frame(&mut self) -> Result<Value, u16> {
        loop {
            match timeout(PATIENCE, self.stream.next()).await.expect("nothing came in time") {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => {
                    return Err(close.map_or(1005, |close| close.code.into()));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(1006),
            }
        }
    }

    /// Reads to the end; the close code, and what was pushed before.
    pub(crate) async fn closed(&mut self) -> (u16, Vec<Value>) {
        let mut before: Vec<Value> = self.pushes.drain(..).collect();
        loop {
            match self.frame().await {
                Ok(frame) => before.push(frame),
                Err(code) => return (code, before),
            }
        }
    }

    /// Closes as a browser does, and tells the code that came back.
    pub(crate) async fn close(mut self) -> u16 {
        self.stream.close(None).await.unwrap();
        self.closed().await.0
    }
}
