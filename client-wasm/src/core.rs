//! The loop: one input at a time into the machine, its effects done in order, and whatever happens
//! meanwhile waits its turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use message_service_machine::{Effect, Event, Input, Machine, Now};
use wasm_bindgen::JsValue;

use crate::body::JsBody;
use crate::convert;
use crate::host::Host;
use crate::listener::Listener;
use crate::page;
use crate::socket::Socket;
use crate::storage;
use crate::timer::Timer;

pub(crate) struct Core {
    machine: RefCell<Machine<JsBody>>,
    waiting: RefCell<VecDeque<Input<JsBody>>>,
    running: Cell<bool>,
    host: Host,
    url: String,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<Option<Timer>>,
    page: RefCell<Vec<Listener>>,
}

impl Core {
    pub(crate) fn new(machine: Machine<JsBody>, url: String, host: Host) -> Rc<Self> {
        Rc::new(Self {
            machine: RefCell::new(machine),
            waiting: RefCell::default(),
            running: Cell::new(false),
            host,
            url,
            socket: RefCell::default(),
            timer: RefCell::default(),
            page: RefCell::default(),
        })
    }

    /// Looks at the machine. Nothing of the page is called while it looks.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Machine<JsBody>) -> T) -> T {
        look(&self.machine.borrow())
    }

    /// Begins to listen to the page, and tells the machine what it looks like now.
    pub(crate) fn connect(self: &Rc<Self>) {
        if self.page.borrow().is_empty() {
            *self.page.borrow_mut() = page::listen(self);
        }
        if let Some(attention) = page::attention() {
            self.run(attention);
        }
        self.run(Input::Connect { stored: storage::load() });
    }

    /// Stops listening to the page.
    pub(crate) fn deafen(&self) {
        let listeners = std::mem::take(&mut *self.page.borrow_mut());
        drop(listeners);
    }

    /// Takes an input. Called from within an effect, it waits until that one's input is done.
    pub(crate) fn run(self: &Rc<Self>, input: Input<JsBody>) {
        self.waiting.borrow_mut().push_back(input);
        if self.running.replace(true) {
            return;
        }
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(input) = next else { break };
            let effects = self.machine.borrow_mut().handle(input, now());
            self.perform(effects);
        }
        self.running.set(false);
        self.set_timer();
    }

    fn perform(self: &Rc<Self>, effects: Vec<Effect<JsBody>>) {
        let stored = effects.iter().any(|effect| matches!(effect, Effect::Store(..)));
        let (writes, others): (Vec<_>, Vec<_>) =
            effects.into_iter().partition(|effect| matches!(effect, Effect::Store(..)));
        // The storage first: a listener that reads it finds what it is told of.
        for effect in writes.into_iter().chain(others) {
            match effect {
                Effect::GetToken(reason) => self.host.get_token(convert::reason(reason)),
                Effect::OpenSocket => self.open_socket(),
                Effect::CloseSocket => drop(self.socket.take()),
                Effect::Send(frame) => {
                    if let Some(socket) = &*self.socket.borrow() {
                        socket.send(&frame);
                    }
                }
                Effect::Store(key, value) => {
                    if storage::store(&key, value.as_deref()).is_err() {
                        let stored = storage::read(&key);
                        self.waiting.borrow_mut().push_back(Input::NotStored(key, stored));
                    }
                }
                Effect::Emit(event) => self.emit(event),
                Effect::Settle(ticket, Ok(settled)) => {
                    let value = convert::settled(settled);
                    self.host.settle(ticket, &JsValue::UNDEFINED, &value);
                }
                Effect::Settle(ticket, Err(error)) => {
                    self.host.settle(ticket, &convert::error(&error), &JsValue::UNDEFINED);
                }
            }
        }
        if stored {
            storage::tell_page();
        }
    }

    fn open_socket(self: &Rc<Self>) {
        drop(self.socket.take());
        let socket = Socket::open(self, &self.url);
        if socket.is_none() {
            self.waiting.borrow_mut().push_back(Input::SocketClosed(1006));
        }
        self.socket.replace(socket);
    }

    fn emit(&self, event: Event<JsBody>) {
        let delivered = match &event {
            Event::Delivery { conversation, seq, .. } => {
                Some(Input::Delivered { conversation: conversation.clone(), seq: *seq })
            }
            _ => None,
        };
        let (name, value) = convert::event(event);
        self.host.emit(name, &value);
        // Every listener has returned: what they were given is on the page.
        self.waiting.borrow_mut().extend(delivered);
    }

    fn set_timer(self: &Rc<Self>) {
        let wake = self.look(Machine::next_wake);
        let timer = wake.and_then(|at| {
            let core = Rc::downgrade(self);
            Timer::after(at.saturating_sub(now().steady), move || {
                if let Some(core) = core.upgrade() {
                    core.run(Input::Wake);
                }
            })
        });
        let old = self.timer.replace(timer);
        drop(old);
    }
}

/// Both clocks. Rounded up, so that a timer that rings a fraction early finds its time come.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "milliseconds since the page began, and since 1970"
)]
fn now() -> Now {
    let steady = web_sys::window().and_then(|window| window.performance());
    Now {
        steady: steady.map_or(0.0, |clock| clock.now()).ceil() as u64,
        wall: js_sys::Date::now() as u64,
    }
}
