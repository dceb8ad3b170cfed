//! What the page tells by itself: whether it is looked at, whether the network is back, what other
//! tabs stored.

use std::rc::Rc;

use message_service_machine::Input;
use wasm_bindgen::JsCast;
use web_sys::{Document, StorageEvent, VisibilityState, Window};

use crate::body::JsBody;
use crate::core::Core;
use crate::listener::Listener;
use crate::storage;

/// Listens to the page until it is dropped.
pub(crate) fn listen(core: &Rc<Core>) -> Vec<Listener> {
    let Some(window) = web_sys::window() else { return Vec::new() };
    let Some(document) = window.document() else { return Vec::new() };
    let run = |target: &web_sys::EventTarget,
               event,
               input: fn(&web_sys::Event) -> Option<Input<JsBody>>| {
        let core = Rc::downgrade(core);
        Listener::new(target, event, move |event| {
            if let (Some(core), Some(input)) = (core.upgrade(), input(&event)) {
                core.run(input);
            }
        })
    };
    let attention = |_: &web_sys::Event| attention();
    vec![
        run(&document, "visibilitychange", attention),
        run(&window, "focus", attention),
        run(&window, "blur", attention),
        run(&window, "online", |_| Some(Input::Online)),
        // A page that comes back from the browser's cache finds its socket closed.
        run(&window, "pageshow", |_| Some(Input::Online)),
        run(&window, "storage", |event| stored(event.unchecked_ref())),
    ]
}

/// Whether the page is looked at now.
pub(crate) fn attention() -> Option<Input<JsBody>> {
    let document: Document = web_sys::window().as_ref().and_then(Window::document)?;
    let visible = document.visibility_state() == VisibilityState::Visible;
    let focused = document.has_focus().unwrap_or(false);
    Some(Input::Attention { visible, focused })
}

fn stored(event: &StorageEvent) -> Option<Input<JsBody>> {
    match event.key() {
        None => Some(Input::StorageCleared { stored: storage::load() }),
        Some(key) => {
            let key = storage::own_key(&key)?;
            Some(Input::Stored(key.to_owned(), storage::read(key)))
        }
    }
}
