//! The class that the facade drives. Each method is one input; each getter one look.

use std::rc::Rc;

use js_sys::Array;
use message_service_machine::{Input, Machine, Options, Request, TokenFailure};
use message_service_shared::command::Configure;
use message_service_shared::error::ApiError;
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::limits::PROTOCOL_VERSION;
use message_service_shared::seq::Seq;
use message_service_shared::view::Page;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert;
use crate::core::Core;
use crate::host::Host;

/// A client. The facade makes one for each `MessageClient`.
#[wasm_bindgen]
pub struct Client {
    core: Rc<Core>,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

#[wasm_bindgen]
impl Client {
    /// A client at rest. `seed` is any random number: jitter comes from it.
    #[wasm_bindgen(constructor)]
    pub fn new(
        host: Host,
        url: String,
        seed: u32,
        auto_read: bool,
        inbox_page: u32,
        request_timeout_ms: u32,
    ) -> Self {
        let options =
            Options { auto_read, inbox_page, request_timeout_ms: request_timeout_ms.into() };
        // Two clients made with one seed would still differ by when they begin.
        let seed = u64::from(seed) << 32 | (js_sys::Date::now().to_bits() >> 20);
        Self { core: Core::new(Machine::new(options, seed), url, host) }
    }

    /// Connects.
    pub fn connect(&self) {
        self.core.connect();
    }

    /// Ends the session.
    pub fn close(&self) {
        self.core.run(Input::Close);
        self.core.deafen();
    }

    /// Ends the session and forgets the user.
    #[wasm_bindgen(js_name = signOut)]
    pub fn sign_out(&self) {
        self.core.run(Input::SignOut);
        self.core.deafen();
    }

    /// The token that was asked for; without one, whether there is still a user.
    pub fn token(&self, token: Option<String>, unauthorized: bool) {
        let failure = if unauthorized { TokenFailure::Unauthorized } else { TokenFailure::Failed };
        self.core.run(Input::Token(token.ok_or(failure)));
    }

    /// The tab shows another page.
    #[wasm_bindgen(js_name = setPage)]
    pub fn set_page(&self, page: &str) {
        let page = match page {
            "home" => Page::Home,
            "messages" => Page::Messages,
            _ => Page::Other,
        };
        self.core.run(Input::Page(page));
    }

    /// Opens a conversation.
    pub fn open(&self, ticket: u32, conversation: &str) -> Result<(), JsValue> {
        self.call(ticket, Request::Open(conversation_id(conversation)?));
        Ok(())
    }

    /// Closes the open conversation.
    pub fn leave(&self) {
        self.core.run(Input::Leave);
    }

    /// Earlier messages.
    pub fn history(
        &self,
        ticket: u32,
        conversation: &str,
        before: f64,
        limit: Option<u32>,
    ) -> Result<(), JsValue> {
        let conversation = conversation_id(conversation)?;
        let before = seq("before", before)?;
        self.call(ticket, Request::History { conversation, before, limit });
        Ok(())
    }

    /// Sends a message; `content` is JSON text.
    pub fn send(
        &self,
        ticket: u32,
        conversation: &str,
        client_msg_id: &str,
        content: String,
    ) -> Result<(), JsValue> {
        let conversation = conversation_id(conversation)?;
        let client_msg_id =
            ClientMsgId::new(client_msg_id).map_err(|error| invalid("clientMsgId", &error))?;
        self.call(ticket, Request::Send { conversation, client_msg_id, content });
        Ok(())
    }

    /// Reads up to a message.
    pub fn read(&self, conversation: &str, up_to: f64) -> Result<(), JsValue> {
        self.core.run(Input::Read(conversation_id(conversation)?, seq("seq", up_to)?));
        Ok(())
    }

    /// Marks unread.
    pub fn mark(&self, ticket: u32, conversation: &str) -> Result<(), JsValue> {
        self.call(ticket, Request::Mark(conversation_id(conversation)?));
        Ok(())
    }

    /// Removes from the list.
    pub fn clear(&self, ticket: u32, conversation: &str) -> Result<(), JsValue> {
        self.call(ticket, Request::Clear(conversation_id(conversation)?));
        Ok(())
    }

