//! The rules, in the one place that knows both the store and the sessions: who may do what, in which
//! order it happens, and who hears of it.
//!
//! Everything here is plain async code without a runtime of its own: no task is spawned, no timer
//! set. Deliberately not here: sockets, HTTP, tokens, and SQL.

mod audit;
mod away;
mod begun;
mod changes;
mod drift;
mod error;
mod healing;
mod inbox;
mod pushes;
mod resume;
mod sending;
mod standings;

pub use audit::Verdict;
pub use away::{Away, When};
pub(crate) use away::{Outlook, Told};
pub use error::Error;
pub(crate) use pushes::Receivers;
pub use pushes::{PushRequest, Pushed, To};
pub use sending::Acknowledge;
pub(crate) use standings::{Standings, digest, standings};

use std::sync::Arc;

use message_service_shared::answer::Online;
use message_service_shared::command::Presence;
use message_service_shared::error::ApiError;
use message_service_shared::id::{ConversationId, Epoch, Parties, SessionId, UserId};
use message_service_shared::limits;
use message_service_shared::push::Push;
use message_service_shared::row::User;
use message_service_shared::seq::Seq;

use crate::bus::{Audience, Bus, Envelope, News, Reach};
use crate::clock::{Clock, Ids};
use crate::hub::Hub;
use crate::logouts::Logouts;
use crate::roster::Roster;
use crate::store::{Profile, Store, StoreError, StoredUser};

/// Users that are looked up together.
const TOGETHER: usize = 1_000;

/// The service.
#[derive(Debug)]
pub struct Service {
    store: Arc<dyn Store>,
    hub: Arc<Hub>,
    roster: Arc<dyn Roster>,
    bus: Arc<dyn Bus>,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn Ids>,
    away: Option<Away>,
    rules: Rules,
    audits: audit::Audits,
    begun: begun::Begun,
    healing: healing::Healing,
}

/// What the service stands on.
#[derive(Clone, Debug)]
pub struct Parts {
    /// What remembers.
    pub store: Arc<dyn Store>,
    /// The sessions of this node.
    pub hub: Arc<Hub>,
    /// Who is online, on whatever node.
    pub roster: Arc<dyn Roster>,
    /// The way to the sessions of all nodes.
    pub bus: Arc<dyn Bus>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// New ids.
    pub ids: Arc<dyn Ids>,
    /// How it keeps what the main app is to be told of users who are away, if that is wanted.
    pub away: Option<Away>,
}

/// What the operator decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Who may begin a direct conversation.
    pub direct: DirectRule,
    /// The name that system and announcement conversations show.
    pub product_name: Option<String>,
}

/// Who may begin a direct conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DirectRule {
    /// Any user, with any user that exists.
    #[default]
    Anyone,
    /// The main app alone; users go on in what it began.
    MainApp,
}

/// A user who acts, and through what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acting {
    /// Who.
    pub user: UserId,
    /// Through what.
    pub via: Via,
}

/// A way in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Via {
    /// A live session.
    Session(SessionId),
    /// A request with the user's token.
    Rest,
    /// The main app, acting for the user.
    MainApp,
}

impl Via {
    fn label(&self) -> String {
        match self {
            Self::Session(id) => id.to_string(),
            Self::Rest => "rest".to_owned(),
            Self::MainApp => "main_app".to_owned(),
        }
    }
}

impl Service {
    /// Puts the parts together.
    pub fn new(parts: Parts, rules: Rules) -> Self {
        let Parts { store, hub, roster, bus, clock, ids, away } = parts;
        Self {
            store,
            hub,
            roster,
            bus,
            clock,
            ids,
            away,
            rules,
            audits: audit::Audits::default(),
            begun: begun::Begun::default(),
            healing: healing::Healing::default(),
        }
    }

    /// The sessions of this node.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// What remembers.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The time.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// New ids.
    pub fn ids(&self) -> &dyn Ids {
        &*self.ids
    }

    /// The life of the data set.
    pub async fn epoch(&self) -> Result<Epoch, Error> {
        Ok(self.store.epoch().await?)
    }

    /// A user has come: makes sure that they exist, and returns them with what is known of them.
    pub async fn arrive(&self, profile: Profile) -> Result<StoredUser, Error> {
        let id = profile.id.clone();
        if profile.name.is_some() || profile.avatar.is_some() {
            self.upsert_users(vec![profile]).await?;
        }
        let user = self.store.see_users(std::slice::from_ref(&id)).await?.pop();
        let new = || StoredUser {
            user: User { id, name: None, avatar: None },
            logouts: Logouts::default(),
        };
        Ok(user.unwrap_or_else(new))
    }

    /// Takes in what the main app says of users.
    pub async fn upsert_users(&self, users: Vec<Profile>) -> Result<(), Error> {
        if users.len() > limits::USERS_PER_REQUEST {
            let error = ApiError::invalid("users", "too many users in one request");
            return Err(error.with_limit(limits::USERS_PER_REQUEST).into());
        }
        for user in &users {
            user.check()?;
        }
        Ok(self.store.upsert_users(users).await?)
    }

