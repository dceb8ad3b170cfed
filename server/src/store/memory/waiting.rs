//! Notices in a map.

use async_trait::async_trait;
use message_service_shared::message::Millis;

use super::MemoryStore;
use crate::store::StoreError;
use crate::store::waiting::{Due, Holder, Notice, Tries, Waiting};

/// Where a notice stands.
#[derive(Clone, Debug)]
pub(super) enum Standing {
    Waits { due: Millis, tries: Tries, held: Option<Holder> },
    Finished { at: Millis },
}

impl Standing {
    fn is_held_by(&self, holder: &Holder) -> bool {
        matches!(self, Self::Waits { held: Some(held), .. } if held == holder)
    }
}

#[async_trait]
impl Waiting for MemoryStore {
    async fn keep(&self, notices: Vec<Notice>, due: Millis) -> Result<(), StoreError> {
        let mut state = self.lock();
        for notice in notices {
            let waits = Standing::Waits { due, tries: Tries::default(), held: None };
            state.waiting.entry(notice).or_insert(waits);
        }
        Ok(())
    }

    async fn due(&self, now: Millis, limit: usize) -> Result<Vec<Due>, StoreError> {
        let state = self.lock();
        let found = state.waiting.iter().filter_map(|(notice, standing)| match standing {
            Standing::Waits { due, tries, .. } if *due <= now => {
                Some(Due { notice: notice.clone(), at: *due, tries: *tries })
            }
            Standing::Waits { .. } | Standing::Finished { .. } => None,
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
        for Due { notice, at, .. } in seen {
            if let Some(Standing::Waits { due, held, .. }) = state.waiting.get_mut(&notice)
                && *due == at
            {
                (*due, *held) = (until, Some(holder.clone()));
                taken.push(notice);
            }
        }
        Ok(taken)
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
            if let Some(standing) =
                state.waiting.get_mut(&notice).filter(|it| it.is_held_by(holder))
            {
                *standing = Standing::Waits { due: until, tries, held: None };
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
            if let Some(standing) =
                state.waiting.get_mut(&notice).filter(|it| it.is_held_by(holder))
            {
                *standing = Standing::Finished { at };
            }
        }
        Ok(())
    }

    async fn forget(&self, before: Millis) -> Result<(), StoreError> {
        let is_kept = |standing: &Standing| match standing {
            Standing::Waits { .. } => true,
            Standing::Finished { at } => *at >= before,
        };
        self.lock().waiting.retain(|_, standing| is_kept(standing));
        Ok(())
    }
}
