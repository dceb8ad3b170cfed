//! Hearing what concerns the users whom this node holds, and them alone.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, Request, RequestErrorKind, Subscriber};
use futures_util::StreamExt;
use message_service_shared::id::UserId;
use message_service_shared::push::Push;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::debt::{Cure, Debt, RESUME_WITHIN_MS, resync};
use super::subjects::Subjects;
use super::wire::Wire;
use crate::bus::{Audience, Envelope, News, NodeId};
use crate::hub::{Change, Changes, Hub};

/// Users whose listening begins together, with one way to the server and back.
const TOGETHER: usize = 1_024;
/// How often a node repeats what its users look at.
const REPEAT: Duration = Duration::from_secs(30);
/// How long it is believed without being repeated: its node may have died.
const BELIEVED: Duration = Duration::from_secs(90);
/// How many of a node's sessions resume in a second where all of them do: as many as after a drain
/// of a large node.
const RESUMES_A_SECOND: u64 = 1_000;
/// How long a way to the server and back may take.
const ROUND_TRIP: Duration = Duration::from_secs(2);

/// A session waits until its user is listened to.
pub(super) struct Ask {
    pub(super) user: UserId,
    pub(super) ready: oneshot::Sender<()>,
}

/// What listening stands on.
#[derive(Clone, Debug)]
pub(super) struct Listening {
    pub(super) node: NodeId,
    pub(super) hub: Arc<Hub>,
    pub(super) client: Client,
    pub(super) subjects: Subjects,
    /// Who may have missed something: their sessions read the store before it was certain that
    /// they are heard for.
    pub(super) unsure: Arc<Debt>,
}

