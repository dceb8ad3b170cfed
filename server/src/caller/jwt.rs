//! Users by JSON Web Tokens (RFC 7519) that the main app signs with a secret it shares with us.
//!
//! One algorithm, HS256, whatever a token's header says; so neither `none` nor a public key taken
//! for a secret gets anywhere. All refusals read the same.

use std::fmt;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use message_service_shared::id::UserId;
use message_service_shared::limits;
use message_service_shared::message::{Millis, check_text, check_url};
use serde::{Deserialize, Serialize};

use super::{Rejected, Resolver, Verified};

/// Bytes of a token at most; longer ones are not looked at.
pub const TOKEN_BYTES: usize = limits::FIRST_FRAME_BYTES;

/// How far the clocks of the main app and of this server may be apart.
pub const LEEWAY_MS: Millis = 5_000;

/// Checks tokens.
pub struct Jwt {
    keys: Vec<DecodingKey>,
    validation: Validation,
}

/// What a token says.
#[derive(Debug, Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    picture: Option<String>,
}

impl Jwt {
    /// Accepts tokens signed with any of the secrets: two of them while the main app changes over.
    /// With an issuer or an audience, only tokens that name it.
    pub fn new<'a>(
        secrets: impl IntoIterator<Item = &'a str>,
        issuer: Option<&str>,
        audience: Option<&str>,
    ) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // The times are checked below, against the clock that was handed in.
        validation.validate_exp = false;
        let mut required = vec!["exp", "sub"];
        if let Some(issuer) = issuer {
            validation.set_issuer(&[issuer]);
            required.push("iss");
        }
        match audience {
            Some(audience) => {
                validation.set_audience(&[audience]);
                required.push("aud");
            }
            None => validation.validate_aud = false,
        }
        validation.set_required_spec_claims(&required);
        let keys =
            secrets.into_iter().map(|secret| DecodingKey::from_secret(secret.as_bytes())).collect();
        Self { keys, validation }
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        if token.len() > TOKEN_BYTES {
            return None;
        }
        let decode = |key| jsonwebtoken::decode::<Claims>(token, key, &self.validation).ok();
        self.keys.iter().find_map(decode).map(|token| token.claims)
    }

    fn verify(&self, token: &str, now: Millis) -> Result<Verified, Rejected> {
        let claims = self.claims(token).ok_or(Rejected::Invalid)?;
        let expires_at = millis(claims.exp).ok_or(Rejected::Invalid)?.saturating_add(LEEWAY_MS);
        if let Some(nbf) = claims.nbf
            && millis(nbf).is_none_or(|from| from > now.saturating_add(LEEWAY_MS))
        {
            return Err(Rejected::Invalid);
        }
        if expires_at <= now {
            return Err(Rejected::Expired);
        }
        let user = UserId::new(claims.sub).map_err(|_| Rejected::Invalid)?;
        // A name or picture that we could not show is left out: it must not lock anybody out.
        let name = claims.name.filter(|name| check_text("name", name, limits::TITLE_CHARS).is_ok());
        let avatar = claims.avatar.or(claims.picture);
        let avatar = avatar.filter(|avatar| check_url("avatar", avatar).is_ok());
        Ok(Verified { user, expires_at, name, avatar })
    }
}

/// Seconds since 1970, as JWTs count, in milliseconds.
fn millis(seconds: f64) -> Option<Millis> {
    // The largest number of milliseconds that a double holds exactly, far beyond any date.
    const MAX: f64 = 9_007_199_254_740_991.0;
    let millis = seconds * 1_000.0;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=2^53")]
    (0.0..=MAX).contains(&millis).then_some(millis as Millis)
}

#[async_trait]
impl Resolver for Jwt {
    async fn user(&self, token: &str, now: Millis) -> Result<Verified, Rejected> {
        self.verify(token, now)
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwt({} secrets)", self.keys.len())
    }
}

/// What a token minted here says. Main apps mint their own; this one is for trying things out, for
/// tests, and for main apps in Rust.
#[derive(Clone, Debug, Serialize)]
pub struct Mint<'a> {
    /// Whose it is.
    pub sub: &'a UserId,
    /// When it expires, in seconds since 1970.
    pub exp: u64,
    /// The user's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// Who issued it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<&'a str>,
    /// For whom it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aud: Option<&'a str>,
}

