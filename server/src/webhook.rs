//! Tells the main app of messages whose receivers are away: takes what waits in the store, asks the
//! service whether it is still worth telling, and posts it, signed, until the main app has it.
//!
//! Any number of nodes do so side by side; a notice is held by one of them while it is told. What
//! was put off comes back in the same company and under the same id, so that a main app that heard
//! it before can tell.
//!
//! Deliberately not here: who is away and what is unread (`service::away`), and keeping (`store`).

mod body;
mod post;
mod retry;
mod signature;

pub(crate) use self::signature::SigningKey;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use message_service_shared::id::UserId;
use message_service_shared::message::Millis;
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::service::{Outlook, Service};
use crate::store::StoreError;
use crate::store::waiting::{Due, Holder, Notice, Tries, Waiting};

pub(crate) use self::post::Endpoint;
pub use self::post::EndpointError;

/// How often what waits is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Notices that are looked at at once.
const PAGE: usize = 500;
/// Messages of one receiver in one delivery at most.
const BATCH: usize = 50;
/// Deliveries under way at once.
const AT_ONCE: usize = 16;
/// How long a notice is held: longer than looking at it and posting it may take. Clocks of nodes
/// may differ by the rest; where they differ by more, the main app hears the same id twice.
const HOLD_MS: Millis = 60_000;
/// A notice that was told is known for so long, so that a resend of its message brings no second.
const KNOWN_MS: Millis = 7 * 24 * 60 * 60 * 1_000;
/// How often what is known for long enough is forgotten.
const FORGET: Duration = Duration::from_mins(10);

/// Tells.
#[derive(Debug)]
pub(crate) struct Teller {
    pub(crate) service: Arc<Service>,
    pub(crate) waiting: Arc<dyn Waiting>,
    pub(crate) endpoint: Endpoint,
    pub(crate) wake: Arc<Notify>,
}

