//! Browsers: one user each, one storage, several tabs, each with a real machine.

use std::collections::{BTreeMap, VecDeque};

use message_service_machine::{Effect, Event, Input, Machine, Now, Options, Request, Settled};
use message_service_shared::error::ApiError;
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::limits::HOLD_MS;
use message_service_shared::message::MessageHead;
use message_service_shared::seq::Seq;
use serde_json::Value;

use crate::network::ConnId;

/// A tab.
pub(crate) struct Tab {
    pub(crate) name: String,
    pub(crate) machine: Machine<Value>,
    pub(crate) conn: Option<ConnId>,
    pub(crate) frozen: bool,
    /// Inputs that wait: for their time, or for the tab to thaw.
    pub(crate) waiting: VecDeque<(u64, Input<Value>)>,
    pub(crate) sends: BTreeMap<u32, Sending>,
    last_ticket: u32,
    /// What the open conversation's page shows.
    pub(crate) shown: Option<Shown>,
    /// Conversations in which nothing was unread until a message came that somebody else attends
    /// to, and until when it is to be held back.
    held: BTreeMap<ConversationId, u64>,
    pub(crate) complaints: Vec<String>,
    /// When the machine wants to be woken; asked once after each input, since it asks everything it
    /// knows.
    pub(crate) wake: Option<u64>,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub(crate) struct Sending {
    pub(crate) conversation: ConversationId,
    pub(crate) client_msg_id: ClientMsgId,
    pub(crate) text: String,
}

/// The open conversation's page.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) conversation: ConversationId,
    pub(crate) seqs: Vec<Seq>,
}

pub(crate) struct Browser {
    pub(crate) user: UserId,
    pub(crate) storage: BTreeMap<String, String>,
    pub(crate) tabs: Vec<Tab>,
}

/// What a tab wants from the world.
pub(crate) enum Wish {
    Dial,
    HangUp(ConnId),
    Send(ConnId, String),
    Stored(String, Option<String>),
    Acknowledged(Sending, Seq),
    Failed(Sending, ApiError),
    Token,
}

impl Tab {
    pub(crate) fn new(name: String, seed: u64, inbox_page: u32) -> Self {
        let options = Options { inbox_page, ..Options::default() };
        Self {
            name,
            machine: Machine::new(options, seed),
            conn: None,
            frozen: false,
            waiting: VecDeque::new(),
            sends: BTreeMap::new(),
            last_ticket: 0,
            shown: None,
            held: BTreeMap::new(),
            complaints: Vec::new(),
            wake: None,
        }
    }

    pub(crate) fn ticket(&mut self) -> u32 {
        self.last_ticket += 1;
        self.last_ticket
    }

    pub(crate) fn ask(&mut self, request: Request, now: Now) -> Vec<Wish> {
        let ticket = self.ticket();
        self.input(Input::Call(ticket, request), now)
    }

