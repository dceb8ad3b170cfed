//! Plays the two that a machine talks to: the server at the other end of the socket, and the page
//! with its clocks, its storage and its listeners.

use std::collections::{BTreeMap, VecDeque};

use message_service_machine::{
    ConnectionState, Effect, Event, Input, Machine, Now, Options, Request, Settled, Ticket,
    TokenReason, Unread,
};
use message_service_shared::error::{ApiError, ErrorCode};
use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;
use serde_json::{Value, json};

pub(crate) const ANN: &str = "direct:ann:me";
pub(crate) const BOB: &str = "direct:bob:me";
pub(crate) const CAT: &str = "direct:cat:me";

/// A frame that the machine sent and nobody has answered.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) id: u64,
    pub(crate) command: String,
    pub(crate) params: Value,
}

pub(crate) struct Script {
    pub(crate) machine: Machine<Value>,
    pub(crate) now: Now,
    /// What the server says of itself and of whoever brings the token.
    pub(crate) user: &'static str,
    pub(crate) epoch: &'static str,
    /// The server answers what needs no thought: looks and heartbeats.
    pub(crate) answers_beats: bool,
    /// What the next heartbeat's audit says.
    pub(crate) audit: &'static str,
    /// The page's listeners return at once.
    pub(crate) listeners_return: bool,
    pub(crate) asked: VecDeque<Asked>,
    /// When a heartbeat came, and the digest that it carried.
    pub(crate) beats: Vec<(u64, Option<Value>)>,
    pub(crate) events: Vec<Event<Value>>,
    pub(crate) settled: BTreeMap<Ticket, Result<Settled<Value>, ApiError>>,
    pub(crate) tokens: Vec<TokenReason>,
    pub(crate) sockets: (u32, u32),
    pub(crate) storage: BTreeMap<String, String>,
    /// The storage takes nothing more, and still lets go of what it has.
    pub(crate) full: bool,
    pub(crate) writes: Vec<(String, Option<String>)>,
    tickets: Ticket,
}

pub(crate) fn id(text: &str) -> ConversationId {
    text.parse().unwrap()
}

pub(crate) fn seq(number: u32) -> Seq {
    number.into()
}

/// A message of the other user's.
pub(crate) fn message(conversation: &str, seq: u32) -> Value {
    json!({
        "id": format!("m{seq}"), "conversation": conversation, "seq": seq, "sender": "ann",
        "clientMsgId": format!("theirs-{seq}"), "at": 1_000 + seq,
        "content": {"kind": "text", "text": format!("message {seq}")},
    })
}

pub(crate) fn with(mut value: Value, changes: &Value) -> Value {
    for (name, change) in changes.as_object().unwrap() {
        match (&mut value[name], change) {
            (Value::Object(inner), Value::Object(changes)) => inner.extend(changes.clone()),
            (place, change) => *place = change.clone(),
        }
    }
    value
}

pub(crate) fn recalled(conversation: &str, seq: u32) -> Value {
    let changes = json!({"revision": 1, "recalled": {"at": 9_000, "by": "ann"}, "content": null});
    with(message(conversation, seq), &changes)
}

pub(crate) fn member(read: u32) -> Value {
    json!({
        "readSeq": read, "startSeq": 0, "cleared": 0, "mark": 0, "markSeen": 0, "term": 1,
        "settings": {"revision": 0, "muted": false, "pinned": false},
    })
}

/// A row whose newest message is `last`, read up to `read`.
pub(crate) fn row(conversation: &str, last: u32, read: u32) -> Value {
    json!({
        "id": conversation, "kind": "direct", "name": conversation, "lastAt": 1_000 + last,
        "last": {"seq": last, "at": 1_000 + last, "sender": "ann", "text": "hello"},
        "unread": last.saturating_sub(read),
        "conversation": {"lastSeq": last, "floor": 0}, "member": member(read),
    })
}

/// A page of a conversation that ends at `last`.
pub(crate) fn history(conversation: &str, seqs: std::ops::RangeInclusive<u32>, last: u32) -> Value {
    let messages: Vec<Value> = seqs.map(|seq| message(conversation, seq)).collect();
    json!({"conversation": conversation, "messages": messages, "lastSeq": last, "floor": 0})
}

