//! A user who sends by REST, over one connection that stays open: a socket may not send as fast as
//! a benchmark does.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::TcpStream;

use super::Outcome;
use super::node::token;

pub(crate) struct Sender {
    connection: SendRequest<Full<Bytes>>,
    host: String,
    token: String,
    name: String,
    next: u64,
}

impl Sender {
    pub(crate) async fn open(address: SocketAddr, user: &str) -> Outcome<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (connection, driving) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driving);
        let (host, token) = (address.to_string(), token(user)?);
        Ok(Self { connection, host, token, name: user.to_owned(), next: 1 })
    }

    /// Sends a message, and waits until it is acknowledged.
    pub(crate) async fn send(&mut self, to: &str) -> Outcome<()> {
        let content = json!({ "kind": "text", "text": "The parcel is at the door; shall I wait?" });
        let body =
            json!({ "clientMsgId": format!("{}-{}", self.name, self.next), "content": content });
        self.next += 1;
        let request = Request::post(format!("/v1/direct/{to}/messages"))
            .header("host", &self.host)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        self.connection.ready().await?;
        let answer = self.connection.send_request(request).await?;
        let status = answer.status();
        let answer = answer.into_body().collect().await?.to_bytes();
        if status.is_success() {
            Ok(())
        } else {
            Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into())
        }
    }
}
