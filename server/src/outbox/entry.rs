//! An entry as the main app wrote it. Fields are those of `POST /v1/push`, and of sending for a user
//! over REST.

use message_service_shared::command::SendMessage;
use message_service_shared::error::ApiError;
use message_service_shared::frame::read_json;
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::message::Content;
use message_service_shared::seq::Seq;
use mongodb::bson::{Bson, Document};
use serde::Deserialize;

use super::json;
use crate::service::{PushRequest, Receivers, To};

/// What an entry asks of the service.
#[derive(Debug)]
pub(super) enum Wanted {
    /// The product speaks.
    Push(PushRequest),
    /// A user does.
    Send {
        /// Who.
        from: UserId,
        /// What, and where.
        message: SendMessage,
    },
}

/// Where it goes.
#[derive(Deserialize)]
struct Address {
    #[serde(default)]
    to: Option<Receivers>,
    #[serde(default)]
    from: Option<UserId>,
    #[serde(default)]
    conversation: Option<ConversationId>,
}

/// What it says.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Letter {
    content: Content,
    #[serde(default)]
    quiet: bool,
    #[serde(default)]
    read_seq: Option<Seq>,
}

/// An address that makes sense.
enum Place {
    Product(To),
    Person { from: UserId, conversation: ConversationId },
}

/// The fields that [`lanes`] looks at.
pub(super) const ADDRESS: [&str; 3] = ["to", "from", "conversation"];

/// The conversations that an entry goes to; none where that can't be said, and then it is refused
/// and holds nobody back.
pub(super) fn lanes(document: &Document) -> Vec<ConversationId> {
    match place(&json::of_document(document).to_string()) {
        Ok(Place::Product(To::Users(users))) => users.iter().map(ConversationId::system).collect(),
        Ok(Place::Product(To::Everyone)) => vec![ConversationId::announcement()],
        Ok(Place::Person { conversation, .. }) => vec![conversation],
        Err(_) => Vec::new(),
    }
}

/// Reads an entry, or says which field is wrong.
pub(super) fn read(document: &Document) -> Result<Wanted, ApiError> {
    let name = name(document.get("_id").unwrap_or(&Bson::Null))?;
    let text = json::of_document(document).to_string();
    let place = place(&text)?;
    let Letter { content, quiet, read_seq } = read_json(&text)?;
    Ok(match place {
        Place::Product(to) => Wanted::Push(PushRequest { to, content, quiet, key: Some(name) }),
        Place::Person { .. } if quiet => {
            return Err(ApiError::invalid("quiet", "is for what the product says, without `from`"));
        }
        Place::Person { from, conversation } => {
            let message = SendMessage { conversation, client_msg_id: name, content, read_seq };
            Wanted::Send { from, message }
        }
    })
}

fn place(text: &str) -> Result<Place, ApiError> {
    let Address { to, from, conversation } = read_json(text)?;
    match (from, conversation, to.map(Receivers::meant).transpose()?) {
        (None, None, Some(to)) => Ok(Place::Product(to)),
        (None, None, None) => Err(ApiError::invalid("to", "is missing: it says to whom")),
        (None, Some(_), _) => {
            Err(ApiError::invalid("from", "is missing: in a `conversation` a user speaks"))
        }
        (Some(from), Some(conversation), None) => Ok(Place::Person { from, conversation }),
        (Some(from), None, Some(To::Users(users))) => {
            let [peer] = users.as_slice() else { return Err(one_place()) };
            let conversation = ConversationId::direct(&from, peer)
                .ok_or_else(|| ApiError::invalid("to.user", "must be somebody else than `from`"))?;
            Ok(Place::Person { from, conversation })
        }
        (Some(_), _, _) => Err(one_place()),
    }
}

fn one_place() -> ApiError {
    let message = "a user speaks in one place: either a `conversation`, or `to` with a `user`";
    ApiError::invalid("to", message)
}

fn name(id: &Bson) -> Result<ClientMsgId, ApiError> {
    match id {
        Bson::ObjectId(_) | Bson::String(_) => ClientMsgId::new(json::id_text(id))
            .map_err(|error| ApiError::invalid("_id", error.to_string())),
        _ => Err(ApiError::invalid("_id", "must be an ObjectId or a string")),
    }
}

#[cfg(test)]
mod tests {
    use message_service_shared::message::Body;
    use mongodb::bson::doc;
    use mongodb::bson::oid::ObjectId;

    use super::*;

    fn refused(entry: &Document) -> (String, String) {
        let error = read(entry).unwrap_err();
        (error.field.unwrap_or_default().into_owned(), error.message.into_owned())
    }

    fn notice() -> Document {
        doc! { "kind": "notice", "title": "Hello" }
    }

    #[test]
    fn the_product_speaks_under_the_entrys_name() {
        let id = ObjectId::new();
        let users = doc! { "users": ["ann", "bob"] };
        let entry = doc! { "_id": id, "to": users, "content": notice(), "quiet": true };
        let Wanted::Push(push) = read(&entry).unwrap() else { panic!("a push") };
        assert_eq!(push.key.unwrap().as_str(), id.to_hex());
        assert!(push.quiet);
        let lanes: Vec<String> = lanes(&entry).iter().map(ToString::to_string).collect();
        assert_eq!(lanes, ["system:ann", "system:bob"]);
    }

    #[test]
    fn a_person_speaks_in_a_conversation_or_to_somebody() {
        let words = doc! { "kind": "text", "text": "Hi", "replyTo": 40.0 };
        for place in [doc! { "conversation": "direct:ann:bob" }, doc! { "to": { "user": "ann" } }] {
            let mut entry = doc! { "_id": "order-17", "from": "bob", "content": words.clone() };
            entry.extend(place);
            let Wanted::Send { from, message } = read(&entry).unwrap() else { panic!("a send") };
            assert_eq!((from.as_str(), message.client_msg_id.as_str()), ("bob", "order-17"));
            assert_eq!(message.conversation.as_str(), "direct:ann:bob");
            assert_eq!(message.content.body, Body::Text { text: "Hi".to_owned() });
            assert_eq!(message.content.reply_to.unwrap(), Seq::from(40_u32));
            assert_eq!(lanes(&entry), [message.conversation]);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let to = doc! { "user": "ann" };
        let cases = [
            (doc! { "_id": 17, "to": &to, "content": notice() }, "_id"),
            (doc! { "_id": "a".repeat(129), "to": &to, "content": notice() }, "_id"),
            (doc! { "_id": "a", "content": notice() }, "to"),
            (doc! { "_id": "a", "to": { "usr": "ann" }, "content": notice() }, "to"),
            (doc! { "_id": "a", "to": { "users": [7] }, "content": notice() }, "to.users[0]"),
            (doc! { "_id": "a", "to": &to, "content": { "kind": "odd" } }, "content"),
            (doc! { "_id": "a", "to": &to }, "content"),
            (doc! { "_id": "a", "conversation": "direct:ann:bob", "content": notice() }, "from"),
            (doc! { "_id": "a", "from": "ann", "to": &to, "content": notice() }, "to.user"),
            (
                doc! { "_id": "a", "from": "ann", "to": { "everyone": true }, "content": notice() },
                "to",
            ),
        ];
        for (entry, field) in cases {
            let (named, message) = refused(&entry);
            assert!(named == field || message.contains(field), "{entry}: {named}: {message}");
        }
    }
}