pub(crate) fn news(conversation: &str, member: &Value) -> Value {
    json!({"conversation": conversation, "member": member})
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    pub(crate) fn with(options: Options) -> Self {
        Self::seeded(options, 7)
    }

    pub(crate) fn seeded(options: Options, seed: u64) -> Self {
        Self {
            machine: Machine::new(options, seed),
            now: Now { steady: 5_000, wall: 1_700_000_000_000 },
            user: "me",
            epoch: "e1",
            answers_beats: true,
            audit: "none",
            listeners_return: true,
            asked: VecDeque::new(),
            beats: Vec::new(),
            events: Vec::new(),
            settled: BTreeMap::new(),
            tokens: Vec::new(),
            sockets: (0, 0),
            storage: BTreeMap::new(),
            full: false,
            writes: Vec::new(),
            tickets: 0,
        }
    }

    /// A tab that is visible and focused, and caught up with these rows.
    pub(crate) fn live(rows: &[Value]) -> Self {
        Self::live_with(Options::default(), rows)
    }

    pub(crate) fn live_with(options: Options, rows: &[Value]) -> Self {
        let mut script = Self::with(options);
        script.attention(true, true);
        script.connect();
        script.go_live(rows);
        script.forget_the_past();
        script
    }

    /// Drops what was recorded so far, and keeps what is on its way.
    pub(crate) fn forget_the_past(&mut self) {
        self.events.clear();
        self.writes.clear();
        self.beats.clear();
        self.tokens.clear();
    }

    pub(crate) fn input(&mut self, input: Input<Value>) {
        let effects = self.machine.handle(input, self.now);
        let mut follow_ups = Vec::new();
        for effect in effects {
            follow_ups.extend(self.take(effect));
        }
        for input in follow_ups {
            self.input(input);
        }
    }

    fn take(&mut self, effect: Effect<Value>) -> Option<Input<Value>> {
        match effect {
            Effect::GetToken(reason) => self.tokens.push(reason),
            Effect::OpenSocket => self.sockets.0 += 1,
            Effect::CloseSocket => self.sockets.1 += 1,
            Effect::Send(text) => return self.hear(&text),
            Effect::Store(key, Some(value)) if self.full => {
                let stored = self.storage.get(&key).cloned();
                self.writes.push((key.clone(), Some(value)));
                return Some(Input::NotStored(key, stored));
            }
            Effect::Store(key, value) => {
                match &value {
                    Some(value) => self.storage.insert(key.clone(), value.clone()),
                    None => self.storage.remove(&key),
                };
                self.writes.push((key, value));
            }
            Effect::Settle(ticket, outcome) => {
                let before = self.settled.insert(ticket, outcome);
                assert!(before.is_none(), "call {ticket} was answered twice");
            }
            Effect::Emit(event) => {
                let delivered = match &event {
                    Event::Delivery { conversation, seq, .. } if self.listeners_return => {
                        Some(Input::Delivered { conversation: conversation.clone(), seq: *seq })
                    }
                    _ => None,
                };
                self.events.push(event);
                return delivered;
            }
        }
        None
    }

    fn hear(&mut self, text: &str) -> Option<Input<Value>> {
        let frame: Value = serde_json::from_str(text).unwrap();
        let asked = Asked {
            id: frame["id"].as_u64().unwrap(),
            command: frame["command"].as_str().unwrap().to_owned(),
            params: frame["params"].clone(),
        };
        let result = match asked.command.as_str() {
            "heartbeat" => {
                let digest = asked.params.get("digest").cloned();
                let audit = digest.as_ref().map_or("none", |_| self.audit);
                self.beats.push((self.now.steady, digest));
                json!({"audit": audit})
            }
            "look" => json!({}),
            _ => Value::Null,
        };
        if result.is_null() || !self.answers_beats {
            self.asked.push_back(asked);
            return None;
        }
        let looks = asked.command == "look";
        let answer = Input::Frame(json!({"reply": asked.id, "result": result}));
        if looks {
            self.asked.push_back(asked);
        }
        Some(answer)
    }

    /// Lets time pass, and wakes the machine whenever it wants to be.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        let end = self.now.steady + milliseconds;
        while let Some(wake) = self.machine.next_wake().filter(|wake| *wake <= end) {
            self.pass_until(wake.max(self.now.steady));
            self.input(Input::Wake);
            let next = self.machine.next_wake();
            assert!(next.is_none_or(|next| next > self.now.steady), "it wakes without an end");
        }
        self.pass_until(end);
    }

    fn pass_until(&mut self, steady: u64) {
        self.now.wall += steady - self.now.steady;
        self.now.steady = steady;
    }

    // The page.

    pub(crate) fn connect(&mut self) {
        let stored = self.storage.clone().into_iter().collect();
        self.input(Input::Connect { stored });
    }

    /// The tab is closed without a word, and opened again.
    pub(crate) fn reload(&mut self) {
        let storage = std::mem::take(&mut self.storage);
        let (now, user, epoch) = (self.now, self.user, self.epoch);
        *self = Self { now, user, epoch, storage, ..Self::seeded(Options::default(), now.steady) };
        self.attention(true, true);
        self.connect();
    }

    pub(crate) fn attention(&mut self, visible: bool, focused: bool) {
        self.input(Input::Attention { visible, focused });
    }

    pub(crate) fn call(&mut self, request: Request) -> Ticket {
        self.tickets += 1;
        self.input(Input::Call(self.tickets, request));
        self.tickets
    }

    pub(crate) fn send(&mut self, conversation: &str, name: &str) -> Ticket {
        self.call(Request::Send {
            conversation: id(conversation),
            client_msg_id: name.parse().unwrap(),
            content: r#"{"kind":"text","text":"mine"}"#.to_owned(),
        })
    }

    /// Opens a conversation whose newest page is this one.
    pub(crate) fn open(&mut self, conversation: &str, last: u32) -> Ticket {
        let ticket = self.call(Request::Open(id(conversation)));
        self.answer("pull", &history(conversation, 1..=last, last));
        ticket
    }

    pub(crate) fn read(&mut self, conversation: &str, at: u32) {
        self.input(Input::Read(id(conversation), seq(at)));
    }

    pub(crate) fn hear_storage(&mut self, key: &str, value: Option<&str>) {
        match value {
            Some(value) => self.storage.insert(key.to_owned(), value.to_owned()),
            None => self.storage.remove(key),
        };
        self.input(Input::Stored(key.to_owned(), value.map(str::to_owned)));
    }

    /// Another tab emptied the storage; this one hears of it when it holds what it holds now.
    pub(crate) fn hear_clearing(&mut self) {
        let stored = self.storage.clone().into_iter().collect();
        self.input(Input::StorageCleared { stored });
    }

    // The server.

    pub(crate) fn open_socket(&mut self) {
        self.input(Input::Token(Ok("a-token".to_owned())));
        self.input(Input::SocketOpened);
    }

    pub(crate) fn welcome(&mut self) {
        let welcome = json!({
            "session": "s", "user": {"id": self.user, "name": "Me"}, "epoch": self.epoch,
            "now": self.now.wall, "heartbeatMs": 25_000,
        });
        self.answer("authenticate", &welcome);
    }

    pub(crate) fn resume(&mut self, rows: &[Value]) {
        self.answer("resume", &json!({"unchanged": false, "rows": rows}));
    }

    /// From the token to being caught up.
    pub(crate) fn go_live(&mut self, rows: &[Value]) {
        self.open_socket();
        self.welcome();
        self.resume(rows);
        assert_eq!(self.machine.state(), ConnectionState::Live);
    }

    pub(crate) fn lose(&mut self, code: u16) {
        self.asked.clear();
        self.input(Input::SocketClosed(code));
    }

    /// Waits for the next attempt.
    pub(crate) fn wait_for_attempt(&mut self) {
        while self.machine.state() == ConnectionState::Waiting {
            self.wait(1);
        }
    }

    /// Waits for the next attempt, and lets it succeed.
    pub(crate) fn come_back(&mut self, rows: &[Value]) {
        self.wait_for_attempt();
        self.go_live(rows);
    }

    /// Takes the oldest unanswered frame of this command.
    pub(crate) fn asked(&mut self, command: &str) -> Asked {
        let place = self.asked.iter().position(|asked| asked.command == command);
        let place = place.unwrap_or_else(|| panic!("no {command} among {:?}", self.asked));
        self.asked.remove(place).unwrap()
    }

    pub(crate) fn is_asked(&self, command: &str) -> bool {
        self.asked.iter().any(|asked| asked.command == command)
    }

    /// Answers the oldest frame of this command, and returns what it asked.
    pub(crate) fn answer(&mut self, command: &str, result: &Value) -> Value {
        let asked = self.asked(command);
        self.reply(asked.id, result);
        asked.params
    }

    pub(crate) fn reply(&mut self, id: u64, result: &Value) {
        self.input(Input::Frame(json!({"reply": id, "result": result})));
    }

    pub(crate) fn refuse(&mut self, command: &str, code: ErrorCode) -> Value {
        let asked = self.asked(command);
        let error = ApiError::new(code, "refused");
        self.input(Input::Frame(json!({"reply": asked.id, "error": error})));
        asked.params
    }

    pub(crate) fn push(&mut self, name: &str, data: &Value) {
        self.input(Input::Frame(json!({"push": name, "data": data})));
    }

    /// The other user says something.
    pub(crate) fn says(&mut self, conversation: &str, seq: u32) {
        self.push("message", &json!({"message": message(conversation, seq)}));
    }

    // What the page saw.

    pub(crate) fn unread(&self) -> u64 {
        self.machine.unread().total
    }

    pub(crate) fn dots(&self) -> Vec<bool> {
        self.pick(|event| if let Event::Dot(visible) = event { Some(*visible) } else { None })
    }

    pub(crate) fn totals(&self) -> Vec<u64> {
        self.pick(|event| match event {
            Event::Unread(Unread { total, .. }) => Some(*total),
            _ => None,
        })
    }

    pub(crate) fn states(&self) -> Vec<(ConnectionState, ConnectionState)> {
        self.pick(|event| match event {
            Event::State { state, previous, .. } => Some((*previous, *state)),
            _ => None,
        })
    }

    /// The wait and the error code of the last change of state.
    pub(crate) fn last_state(&self) -> (ConnectionState, Option<u64>, Option<ErrorCode>) {
        let states = self.pick(|event| match event {
            Event::State { state, retry_in_ms, error, .. } => {
                Some((*state, *retry_in_ms, error.as_ref().map(|error| error.code)))
            }
            _ => None,
        });
        *states.last().unwrap()
    }

    /// The positions that were delivered into the open conversation.
    pub(crate) fn delivered(&self) -> Vec<u64> {
        let deliveries = self.pick(|event| match event {
            Event::Delivery { messages, .. } => Some(seqs(messages)),
            _ => None,
        });
        deliveries.concat()
    }

    pub(crate) fn pick<T>(&self, pick: impl Fn(&Event<Value>) -> Option<T>) -> Vec<T> {
        self.events.iter().filter_map(pick).collect()
    }

    pub(crate) fn code(&self, ticket: Ticket) -> Option<ErrorCode> {
        self.settled.get(&ticket)?.as_ref().err().map(|error| error.code)
    }

    pub(crate) fn stored(&self, key: &str) -> Option<Value> {
        self.storage.get(key).map(|value| serde_json::from_str(value).unwrap())
    }

    pub(crate) fn keys(&self, prefix: &str) -> Vec<&str> {
        self.storage.keys().map(String::as_str).filter(|key| key.starts_with(prefix)).collect()
    }

    /// Whether a key of this prefix was ever written, even for a moment.
    pub(crate) fn ever_wrote(&self, prefix: &str) -> bool {
        self.writes.iter().any(|(key, value)| key.starts_with(prefix) && value.is_some())
    }
}

pub(crate) fn seqs(messages: &[Value]) -> Vec<u64> {
    messages.iter().map(|message| message["seq"].as_u64().unwrap()).collect()
}
