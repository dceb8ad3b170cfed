//! What the main app is told, as JSON in the envelope of Standard Webhooks: `type`, `timestamp`,
//! `data`.

use message_service_shared::id::UserId;
use message_service_shared::message::{Message, Millis};
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::service::Told;

/// Bytes of messages in one delivery at most, beside a few hundred of the envelope: what servers
/// take in one request without being asked to is a megabyte, or little less.
pub(super) const BYTES: usize = 256 * 1024;

#[derive(Serialize)]
struct Event<'a> {
    #[serde(rename = "type")]
    kind: Kind,
    /// When it was written, in UTC.
    timestamp: String,
    data: Data<'a>,
}

#[derive(Clone, Copy, Serialize)]
enum Kind {
    /// A user who is away has unread messages.
    #[serde(rename = "messages.unread")]
    Messages,
    /// Something was said to everyone.
    #[serde(rename = "announcement.published")]
    Announcement,
}

#[derive(Serialize)]
struct Data<'a> {
    /// Who is away; absent where it is said to everyone.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a UserId>,
    /// What the user's dot counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    unread: Option<u64>,
    messages: &'a [Message],
}

/// Writes it.
pub(super) fn write(user: Option<&UserId>, told: &Told, at: Millis) -> Vec<u8> {
    let kind = if user.is_some() { Kind::Messages } else { Kind::Announcement };
    let data = Data { user, unread: told.unread, messages: &told.messages };
    let event = Event { kind, timestamp: rfc3339(at), data };
    // The protocol's types have no failing serialiser.
    serde_json::to_vec(&event).unwrap_or_default()
}

/// How many of the messages, from the first on, one delivery takes: a single one goes whatever its
/// size.
pub(super) fn fitting(messages: &[Message]) -> usize {
    let mut bytes = 0;
    let fits = |message: &&Message| {
        // A comma follows each but the last.
        bytes += serde_json::to_vec(message).unwrap_or_default().len() + 1;
        bytes <= BYTES
    };
    messages.iter().take_while(fits).count().max(1)
}

fn rfc3339(at: Millis) -> String {
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    let text = moment.map(|moment| moment.format(&Rfc3339).unwrap_or_default());
    text.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use message_service_shared::message::Content;
    use serde_json::{Value, json};

    use super::*;

    fn message() -> Message {
        Message {
            id: "m".parse().unwrap(),
            conversation: "direct:ann:bob".parse().unwrap(),
            seq: 1_u32.into(),
            sender: Some("ann".parse().unwrap()),
            client_msg_id: "c".parse().unwrap(),
            at: 1,
            revision: 0,
            quiet: false,
            recalled: None,
            content: Some(Content::text("hello")),
        }
    }

    fn written(user: Option<&str>, unread: Option<u64>) -> Value {
        let user: Option<UserId> = user.map(|user| user.parse().unwrap());
        let told = Told { messages: vec![message()], unread };
        serde_json::from_slice(&write(user.as_ref(), &told, 1_700_000_000_123)).unwrap()
    }

    #[test]
    fn a_receiver_is_named_with_the_messages_and_the_count() {
        let wanted = json!({
            "type": "messages.unread",
            "timestamp": "2023-11-14T22:13:20.123Z",
            "data": { "user": "bob", "unread": 3, "messages": [message()] },
        });
        assert_eq!(written(Some("bob"), Some(3)), wanted);
    }

    #[test]
    fn as_many_messages_fit_as_have_room_and_one_in_any_case() {
        let long = |bytes| Message { content: Some(Content::text("x".repeat(bytes))), ..message() };
        let (third, beyond) = (long(BYTES / 3 - 1_000), long(BYTES));
        let thirds = [&third, &third, &third].map(Clone::clone);
        assert_eq!(fitting(&thirds), 3);
        assert!(serde_json::to_vec(&thirds).unwrap().len() <= BYTES);
        assert_eq!(fitting(&[&third, &third, &third, &third].map(Clone::clone)), 3);
        assert_eq!(fitting(&[beyond.clone(), third.clone()]), 1);
        assert_eq!(fitting(&[third, beyond]), 1);
    }

    #[test]
    fn an_announcement_names_nobody() {
        let event = written(None, None);
        assert_eq!(event["type"], "announcement.published");
        assert_eq!(event["data"], json!({ "messages": [message()] }));
    }
}
