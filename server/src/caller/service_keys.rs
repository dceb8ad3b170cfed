//! The main app's keys.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

/// The keys that the main app may come with: one, or two while it changes over.
///
/// Only their hashes are kept. They are all of one length, so comparing takes equally long
/// whatever was presented, and a wrong guess says nothing about how wrong it was.
#[derive(Clone, Default)]
pub struct ServiceKeys(Vec<[u8; 32]>);

impl ServiceKeys {
    /// Takes the keys.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().map(hash).collect())
    }

    /// Whether it is one of them.
    pub fn accept(&self, presented: &str) -> bool {
        let presented = hash(presented);
        let found = |found: Choice, key: &[u8; 32]| found | key.ct_eq(&presented);
        self.0.iter().fold(Choice::from(0), found).into()
    }
}

impl fmt::Debug for ServiceKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServiceKeys({} of them)", self.0.len())
    }
}

fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn either_key_is_good_and_nothing_else_is() {
        let keys = ServiceKeys::new(["the-old-key", "the-new-key"]);
        assert!(keys.accept("the-old-key") && keys.accept("the-new-key"));
        assert!(!keys.accept("the-new-ke") && !keys.accept("the-new-keys") && !keys.accept(""));
        assert!(!ServiceKeys::default().accept(""));
    }
}
