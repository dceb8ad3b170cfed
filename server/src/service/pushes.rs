//! The product speaks: to one user, to many, to everyone.

use message_service_shared::error::ApiError;
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::limits;
use message_service_shared::message::{Content, Message};
use serde::Deserialize;

use super::{Error, Service};
use crate::clock::{client_msg_id, message_id};
use crate::store::{Appended, ContentHash, Draft};

/// What the main app wants said.
#[derive(Clone, Debug, PartialEq)]
pub struct PushRequest {
    /// To whom.
    pub to: To,
    /// What.
    pub content: Content,
    /// Whether it is only to be found, not to be noticed: it never counts.
    pub quiet: bool,
    /// The caller's name for it; the same name completes a push that failed half-way. Without one
    /// every call is a push of its own.
    pub key: Option<ClientMsgId>,
}

/// Whom the product speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// These users, each in their own system conversation.
    Users(Vec<UserId>),
    /// Everyone, by one message, however many there are.
    Everyone,
}

/// The same as the main app writes it: exactly one of these.
#[derive(Debug, Deserialize)]
pub(crate) struct Receivers {
    #[serde(default)]
    user: Option<UserId>,
    #[serde(default)]
    users: Option<Vec<UserId>>,
    #[serde(default)]
    everyone: bool,
}

impl Receivers {
    pub(crate) fn meant(self) -> Result<To, ApiError> {
        match (self.user, self.users, self.everyone) {
            (Some(user), None, false) => Ok(To::Users(vec![user])),
            (None, Some(users), false) => Ok(To::Users(users)),
            (None, None, true) => Ok(To::Everyone),
            _ => {
                let message =
                    "must be one of {\"user\": id}, {\"users\": [id, …]}, {\"everyone\": true}";
                Err(ApiError::invalid("to", message))
            }
        }
    }
}

/// What was said.
#[derive(Clone, Debug, PartialEq)]
pub struct Pushed {
    /// One message for each user, in their order; one in all for everyone.
    pub messages: Vec<Message>,
}

impl Service {
    /// Speaks as the product.
    ///
    /// Every message is stored when this returns. Where one could not be, the call fails, what was
    /// stored stays and is told, and the same call with the same key completes it.
    pub async fn push(&self, request: PushRequest) -> Result<Pushed, Error> {
        request.content.check()?;
        let conversations = match &request.to {
            To::Everyone => vec![ConversationId::announcement()],
            To::Users(users) => {
                check_users(users)?;
                self.store.see_users(users).await?;
                users.iter().map(ConversationId::system).collect()
            }
        };
        let at = self.clock.now();
        let key = request.key.unwrap_or_else(|| client_msg_id(self.ids.make(at)));
        let content_hash = ContentHash::of(&request.content, request.quiet);
        let draft = |conversation| Draft {
            conversation,
            sender: None,
            client_msg_id: key.clone(),
            content: request.content.clone(),
            content_hash,
            quiet: request.quiet,
            id: message_id(self.ids.make(at)),
            at,
            read_seq: None,
        };
        let drafts = conversations.into_iter().map(draft).collect();
        let (mut stored, mut failure) = (Vec::new(), None);
        for outcome in self.append(drafts).await {
            match outcome {
                Ok(appended) => stored.push(appended),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let waiting: Vec<&Message> =
            stored.iter().map(|appended: &Appended| &appended.message).collect();
        let waits = self.let_wait(&waiting).await;
        failure = failure.or(waits.err());
        let mut messages = Vec::with_capacity(stored.len());
        for appended in stored {
            messages.push(appended.message.clone());
            self.tell_stored(appended).await?;
        }
        failure.map_or(Ok(Pushed { messages }), Err)
    }
}

fn check_users(users: &[UserId]) -> Result<(), ApiError> {
    if users.is_empty() {
        return Err(ApiError::invalid("to.users", "names nobody"));
    }
    if users.len() > limits::USERS_PER_REQUEST {
        let error = ApiError::invalid("to.users", "too many users; push to everyone, or in parts");
        return Err(error.with_limit(limits::USERS_PER_REQUEST));
    }
    let mut sorted: Vec<&UserId> = users.iter().collect();
    sorted.sort();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ApiError::invalid("to.users", "names a user twice"));
    }
    Ok(())
}
