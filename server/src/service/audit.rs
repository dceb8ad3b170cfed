//! The badge audits itself: a client's digest against the store's, one read for many sessions.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use message_service_shared::digest::Digest;
use message_service_shared::id::UserId;
use tokio::sync::oneshot;

use super::standings::{digest, standings};
use super::{Error, Service};
use crate::store::StoreError;

/// What an audit found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Both sides say the same.
    Agrees,
    /// They differ; a push may still be on its way.
    Differs,
}

impl Verdict {
    /// Whether both sides say the same.
    pub fn agrees(self) -> bool {
        self == Self::Agrees
    }
}

/// Users whose rows are read at once. More of them, as when all come back, could take longer than a
/// store may, and would all fail together.
const TOGETHER: usize = 200;

type Answer = Result<Digest, StoreError>;

/// Those who wait for a digest. While one read is on its way the next ones gather, and whoever
/// finds nobody reading reads for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Audits(Arc<Mutex<Gathering>>);

#[derive(Debug, Default)]
struct Gathering {
    reading: bool,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    user: UserId,
    turn: oneshot::Sender<Turn>,
}

/// What somebody who waited gets.
#[derive(Debug)]
enum Turn {
    Answer(Answer),
    /// Nobody reads any more: read for yourself and for these.
    Lead(Leading),
}

impl Service {
    /// Compares a client's digest with the store.
    pub async fn audit(&self, user: &UserId, claimed: Digest) -> Result<Verdict, Error> {
        self.heal().await;
        let stored = self.digest(user).await?;
        Ok(if stored == claimed { Verdict::Agrees } else { Verdict::Differs })
    }

    /// The digest of what the user's badges should show.
    pub async fn digest(&self, user: &UserId) -> Result<Digest, Error> {
        let mut leading = match self.audits.enter(user) {
            Entry::Lead(leading) => leading,
            Entry::Wait(turn) => match turn.await {
                Ok(Turn::Answer(answer)) => return Ok(answer?),
                Ok(Turn::Lead(leading)) => leading,
                Err(_) => {
                    let gone = "the read that others waited for was cut off".to_owned();
                    return Err(StoreError::Unavailable(gone).into());
                }
            },
        };
        let mut users: Vec<UserId> =
            leading.gathered.iter().map(|waiting| waiting.user.clone()).collect();
        users.push(user.clone());
        users.sort();
        users.dedup();
        let digests = self.digests(&users).await;
        let answer = |user: &UserId| -> Answer {
            let digests = digests.as_ref().map_err(Clone::clone)?;
            let found = digests.iter().find(|(id, _)| id == user);
            Ok(found.map(|(_, digest)| *digest).unwrap_or_default())
        };
        for waiting in leading.gathered.drain(..) {
            // Whoever stopped waiting needs no answer.
            let _ = waiting.turn.send(Turn::Answer(answer(&waiting.user)));
        }
        drop(leading);
        Ok(answer(user)?)
    }

    async fn digests(&self, users: &[UserId]) -> Result<Vec<(UserId, Digest)>, StoreError> {
        let standings = standings(&*self.store, users).await?;
        Ok(standings.into_iter().map(|(user, standings)| (user, digest(&standings))).collect())
    }
}

enum Entry {
    Lead(Leading),
    Wait(oneshot::Receiver<Turn>),
}

impl Audits {
    fn enter(&self, user: &UserId) -> Entry {
        let mut gathering = lock(&self.0);
        if !gathering.reading {
            gathering.reading = true;
            return Entry::Lead(Leading { audits: self.clone(), gathered: Vec::new() });
        }
        let (turn, wait) = oneshot::channel();
        gathering.waiting.push(Waiting { user: user.clone(), turn });
        Entry::Wait(wait)
    }
}

/// The right to read, and those to read for. It passes on when it is dropped, so that a reader who
/// is cut off, or who stopped waiting just when it was their turn, leaves nobody behind.
#[derive(Debug)]
struct Leading {
    audits: Audits,
    gathered: Vec<Waiting>,
}

impl Drop for Leading {
    fn drop(&mut self) {
        let next = {
            let mut gathering = lock(&self.audits.0);
            let mut waiting = std::mem::take(&mut self.gathered);
            waiting.append(&mut gathering.waiting);
            waiting.retain(|waiting| !waiting.turn.is_closed());
            let next = waiting.pop();
            gathering.waiting = waiting.split_off(waiting.len().min(TOGETHER));
            gathering.reading = next.is_some();
            next.map(|next| (next.turn, Self { audits: self.audits.clone(), gathered: waiting }))
        };
        if let Some((turn, leading)) = next {
            // Where the receiver has just gone, the refused value is dropped here and passes on.
            drop(turn.send(Turn::Lead(leading)));
        }
    }
}

fn lock(gathering: &Mutex<Gathering>) -> MutexGuard<'_, Gathering> {
    gathering.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_come_together_are_read_for_in_parts() {
        let audits = Audits::default();
        let user: UserId = "ann".parse().unwrap();
        let Entry::Lead(first) = audits.enter(&user) else { panic!("nobody reads yet") };
        let mut waiting = Vec::new();
        for _ in 0..2 * TOGETHER {
            let Entry::Wait(turn) = audits.enter(&user) else { panic!("somebody reads") };
            waiting.push(turn);
        }
        drop(first);
        let (mut served, mut leads) = (0, 0);
        while let Some(lead) = waiting.iter_mut().find_map(|turn| turn.try_recv().ok()) {
            let Turn::Lead(mut lead) = lead else { panic!("nobody has answered") };
            assert!(lead.gathered.len() <= TOGETHER);
            served += 1 + lead.gathered.drain(..).count();
            leads += 1;
        }
        assert_eq!((served, leads), (2 * TOGETHER, 2));
    }
}
