//! Who is online, on whatever node.
//!
//! Nothing that is shown as unread hangs on it: it may be some seconds behind, and no badge is wrong
//! because of that.

mod leased;

pub use leased::{Lease, Leased, Leases};

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use message_service_shared::id::UserId;

use crate::hub::Hub;
use crate::store::StoreError;

/// Knows who is online.
#[async_trait]
pub trait Roster: fmt::Debug + Send + Sync + 'static {
    /// Those of the users who have a live session, in any order.
    async fn online(&self, users: Vec<UserId>) -> Result<Vec<UserId>, StoreError>;

    /// This node is about to end, and its users are gone with it.
    async fn leave(&self);
}

/// The roster of a service that is one node.
#[derive(Debug)]
pub struct Alone {
    hub: Arc<Hub>,
}

impl Alone {
    /// Those whom this hub holds.
    pub const fn new(hub: Arc<Hub>) -> Self {
        Self { hub }
    }
}

#[async_trait]
impl Roster for Alone {
    async fn online(&self, mut users: Vec<UserId>) -> Result<Vec<UserId>, StoreError> {
        users.retain(|user| self.hub.is_online(user));
        Ok(users)
    }

    async fn leave(&self) {}
}
