//! One delivery: takes what is due, asks whether it is still worth telling, makes a company of it,
//! and posts that until the main app has it.
//!
//! A company is made once, after the look at what is to be told and before the first post. So the
//! main app hears the same messages under the same id, however many nodes die over it.

use message_service_shared::message::{Message, Millis};

use super::{Teller, body, retry};
use crate::service::{Error, Outlook, Told};
use crate::store::waiting::{Company, Due, Holder, Notice, Tries};

/// How long a notice is held: longer than looking at it and posting it may take. Clocks of nodes
/// may differ by the rest; where they differ by more, the main app hears the same id twice.
const HOLD_MS: Millis = 60_000;

impl Teller {
    /// Tells what is due together, once; whether the store could say what became of it.
    pub(super) async fn tell(&self, batch: Vec<Due>) -> bool {
        let outcome = self.try_to_tell(batch).await;
        if let Err(error) = &outcome {
            // What was held is due again later.
            tracing::warn!(%error, "a webhook waits for the store");
        }
        outcome.is_ok()
    }

    async fn try_to_tell(&self, batch: Vec<Due>) -> Result<(), Error> {
        let now = self.now();
        let chance = self.service.ids().make(now);
        let holder = Holder(chance.simple().to_string());
        let tries = batch.iter().map(|due| due.tries).fold(Tries::default(), most);
        let company = batch.first().and_then(|due| due.company.clone());
        let held = self.waiting.hold(batch, &holder, now.saturating_add(HOLD_MS)).await?;
        let Some(leader) = held.first().cloned() else { return Ok(()) };
        let receiver = leader.receiver.clone();
        let together = match &company {
            Some(company) => self.waiting.gather(leader, company.clone(), &holder).await?,
            None => held.clone(),
        };
        if together.is_empty() {
            return Ok(());
        }
        let outlook = self.service.outlook(receiver.as_ref(), &together, company.is_none()).await?;
        let told = match outlook {
            Outlook::Settled => {
                count("settled");
                let id = company.map_or_else(|| holder.clone(), |company| company.id);
                return self.finish(together, &id, &holder).await;
            }
            Outlook::Present => {
                let until = self.now().saturating_add(retry::look_again(tries.looked));
                let tries = Tries { looked: tries.looked.saturating_add(1), ..tries };
                return Ok(self.waiting.put_off(held, &holder, until, tries).await?);
            }
            Outlook::Tell(told) => told,
        };
        let Some(Delivery { id, together, told }) = (match company {
            Some(Company { id, .. }) => Some(Delivery { id, together, told }),
            None => self.first(held, told, tries, &holder).await?,
        }) else {
            return Ok(());
        };

        let name = format!("msg_{}", id.0);
        let body = body::write(receiver.as_ref(), &told, self.now());
        let Err(error) = self.endpoint.post(&name, self.now(), body).await else {
            count("delivered");
            return self.finish(together, &id, &holder).await;
        };
        let Some(delay) = retry::after(tries.told, chance.as_u128()) else {
            count("given_up");
            tracing::error!(%error, id = name, "the main app was not told, and will not be");
            return self.finish(together, &id, &holder).await;
        };
        count("put_off");
        let seconds = delay / 1_000;
        tracing::warn!(%error, id = name, seconds, "the main app is told again later");
        let tries = Tries { told: tries.told.saturating_add(1), ..tries };
        let until = self.now().saturating_add(delay);
        let leader = together.into_iter().take(1).collect();
        Ok(self.waiting.put_off(leader, &holder, until, tries).await?)
    }

    /// Makes a company of what is told for the first time. What does not fit comes right after it,
    /// and what else is held is settled; nothing is told where the hold was over meanwhile.
    async fn first(
        &self,
        held: Vec<Notice>,
        mut told: Told,
        tries: Tries,
        holder: &Holder,
    ) -> Result<Option<Delivery>, Error> {
        let later = told.messages.split_off(body::fitting(&told.messages));
        let (later, held): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|notice| later.iter().any(|it| is_of(it, notice)));
        let (together, settled): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|notice| told.messages.iter().any(|it| is_of(it, notice)));
        if !later.is_empty() {
            self.waiting.put_off(later, holder, self.now(), tries).await?;
            self.wake.notify_one();
        }
        if !settled.is_empty() {
            self.waiting.finish(settled, holder, self.now()).await?;
        }
        let mut others = together.into_iter();
        let Some(leader) = others.next() else { return Ok(None) };
        let company = Company { id: holder.clone(), others: others.collect() };
        let together = self.waiting.gather(leader, company, holder).await?;
        if together.is_empty() {
            return Ok(None);
        }
        told.messages.retain(|message| together.iter().any(|notice| is_of(message, notice)));
        Ok(Some(Delivery { id: holder.clone(), together, told }))
    }

    /// Ends a company, its leader last: whoever finds the leader finds who is left.
    async fn finish(
        &self,
        mut together: Vec<Notice>,
        id: &Holder,
        holder: &Holder,
    ) -> Result<(), Error> {
        let others = together.split_off(together.len().min(1));
        if !others.is_empty() {
            self.waiting.finish(others, id, self.now()).await?;
        }
        Ok(self.waiting.finish(together, holder, self.now()).await?)
    }
}

/// What is posted: a company, its leader first, and what is told of it.
struct Delivery {
    id: Holder,
    together: Vec<Notice>,
    told: Told,
}

fn is_of(message: &Message, notice: &Notice) -> bool {
    (&message.conversation, message.seq) == (&notice.conversation, notice.seq)
}

fn count(outcome: &'static str) {
    metrics::counter!("message_service_webhooks_total", "outcome" => outcome).increment(1);
}

fn most(one: Tries, other: Tries) -> Tries {
    Tries { told: one.told.max(other.told), looked: one.looked.max(other.looked) }
}
