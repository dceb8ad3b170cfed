//! The comparison at the end: what the store shows against what the exported one showed.

use std::collections::BTreeMap;
use std::fmt;

use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::unread::Standing;

use super::Differences;
use super::line::{Shows, Stands};
use crate::service::{digest, standings};
use crate::store::StoreError;
use crate::store::archive::{Archive, Tally};

/// Standings that are gathered before the store is asked for its own.
const GATHERED: usize = 2_000;

type ByConversation = BTreeMap<ConversationId, Standing>;

/// Something that the store says otherwise than the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// There are more, or fewer.
    Count {
        /// Of what.
        what: &'static str,
        /// In the file.
        file: u64,
        /// In the store.
        store: u64,
    },
    /// A badge shows something else; `None` where it shows nothing.
    Badge {
        /// Whose.
        user: UserId,
        /// Beside which conversation.
        conversation: ConversationId,
        /// By the file.
        file: Option<Standing>,
        /// By the store.
        store: Option<Standing>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { what, file, store } => {
                write!(f, "{what}: {file} in the file, {store} in the store")
            }
            Self::Badge { user, conversation, file, store } => {
                write!(f, "user {user}, conversation {conversation}: ")?;
                told(f, *file)?;
                f.write_str(" in the file, ")?;
                told(f, *store)?;
                f.write_str(" in the store")
            }
        }
    }
}

fn told(f: &mut fmt::Formatter<'_>, standing: Option<Standing>) -> fmt::Result {
    let Some(Standing { base, last_seq, unread, marked, muted, .. }) = standing else {
        return f.write_str("nothing unread");
    };
    let (marked, muted) =
        (if marked { ", marked" } else { "" }, if muted { ", muted" } else { "" });
    write!(f, "{unread} unread from {base} to {last_seq}{marked}{muted}")
}

/// What was read of the file, and what was found to differ so far.
pub(super) struct Comparison<'a> {
    store: &'a dyn Archive,
    /// The standings of the user whose digest has not come yet.
    current: Vec<Stands>,
    /// Users whose standings the store has not been asked for.
    users: Vec<(UserId, ByConversation)>,
    gathered: usize,
    differences: Differences,
}

impl<'a> Comparison<'a> {
    pub(super) fn with(store: &'a dyn Archive) -> Self {
        let differences = Differences::default();
        Self { store, current: Vec::new(), users: Vec::new(), gathered: 0, differences }
    }

    pub(super) fn stands(&mut self, stands: Stands) {
        self.current.push(stands);
    }

    /// Takes a user's digest, which is the one of the standings before it.
    pub(super) fn shows(&mut self, shows: Shows) -> Result<(), String> {
        let mut standings = Vec::with_capacity(self.current.len());
        for stands in self.current.drain(..) {
            if stands.user != shows.user {
                return Err(format!(
                    "`user` is {}, after a standing of {}",
                    shows.user, stands.user
                ));
            }
            let standing = stands.standing();
            standings.push((stands.conversation, standing));
        }
        if digest(&standings) != shows.digest {
            return Err("`digest` is not the one of the standings before it".to_owned());
        }
        self.gathered += standings.len() + 1;
        self.users.push((shows.user, standings.into_iter().collect()));
        Ok(())
    }

    /// Asks the store, once enough is gathered.
    pub(super) async fn go_on(&mut self) -> Result<(), StoreError> {
        if self.gathered < GATHERED { Ok(()) } else { self.ask().await }
    }

    async fn ask(&mut self) -> Result<(), StoreError> {
        let users: Vec<UserId> = self.users.iter().map(|(user, _)| user.clone()).collect();
        let mut stored: BTreeMap<UserId, _> =
            standings(self.store, &users).await?.into_iter().collect();
        for (user, expected) in self.users.drain(..) {
            let found = stored.remove(&user).unwrap_or_default();
            let shown = found.into_iter().filter(|(_, standing)| standing.shown() > 0);
            compare(&user, &expected, &shown.collect(), &mut self.differences);
        }
        self.gathered = 0;
        Ok(())
    }

    /// What differs, after all users and the counts.
    pub(super) async fn finish(mut self, expected: &Tally) -> Result<Differences, StoreError> {
        self.ask().await?;
        let found = self.store.tally().await?;
        for (what, file, store) in [
            ("users", expected.users, found.users),
            ("conversations", expected.conversations, found.conversations),
            ("members", expected.members, found.members),
            ("messages", expected.messages, found.messages),
            ("the sum of what only grows", expected.grown, found.grown),
        ] {
            if file != store {
                self.differences.push(Difference::Count { what, file, store });
            }
        }
        Ok(self.differences)
    }
}

fn compare(
    user: &UserId,
    expected: &ByConversation,
    found: &ByConversation,
    differences: &mut Differences,
) {
    let only_found = found.keys().filter(|id| !expected.contains_key(id));
    for conversation in expected.keys().chain(only_found) {
        let file = expected.get(conversation).copied();
        let store = found.get(conversation).copied();
        if file != store {
            let (user, conversation) = (user.clone(), conversation.clone());
            differences.push(Difference::Badge { user, conversation, file, store });
        }
    }
}
