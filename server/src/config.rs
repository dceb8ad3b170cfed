//! What the operator decides, in one struct. The defaults, each with its reason, are in
//! `config.default.toml`.

mod address;
mod bus_at;
mod layers;
mod outbox_at;
mod secret;
mod store_at;
mod webhook;

pub use bus_at::BusAt;
pub use layers::ENVIRONMENT_PREFIX;
pub use outbox_at::OutboxAt;
pub use secret::Secret;
pub use store_at::StoreAt;
pub use webhook::WebhookConfig;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, io};

use serde::{Deserialize, Deserializer, Serialize};

use crate::origin::{Origin, Origins};
use crate::service::DirectRule;

/// The defaults, commented.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// Bytes of a secret or service key at least: as many as HS256 has in its hash (RFC 7518 §3.2).
pub const SECRET_BYTES: usize = 32;

/// What the operator decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where the binary listens; a host that nests the router listens by itself.
    pub listen: String,
    /// How long a connection may stay without a request, where the binary listens.
    pub idle_ms: u64,
    /// Where to keep everything.
    pub store: StoreAt,
    /// Whether a start prepares a MongoDB database; otherwise `message-service migrate` does.
    pub migrate_at_start: bool,
    /// By what the nodes speak to each other.
    pub bus: BusAt,
    /// Where the main app leaves what it wants said.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub outbox: Option<OutboxAt>,
    /// The pages that may connect and call; empty for those of the same origin.
    pub allowed_origins: Vec<String>,
    /// Who may begin a conversation of two.
    pub direct: DirectRule,
    /// The name that the product's own conversations show.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    /// The keys that the main app comes with.
    pub service_keys: Vec<Secret>,
    /// How users' tokens are checked.
    pub jwt: JwtConfig,
    /// How the main app is told of users who are away.
    pub webhook: WebhookConfig,
    /// Where measurements are told.
    pub metrics: MetricsConfig,
    /// What the binary logs, and how.
    pub log: LogConfig,
    /// How the process ends.
    pub drain: DrainConfig,
}

/// How users' tokens are checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtConfig {
    /// The secrets they may be signed with.
    pub secrets: Vec<Secret>,
    /// The issuer they must name.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// The audience they must name.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// Where measurements are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsConfig {
    /// Where `/metrics` is answered.
    #[serde(deserialize_with = "empty_is_none", skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
}

/// What the binary logs, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// For whom.
    pub format: LogFormat,
    /// A level, or levels by module.
    pub filter: String,
}

/// For whom the log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines, an object in each line.
    Json,
}

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrainConfig {
    /// When clients may come back.
    pub after_ms: u64,
    /// Over how long their coming back is spread.
    pub within_ms: u64,
    /// How long to wait for sockets and requests to end.
    pub wait_ms: u64,
}

/// Why there is no configuration to start with. Each says what to change.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file can't be read.
    #[error("{path:?} can't be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not TOML.
    #[error("{place} is not TOML: {reason}")]
    NotToml {
        /// Which file, and which line.
        place: String,
        /// What is wrong there.
        reason: String,
    },
    /// A key that nobody knows, most likely mistyped.
    #[error("{source_name} sets `{key}`, which is no setting; those here are {known}")]
    UnknownKey {
        /// Where it was set.
        source_name: String,
        /// The key.
        key: String,
        /// The keys there are.
        known: String,
    },
    /// A key holds what it must not.
    #[error("`{key}` {reason}")]
    Invalid {
        /// Which key.
        key: String,
        /// What it must be.
        reason: String,
    },
}

impl ConfigError {
    fn invalid(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { key: key.into(), reason: reason.into() }
    }
}

impl Config {
    /// The defaults, and where to keep everything.
    pub fn new(store: StoreAt) -> Result<Self, ConfigError> {
        Ok(Self { store, ..Self::load(None, [], [])? })
    }

    /// Puts the layers together: the defaults, a file over them, the environment over it, flags
    /// (keys such as `jwt.issuer` and their texts) over all.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (&'static str, String)>,
    ) -> Result<Self, ConfigError> {
        let mut layers = layers::Layers::defaults()?;
        if let Some(file) = file {
            layers.file(file)?;
        }
        layers.environment(environment)?;
        for (key, text) in flags {
            layers.flag(key, &text)?;
        }
        let config = layers.read()?;
        config.check()?;
        Ok(config)
    }

    /// Refuses what could not work, or would not be safe.
    pub fn check(&self) -> Result<(), ConfigError> {
        check_secrets("jwt.secrets", &self.jwt.secrets)?;
        check_secrets("service_keys", &self.service_keys)?;
        if self.idle_ms == 0 {
            let reason = "must not be 0, which closes every connection before a request can come";
            return Err(ConfigError::invalid("idle_ms", reason));
        }
        self.webhook.check()?;
        self.origins().map(drop)
    }

    /// What is missing for a service that is reached by HTTP alone.
    pub fn check_standalone(&self) -> Result<(), ConfigError> {
        const MAKE_ONE: &str = "is empty; make one with `openssl rand -hex 32` and set";
        if self.jwt.secrets.is_empty() {
            let reason = format!("{MAKE_ONE} {ENVIRONMENT_PREFIX}JWT__SECRETS");
            return Err(ConfigError::invalid("jwt.secrets", reason));
        }
        if self.service_keys.is_empty() {
            let reason = format!("{MAKE_ONE} {ENVIRONMENT_PREFIX}SERVICE_KEYS");
            return Err(ConfigError::invalid("service_keys", reason));
        }
        Ok(())
    }

    /// The pages that may connect and call.
    pub fn origins(&self) -> Result<Origins, ConfigError> {
        if self.allowed_origins.is_empty() {
            return Ok(Origins::Same);
        }
        let origin = |text: &String| {
            text.parse::<Origin>().map_err(|error| {
                ConfigError::invalid("allowed_origins", format!("has {text:?}: {error}"))
            })
        };
        self.allowed_origins.iter().map(origin).collect::<Result<_, _>>().map(Origins::Listed)
    }
}

fn check_secrets(key: &str, secrets: &[Secret]) -> Result<(), ConfigError> {
    if secrets.len() > 2 {
        return Err(ConfigError::invalid(key, "has more than two entries; remove the oldest"));
    }
    if secrets.iter().any(|secret| secret.expose().len() < SECRET_BYTES) {
        let reason = format!(
            "has an entry of fewer than {SECRET_BYTES} bytes, which can be guessed; make one with \
             `openssl rand -hex 32`"
        );
        return Err(ConfigError::invalid(key, reason));
    }
    Ok(())
}

/// The defaults name every key, so there an empty text stands for nothing.
fn empty_is_none<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests;
