//! How the main app is told of users who are away.

use serde::{Deserialize, Serialize};
use url::Url;

use super::{ConfigError, Secret, empty_is_none};
use crate::service::When;
use crate::webhook::SigningKey;

/// How the main app is told of users who are away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookConfig {
    /// Where it listens; nowhere where it wants to hear nothing.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub url: Option<Url>,
    /// What deliveries are signed with.
    pub secrets: Vec<Secret>,
    /// Who counts as away.
    pub when: When,
    /// How long a message may stay unread before that.
    pub after_ms: u64,
}

impl WebhookConfig {
    /// The keys that deliveries are signed with.
    pub(crate) fn keys(&self) -> Result<Vec<SigningKey>, ConfigError> {
        let read = |secret: &Secret| SigningKey::read(secret.expose());
        let keys: Result<Vec<SigningKey>, _> = self.secrets.iter().map(read).collect();
        keys.map_err(|error| ConfigError::invalid("webhook.secrets", error.to_string()))
    }

    /// Refuses what could not work, or would not be safe.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let keys = self.keys()?;
        if keys.len() > 2 {
            let reason = "has more than two entries; remove the oldest";
            return Err(ConfigError::invalid("webhook.secrets", reason));
        }
        let Some(url) = &self.url else { return Ok(()) };
        if !matches!(url.scheme(), "http" | "https") {
            let reason = format!("begins with {}:, and must with http: or https:", url.scheme());
            return Err(ConfigError::invalid("webhook.url", reason));
        }
        if keys.is_empty() {
            let reason = "is empty, and whoever is told must be able to check who told it; make \
                          one with `echo whsec_$(openssl rand -base64 32)`";
            return Err(ConfigError::invalid("webhook.secrets", reason));
        }
        Ok(())
    }
}
