//! Conversation ids say who is in the conversation, so that nobody has to look it up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use super::{IdError, UserId};

/// A conversation's id.
///
/// | kind | form |
/// |---|---|
/// | direct | `direct:` + the two users in order of their bytes, joined by `:` |
/// | system | `system:` + the user |
/// | announcement | `announcement` |
/// | group | `group:` + the group's own id |
///
/// Inside a part `~` is written `~0` and `:` is written `~1`, as in a JSON pointer (RFC 6901), so
/// that any user id goes in and comes out again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(try_from = "String")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
pub struct ConversationId(Arc<str>);

/// What sort of conversation it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum ConversationKind {
    /// Two users.
    Direct,
    /// Several users, who join and leave.
    Group,
    /// The product to one user.
    System,
    /// The product to everyone.
    Announcement,
}

/// Who is in a conversation, as far as its id tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parties {
    /// These two, the one whose id has the smaller bytes first.
    Direct(UserId, UserId),
    /// Whoever the member rows of this group name.
    Group(Arc<str>),
    /// This user.
    System(UserId),
    /// Every user.
    Announcement,
}

/// Why a string is no conversation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConversationIdError {
    /// None of the four forms.
    #[error("a conversation id is direct:A:B, system:A, group:ID or announcement")]
    Form,
    /// A direct conversation's users out of order, or twice the same.
    #[error("a direct conversation names two different users, the smaller id first")]
    Order,
    /// A user or group id inside it is none.
    #[error(transparent)]
    Part(#[from] IdError),
}

const ANNOUNCEMENT: &str = "announcement";

fn escape(part: &str) -> String {
    part.replace('~', "~0").replace(':', "~1")
}

fn unescape(part: &str) -> Result<String, ConversationIdError> {
    let mut text = String::with_capacity(part.len());
    let mut chars = part.chars();
    while let Some(char) = chars.next() {
        match char {
            '~' => match chars.next() {
                Some('0') => text.push('~'),
                Some('1') => text.push(':'),
                _ => return Err(ConversationIdError::Form),
            },
            other => text.push(other),
        }
    }
    Ok(text)
}

fn user(part: &str) -> Result<UserId, ConversationIdError> {
    Ok(UserId::new(unescape(part)?)?)
}

fn parse(text: &str) -> Result<Parties, ConversationIdError> {
    if text == ANNOUNCEMENT {
        return Ok(Parties::Announcement);
    }
    let (kind, rest) = text.split_once(':').ok_or(ConversationIdError::Form)?;
    match kind {
        "direct" => {
            let (first, second) = rest.split_once(':').ok_or(ConversationIdError::Form)?;
            if second.contains(':') {
                return Err(ConversationIdError::Form);
            }
            let (first, second) = (user(first)?, user(second)?);
            if first < second {
                Ok(Parties::Direct(first, second))
            } else {
                Err(ConversationIdError::Order)
            }
        }
        "system" if !rest.contains(':') => Ok(Parties::System(user(rest)?)),
        "group" if !rest.contains(':') => Ok(Parties::Group(user(rest)?.as_str().into())),
        _ => Err(ConversationIdError::Form),
    }
}

impl ConversationId {
    /// The conversation of two different users; `None` for a user with themself.
    pub fn direct(one: &UserId, other: &UserId) -> Option<Self> {
        let (first, second) = match one.cmp(other) {
            std::cmp::Ordering::Less => (one, other),
            std::cmp::Ordering::Greater => (other, one),
            std::cmp::Ordering::Equal => return None,
        };
        let (first, second) = (escape(first.as_str()), escape(second.as_str()));
        Some(Self(["direct:", &first, ":", &second].concat().into()))
    }

    /// The product's conversation with this user.
    pub fn system(user: &UserId) -> Self {
        Self(["system:", &escape(user.as_str())].concat().into())
    }

    /// The product's conversation with everyone.
    pub fn announcement() -> Self {
        Self(ANNOUNCEMENT.into())
    }

    /// Reads one of the four forms.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self, ConversationIdError> {
        let text = text.into();
        parse(&text)?;
        Ok(Self(text))
    }

    /// The text as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What sort it is.
    pub fn kind(&self) -> ConversationKind {
        match self.0.as_bytes().first() {
            Some(b'd') => ConversationKind::Direct,
            Some(b's') => ConversationKind::System,
            Some(b'g') => ConversationKind::Group,
            _ => ConversationKind::Announcement,
        }
    }

    /// Who is in it.
    pub fn parties(&self) -> Parties {
        // Every constructor has parsed the text, so this can't fail; the widest audience is never
        // the answer to a failure, the conversation of nobody is.
        parse(&self.0).unwrap_or_else(|_| Parties::Group(Arc::from("")))
    }

    /// The other one of a direct conversation, seen from `user`.
    pub fn peer_of(&self, user: &UserId) -> Option<UserId> {
        match self.parties() {
            Parties::Direct(first, second) if first == *user => Some(second),
            Parties::Direct(first, second) if second == *user => Some(first),
            _ => None,
        }
    }
}

impl TryFrom<String> for ConversationId {
    type Error = ConversationIdError;

    fn try_from(text: String) -> Result<Self, ConversationIdError> {
        Self::new(text)
    }
}

impl std::str::FromStr for ConversationId {
    type Err = ConversationIdError;

    fn from_str(text: &str) -> Result<Self, ConversationIdError> {
        Self::new(text)
    }
}

impl Serialize for ConversationId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> UserId {
        UserId::new(text).unwrap()
    }

    #[test]
    fn strange_user_ids_come_out_as_they_went_in() {
        for (one, other) in [
            ("a", "b"),
            ("a:b", "c"),
            ("~1", ":"),
            ("你好", "😀"),
            ("a~0", "a~"),
            (".*>$/%", "' \""),
        ] {
            let conversation = ConversationId::direct(&id(one), &id(other)).unwrap();
            let again = ConversationId::new(conversation.as_str()).unwrap();
            assert_eq!(again.peer_of(&id(one)), Some(id(other)));
            assert_eq!(again.peer_of(&id(other)), Some(id(one)));
            assert_eq!(again.peer_of(&id("stranger")), None);
            let system = ConversationId::new(ConversationId::system(&id(one)).as_str()).unwrap();
            assert_eq!(system.parties(), Parties::System(id(one)));
        }
    }

    #[test]
    fn both_users_get_the_same_id() {
        let (ann, bob) = (id("ann"), id("bob"));
        assert_eq!(ConversationId::direct(&ann, &bob), ConversationId::direct(&bob, &ann));
        assert_eq!(ConversationId::direct(&ann, &ann), None);
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "direct",
            "direct:",
            "direct:a",
            "direct:b:a",
            "direct:a:a",
            "direct:a:b:c",
            "system:",
            "system:a:b",
            "announcement:x",
            "channel:a",
            "direct:a~2:b",
            "direct:a~:b",
            "group:",
            "system:\u{7}",
        ] {
            assert!(ConversationId::new(text).is_err(), "{text:?} was accepted");
        }
    }
}
