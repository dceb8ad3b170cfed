//! Whom the other nodes were not told about while they could not be reached.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use message_service_shared::id::UserId;

use crate::bus::Audience;

/// Beyond so many users it is everyone.
const USERS: usize = 10_000;

#[derive(Debug, Default)]
pub(super) struct Debt(Mutex<Owed>);

#[derive(Debug, Default)]
enum Owed {
    #[default]
    Nothing,
    Users(BTreeSet<UserId>),
    Everyone,
}

impl Debt {
    pub(super) fn add(&self, to: &Audience) {
        let mut owed = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut users = match std::mem::take(&mut *owed) {
            Owed::Everyone => return *owed = Owed::Everyone,
            Owed::Users(users) => users,
            Owed::Nothing => BTreeSet::new(),
        };
        *owed = match to {
            Audience::Everyone => Owed::Everyone,
            Audience::Users(more) => {
                users.extend(more.iter().cloned());
                if users.len() > USERS { Owed::Everyone } else { Owed::Users(users) }
            }
        };
    }

    /// Who is to be told to resume; it is paid with that.
    pub(super) fn take(&self) -> Option<Audience> {
        match std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)) {
            Owed::Nothing => None,
            Owed::Users(users) => Some(Audience::Users(users.into_iter().collect())),
            Owed::Everyone => Some(Audience::Everyone),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(ids: impl IntoIterator<Item = usize>) -> Audience {
        Audience::Users(ids.into_iter().map(|id| format!("{id:05}").parse().unwrap()).collect())
    }

    #[test]
    fn it_is_owed_once_to_each_and_to_everyone_where_they_are_too_many() {
        let debt = Debt::default();
        assert_eq!(debt.take(), None);
        debt.add(&users([2, 1]));
        debt.add(&users([1, 3]));
        assert_eq!(debt.take(), Some(users([1, 2, 3])));
        assert_eq!(debt.take(), None);
        debt.add(&users(0..=USERS));
        debt.add(&users([1]));
        assert_eq!(debt.take(), Some(Audience::Everyone));
    }
}
