//! What the other nodes may not have heard, until it is plain that they have or made good.
//!
//! NATS does not say what arrived. So whatever is handed to the connection is remembered here until
//! a way to the server and back has shown that all before it is there. What had not been shown when
//! a connection ended is owed, and so is what could not be handed to one at all.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use message_service_shared::id::UserId;
use message_service_shared::push::{Push, Resync};

use crate::bus::{Audience, Envelope, News};
use crate::logouts::Logouts;

/// Beyond so many users it is everyone.
const USERS: usize = 10_000;
/// Over how long a few sessions resume after pushes may have been lost.
pub(super) const RESUME_WITHIN_MS: u64 = 2_000;

/// What has a lost word made good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cure {
    /// Its users' sessions resume: the store has what it told.
    Resume,
    /// It is said again: a session that is to end is not asked whether it resumes.
    LogOut(Logouts),
    /// Nothing: it is repeated from time to time anyway.
    Wait,
}

impl Cure {
    pub(super) const fn of(news: &News) -> Self {
        match news {
            News::Push(_) => Self::Resume,
            News::LoggedOut(logouts) => Self::LogOut(*logouts),
            News::Attending { .. } => Self::Wait,
        }
    }
}

/// The news that has sessions resume.
pub(super) const fn resync(within_ms: u64) -> News {
    News::Push(Push::Resync(Resync { within_ms }))
}

#[derive(Debug, Default)]
pub(super) struct Debt(Mutex<Accounts>);

#[derive(Debug, Default)]
struct Accounts {
    /// Handed to the connection since it was last asked.
    said: Losses,
    /// Handed to the connection before it was last asked, and not yet known to have arrived.
    asked: Losses,
    /// To be made good.
    owed: Losses,
}

impl Debt {
    /// It can't be handed to the connection.
    pub(super) fn owe(&self, to: &Audience, cure: Cure) {
        self.with(|accounts| accounts.owed.add(to, cure));
    }

    /// It is about to be handed to the connection.
    pub(super) fn say(&self, to: &Audience, cure: Cure) {
        self.with(|accounts| accounts.said.add(to, cure));
    }

    /// A way to the server and back begins, and with it the wait for all that was said before.
    /// False where there is nothing to wait for.
    pub(super) fn ask(&self) -> bool {
        self.with(|Accounts { said, asked, .. }| {
            asked.merge(std::mem::take(said));
            !asked.is_nothing()
        })
    }

    /// What was asked for has arrived.
    pub(super) fn arrived(&self) {
        self.with(|accounts| accounts.asked = Losses::default());
    }

    /// The connection ended, and with it whatever had not arrived.
    pub(super) fn lost(&self) {
        self.with(|Accounts { said, asked, owed }| {
            owed.merge(std::mem::take(asked));
            owed.merge(std::mem::take(said));
        });
    }

    /// What is to be said to make good what is owed; it is paid with that.
    pub(super) fn take(&self) -> Vec<Envelope> {
        self.with(|accounts| std::mem::take(&mut accounts.owed)).into_envelopes()
    }

