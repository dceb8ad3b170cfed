//! A browser: the real brain, a real socket, and a person who does things by chance.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use message_service::clock::{Clock, SystemClock};
use message_service::id::{ClientMsgId, ConversationId, UserId};
use message_service::seq::Seq;
use message_service_machine::{
    ConnectionState, Effect, Event, Input, Machine, Now, Options, Request, Settled,
};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Chance, EACH, Phase, USERS, user};
use crate::server::token;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;
type Dialing = Pin<Box<dyn Future<Output = Option<Stream>> + Send>>;

/// A message that somebody was told is stored.
#[derive(Clone, Debug)]
pub(super) struct Acknowledged {
    pub(super) conversation: ConversationId,
    pub(super) name: ClientMsgId,
    pub(super) seq: Seq,
}

/// What a client was told.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) acknowledged: Vec<Acknowledged>,
    /// Sends that the person was told had failed.
    pub(super) failed: usize,
    pub(super) connections: usize,
    pub(super) complaints: Vec<String>,
}

/// What a client shows.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    pub(super) name: String,
    pub(super) user: UserId,
    pub(super) is_live: bool,
    /// Sends without an answer yet.
    pub(super) waiting: usize,
    /// Unread by conversation, where there is any.
    pub(super) unread: BTreeMap<ConversationId, u64>,
    pub(super) total: u64,
}

pub(super) struct Client {
    name: String,
    user: UserId,
    nodes: Vec<SocketAddr>,
    chance: Chance,
    machine: Machine<Value>,
    began: Instant,
    socket: Option<Stream>,
    dialing: Option<Dialing>,
    sending: BTreeMap<u32, (ConversationId, ClientMsgId)>,
    tickets: u32,
    shown: Option<(ConversationId, Seq)>,
    report: Report,
    glance: Arc<Mutex<Glance>>,
}

/// What comes from outside.
enum Heard {
    Frame(Value),
    Closed(u16),
    Dialed(Option<Box<Stream>>),
    Woken,
    Bored,
    Told(Phase),
}

impl Client {
    pub(super) fn new(number: usize, name: &str, nodes: Vec<SocketAddr>, seed: u64) -> Self {
        let user: UserId = name.parse().unwrap();
        let name = format!("{name}/{}", number % EACH);
        let glance = Glance {
            name: name.clone(),
            user: user.clone(),
            is_live: false,
            waiting: 0,
            unread: BTreeMap::new(),
            total: 0,
        };
        Self {
            name,
            user,
            nodes,
            chance: Chance(seed),
            machine: Machine::new(Options::default(), seed),
            began: Instant::now(),
            socket: None,
            dialing: None,
            sending: BTreeMap::new(),
            tickets: 0,
            shown: None,
            report: Report::default(),
            glance: Arc::new(Mutex::new(glance)),
        }
    }

    /// Where to see what it shows, once it does nothing more by itself.
    pub(super) fn glance(&self) -> Arc<Mutex<Glance>> {
        Arc::clone(&self.glance)
    }

    fn now(&self) -> Now {
        let steady = u64::try_from(self.began.elapsed().as_millis()).unwrap();
        Now { steady, wall: SystemClock.now() }
    }

    pub(super) async fn run(mut self, mut phase: watch::Receiver<Phase>) -> Report {
        self.input(Input::Connect { stored: Vec::new() }).await;
        let mut acts = true;
        let mut bored = Instant::now() + self.patience();
        loop {
            let heard = self.hear(&mut phase, bored, acts).await;
            match heard {
                Heard::Frame(frame) => self.input(Input::Frame(frame)).await,
                Heard::Closed(code) => {
                    self.socket = None;
                    self.input(Input::SocketClosed(code)).await;
                }
                Heard::Dialed(Some(stream)) => {
                    self.socket = Some(*stream);
                    self.report.connections += 1;
                    self.input(Input::SocketOpened).await;
                }
                Heard::Dialed(None) => self.input(Input::SocketClosed(1006)).await,
                Heard::Woken => self.input(Input::Wake).await,
                Heard::Bored => {
                    bored = Instant::now() + self.patience();
                    self.act().await;
                }
                Heard::Told(Phase::Act) => {}
                Heard::Told(Phase::BeQuiet) => acts = false,
                Heard::Told(Phase::End) => return self.report,
            }
            if !acts {
                self.look();
            }
        }
    }

    /// How long until the person does something again.
    fn patience(&mut self) -> Duration {
        Duration::from_millis(1_000 + self.chance.next() % 10_000)
    }

    async fn hear(
        &mut self,
        phase: &mut watch::Receiver<Phase>,
        bored: Instant,
        acts: bool,
    ) -> Heard {
        let wake = self.machine.next_wake().map(|at| self.began + Duration::from_millis(at));
        let (socket, dialing) = (&mut self.socket, &mut self.dialing);
        tokio::select! {
            dialed = async { dialing.as_mut().unwrap().await }, if dialing.is_some() => {
                self.dialing = None;
                Heard::Dialed(dialed.map(Box::new))
            }
            came = async { socket.as_mut().unwrap().next().await }, if socket.is_some() => {
                match came {
                    Some(Ok(Message::Text(text))) => {
                        Heard::Frame(serde_json::from_str(&text).unwrap())
                    }
                    Some(Ok(Message::Close(close))) => {
                        Heard::Closed(close.map_or(1005, |close| close.code.into()))
                    }
                    Some(Ok(_)) => Heard::Woken,
                    Some(Err(_)) | None => Heard::Closed(1006),
                }
            }
            () = sleep_until(wake.unwrap_or(bored)), if wake.is_some() => Heard::Woken,
            () = sleep_until(bored), if acts => Heard::Bored,
            told = phase.changed() => {
                // The test has failed where nobody tells any more.
                Heard::Told(told.map_or(Phase::End, |()| *phase.borrow_and_update()))
            }
        }
    }

