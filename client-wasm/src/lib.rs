//! The browser SDK's hands: what JavaScript sees of the WebAssembly.

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::limits::PROTOCOL_VERSION;
use wasm_bindgen::prelude::wasm_bindgen;

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