    fn with<T>(&self, act: impl FnOnce(&mut Accounts) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Who has missed what.
#[derive(Debug, Default)]
struct Losses {
    resume: Resume,
    /// Each user's last.
    logouts: BTreeMap<UserId, Logouts>,
}

#[derive(Debug, Default)]
enum Resume {
    #[default]
    Nobody,
    Users(BTreeSet<UserId>),
    Everyone,
}

impl Losses {
    fn add(&mut self, to: &Audience, cure: Cure) {
        match cure {
            Cure::Resume => self.resume.add(to),
            Cure::LogOut(logouts) => {
                // Nobody logs everyone out.
                if let Audience::Users(users) = to {
                    for user in users {
                        self.add_logout(user.clone(), logouts);
                    }
                }
            }
            Cure::Wait => {}
        }
    }

    fn add_logout(&mut self, user: UserId, logouts: Logouts) {
        let last = self.logouts.entry(user).or_default();
        *last = logouts.max(*last);
    }

    fn merge(&mut self, other: Self) {
        match other.resume {
            Resume::Nobody => {}
            Resume::Users(users) => self.resume.add_users(users),
            Resume::Everyone => self.resume = Resume::Everyone,
        }
        for (user, logouts) in other.logouts {
            self.add_logout(user, logouts);
        }
    }

    fn is_nothing(&self) -> bool {
        matches!(self.resume, Resume::Nobody) && self.logouts.is_empty()
    }

    /// The logouts first: whose session ends need not resume.
    fn into_envelopes(self) -> Vec<Envelope> {
        let again = |(user, logouts)| Envelope {
            to: Audience::Users(vec![user]),
            news: News::LoggedOut(logouts),
        };
        let mut all: Vec<Envelope> = self.logouts.into_iter().map(again).collect();
        let to = match self.resume {
            Resume::Nobody => None,
            Resume::Users(users) => Some(Audience::Users(users.into_iter().collect())),
            Resume::Everyone => Some(Audience::Everyone),
        };
        all.extend(to.map(|to| Envelope { to, news: resync(RESUME_WITHIN_MS) }));
        all
    }
}

impl Resume {
    fn add(&mut self, to: &Audience) {
        match to {
            Audience::Users(users) => self.add_users(users.iter().cloned()),
            Audience::Everyone => *self = Self::Everyone,
        }
    }

    fn add_users(&mut self, more: impl IntoIterator<Item = UserId>) {
        if matches!(self, Self::Nobody) {
            *self = Self::Users(BTreeSet::new());
        }
        if let Self::Users(users) = self {
            users.extend(more);
            if users.len() > USERS {
                *self = Self::Everyone;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(ids: impl IntoIterator<Item = usize>) -> Audience {
        Audience::Users(ids.into_iter().map(|id| format!("{id:05}").parse().unwrap()).collect())
    }

    fn resumes(to: Audience) -> Vec<Envelope> {
        vec![Envelope { to, news: resync(RESUME_WITHIN_MS) }]
    }

    #[test]
    fn it_is_owed_once_to_each_and_to_everyone_where_they_are_too_many() {
        let debt = Debt::default();
        assert_eq!(debt.take(), []);
        debt.owe(&users([2, 1]), Cure::Resume);
        debt.owe(&users([1, 3]), Cure::Resume);
        assert_eq!(debt.take(), resumes(users([1, 2, 3])));
        assert_eq!(debt.take(), []);
        debt.owe(&users(0..=USERS), Cure::Resume);
        debt.owe(&users([1]), Cure::Resume);
        assert_eq!(debt.take(), resumes(Audience::Everyone));
    }

    #[test]
    fn what_was_said_is_owed_when_the_connection_ends_before_it_arrived() {
        let debt = Debt::default();
        debt.say(&users([1]), Cure::Resume);
        assert!(debt.ask());
        debt.say(&users([2]), Cure::Resume);
        debt.lost();
        assert_eq!(debt.take(), resumes(users([1, 2])));
        debt.lost();
        assert_eq!(debt.take(), []);
    }

    #[test]
    fn what_arrived_is_not_owed_and_what_was_said_meanwhile_may_be() {
        let debt = Debt::default();
        debt.say(&users([1]), Cure::Resume);
        assert!(debt.ask());
        debt.say(&users([2]), Cure::Resume);
        debt.arrived();
        debt.lost();
        assert_eq!(debt.take(), resumes(users([2])));
        assert!(!debt.ask());
    }

    #[test]
    fn a_logout_is_said_again_once_however_often_it_was_lost() {
        let debt = Debt::default();
        debt.say(&users([1]), Cure::LogOut(Logouts(2)));
        debt.lost();
        debt.say(&users([1]), Cure::LogOut(Logouts(3)));
        debt.say(&users([1]), Cure::LogOut(Logouts(3)));
        debt.say(&users([2]), Cure::Resume);
        debt.lost();
        let again = Envelope { to: users([1]), news: News::LoggedOut(Logouts(3)) };
        assert_eq!(debt.take(), [vec![again], resumes(users([2]))].concat());
    }

    #[test]
    fn what_is_repeated_anyway_is_never_owed() {
        let debt = Debt::default();
        debt.owe(&users([1]), Cure::Wait);
        debt.say(&users([1]), Cure::Wait);
        assert!(!debt.ask());
        debt.lost();
        assert_eq!(debt.take(), []);
    }
}