impl Teller {
    /// Tells until the service ends; what is under way then is told to its end.
    pub(crate) async fn run(self, ended: CancellationToken) {
        let mut forgotten = tokio::time::Instant::now();
        loop {
            let found = self.round().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "what waits for the main app can't be read");
                0
            });
            if forgotten.elapsed() >= FORGET {
                forgotten = tokio::time::Instant::now();
                if let Err(error) = self.waiting.forget(self.now().saturating_sub(KNOWN_MS)).await {
                    tracing::info!(%error, "what the main app was told stays known for longer");
                }
            }
            let pause = if found == PAGE { Duration::ZERO } else { LOOK };
            tokio::select! {
                () = ended.cancelled() => return,
                () = self.wake.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    fn now(&self) -> Millis {
        self.service.clock().now()
    }

    /// Tells what is due, and says how much that was.
    async fn round(&self) -> Result<usize, StoreError> {
        let now = self.now();
        let due = self.waiting.due(now, PAGE).await?;
        let late = due.first().map_or(0, |due| now.saturating_sub(due.at));
        #[expect(clippy::cast_precision_loss, reason = "a delay needs no more than 52 bits")]
        metrics::gauge!("message_service_webhook_late_seconds").set(late as f64 / 1_000.0);
        let found = due.len();
        stream::iter(batches(due)).for_each_concurrent(AT_ONCE, |batch| self.tell(batch)).await;
        Ok(found)
    }

    async fn tell(&self, batch: Vec<Due>) {
        if let Err(error) = self.try_to_tell(batch).await {
            // What was held is due again later.
            tracing::warn!(%error, "a webhook waits for the store");
        }
    }

    async fn try_to_tell(&self, batch: Vec<Due>) -> Result<(), crate::service::Error> {
        let now = self.now();
        let chance = self.service.ids().make(now);
        let holder = Holder(chance.simple().to_string());
        let tries = batch.iter().map(|due| due.tries).fold(Tries::default(), most);
        let held = self.waiting.hold(batch, &holder, now.saturating_add(HOLD_MS)).await?;
        let Some(receiver) = held.first().map(|notice| notice.receiver.clone()) else {
            return Ok(());
        };
        let outlook = self.service.outlook(receiver.as_ref(), &held, tries.told == 0).await?;
        let told = match outlook {
            Outlook::Settled => {
                count("settled");
                return Ok(self.waiting.finish(held, &holder, self.now()).await?);
            }
            Outlook::Present => {
                let until = self.now().saturating_add(retry::look_again(tries.looked));
                let tries = Tries { looked: tries.looked.saturating_add(1), ..tries };
                return Ok(self.waiting.put_off(held, &holder, until, tries).await?);
            }
            Outlook::Tell(told) => told,
        };
        let id = delivery_id(&held);
        let body = body::write(receiver.as_ref(), &told, self.now());
        let Err(error) = self.endpoint.post(&id, self.now(), body).await else {
            count("delivered");
            return Ok(self.waiting.finish(held, &holder, self.now()).await?);
        };
        let Some(delay) = retry::after(tries.told, chance.as_u128()) else {
            count("given_up");
            tracing::error!(%error, %id, "the main app was not told, and will not be");
            return Ok(self.waiting.finish(held, &holder, self.now()).await?);
        };
        count("put_off");
        tracing::warn!(%error, %id, seconds = delay / 1_000, "the main app is told again later");
        let tries = Tries { told: tries.told.saturating_add(1), ..tries };
        let until = self.now().saturating_add(delay);
        Ok(self.waiting.put_off(held, &holder, until, tries).await?)
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("message_service_webhooks_total", "outcome" => outcome).increment(1);
}

fn most(one: Tries, other: Tries) -> Tries {
    Tries { told: one.told.max(other.told), looked: one.looked.max(other.looked) }
}

/// Puts together what is told together: what a receiver has that was never told, and beside it what
/// was put off together, whose company must not change. An announcement goes alone.
fn batches(due: Vec<Due>) -> Vec<Vec<Due>> {
    let mut by_receiver: BTreeMap<(Option<UserId>, Millis), Vec<Due>> = BTreeMap::new();
    let mut batches = Vec::new();
    for due in due {
        if due.notice.receiver.is_none() {
            batches.push(vec![due]);
            continue;
        }
        let company = if due.tries.told == 0 { 0 } else { due.at };
        by_receiver.entry((due.notice.receiver.clone(), company)).or_default().push(due);
    }
    for batch in by_receiver.into_values() {
        batches.extend(batch.chunks(BATCH).map(<[Due]>::to_vec));
    }
    batches
}

/// Says of which notices a delivery is: the same ones, the same id.
fn delivery_id(held: &[Notice]) -> String {
    let mut sorted: Vec<&Notice> = held.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    for Notice { receiver, conversation, seq } in sorted {
        let receiver = receiver.as_ref().map_or("", UserId::as_str);
        // Ids have no control characters.
        hash.update(format!("{receiver}\0{conversation}\0{seq}\n"));
    }
    format!("msg_{}", hex::encode(&hash.finalize()[..16]))
}

#[cfg(test)]
mod round_tests;

#[cfg(test)]
mod tests {
    use message_service_shared::seq::Seq;

    use super::*;

    fn due(receiver: &str, seq: u64, at: Millis, told: u32) -> Due {
        let notice = Notice {
            receiver: (!receiver.is_empty()).then(|| receiver.parse().unwrap()),
            conversation: "direct:ann:bob".parse().unwrap(),
            seq: Seq::try_from(seq).unwrap(),
        };
        Due { notice, at, tries: Tries { told, looked: 0 } }
    }

    #[test]
    fn what_was_put_off_stays_in_its_company() {
        let (new, newer) = (due("bob", 1, 10, 0), due("bob", 2, 20, 0));
        let (again, with_it) = (due("bob", 3, 30, 1), due("bob", 4, 30, 1));
        let other = due("cid", 1, 10, 0);
        let all = [&new, &again, &other, &newer, &with_it].map(Clone::clone);
        let wanted = vec![vec![new, newer], vec![again, with_it], vec![other]];
        assert_eq!(batches(all.to_vec()), wanted);
    }

    #[test]
    fn each_announcement_goes_alone() {
        assert_eq!(batches(vec![due("", 1, 10, 0), due("", 2, 10, 0)]).len(), 2);
    }

    #[test]
    fn a_delivery_is_no_larger_than_a_batch() {
        let many = (1..=120).map(|seq| due("bob", seq, 10, 0)).collect();
        assert_eq!(batches(many).iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    }

    #[test]
    fn the_same_notices_in_any_order_have_one_id_and_others_another() {
        let [one, two] = [1, 2].map(|seq| due("bob", seq, 10, 0).notice);
        let id = delivery_id(&[one.clone(), two.clone()]);
        assert_eq!(id, delivery_id(&[two, one.clone()]));
        assert_ne!(id, delivery_id(&[one]));
    }
}