impl Listening {
    /// Follows the hub, for as long as the bus lives.
    pub(super) async fn run(self, mut asks: UnboundedReceiver<Ask>, mut changes: Changes) {
        let mut users: HashMap<UserId, AbortOnDropHandle<()>> = HashMap::new();
        let mut batch = Vec::with_capacity(TOGETHER);
        let mut repeat = interval(REPEAT);
        repeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                asked = asks.recv_many(&mut batch, TOGETHER) => {
                    if asked == 0 {
                        return;
                    }
                    self.begin(&mut users, std::mem::take(&mut batch)).await;
                }
                Some(change) = changes.next() => match change {
                    // Whoever came back meanwhile asks, or has asked, and stays.
                    Change::Left(user) if !self.hub.is_online(&user) => {
                        users.remove(&user);
                    }
                    Change::Attends(user, conversations) => {
                        let attending = Wire::Attending { node: self.node, conversations };
                        self.say(&user, &attending).await;
                    }
                    Change::Came(_) | Change::Left(_) => {}
                },
                _ = repeat.tick() => {
                    for (user, conversations) in self.hub.attention() {
                        let attending = Wire::Attending { node: self.node, conversations };
                        self.say(&user, &attending).await;
                    }
                }
            }
        }
    }

    async fn begin(&self, users: &mut HashMap<UserId, AbortOnDropHandle<()>>, asks: Vec<Ask>) {
        let mut is_new = false;
        for Ask { user, .. } in &asks {
            // A session that is tired of waiting has begun all the same, and is to hear from now on.
            if users.contains_key(user) || !self.hub.is_online(user) {
                continue;
            }
            match self.client.subscribe(self.subjects.user(user)).await {
                Ok(subscriber) => {
                    let hearing = self.clone().hear_user(user.clone(), subscriber);
                    users.insert(user.clone(), AbortOnDropHandle::new(tokio::spawn(hearing)));
                    self.say(user, &Wire::WhoAttends).await;
                    is_new = true;
                }
                Err(error) => tracing::error!(%error, "a user can't be listened to"),
            }
        }
        let is_certain = !is_new || self.round_trip().await;
        for Ask { user, ready } in asks {
            // Whoever does not wait any more has begun.
            if ready.send(()).is_err() || !is_certain {
                self.unsure.owe(&Audience::Users(vec![user]), Cure::Resume);
            }
        }
    }

    /// Has those resume who began without being heard for for certain, once that is certain.
    pub(super) async fn make_certain(&self) {
        let unsure = self.unsure.take();
        if unsure.is_empty() {
            return;
        }
        let is_certain = self.round_trip().await;
        for envelope in unsure {
            match &envelope.to {
                to if !is_certain => self.unsure.owe(to, Cure::Resume),
                Audience::Everyone => resync_here(&self.hub),
                Audience::Users(_) => self.hub.receive(&envelope),
            }
        }
    }

    /// Returns when the server has done all that it was asked before, or can't be reached; then
    /// false.
    pub(super) async fn round_trip(&self) -> bool {
        if self.client.connection_state() != State::Connected {
            return false;
        }
        // Nobody answers there, which the server says at once.
        let request = Request::new().timeout(Some(ROUND_TRIP));
        let answer = self.client.send_request(self.subjects.nobody(), request).await;
        answer.is_err_and(|error| error.kind() == RequestErrorKind::NoResponders)
    }

    async fn say(&self, user: &UserId, wire: &Wire) {
        if self.client.connection_state() == State::Connected
            && let Err(error) = self.client.publish(self.subjects.user(user), wire.write()).await
        {
            tracing::debug!(%error, "the other nodes can't be told");
        }
    }

    async fn hear_user(self, user: UserId, mut subscriber: Subscriber) {
        let to = Audience::Users(vec![user.clone()]);
        let mut believed: HashMap<NodeId, Instant> = HashMap::new();
        loop {
            let oldest = believed.iter().min_by_key(|(_, since)| **since);
            let oldest = oldest.map(|(node, since)| (*node, *since + BELIEVED));
            let until = oldest.map_or_else(Instant::now, |(_, until)| until);
            let news = tokio::select! {
                message = subscriber.next() => {
                    let Some(message) = message else { return };
                    match Wire::read(&message.payload) {
                        Some(Wire::WhoAttends) => {
                            let conversations = self.hub.attended_by(&user);
                            if !conversations.is_empty() {
                                let attending = Wire::Attending { node: self.node, conversations };
                                self.say(&user, &attending).await;
                            }
                            continue;
                        }
                        Some(wire) => wire.into_news(),
                        None => None,
                    }
                }
                () = sleep_until(until), if oldest.is_some() => oldest.map(|(node, _)| {
                    News::Attending { node, conversations: Vec::new() }
                }),
            };
            let Some(news) = news else { continue };
            if let News::Attending { node, conversations } = &news {
                if conversations.is_empty() {
                    believed.remove(node);
                } else {
                    believed.insert(*node, Instant::now());
                }
            }
            self.hub.receive(&Envelope { to: to.clone(), news });
        }
    }

    pub(super) async fn hear_everyone(self, mut subscriber: Subscriber) {
        while let Some(message) = subscriber.next().await {
            match Wire::read(&message.payload).and_then(Wire::into_news) {
                // How long it may take depends on how many they are, which only this node knows.
                Some(News::Push(Push::Resync(_))) => resync_here(&self.hub),
                Some(news) => self.hub.receive(&Envelope { to: Audience::Everyone, news }),
                None => {}
            }
        }
    }
}

/// Has every session of this node resume, each at a moment of its own: all of them at once would be
/// more than a store bears.
pub(super) fn resync_here(hub: &Hub) {
    metrics::counter!("message_service_bus_resyncs_total").increment(1);
    let within_ms = resume_within_ms(hub.sessions());
    hub.receive(&Envelope { to: Audience::Everyone, news: resync(within_ms) });
}

fn resume_within_ms(sessions: usize) -> u64 {
    let sessions = u64::try_from(sessions).unwrap_or(u64::MAX);
    sessions.saturating_mul(1_000).div_euclid(RESUMES_A_SECOND).max(RESUME_WITHIN_MS)
}

/// Asks, and waits until the user is listened to.
pub(super) async fn ask(asks: &UnboundedSender<Ask>, user: &UserId) {
    let (ready, listened) = oneshot::channel();
    if asks.send(Ask { user: user.clone(), ready }).is_ok() {
        // An error is the bus ending; then the session ends as well.
        let _ = listened.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_sessions_resume_over_a_longer_time() {
        assert_eq!(resume_within_ms(0), RESUME_WITHIN_MS);
        assert_eq!(resume_within_ms(2_000), RESUME_WITHIN_MS);
        assert_eq!(resume_within_ms(20_000), 20_000);
    }
}
