//! Notices in a map.

use async_trait::async_trait;
use message_service_shared::message::Millis;

use super::MemoryStore;
use super::state::State;
use crate::store::StoreError;
use crate::store::waiting::{Company, Due, Holder, Notice, Tries, Waiting};

/// Where a notice stands.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    Waits(Wait),
    Finished { at: Millis },
}

/// How a notice waits.
#[derive(Clone, Debug)]
pub(super) struct Wait {
    /// Nothing where it has joined a company.
    pub(super) due: Option<Millis>,
    pub(super) tries: Tries,
    pub(super) held: Option<Holder>,
    /// The one that it leads.
    pub(super) company: Option<Company>,
}

impl State {
    /// A notice that somebody holds.
    fn held(&mut self, notice: &Notice, holder: &Holder) -> Option<&mut Wait> {
        match self.waiting.get_mut(notice) {
            Some(Standing::Waits(wait)) => Some(wait).filter(|it| it.held.as_ref() == Some(holder)),
            Some(Standing::Finished { .. }) | None => None,
        }
    }
}

#[async_trait]
impl Waiting for MemoryStore {
    async fn keep(&self, notices: Vec<Notice>, due: Millis) -> Result<(), StoreError> {
        let mut state = self.lock();
        for notice in notices {
            let (due, tries) = (Some(due), Tries::default());
            let wait = Wait { due, tries, held: None, company: None };
            state.waiting.entry(notice).or_insert(Standing::Waits(wait));
        }
        Ok(())
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, StoreError> {
        let state = self.lock();
        let found = state.waiting.iter().filter_map(|(notice, standing)| match standing {
            Standing::Waits(Wait { due: Some(due), tries, company, .. }) if *due <= now => {
                let (notice, company) = (notice.clone(), company.clone());
                Some(Due { notice, at: *due, tries: *tries, company })
            }
            Standing::Waits(_) | Standing::Finished { .. } => None,
        });
        let mut found: Vec<Due> = found.collect();
        found.sort_by_key(|due| due.at);
        found.truncate(limit);
        Ok(found)
    }

    async fn hold(
        &self,
        seen: Vec<Due>,
        holder: &Holder,
        until: Millis,
    ) -> Result<Vec<Notice>, StoreError> {
        let mut state = self.lock();
        let mut taken = Vec::new();
        for Due { notice, at, company, .. } in seen {
            if let Some(Standing::Waits(wait)) = state.waiting.get_mut(&notice)
                && wait.due == Some(at)
                && wait.company.is_some() == company.is_some()
            {
                (wait.due, wait.held) = (Some(until), Some(holder.clone()));
                taken.push(notice);
            }
        }
        Ok(taken)
    }

    async fn gather(
        &self,
        leader: Notice,
        company: Company,
        holder: &Holder,
    ) -> Result<Vec<Notice>, StoreError> {
        let mut state = self.lock();
        let Some(wait) = state.held(&leader, holder) else { return Ok(Vec::new()) };
        wait.company = Some(company.clone());
        let mut together = vec![leader];
        for other in company.others {
            if let Some(wait) = state.held(&other, &company.id) {
                wait.due = None;
                together.push(other);
            }
        }
        Ok(together)
    }

    async fn put_off(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        until: Millis,
        tries: Tries,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        for notice in notices {
            if let Some(wait) = state.held(&notice, holder) {
                (wait.due, wait.tries, wait.held) = (Some(until), tries, None);
            }
        }
        Ok(())
    }

    async fn finish(
        &self,
        notices: Vec<Notice>,
        holder: &Holder,
        at: Millis,
    ) -> Result<(), StoreError> {
        let mut state = self.lock();
        for notice in notices {
            if state.held(&notice, holder).is_some() {
                state.waiting.insert(notice, Standing::Finished { at });
            }
        }
        Ok(())
    }

    async fn forget(&self, before: Millis) -> Result<(), StoreError> {
        let is_kept = |standing: &Standing| match standing {
            Standing::Waits(_) => true,
            Standing::Finished { at } => *at >= before,
        };
        self.lock().waiting.retain(|_, standing| is_kept(standing));
        Ok(())
    }
}
