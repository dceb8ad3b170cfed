//! Where the main app leaves what it wants said, as it is written.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::address::without_password;

/// The main app's own database. Written `mongodb://…/DATABASE`; the text may hold a password, which
/// is not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutboxAt(String);

impl OutboxAt {
    /// The address, as the driver reads it.
    pub fn address(&self) -> &str {
        &self.0
    }
}

impl FromStr for OutboxAt {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        if !["mongodb", "mongodb+srv"].contains(&scheme) {
            return Err("must be the main app's own database, mongodb://HOST:PORT/DATABASE, or \
                        empty for none"
                .to_owned());
        }
        let (servers, _) = rest.split_once('?').unwrap_or((rest, ""));
        // A database by default would be one that the main app never writes to.
        match servers.rsplit_once('/') {
            Some((_, database)) if !database.is_empty() => Ok(Self(text.to_owned())),
            _ => Err(format!(
                "names no database; put the main app's own behind the servers, as in \
                 mongodb://HOST:PORT/DATABASE: {}",
                without_password(text)
            )),
        }
    }
}

impl TryFrom<String> for OutboxAt {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<OutboxAt> for String {
    fn from(outbox: OutboxAt) -> Self {
        without_password(&outbox.0)
    }
}

impl std::fmt::Debug for OutboxAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let outbox: OutboxAt = "mongodb://ann:s3cr@t@one,two/app?tls=true".parse().unwrap();
        assert_eq!(outbox.address(), "mongodb://ann:s3cr@t@one,two/app?tls=true");
        assert_eq!(format!("{outbox:?}"), "mongodb://[redacted]@one,two/app?tls=true");
        assert_eq!(String::from(outbox), "mongodb://[redacted]@one,two/app?tls=true");
    }

    #[test]
    fn an_address_without_a_database_is_refused() {
        for text in ["mongodb://one", "mongodb://one/", "mongodb://one/?tls=true", "mongodb://"] {
            let refused = text.parse::<OutboxAt>().unwrap_err();
            assert!(refused.contains("names no database"), "{text}");
        }
    }
}
