//! Which web pages may talk to the service: one rule for sockets and for CORS.
//!
//! A browser says with each cross-origin request where the page came from, and a page can't forge
//! it. Programs that are no browsers say nothing; they are let through, since the token decides.

use std::str::FromStr;

use axum::http::{HeaderMap, HeaderValue, header};

/// The pages that may talk to the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origins {
    /// Those that came from the host that they talk to.
    #[default]
    Same,
    /// Those that came from one of these.
    Listed(Vec<Origin>),
}

/// Where a page came from: scheme, host and port, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    authority: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// The text is no origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an origin is http:// or https://, a host, and a port where it is not the usual one")]
pub struct OriginError;

impl Scheme {
    const fn usual_port(self) -> &'static str {
        match self {
            Self::Http => ":80",
            Self::Https => ":443",
        }
    }

    /// Leaves out the port that is meant anyway.
    fn spell(self, authority: &str) -> String {
        let authority = authority.to_ascii_lowercase();
        authority.strip_suffix(self.usual_port()).map(ToOwned::to_owned).unwrap_or(authority)
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let (scheme, authority) = text.split_once("://").ok_or(OriginError)?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(OriginError),
        };
        let odd = |char: char| !char.is_ascii_alphanumeric() && !"-._:[]".contains(char);
        if authority.is_empty() || authority.contains(odd) {
            return Err(OriginError);
        }
        Ok(Self { scheme, authority: scheme.spell(authority) })
    }
}

impl Origins {
    /// Whether the page that sent these headers may talk to the service.
    pub fn allow(&self, headers: &HeaderMap) -> bool {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => true,
            (Some(origin), None) => self.allow_origin(origin, headers.get(header::HOST)),
            // No browser sends two.
            (Some(_), Some(_)) => false,
        }
    }

    /// Whether a page from `origin` may talk to the service, called by the name `host`.
    pub fn allow_origin(&self, origin: &HeaderValue, host: Option<&HeaderValue>) -> bool {
        let Some(origin) = text(origin).and_then(|origin| origin.parse::<Origin>().ok()) else {
            return false;
        };
        match self {
            // Behind a proxy the scheme can't be told, so the hosts decide.
            Self::Same => host
                .and_then(text)
                .is_some_and(|host| origin.scheme.spell(host) == origin.authority),
            Self::Listed(listed) => listed.contains(&origin),
        }
    }
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(origins: &Origins, origin: &str, host: &str, expected: bool) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers.insert(header::HOST, host.parse().unwrap());
        assert_eq!(origins.allow(&headers), expected, "{origin} at {host}");
    }

    #[test]
    fn by_default_a_page_talks_to_the_host_it_came_from() {
        for (origin, host, expected) in [
            ("https://example.com", "example.com", true),
            ("https://EXAMPLE.com", "example.COM:443", true),
            ("http://example.com:8080", "example.com:8080", true),
            ("http://[::1]:80", "[::1]", true),
            ("http://example.com:8080", "example.com", false),
            ("http://example.com", "example.com:443", false),
            ("https://example.com.evil.test", "example.com", false),
            ("https://evil-example.com", "example.com", false),
            ("https://example.com@evil.test", "example.com", false),
            ("https://example.com/", "example.com", false),
            ("file://example.com", "example.com", false),
            ("null", "example.com", false),
            ("null", "null", false),
            ("", "example.com", false),
        ] {
            check(&Origins::Same, origin, host, expected);
        }
        assert!(Origins::Same.allow(&HeaderMap::new()), "no browser, so the token decides");
    }

    #[test]
    fn a_list_is_exact() {
        let listed = Origins::Listed(vec!["https://app.example.com".parse().unwrap()]);
        check(&listed, "https://app.example.com", "api.example.com", true);
        check(&listed, "https://App.Example.com:443", "api.example.com", true);
        check(&listed, "http://app.example.com", "api.example.com", false);
        check(&listed, "https://app.example.com:8443", "api.example.com", false);
        check(&listed, "https://api.example.com", "api.example.com", false);
        check(&listed, "https://app.example.com.evil.test", "api.example.com", false);
    }
}
