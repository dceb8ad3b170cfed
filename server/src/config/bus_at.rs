//! By what the nodes speak to each other, as it is written.

use serde::{Deserialize, Serialize};

use super::address::without_password;

/// By what the nodes speak to each other. Written `none`, or `nats://host:port`, several with
/// commas between them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum BusAt {
    /// There is one node.
    InProcess,
    /// This NATS. The text may hold a password, which is not shown.
    Nats(String),
}

impl BusAt {
    /// The address without a password.
    fn shown(&self) -> String {
        match self {
            Self::InProcess => "none".to_owned(),
            Self::Nats(servers) => {
                servers.split(',').map(without_password).collect::<Vec<_>>().join(",")
            }
        }
    }
}

impl std::fmt::Debug for BusAt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl TryFrom<String> for BusAt {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_nats =
            |server: &str| ["nats://", "tls://"].iter().any(|scheme| server.starts_with(scheme));
        match text.as_str() {
            "none" => Ok(Self::InProcess),
            servers if servers.split(',').all(|server| is_nats(server.trim())) => {
                Ok(Self::Nats(text))
            }
            _ => Err("must be `none`, or the address of a NATS such as nats://127.0.0.1:4222"),
        }
    }
}

impl From<BusAt> for String {
    fn from(bus: BusAt) -> Self {
        bus.shown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BusAt, &'static str> {
        BusAt::try_from(text.to_owned())
    }

    #[test]
    fn a_password_is_never_shown() {
        let bus = read("nats://ann:s3cr@t@one:4222,nats://two:4222").unwrap();
        assert_eq!(format!("{bus:?}"), "nats://[redacted]@one:4222,nats://two:4222");
        assert_eq!(String::from(bus), "nats://[redacted]@one:4222,nats://two:4222");
    }

    #[test]
    fn anything_else_is_refused_with_what_it_may_be() {
        for text in ["", "redis://x", "nats", "nats://x,http://y"] {
            assert!(read(text).unwrap_err().contains("nats://127.0.0.1:4222"), "{text}");
        }
    }
}