    /// Those of the asked who are online and in a direct conversation with the caller.
    pub async fn presence(&self, acting: &Acting, asked: Presence) -> Result<Online, Error> {
        if asked.users.len() > limits::PRESENCE_USERS {
            let error = ApiError::invalid("users", "too many users at once");
            return Err(error.with_limit(limits::PRESENCE_USERS).into());
        }
        let direct = |user: &UserId| ConversationId::direct(&acting.user, user);
        let ids: Vec<ConversationId> = asked.users.iter().filter_map(direct).collect();
        let rows = self.store.rows(&acting.user, &ids).await?;
        let peers = rows.iter().filter_map(|row| row.id.peer_of(&acting.user)).collect();
        self.online(peers).await
    }

    /// Those of the users who have a live session, as the main app asks it.
    pub async fn online(&self, users: Vec<UserId>) -> Result<Online, Error> {
        let mut online = self.roster.online(users).await?;
        online.sort();
        Ok(Online { online })
    }

    /// This node is about to end: the others have heard all that happened here, and are told that
    /// its users are gone.
    pub async fn leave(&self) {
        tokio::join!(self.bus.settle(), self.roster.leave());
    }

    /// Returns when news for the user reaches this node, whichever node it happens on. A session
    /// asks before it reads.
    pub async fn listen(&self, user: &UserId) {
        self.bus.listen(user).await;
    }

    /// How far news of this node reaches.
    pub fn reach(&self) -> Reach {
        self.bus.reach()
    }

    /// Ends every session of a user, on every node: logged out everywhere, or revoked. A node that
    /// does not hear of it now finds it in the store.
    pub async fn end_sessions(&self, user: &UserId) -> Result<(), Error> {
        let logouts = self.store.log_out(user).await?;
        let to = Audience::Users(vec![user.clone()]);
        self.bus.publish(Envelope { to, news: News::LoggedOut(logouts) });
        Ok(())
    }

    /// Ends the sessions of this node whose users were logged out since, as the store knows it. A
    /// node asks for it from time to time.
    pub async fn end_what_is_over(&self) -> Result<(), Error> {
        for users in self.hub.users().chunks(TOGETHER) {
            for StoredUser { user, logouts } in self.store.users(users).await? {
                let to = Audience::Users(vec![user.id]);
                self.hub.receive(&Envelope { to, news: News::LoggedOut(logouts) });
            }
        }
        Ok(())
    }

    /// Puts right what failed writes of this node may have left behind, before anybody relies on
    /// derived values: the sender may have given up, and nobody else may come by. A node asks for
    /// it from time to time as well, since those who rely on them may be on another node.
    pub async fn heal(&self) {
        // Nobody has to go without an answer for it: it is tried again soon.
        if let Err(error) = self.healing.heal(self.store.mend()).await {
            tracing::debug!(%error, "the store is still not whole");
        }
    }

    /// Repairs what whoever crashed may have left behind: this node before it started anew, or
    /// others. It may take long, and nobody should wait for it.
    pub async fn repair(&self) -> Result<(), Error> {
        Ok(self.store.repair().await?)
    }

    /// What somebody is told who names a position past the end, after it is certain that it is. A
    /// store that has just changed hands may not see for a moment what it has acknowledged, and
    /// whoever knows of it must not be made to forget.
    async fn past_end(&self, id: &ConversationId, seq: Seq) -> Error {
        match self.store.end(id).await {
            Ok(end) if seq > end => Error::SeqPastEnd,
            Ok(_) => {
                let behind = "the store does not see yet what was stored last".to_owned();
                StoreError::Unavailable(behind).into()
            }
            Err(error) => error.into(),
        }
    }

    /// Refuses a conversation that the user has no part in. A conversation of two that has no
    /// message yet is theirs all the same.
    async fn may_see(&self, user: &UserId, id: &ConversationId) -> Result<(), Error> {
        let theirs = match id.parties() {
            Parties::Direct(first, second) => first == *user || second == *user,
            Parties::System(owner) => owner == *user,
            Parties::Announcement => true,
            Parties::Group(_) => {
                let rows = self.store.rows(user, std::slice::from_ref(id)).await?;
                rows.iter().any(|row| row.member.is_in())
            }
        };
        if theirs { Ok(()) } else { Err(Error::ConversationUnknown) }
    }

    async fn audience(&self, id: &ConversationId) -> Result<Audience, Error> {
        Ok(match id.parties() {
            Parties::Direct(first, second) => Audience::Users(vec![first, second]),
            Parties::System(user) => Audience::Users(vec![user]),
            Parties::Announcement => Audience::Everyone,
            Parties::Group(_) => Audience::Users(self.store.members(id).await?),
        })
    }

    fn publish(&self, to: Audience, push: Push) {
        self.bus.publish(Envelope { to, news: News::Push(push) });
    }
}

impl Profile {
    /// Whether the name and the picture keep to the limits.
    fn check(&self) -> Result<(), ApiError> {
        if let Some(name) = &self.name {
            message_service_shared::message::check_text("name", name, limits::TITLE_CHARS)?;
        }
        self.avatar
            .as_ref()
            .map_or(Ok(()), |avatar| message_service_shared::message::check_url("avatar", avatar))
    }
}
