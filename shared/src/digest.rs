//! One number for everything a user's badges show, so that both sides can compare cheaply.

use serde::{Deserialize, Serialize};

use crate::id::ConversationId;
use crate::unread::Standing;

/// A digest of a user's unread conversations. Conversations that show nothing add nothing, so two
/// sides agree even where one knows more of the silent ones.
///
/// On the wire 16 hexadecimal digits, since a JavaScript number has no room for 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
pub struct Digest(u64);

/// The text is not 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 16 hexadecimal digits")]
pub struct DigestError;

impl Digest {
    /// Adds a conversation. The order of adding makes no difference.
    pub fn add(&mut self, conversation: &ConversationId, standing: &Standing) {
        if standing.shown() == 0 {
            return;
        }
        let mut hash = Fnv::new();
        hash.write(conversation.as_str().as_bytes());
        for number in [
            standing.base.get(),
            standing.last_seq.get(),
            standing.unread,
            u64::from(standing.marked),
            u64::from(standing.muted),
        ] {
            hash.write(&number.to_le_bytes());
        }
        self.0 = self.0.wrapping_add(hash.finish());
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(text: String) -> Result<Self, DigestError> {
        if text.len() != 16 || text.starts_with('+') {
            return Err(DigestError);
        }
        u64::from_str_radix(&text, 16).map(Self).map_err(|_| DigestError)
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        // Written out: the formatting machinery would be the largest thing in the browser's copy.
        let bytes = digest.0.to_be_bytes();
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
    }
}

/// FNV-1a with 64 bits and a finaliser (`MurmurHash3`'s `fmix64`), since the sum of plain FNV
/// values would let similar rows cancel out. It guards against drift, not against an adversary:
/// a client that lies about its own badge fools only itself.
struct Fnv(u64);

impl Fnv {
    const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    const fn finish(self) -> u64 {
        let mut hash = self.0;
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        hash ^ (hash >> 33)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::Seq;

    fn standing(unread: u32) -> Standing {
        Standing {
            base: Seq::ZERO,
            last_seq: unread.into(),
            unread: unread.into(),
            marked: false,
            muted: false,
            exact: true,
        }
    }

    #[test]
    fn order_and_silent_conversations_make_no_difference() {
        let [one, two, three] =
            ["system:a", "system:b", "system:c"].map(|id| ConversationId::new(id).unwrap());
        let mut left = Digest::default();
        left.add(&one, &standing(3));
        left.add(&two, &standing(1));
        let mut right = Digest::default();
        right.add(&two, &standing(1));
        right.add(&three, &standing(0));
        right.add(&one, &standing(3));
        assert_eq!(left, right);
        right.add(&three, &standing(1));
        assert_ne!(left, right);
    }

    #[test]
    fn a_digest_survives_the_wire() {
        let digest = Digest(0x00ab_cdef_0123_4567);
        let text = serde_json::to_string(&digest).unwrap();
        assert_eq!(text, "\"00abcdef01234567\"");
        assert_eq!(serde_json::from_str::<Digest>(&text).unwrap(), digest);
        assert!(serde_json::from_str::<Digest>("\"xyz\"").is_err());
    }
}
