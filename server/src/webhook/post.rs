//! One POST to the main app.

use std::time::Duration;

use message_service_shared::message::Millis;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};

use super::signature::SigningKey;

/// How long the main app may take to answer: what the Standard Webhooks specification recommends at
/// least.
const ANSWER: Duration = Duration::from_secs(20);

/// Where the main app listens.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    client: Client,
    url: Url,
    keys: Vec<SigningKey>,
}

/// Why nothing could be posted at all.
#[derive(Debug, thiserror::Error)]
#[error("webhooks can't be sent: {0}")]
pub struct EndpointError(#[from] reqwest::Error);

/// Why the main app was not told.
#[derive(Debug, thiserror::Error)]
pub(super) enum PostError {
    /// It could not be reached, or did not answer in time.
    #[error("the main app could not be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// It answered something else than that it took it.
    #[error("the main app answered {0}")]
    Refused(StatusCode),
}

impl Endpoint {
    /// Nothing is reached yet. Each key signs; a receiver needs one of them.
    pub(crate) fn new(url: Url, keys: Vec<SigningKey>) -> Result<Self, EndpointError> {
        let client = Client::builder()
            .user_agent(concat!("message-service/", env!("CARGO_PKG_VERSION")))
            .timeout(ANSWER)
            // Somebody else's address is not the one that the operator trusts.
            .redirect(Policy::none())
            .build()?;
        Ok(Self { client, url, keys })
    }

    /// Posts; whoever answers with a success has taken it.
    pub(super) async fn post(&self, id: &str, now: Millis, body: Vec<u8>) -> Result<(), PostError> {
        let seconds = now / 1_000;
        let signatures: Vec<String> =
            self.keys.iter().map(|key| key.sign(id, seconds, &body)).collect();
        let begun = std::time::Instant::now();
        let answer = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .header("webhook-id", id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", signatures.join(" "))
            .body(body)
            .send()
            .await;
        metrics::histogram!("message_service_webhook_seconds")
            .record(begun.elapsed().as_secs_f64());
        let status = answer.map_err(|error| PostError::Unreachable(error.without_url()))?.status();
        if status.is_success() { Ok(()) } else { Err(PostError::Refused(status)) }
    }
}
