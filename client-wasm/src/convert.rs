//! From the machine's values to JavaScript's. Bodies go out as they came in.

use js_sys::{Array, Object, Reflect};
use message_service_machine::{
    ConnectionState, ConversationView, Event, Newest, Settled, TokenReason, Unread,
};
use message_service_shared::error::ApiError;
use message_service_shared::id::ConversationId;
use wasm_bindgen::JsValue;

use crate::body::JsBody;

/// An object of these members; a member that is `undefined` is left out.
fn object(members: &[(&str, JsValue)]) -> JsValue {
    let object = Object::new();
    for (name, value) in members.iter().filter(|(_, value)| !value.is_undefined()) {
        // Setting a member of a plain object can't fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

fn list(bodies: Vec<JsBody>) -> JsValue {
    bodies.into_iter().map(|body| body.0).collect::<Array>().into()
}

fn text(id: &ConversationId) -> JsValue {
    JsValue::from_str(id.as_str())
}

/// A count or position; JavaScript's numbers hold every one that the protocol allows.
#[expect(clippy::cast_precision_loss, reason = "positions and counts stay below 2^53")]
fn number(number: u64) -> JsValue {
    JsValue::from_f64(number as f64)
}

pub(crate) fn error(error: &ApiError) -> JsValue {
    let limit = error.limit.map_or(JsValue::UNDEFINED, number);
    let field = error.field.as_deref().map_or(JsValue::UNDEFINED, JsValue::from_str);
    object(&[
        ("code", JsValue::from_str(error.code.as_str())),
        ("message", JsValue::from_str(&error.message)),
        ("field", field),
        ("limit", limit),
        ("retryable", error.retryable.into()),
    ])
}

pub(crate) const fn state(state: ConnectionState) -> &'static str {
    match state {
        ConnectionState::Idle => "idle",
        ConnectionState::Connecting => "connecting",
        ConnectionState::Live => "live",
        ConnectionState::Waiting => "waiting",
        ConnectionState::Stopped => "stopped",
    }
}

pub(crate) const fn reason(reason: TokenReason) -> &'static str {
    match reason {
        TokenReason::Connect => "connect",
        TokenReason::Expired => "expired",
        TokenReason::Rejected => "rejected",
    }
}

pub(crate) fn unread(unread: Unread) -> JsValue {
    object(&[("total", number(unread.total)), ("conversations", number(unread.conversations))])
}

/// An event's name and value.
pub(crate) fn event(event: Event<JsBody>) -> (&'static str, JsValue) {
    match event {
        Event::State { state: now, previous, retry_in_ms, error: reason } => {
            let members = [
                ("state", JsValue::from_str(state(now))),
                ("previous", JsValue::from_str(state(previous))),
                ("retryInMs", retry_in_ms.map_or(JsValue::UNDEFINED, number)),
                ("error", reason.as_ref().map_or(JsValue::UNDEFINED, error)),
            ];
            ("state", object(&members))
        }
        Event::Dot(visible) => ("dot", object(&[("visible", visible.into())])),
        Event::Unread(total) => ("unread", unread(total)),
        Event::Conversations(changed) => {
            // A list of texts has a value, whatever the texts are.
            let changed = serde_wasm_bindgen::to_value(&changed).unwrap_or(JsValue::NULL);
            ("conversations", object(&[("changed", changed)]))
        }
        Event::Message { message, own, attended } => {
            let members =
                [("message", message.0), ("own", own.into()), ("attended", attended.into())];
            ("message", object(&members))
        }
        Event::Delivery { conversation, messages, seq: _ } => {
            let members = [("conversation", text(&conversation)), ("messages", list(messages))];
            ("delivery", object(&members))
        }
        Event::Revised(message) => ("revised", object(&[("message", message.0)])),
        Event::Reset(epoch) => ("reset", object(&[("epoch", JsValue::from_str(epoch.as_str()))])),
        Event::SignedOut(user) => {
            let user = user.map_or(JsValue::UNDEFINED, |user| JsValue::from_str(user.as_str()));
            ("signedOut", object(&[("user", user)]))
        }
    }
}

/// What a call is answered with.
pub(crate) fn settled(settled: Settled<JsBody>) -> JsValue {
    match settled {
        Settled::Opened { conversation, messages, first_unread_seq, more } => object(&[
            ("conversation", text(&conversation)),
            ("messages", list(messages)),
            (
                "firstUnreadSeq",
                first_unread_seq.map_or(JsValue::UNDEFINED, |seq| number(seq.get())),
            ),
            ("more", more.into()),
        ]),
        Settled::History { messages, more } => {
            object(&[("messages", list(messages)), ("more", more.into())])
        }
        Settled::Message(message) => message.0,
        Settled::Online(users) => users.0,
        Settled::More(more) => more.into(),
        Settled::Done => JsValue::UNDEFINED,
    }
}

/// A conversation: its row, and what has changed since the row came. The facade joins them.
pub(crate) fn conversation(view: &ConversationView<'_, JsBody>) -> JsValue {
    let (preview, message) = match view.newest {
        Some(Newest::Preview(preview)) => (preview.0.clone(), JsValue::UNDEFINED),
        Some(Newest::Message(message)) => (JsValue::UNDEFINED, message.0.clone()),
        None => (JsValue::UNDEFINED, JsValue::UNDEFINED),
    };
    object(&[
        ("row", view.row.0.clone()),
        ("preview", preview),
        ("message", message),
        ("lastAt", number(view.last_at)),
        ("unread", number(view.unread)),
        ("marked", view.marked.into()),
        ("muted", view.muted.into()),
        ("pinned", view.pinned.into()),
    ])
}