    async fn input(&mut self, input: Input<Value>) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let now = self.now();
            for effect in self.machine.handle(input, now) {
                self.perform(effect, &mut inputs).await;
            }
        }
    }

    async fn perform(&mut self, effect: Effect<Value>, inputs: &mut VecDeque<Input<Value>>) {
        match effect {
            Effect::GetToken(_) => inputs.push_back(Input::Token(Ok(token(self.user.as_str())))),
            Effect::OpenSocket => {
                self.socket = None;
                // A load balancer sends everybody to any node.
                let at = self.nodes[self.chance.below(self.nodes.len())];
                self.dialing = Some(Box::pin(async move {
                    let dialed = connect_async(format!("ws://{at}/v1/socket")).await;
                    dialed.ok().map(|(stream, _)| stream)
                }));
            }
            Effect::CloseSocket => {
                self.socket = None;
                self.dialing = None;
            }
            Effect::Send(frame) => {
                if let Some(socket) = &mut self.socket {
                    // A socket that is gone says so when it is read.
                    let _ = socket.send(Message::text(frame)).await;
                }
            }
            Effect::Store(..) => {}
            Effect::Emit(event) => self.told(event, inputs),
            Effect::Settle(ticket, outcome) => self.settled(ticket, outcome),
        }
    }

    fn told(&mut self, event: Event<Value>, inputs: &mut VecDeque<Input<Value>>) {
        match event {
            Event::Delivery { conversation, messages, seq } => {
                self.append(&conversation, &messages);
                inputs.push_back(Input::Delivered { conversation, seq });
            }
            Event::Reset(_) => self.report.complaints.push("was reset".to_owned()),
            Event::SignedOut(_) => self.report.complaints.push("was signed out".to_owned()),
            _ => {}
        }
    }

    fn settled(
        &mut self,
        ticket: u32,
        outcome: Result<Settled<Value>, message_service::error::ApiError>,
    ) {
        match (outcome, self.sending.remove(&ticket)) {
            (Ok(Settled::Opened { conversation, messages, .. }), _) => {
                self.shown = messages.last().map(|last| (conversation.clone(), seq_of(last)));
            }
            (Ok(Settled::Message(message)), Some((conversation, name))) => {
                let seq = seq_of(&message);
                self.report.acknowledged.push(Acknowledged { conversation, name, seq });
            }
            // Nobody knows whether it is stored; the person may try again, and does not.
            (Err(_), Some(_)) => self.report.failed += 1,
            _ => {}
        }
    }

    /// The open conversation goes on without a gap.
    fn append(&mut self, conversation: &ConversationId, messages: &[Value]) {
        for message in messages {
            let seq = seq_of(message);
            match &mut self.shown {
                Some((open, last)) if open == conversation => {
                    if last.next() != seq {
                        let complaint = format!("{conversation}: {seq} came after {last}");
                        self.report.complaints.push(complaint);
                    }
                    *last = seq;
                }
                _ => self.shown = Some((conversation.clone(), seq)),
            }
        }
    }

    /// The person does something.
    async fn act(&mut self) {
        let other = loop {
            let other = user(self.chance.below(USERS));
            if other != self.user.as_str() {
                break other.parse().unwrap();
            }
        };
        let conversation = ConversationId::direct(&self.user, &other).unwrap();
        match self.chance.below(10) {
            0..=4 => {
                self.tickets += 1;
                let name = format!("{}-{}", self.name, self.tickets);
                let client_msg_id = ClientMsgId::new(name).unwrap();
                let content = json!({ "kind": "text", "text": client_msg_id.as_str() }).to_string();
                self.sending.insert(self.tickets, (conversation.clone(), client_msg_id.clone()));
                let send = Request::Send { conversation, client_msg_id, content };
                self.input(Input::Call(self.tickets, send)).await;
            }
            5..=6 => {
                self.tickets += 1;
                self.shown = None;
                self.input(Input::Call(self.tickets, Request::Open(conversation))).await;
            }
            7 => self.input(Input::Leave).await,
            8 => self.input(Input::Attention { visible: true, focused: true }).await,
            _ => self.input(Input::Attention { visible: false, focused: false }).await,
        }
    }

    fn look(&self) {
        let views = self.machine.conversations();
        let unread = views.iter().filter(|view| view.unread > 0);
        let mut glance = self.glance.lock().unwrap();
        glance.unread = unread.map(|view| (view.id.clone(), view.unread)).collect();
        glance.is_live = self.machine.state() == ConnectionState::Live;
        glance.waiting = self.sending.len();
        glance.total = self.machine.unread().total;
    }
}

fn seq_of(message: &Value) -> Seq {
    serde_json::from_value(message["seq"].clone()).unwrap()
}
