//! The database of record: MongoDB, or any server of its protocol.
//!
//! Nothing here needs a transaction, a change stream, a partial or TTL index, a pipeline in an
//! update, `$lookup`, or a bulk write of the client's. A message is durable when a majority has it;
//! what derives from it follows in writes that only let values grow (`derive`), so that a crash
//! between any two of them is made good by the sender's retry, by whoever opens the conversation,
//! by a node that starts, or by one that sees another's lease run out (`repair`).
//!
//! Deliberately not here: deciding who may do what, and counting. The halves are changed by the
//! lattice in `shared` and written where they are still what was read.

mod append;
mod archive;
pub(crate) mod connection;
mod derive;
mod documents;
mod doubts;
mod failure;
mod heads;
mod insert;
mod lane;
mod lease;
mod member;
mod message;
mod queue;
mod recall;
mod repair;
mod row;
mod schema;
mod user;
mod waiting;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use mongodb::bson::doc;
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use self::connection::Connection;
use self::doubts::{Doubts, Which};
use self::heads::Heads;
use self::queue::Queue;
use super::{
    AppendError, Appended, ChangeError, Draft, InboxPlace, MemberChange, MessagePage, Profile,
    ReadRecord, RecallError, Recalled, Slice, Store, StoreError, StoredRow, StoredUser,
};
use crate::clock::{Clock, CorrectedClock, SystemClock};
use crate::logouts::Logouts;

pub use self::connection::ConnectError;
pub use self::schema::OpenError;

const USERS: &str = "users";
const CONVERSATIONS: &str = "conversations";
const MESSAGES: &str = "messages";
const MEMBERS: &str = "members";
const META: &str = "meta";
const NODES: &str = "nodes";
const PRESENCE: &str = "presence";
const WAITING: &str = "waiting";

/// An epoch that was read is believed for so long. It changes when a backup was restored, and then
/// with every node stopped.
const EPOCH: Duration = Duration::from_secs(1);

/// How long those who need it whole wait for what failed to be mended.
const PATIENCE: Duration = Duration::from_secs(1);

/// Who prepares the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Migrate {
    /// Whoever opens it.
    AtStart,
    /// An operator, by a command of its own; opening one that is not prepared is refused.
    ByCommand,
}

/// The store. Any number of processes may have one on the same database.
#[derive(Debug)]
pub struct MongoStore {
    core: Arc<Core>,
    queue: Queue,
    _moves_on: AbortOnDropHandle<()>,
}

/// What every operation stands on.
#[derive(Debug)]
struct Core {
    connection: Connection,
    clock: CorrectedClock,
    heads: Heads,
    doubts: Doubts,
    /// Held by whoever repairs: two at once would do the same work.
    repairing: tokio::sync::Mutex<()>,
    /// Held by whoever mends.
    mending: Arc<tokio::sync::Mutex<()>>,
    epoch: Mutex<Option<(Epoch, Instant)>>,
}

impl MongoStore {
    /// Opens the database that an address names, as in `mongodb://HOST:PORT/DATABASE`.
    pub async fn open(address: &str, migrate: Migrate) -> Result<Self, OpenError> {
        Self::open_heard(address, migrate, None).await
    }

    /// The same, with a listener that hears of every command.
    async fn open_heard(
        address: &str,
        migrate: Migrate,
        listener: Option<EventHandler<CommandEvent>>,
    ) -> Result<Self, OpenError> {
        let connection = Connection::new(address, listener).await?;
        match migrate {
            Migrate::AtStart => schema::migrate(&connection).await?,
            Migrate::ByCommand => schema::check(&connection).await?,
        }
        let core = Arc::new(Core {
            connection,
            clock: CorrectedClock::default(),
            heads: Heads::default(),
            doubts: Doubts::default(),
            repairing: tokio::sync::Mutex::default(),
            mending: Arc::default(),
            epoch: Mutex::default(),
        });
        core.compare_clocks().await?;
        let moving = tokio::spawn(move_on(Arc::clone(&core)));
        let queue = Queue::new(Arc::clone(&core));
        Ok(Self { core, queue, _moves_on: AbortOnDropHandle::new(moving) })
    }

    /// The time as this database has it.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.core.clock.clone())
    }
}

/// Compares the clocks, and moves the mark of repairs on, for as long as the store is open.
async fn move_on(core: Arc<Core>) {
    loop {
        tokio::time::sleep(repair::MOVE_ON).await;
        if let Err(error) = core.compare_clocks().await {
            tracing::debug!(%error, "the store does not tell the time");
        }
        if let Err(error) = core.move_on().await {
            tracing::debug!(%error, "the mark of repairs stays where it is");
        }
    }
}

