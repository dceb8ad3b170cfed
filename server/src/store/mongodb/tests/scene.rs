//! A process whose commands can be made to fail, beside one whose can't.

use std::sync::Arc;

use message_service_shared::id::ConversationId;
use mongodb::Database;
use mongodb::bson::{Document, doc};
use tokio::sync::{Mutex, MutexGuard};

use super::{Migrate, MongoStore, Server, open};
use crate::store::conformance::{Shared, append, direct, draft, say};
use crate::store::{AppendError, Appended, Draft};

/// A server has one fail point at a time.
static FAIL_POINT: Mutex<()> = Mutex::const_new(());

pub(super) struct Scene {
    pub(super) healthy: Arc<MongoStore>,
    /// The same.
    pub(super) sound: Shared,
    pub(super) failing: Arc<MongoStore>,
    /// What the failing one calls itself.
    name: String,
    /// A conversation with a message of bob's.
    pub(super) id: ConversationId,
    _alone: MutexGuard<'static, ()>,
}

impl Scene {
    pub(super) async fn begin() -> Self {
        let alone = FAIL_POINT.lock().await;
        let address = Server::SecantusDb.database();
        let healthy = open(&address).await;
        let id = direct("ann", "bob");
        let sound: Shared = healthy.clone();
        say(&sound, &id, "bob").await;
        let name = format!("app{}", uuid::Uuid::now_v7().simple());
        let named = format!("{address}&appName={name}");
        let failing = Arc::new(MongoStore::open(&named, Migrate::AtStart).await.unwrap());
        Self { healthy, sound, failing, name, id, _alone: alone }
    }

    fn admin(&self) -> Database {
        self.healthy.core.connection.database().client().database("admin")
    }

    /// Has commands of the failing process fail as `data` says, from now on.
    pub(super) async fn fail(&self, mode: Document, mut data: Document) {
        data.insert("appName", &self.name);
        let on = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
        self.admin().run_command(on).await.unwrap();
    }

    /// No command fails any more.
    pub(super) async fn recover(&self) {
        let off = doc! { "configureFailPoint": "failCommand", "mode": "off" };
        self.admin().run_command(off).await.unwrap();
    }

    pub(super) async fn send_while_failing(
        &self,
        sent: Draft,
        mode: Document,
        data: Document,
    ) -> Result<Appended, AppendError> {
        self.fail(mode, data).await;
        let outcome = append(&(Arc::clone(&self.failing) as Shared), sent).await;
        self.recover().await;
        outcome
    }

    /// Leaves a message that is stored and not derived, as far as the failing process knows.
    pub(super) async fn leave_in_doubt(&self, id: &ConversationId) {
        let no_update = doc! { "failCommands": ["update"], "errorCode": 10_107 };
        let sent = draft(id, Some("ann"));
        self.send_while_failing(sent, doc! { "times": 1_000 }, no_update).await.unwrap_err();
    }
}
