//! One WebSocket. It parses what comes, and has no opinion about it.

use std::rc::Rc;

use js_sys::JSON;
use message_service_machine::Input;
use wasm_bindgen::JsCast;
use web_sys::{CloseEvent, MessageEvent, WebSocket};

use crate::body::JsBody;
use crate::core::Core;
use crate::listener::Listener;

/// An open or opening socket. Dropping it closes it, and nothing of it is heard any more.
pub(crate) struct Socket {
    socket: WebSocket,
    /// Dropped before the socket is closed, so that its own end is not heard.
    listeners: Vec<Listener>,
}

impl Socket {
    /// Opens a socket. A failure to do even that comes as a close, later, as any other.
    pub(crate) fn open(core: &Rc<Core>, url: &str) -> Option<Self> {
        let socket = WebSocket::new(url).ok()?;
        let listen = |event, input: fn(&web_sys::Event) -> Option<Input<JsBody>>| {
            let core = Rc::downgrade(core);
            Listener::new(&socket, event, move |event| {
                if let (Some(core), Some(input)) = (core.upgrade(), input(&event)) {
                    core.run(input);
                }
            })
        };
        let listeners = vec![
            listen("open", |_| Some(Input::SocketOpened)),
            listen("message", |event| {
                let text = event.unchecked_ref::<MessageEvent>().data().as_string()?;
                // What is no JSON is no frame of ours; the audit finds what it may have held.
                Some(Input::Frame(JsBody(JSON::parse(&text).ok()?)))
            }),
            listen("close", |event| {
                Some(Input::SocketClosed(event.unchecked_ref::<CloseEvent>().code()))
            }),
        ];
        Some(Self { socket, listeners })
    }

    /// Sends a frame; on a socket that is closing it is lost, as on the way.
    pub(crate) fn send(&self, frame: &str) {
        let _ = self.socket.send_with_str(frame);
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.listeners.clear();
        let _ = self.socket.close_with_code(1000);
    }
}