/// The token could not be signed.
#[derive(Debug, thiserror::Error)]
#[error("the token could not be signed")]
pub struct MintError(#[from] jsonwebtoken::errors::Error);

impl Mint<'_> {
    /// Signs it.
    pub fn sign(&self, secret: &str) -> Result<String, MintError> {
        let header = Header::new(Algorithm::HS256);
        Ok(jsonwebtoken::encode(&header, self, &EncodingKey::from_secret(secret.as_bytes()))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SECRET: &str = "a secret that is long enough for HS256";
    const OLD: &str = "the secret before it, just as long as it";
    const NOW: Millis = 1_700_000_000_000;

    fn sign(secret: &str, algorithm: Algorithm, claims: &Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        jsonwebtoken::encode(&Header::new(algorithm), claims, &key).unwrap()
    }

    fn claims() -> Value {
        json!({ "sub": "ann", "exp": NOW / 1_000 + 60, "iss": "shop", "aud": "messages" })
    }

    fn with(field: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[field] = value;
        claims
    }

    fn jwt() -> Jwt {
        Jwt::new([SECRET, OLD], Some("shop"), Some("messages"))
    }

    #[test]
    fn both_live_secrets_are_good() {
        for secret in [SECRET, OLD] {
            let verified = jwt().verify(&sign(secret, Algorithm::HS256, &claims()), NOW).unwrap();
            assert_eq!(verified.user.as_str(), "ann");
            assert_eq!(verified.expires_at, NOW + 60_000 + LEEWAY_MS);
        }
    }

    #[test]
    fn what_the_token_says_of_the_user_is_taken_where_it_can_be_shown() {
        let mut all = with("name", json!("Ann"));
        all["picture"] = json!("https://example.com/ann.png");
        let verified = jwt().verify(&sign(SECRET, Algorithm::HS256, &all), NOW).unwrap();
        assert_eq!(verified.name.as_deref(), Some("Ann"));
        assert_eq!(verified.avatar.as_deref(), Some("https://example.com/ann.png"));
        let odd = with("avatar", json!("javascript:alert(1)"));
        let verified = jwt().verify(&sign(SECRET, Algorithm::HS256, &odd), NOW).unwrap();
        assert_eq!(verified.avatar, None);
    }

    #[test]
    fn a_token_expires_after_a_small_leeway() {
        let at = |seconds: u64| sign(SECRET, Algorithm::HS256, &with("exp", json!(seconds)));
        let now = NOW / 1_000;
        assert!(jwt().verify(&at(now - 4), NOW).is_ok());
        assert_eq!(jwt().verify(&at(now - 5), NOW), Err(Rejected::Expired));
        let later = sign(SECRET, Algorithm::HS256, &with("nbf", json!(now + 60)));
        assert_eq!(jwt().verify(&later, NOW), Err(Rejected::Invalid));
    }

    #[test]
    fn nothing_else_is_accepted() {
        let unsigned = {
            // {"alg":"none","typ":"JWT"}
            let good = sign(SECRET, Algorithm::HS256, &claims());
            let payload = good.split('.').nth(1).unwrap();
            format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.")
        };
        let mut without_exp = claims();
        without_exp.as_object_mut().unwrap().remove("exp");
        let mut without_aud = claims();
        without_aud.as_object_mut().unwrap().remove("aud");
        for (name, token) in [
            ("nothing", String::new()),
            ("no token", "a.b.c".to_owned()),
            ("alg none", unsigned),
            ("another algorithm", sign(SECRET, Algorithm::HS512, &claims())),
            ("a foreign secret", sign("somebody else's secret", Algorithm::HS256, &claims())),
            ("without exp", sign(SECRET, Algorithm::HS256, &without_exp)),
            ("exp as text", sign(SECRET, Algorithm::HS256, &with("exp", json!("9999999999")))),
            ("exp below zero", sign(SECRET, Algorithm::HS256, &with("exp", json!(-1)))),
            ("exp beyond time", sign(SECRET, Algorithm::HS256, &with("exp", json!(1e300)))),
            ("another issuer", sign(SECRET, Algorithm::HS256, &with("iss", json!("mall")))),
            ("another audience", sign(SECRET, Algorithm::HS256, &with("aud", json!("mail")))),
            ("without audience", sign(SECRET, Algorithm::HS256, &without_aud)),
            ("sub is no id", sign(SECRET, Algorithm::HS256, &with("sub", json!("a\u{7}")))),
            (
                "sub is too long",
                sign(SECRET, Algorithm::HS256, &with("sub", json!("a".repeat(257)))),
            ),
            (
                "too long",
                sign(SECRET, Algorithm::HS256, &with("x", json!("a".repeat(TOKEN_BYTES)))),
            ),
        ] {
            assert_eq!(jwt().verify(&token, NOW), Err(Rejected::Invalid), "{name}");
        }
    }

    #[test]
    fn without_a_secret_nobody_comes_in() {
        let none = Jwt::new([], None, None);
        let token = sign("", Algorithm::HS256, &claims());
        assert_eq!(none.verify(&token, NOW), Err(Rejected::Invalid));
    }
}
