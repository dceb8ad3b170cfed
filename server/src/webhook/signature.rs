//! Signs a delivery as the Standard Webhooks specification says (v1, symmetric): HMAC-SHA256 with the
//! decoded secret over `{id}.{seconds}.{body}`, in base64, after `v1,`.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Bytes of a secret, as the specification bounds them.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What deliveries are signed with.
#[derive(Clone)]
pub(crate) struct SigningKey(Hmac<Sha256>);

/// Why a text is no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "has an entry that is not `whsec_` and 24 to 64 bytes in base64; make one with \
     `echo whsec_$(openssl rand -base64 32)`"
)]
pub(crate) struct SigningKeyError;

impl SigningKey {
    /// Reads a secret as receivers have it.
    pub(crate) fn read(secret: &str) -> Result<Self, SigningKeyError> {
        let encoded = secret.strip_prefix(SECRET_PREFIX).ok_or(SigningKeyError)?;
        let bytes = STANDARD.decode(encoded).map_err(|_| SigningKeyError)?;
        if !BYTES.contains(&bytes.len()) {
            return Err(SigningKeyError);
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|_| SigningKeyError)
    }

    /// The signature of a delivery, with its version before it.
    pub(super) fn sign(&self, id: &str, seconds: u64, body: &[u8]) -> String {
        let mut mac = self.0.clone();
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specifications_own_example_comes_out() {
        let key = SigningKey::read("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = br#"{"test": 2432232314}"#;
        let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for text in
            ["", "whsec_", "whsec_%%%", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ="]
        {
            assert_eq!(SigningKey::read(text).err(), Some(SigningKeyError), "{text}");
        }
    }
}
