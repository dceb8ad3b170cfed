//! Tells the main app of messages whose receivers are away: takes what waits in the store, asks the
//! service whether it is still worth telling, and posts it, signed, until the main app has it.
//!
//! Any number of nodes do so side by side; a notice is held by one of them while it is told. What
//! may have been told comes back in the same company and under the same id, so that a main app
//! that heard it before can tell.
//!
//! Deliberately not here: who is away and what is unread (`service::away`), and keeping (`store`).

mod body;
mod delivery;
mod post;
mod retry;
mod signature;

pub(crate) use self::signature::SigningKey;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use message_service_shared::id::UserId;
use message_service_shared::message::Millis;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::service::Service;
use crate::store::StoreError;
use crate::store::waiting::{Due, Waiting};

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
/// How long deliveries that are under way may take to end when the node does: most main apps
/// answer within it, and those who do not must not keep the node from saying goodbye.
const GRACE: Duration = Duration::from_secs(2);
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
    /// Tells until the service ends; nothing is begun then, and what is under way is given up
    /// soon. It comes again under the same id, so cutting it loses nothing.
    pub(crate) async fn run(self, ended: CancellationToken) {
        let (teller, mut under_way) = (Arc::new(self), JoinSet::new());
        ended.run_until_cancelled(Arc::clone(&teller).go_on(&mut under_way)).await;
        let all = async { while under_way.join_next().await.is_some() {} };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            let left = under_way.len();
            tracing::info!(left, "what the main app did not answer is told again later");
        }
    }

    /// Looks, and looks again while deliveries are under way: a slow one keeps no other waiting
    /// for as long as there is room.
    async fn go_on(self: Arc<Self>, under_way: &mut JoinSet<bool>) {
        let (mut next, mut is_more) = (VecDeque::new(), false);
        let (mut look_at, mut forget_at) = (Instant::now(), Instant::now() + FORGET);
        // A node that never comes to look must be seen to be late with it.
        looked(self.now());
        loop {
            while under_way.len() < AT_ONCE
                && let Some(batch) = next.pop_front()
            {
                let teller = Arc::clone(&self);
                under_way.spawn(async move { teller.tell(batch).await });
            }
            if is_more && under_way.is_empty() {
                look_at = Instant::now();
            }
            let has_room = under_way.len() < AT_ONCE;
            tokio::select! {
                Some(ended) = under_way.join_next() => {
                    // A store that fails is not asked for more at once.
                    is_more &= ended.unwrap_or(false);
                    continue;
                }
                () = self.wake.notified(), if has_room => {}
                () = tokio::time::sleep_until(look_at) => {}
            }
            let found = self.look().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "what waits for the main app can't be read");
                Vec::new()
            });
            look_at = Instant::now() + LOOK;
            is_more = found.len() == PAGE;
            next = batches(found).into();
            if forget_at <= Instant::now() {
                forget_at = Instant::now() + FORGET;
                if let Err(error) = self.waiting.forget(self.now().saturating_sub(KNOWN_MS)).await {
                    tracing::info!(%error, "what the main app was told stays known for longer");
                }
            }
        }
    }

    fn now(&self) -> Millis {
        self.service.clock().now()
    }

    /// What is due.
    async fn look(&self) -> Result<Vec<Due>, StoreError> {
        let now = self.now();
        let due = self.waiting.due(now, PAGE).await?;
        looked(now);
        let late = due.first().map_or(0, |due| now.saturating_sub(due.at));
        #[expect(clippy::cast_precision_loss, reason = "a delay needs no more than 52 bits")]
        metrics::gauge!("message_service_webhook_late_seconds").set(late as f64 / 1_000.0);
        Ok(due)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a time needs no more than 52 bits")]
fn looked(at: Millis) {
    metrics::gauge!("message_service_webhook_look_timestamp_seconds").set(at as f64 / 1_000.0);
}

/// Puts together what is told together: what a receiver has that was never told. A company is
/// together already, and its leader stands for it; an announcement goes alone.
fn batches(due: Vec<Due>) -> Vec<Vec<Due>> {
    let mut by_receiver: BTreeMap<UserId, Vec<Due>> = BTreeMap::new();
    let mut batches = Vec::new();
    for due in due {
        match &due.notice.receiver {
            Some(user) if due.company.is_none() => {
                by_receiver.entry(user.clone()).or_default().push(due);
            }
            Some(_) | None => batches.push(vec![due]),
        }
    }
    for batch in by_receiver.into_values() {
        batches.extend(batch.chunks(BATCH).map(<[Due]>::to_vec));
    }
    // Where not all can be told in time, whoever waits longest is told first.
    batches.sort_by_key(|batch| batch.iter().map(|due| due.at).min());
    batches
}

#[cfg(test)]
mod round_tests;

#[cfg(test)]
mod tests {
    use message_service_shared::seq::Seq;

    use super::*;
    use crate::store::waiting::{Company, Holder, Notice, Tries};

    fn due(receiver: &str, seq: u64) -> Due {
        let notice = Notice {
            receiver: (!receiver.is_empty()).then(|| receiver.parse().unwrap()),
            conversation: "direct:ann:bob".parse().unwrap(),
            seq: Seq::try_from(seq).unwrap(),
        };
        Due { notice, at: 10, tries: Tries::default(), company: None }
    }

    #[test]
    fn what_is_new_joins_no_company() {
        let (new, newer, other) = (due("bob", 1), due("bob", 2), due("cid", 1));
        let company = Company { id: Holder("me".to_owned()), others: vec![due("bob", 4).notice] };
        let leader = Due { company: Some(company), ..due("bob", 3) };
        let all = [&new, &leader, &other, &newer].map(Clone::clone);
        let wanted = vec![vec![leader], vec![new, newer], vec![other]];
        assert_eq!(batches(all.to_vec()), wanted);
    }

    #[test]
    fn whoever_waits_longest_is_told_first() {
        let late = |receiver, at| Due { at, ..due(receiver, 1) };
        let all = vec![late("zed", 10), late("", 20), late("ann", 30)];
        let wanted: Vec<Vec<Due>> = all.iter().cloned().map(|due| vec![due]).collect();
        assert_eq!(batches(all), wanted);
    }

    #[test]
    fn each_announcement_goes_alone() {
        assert_eq!(batches(vec![due("", 1), due("", 2)]).len(), 2);
    }

    #[test]
    fn a_delivery_is_no_larger_than_a_batch() {
        let many = (1..=120).map(|seq| due("bob", seq)).collect();
        assert_eq!(batches(many).iter().map(Vec::len).collect::<Vec<_>>(), [50, 50, 20]);
    }
}
