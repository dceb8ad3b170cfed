//! The node's own look at the outbox, for as long as the service runs.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use message_service_shared::message::Millis;
use mongodb::bson::Bson;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use super::claim::Verdict;
use super::deliver::{deliver, of_those_gone, reason};
use super::turns::{Room, Seen};
use super::{DEAD, Outbox, OutboxError, entry, json};
use crate::bus::NodeId;
use crate::service::Service;

/// How often it looks where nothing tells it that there is more.
const POLL: Duration = Duration::from_millis(500);
/// How often an outbox that can't be reached is looked at, at least.
const POLL_AT_LEAST: Duration = Duration::from_secs(5);
/// How often entries are counted for the metrics.
const COUNT: Duration = Duration::from_secs(15);

/// Looks, and delivers.
#[derive(Debug)]
pub(crate) struct Worker {
    at: At,
    /// Each entry in hand, and whether it was brought further.
    tasks: JoinSet<bool>,
    in_hand: HashMap<task::Id, InHand>,
    is_prepared: bool,
}

/// An entry in hand.
#[derive(Debug)]
struct InHand {
    id: Bson,
    weight: usize,
}

/// Where a task works, and for whom.
#[derive(Clone, Debug)]
struct At {
    outbox: Outbox,
    service: Arc<Service>,
    node: Arc<str>,
}

impl Worker {
    pub(crate) fn new(outbox: Outbox, service: Arc<Service>, node: NodeId) -> Self {
        let at = At { outbox, service, node: format!("{:016x}", node.0).into() };
        Self { at, tasks: JoinSet::new(), in_hand: HashMap::new(), is_prepared: false }
    }

    /// Works until `stop`; what is in hand then is brought to its end.
    pub(crate) async fn run(self, stop: CancellationToken) {
        // One that is never reached has to be seen as well.
        looked_at(0);
        let counting = self.at.clone().count(stop.clone());
        tokio::join!(self.work(stop), counting);
    }

    async fn work(mut self, stop: CancellationToken) {
        let mut pause = POLL;
        while let Some(looked) = stop.run_until_cancelled(self.look()).await {
            match looked {
                Ok(next) => {
                    if pause > POLL {
                        tracing::info!("the outbox is there again");
                    }
                    pause = POLL;
                    self.begin(next);
                }
                Err(error) => {
                    if pause == POLL {
                        tracing::warn!(%error, "the outbox can't be looked at; goes on trying");
                    }
                    pause = pause.saturating_mul(2).min(POLL_AT_LEAST);
                }
            }
            if stop.run_until_cancelled(self.wait(pause)).await.is_none() {
                break;
            }
        }
        while self.tasks.join_next().await.is_some() {}
    }

    /// Entries that may go now.
    async fn look(&mut self) -> Result<Vec<Seen>, OutboxError> {
        let At { outbox, service, node } = &self.at;
        if !self.is_prepared {
            outbox.prepare().await?;
            self.is_prepared = true;
        }
        let room = Room::beside(self.in_hand.values().map(|entry| entry.weight));
        if room.is_none() {
            return Ok(Vec::new());
        }
        let busy: Vec<Bson> = self.in_hand.values().map(|entry| entry.id.clone()).collect();
        let now = service.clock().now();
        let next = outbox.next(node, now, room, &busy).await?;
        looked_at(now);
        Ok(next)
    }

    fn begin(&mut self, next: Vec<Seen>) {
        for seen in next {
            let at = self.at.clone();
            let in_hand = InHand { id: seen.id.clone(), weight: seen.weight() };
            let task = self.tasks.spawn(async move { at.bring_further(&seen).await });
            self.in_hand.insert(task.id(), in_hand);
        }
    }

    /// Waits until it is worth looking again: at once where something was brought further.
    async fn wait(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        let mut is_further = false;
        while !is_further {
            let Ok(ended) = tokio::time::timeout_at(until, self.tasks.join_next_with_id()).await
            else {
                return;
            };
            match ended {
                Some(ended) => is_further = self.ended(ended),
                None => return tokio::time::sleep_until(until).await,
            }
        }
        while let Some(ended) = self.tasks.try_join_next_with_id() {
            self.ended(ended);
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, bool), JoinError>) -> bool {
        let (id, is_further) = ended.unwrap_or_else(|error| (error.id(), false));
        self.in_hand.remove(&id);
        is_further
    }
}

/// Tells when the outbox was looked at last: what is not reached tells nothing else of itself.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a double")]
fn looked_at(now: Millis) {
    metrics::gauge!("message_service_outbox_look_timestamp_seconds").set(now as f64 / 1_000.0);
}

impl At {
    /// Counts entries from time to time until `stop`. By itself, so that no entry waits for it; and
    /// those that are dead first, of which there are few, so that they are told of however many
    /// wait.
    async fn count(self, stop: CancellationToken) {
        let mut due = tokio::time::interval(COUNT);
        due.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let counting = async {
            loop {
                due.tick().await;
                if let Ok(dead) = self.outbox.count(DEAD).await {
                    metrics::gauge!("message_service_outbox_dead").set(dead);
                }
                if let Ok(waiting) = self.outbox.count(Bson::Null).await {
                    metrics::gauge!("message_service_outbox_waiting").set(waiting);
                }
            }
        };
        stop.run_until_cancelled(counting).await;
    }

    /// Claims an entry, delivers it and says so; whether that worked.
    async fn bring_further(&self, seen: &Seen) -> bool {
        let outcome = self.try_to(seen).await;
        if let Err(error) = &outcome {
            tracing::debug!(%error, entry = json::id_text(&seen.id), "an entry stays where it is");
        }
        outcome.is_ok()
    }

    async fn try_to(&self, seen: &Seen) -> Result<(), OutboxError> {
        let Self { outbox, service, node } = self;
        let clock = service.clock();
        // Another node was first; it is its matter now.
        let Some(claimed) = outbox.claim(seen, node, clock.now()).await? else { return Ok(()) };
        let verdict = match of_those_gone(&seen.left_by) {
            Some(verdict) => verdict,
            None => match entry::read(&claimed.document) {
                Ok(wanted) => deliver(service, wanted, claimed.attempts).await,
                Err(error) => Verdict::Dead { reason: reason(&error) },
            },
        };
        outbox.settle(&claimed, node, clock.now(), &verdict).await?;
        let outcome = match &verdict {
            Verdict::Done => "done",
            Verdict::Later { .. } => "later",
            Verdict::Dead { reason } => {
                let entry = json::id_text(&seen.id);
                tracing::warn!(entry, reason, "an entry of the outbox is dead");
                "dead"
            }
        };
        metrics::counter!("message_service_outbox_entries_total", "outcome" => outcome)
            .increment(1);
        Ok(())
    }
}