    pub(crate) fn input(&mut self, input: Input<Value>, now: Now) -> Vec<Wish> {
        self.note_attended(&input, now.steady);
        let mut wishes = Vec::new();
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            for effect in self.machine.handle(input, now) {
                self.perform(effect, now.steady, &mut wishes, &mut inputs);
            }
        }
        self.wake = self.machine.next_wake();
        wishes
    }

    fn perform(
        &mut self,
        effect: Effect<Value>,
        now: u64,
        wishes: &mut Vec<Wish>,
        inputs: &mut VecDeque<Input<Value>>,
    ) {
        match effect {
            Effect::GetToken(_) => wishes.push(Wish::Token),
            Effect::OpenSocket => {
                wishes.extend(self.conn.take().map(Wish::HangUp));
                wishes.push(Wish::Dial);
            }
            Effect::CloseSocket => wishes.extend(self.conn.take().map(Wish::HangUp)),
            Effect::Send(frame) => match self.conn {
                Some(conn) => wishes.push(Wish::Send(conn, frame)),
                None => self.complaints.push("sent a frame without a socket".to_owned()),
            },
            Effect::Store(key, value) => wishes.push(Wish::Stored(key, value)),
            Effect::Emit(event) => self.hear(event, now, inputs),
            Effect::Settle(ticket, outcome) => self.settle(ticket, outcome, wishes),
        }
    }

    fn hear(&mut self, event: Event<Value>, now: u64, inputs: &mut VecDeque<Input<Value>>) {
        match event {
            Event::Delivery { conversation, messages, seq } => {
                self.append(&conversation, &messages);
                inputs.push_back(Input::Delivered { conversation, seq });
            }
            Event::Reset(_) => self.shown = None,
            Event::SignedOut(_) => self.complaints.push("was signed out".to_owned()),
            Event::Dot(true) => self.check_flash(now),
            _ => {}
        }
    }

    fn settle(
        &mut self,
        ticket: u32,
        outcome: Result<Settled<Value>, ApiError>,
        wishes: &mut Vec<Wish>,
    ) {
        let sending = self.sends.remove(&ticket);
        match (outcome, sending) {
            (Ok(Settled::Opened { conversation, messages, .. }), _) => {
                self.shown = Some(Shown { conversation: conversation.clone(), seqs: Vec::new() });
                self.append(&conversation, &messages);
            }
            (Ok(Settled::Message(message)), Some(sending)) => match seq_of(&message) {
                Some(seq) => wishes.push(Wish::Acknowledged(sending, seq)),
                None => self.complaints.push("an acknowledgement without a seq".to_owned()),
            },
            (Err(error), Some(sending)) => wishes.push(Wish::Failed(sending, error)),
            _ => {}
        }
    }

    /// The page appends what it is given, and complains of a gap or a repetition.
    fn append(&mut self, conversation: &ConversationId, messages: &[Value]) {
        let Some(shown) = self.shown.as_mut().filter(|shown| shown.conversation == *conversation)
        else {
            return self.complaints.push(format!("{conversation} was delivered, not open"));
        };
        for message in messages {
            let Some(seq) = seq_of(message) else {
                return self.complaints.push("a message without a seq was delivered".to_owned());
            };
            if let Some(last) = shown.seqs.last()
                && last.next() != seq
            {
                self.complaints.push(format!("{conversation}: {seq} was delivered after {last}"));
            }
            shown.seqs.push(seq);
        }
    }

    /// Keeps its own record of what is to be held back.
    fn note_attended(&mut self, input: &Input<Value>, now: u64) {
        let Input::Frame(frame) = input else { return };
        if frame["push"] != "message" {
            return;
        }
        let Ok(head) = serde_json::from_value::<MessageHead>(frame["data"]["message"].clone())
        else {
            return;
        };
        // Nobody is told of an own message, and so there is nothing to hold back.
        if head.sender.as_ref() == self.machine.user() {
            return;
        }
        if frame["data"]["attended"] != true {
            // Whoever looked there has gone: a message that counts may show at once.
            if !head.quiet {
                self.held.remove(&head.conversation);
            }
            return;
        }
        let unread = self.machine.conversation(&head.conversation).map_or(0, |view| view.unread);
        if unread == 0 {
            self.held.entry(head.conversation).or_insert(now + HOLD_MS);
        }
    }

    /// The dot came up. There must be a reason for it that is not to be held back any more.
    fn check_flash(&mut self, now: u64) {
        self.held.retain(|_, until| *until > now);
        let views = self.machine.conversations();
        let mut reasons = views.iter().filter(|view| view.unread > 0 && !view.muted).peekable();
        let has_reasons = reasons.peek().is_some();
        // A mark by hand is a reason of its own.
        if has_reasons && reasons.all(|view| !view.marked && self.held.contains_key(view.id)) {
            self.complaints.push("the dot flashed for what another tab attends to".to_owned());
        }
    }
}

fn seq_of(message: &Value) -> Option<Seq> {
    serde_json::from_value(message.get("seq")?.clone()).ok()
}
