//! The names under which nodes speak to each other.
//!
//! A user's id becomes one token of a subject: whatever is no letter or digit of ASCII is written
//! as `%` and two hexadecimal digits. So no id can reach beyond its own subject, by a dot or a
//! wildcard, and an operator who watches still reads ordinary ids.

use message_service_shared::id::{Epoch, UserId};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What all of them begin with, for an operator who permits subjects by name.
const PREFIX: &str = "message-service";

/// The subjects of one data set. A service with another one may share the NATS: it knows other users
/// by the same ids, and must not hear of these.
#[derive(Clone, Debug)]
pub(super) struct Subjects {
    prefix: String,
}

impl Subjects {
    pub(super) fn new(epoch: &Epoch) -> Self {
        let epoch = utf8_percent_encode(epoch.as_str(), NON_ALPHANUMERIC);
        Self { prefix: format!("{PREFIX}.{epoch}") }
    }

    /// What concerns one user.
    pub(super) fn user(&self, user: &UserId) -> String {
        let token = utf8_percent_encode(user.as_str(), NON_ALPHANUMERIC);
        format!("{}.user.{token}", self.prefix)
    }

    /// What concerns everyone.
    pub(super) fn everyone(&self) -> String {
        format!("{}.everyone", self.prefix)
    }

    /// What nobody listens to: asking there is a way to the server and back.
    pub(super) fn nobody(&self) -> String {
        format!("{}.nobody", self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subjects() -> Subjects {
        Subjects::new(&"e1".parse().unwrap())
    }

    #[test]
    fn no_id_escapes_its_own_subject() {
        let subjects = subjects();
        assert_eq!(subjects.user(&"ann7".parse().unwrap()), "message-service.e1.user.ann7");
        let mut seen = std::collections::HashSet::new();
        for id in ["a.b", "*", ">", "$SYS", "a b", "/%", "%2E", ".", "你好", "😀", "\"'", "a*"]
        {
            let subject = subjects.user(&id.parse().unwrap());
            let token = subject.strip_prefix("message-service.e1.user.").unwrap();
            assert!(token.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'%'));
            assert!(seen.insert(subject));
        }
    }

    #[test]
    fn the_longest_id_has_a_subject() {
        let id: UserId = "界".repeat(85).parse().unwrap();
        assert!(subjects().user(&id).len() < 1_024);
    }
}