    /// Changes the settings.
    pub fn configure(
        &self,
        ticket: u32,
        conversation: &str,
        muted: Option<bool>,
        pinned: Option<bool>,
    ) -> Result<(), JsValue> {
        let conversation = conversation_id(conversation)?;
        self.call(ticket, Request::Configure(Configure { conversation, muted, pinned }));
        Ok(())
    }

    /// Takes a message back.
    pub fn recall(&self, ticket: u32, conversation: &str, at: f64) -> Result<(), JsValue> {
        self.call(ticket, Request::Recall(conversation_id(conversation)?, seq("seq", at)?));
        Ok(())
    }

    /// Who is online.
    pub fn presence(&self, ticket: u32, users: Vec<String>) -> Result<(), JsValue> {
        let users = users.into_iter().map(|user| user_id("users", &user));
        let users = users.collect::<Result<Vec<_>, _>>()?;
        self.call(ticket, Request::Presence(users));
        Ok(())
    }

    /// The list's next page.
    pub fn more(&self, ticket: u32) {
        self.call(ticket, Request::More);
    }

    /// Where the connection stands.
    #[wasm_bindgen(getter)]
    pub fn state(&self) -> String {
        self.core.look(|machine| convert::state(machine.state()).to_owned())
    }

    /// The user as the server presents them; `undefined` before the first session.
    #[wasm_bindgen(getter)]
    pub fn user(&self) -> JsValue {
        self.core.look(|machine| {
            machine.profile().map_or(JsValue::UNDEFINED, |profile| profile.0.clone())
        })
    }

    /// What is unread in all.
    #[wasm_bindgen(getter)]
    pub fn unread(&self) -> JsValue {
        self.core.look(|machine| convert::unread(machine.unread()))
    }

    /// Whether the dot shows.
    #[wasm_bindgen(getter)]
    pub fn dot(&self) -> bool {
        self.core.look(Machine::dot)
    }

    /// The list.
    pub fn conversations(&self) -> Array {
        self.core
            .look(|machine| machine.conversations().iter().map(convert::conversation).collect())
    }

    /// One conversation; `undefined` where it is not listed.
    pub fn conversation(&self, id: &str) -> JsValue {
        let Ok(id) = ConversationId::new(id) else { return JsValue::UNDEFINED };
        self.core.look(|machine| {
            machine
                .conversation(&id)
                .map_or(JsValue::UNDEFINED, |view| convert::conversation(&view))
        })
    }

    fn call(&self, ticket: u32, request: Request) {
        self.core.run(Input::Call(ticket, request));
    }
}

/// The protocol that this build speaks.
#[wasm_bindgen(js_name = protocolVersion)]
pub fn protocol_version() -> u32 {
    PROTOCOL_VERSION
}

/// The id of the direct conversation of two users; absent where it can't have one: the same user
/// twice, or an id that is none.
#[wasm_bindgen(js_name = directConversation)]
pub fn direct_conversation(one: &str, other: &str) -> Option<String> {
    let (one, other) = (UserId::new(one).ok()?, UserId::new(other).ok()?);
    Some(ConversationId::direct(&one, &other)?.as_str().to_owned())
}

fn conversation_id(text: &str) -> Result<ConversationId, JsValue> {
    ConversationId::new(text).map_err(|error| invalid("conversation", &error))
}

fn user_id(field: &'static str, text: &str) -> Result<UserId, JsValue> {
    UserId::new(text).map_err(|error| invalid(field, &error))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be whole")]
fn seq(field: &'static str, number: f64) -> Result<Seq, JsValue> {
    let whole = number >= 0.0 && number.fract() == 0.0;
    let seq = whole.then_some(number as u64).and_then(|number| Seq::try_from(number).ok());
    seq.ok_or_else(|| convert::error(&ApiError::invalid(field, "must be a position: 0, 1, 2, …")))
}

fn invalid(field: &'static str, error: &impl ToString) -> JsValue {
    convert::error(&ApiError::invalid(field, error.to_string()))
}