impl Core {
    /// Asks the server that writes for the time.
    async fn compare_clocks(&self) -> Result<(), StoreError> {
        let before = SystemClock.now();
        let hello = self.connection.database().run_command(doc! { "hello": 1 });
        let hello = self.connection.call(hello).await?;
        if let Ok(theirs) = hello.get_datetime("localTime") {
            self.clock.compare(before, documents::millis(*theirs), SystemClock.now());
        }
        Ok(())
    }

    async fn epoch(&self) -> Result<Epoch, StoreError> {
        let known = self.epoch.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((epoch, read)) = known
            && read.elapsed() < EPOCH
        {
            return Ok(epoch);
        }
        let gone = || StoreError::Broken("the database has no epoch".to_owned());
        let epoch: Epoch = schema::meta(&self.connection, "epoch").await?.ok_or_else(gone)?;
        let read = (epoch.clone(), Instant::now());
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
        Ok(epoch)
    }

    /// Another epoch was written here; what was read before is not believed any more.
    fn forget_epoch(&self) {
        *self.epoch.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[async_trait]
impl Store for MongoStore {
    async fn epoch(&self) -> Result<Epoch, StoreError> {
        self.core.epoch().await
    }

    async fn upsert_users(&self, users: Vec<Profile>) -> Result<(), StoreError> {
        self.core.upsert_users(&users).await
    }

    async fn see_users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        self.core.see_users(users).await
    }

    async fn users(&self, users: &[UserId]) -> Result<Vec<StoredUser>, StoreError> {
        Ok(self.core.users(users.iter()).await?.into_values().collect())
    }

    async fn log_out(&self, user: &UserId) -> Result<Logouts, StoreError> {
        self.core.log_out(user).await
    }

    async fn append(&self, drafts: Vec<Draft>) -> Vec<Result<Appended, AppendError>> {
        self.queue.append(drafts).await
    }

    async fn messages(
        &self,
        conversation: &ConversationId,
        slice: Slice,
    ) -> Result<MessagePage, StoreError> {
        self.core.page(conversation, slice).await
    }

    async fn end(&self, conversation: &ConversationId) -> Result<Seq, StoreError> {
        self.core.end(conversation).await
    }

    async fn recall(
        &self,
        conversation: &ConversationId,
        seq: Seq,
        by: Option<&UserId>,
        at: Millis,
    ) -> Result<Recalled, RecallError> {
        self.core.recall(conversation, seq, by, at).await
    }

    async fn rows(
        &self,
        user: &UserId,
        conversations: &[ConversationId],
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.core.rows(user, conversations).await
    }

    async fn unread_rows(
        &self,
        users: &[UserId],
    ) -> Result<Vec<(UserId, Vec<StoredRow>)>, StoreError> {
        self.core.unread_rows(users).await
    }

    async fn inbox(
        &self,
        user: &UserId,
        before: Option<&InboxPlace>,
        limit: usize,
    ) -> Result<Vec<StoredRow>, StoreError> {
        self.core.inbox(user, before, limit).await
    }

    async fn change_member(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        change: &MemberChange,
    ) -> Result<StoredRow, ChangeError> {
        self.core.change_member(user, conversation, change).await
    }

    async fn count(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        after: Seq,
        up_to: Seq,
    ) -> Result<u64, StoreError> {
        self.core.count(user, conversation, after, up_to).await
    }

    async fn members(&self, conversation: &ConversationId) -> Result<Vec<UserId>, StoreError> {
        self.core.members_of(conversation).await
    }

    async fn reads(
        &self,
        user: &UserId,
        conversation: &ConversationId,
        limit: usize,
    ) -> Result<Vec<ReadRecord>, StoreError> {
        let member = self.core.member(user, conversation).await?;
        let mut reads = member.map(|member| member.reads()).unwrap_or_default();
        reads.truncate(limit);
        Ok(reads)
    }

    async fn repair(&self) -> Result<(), StoreError> {
        self.core.repair().await
    }

    async fn mend(&self) -> Result<(), StoreError> {
        let mending = async {
            let turn = Arc::clone(&self.core.mending).lock_owned().await;
            let core = Arc::clone(&self.core);
            // It goes on where nobody waits for it any more.
            let task = tokio::spawn(async move {
                let _turn = turn;
                core.mend(Which::New).await
            });
            task.await.unwrap_or_else(|error| Err(StoreError::Broken(error.to_string())))
        };
        let late = |_| StoreError::Unavailable("what has failed is still being mended".to_owned());
        tokio::time::timeout(PATIENCE, mending).await.map_err(late)?
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let connection = &self.core.connection;
        connection.call(connection.database().run_command(doc! { "ping": 1 })).await.map(drop)
    }
}
