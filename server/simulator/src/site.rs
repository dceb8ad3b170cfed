//! A place where a node runs, and runs again after it crashed. Several of them are one service.

use std::sync::Arc;

use message_service::bus::NodeId;
use message_service::hub::{Changes, Hub};

use crate::node::Node;

pub(crate) struct Site {
    pub(crate) id: NodeId,
    pub(crate) hub: Arc<Hub>,
    pub(crate) changes: Changes,
    pub(crate) node: Option<Node>,
    pub(crate) restart_at: Option<u64>,
}

impl Site {
    pub(crate) fn new(number: u64) -> Self {
        let hub = Arc::new(Hub::default());
        let changes = hub.follow();
        Self { id: NodeId(number), hub, changes, node: None, restart_at: None }
    }

    /// What a new process has of the old one: nothing.
    pub(crate) fn clear(&mut self) {
        *self = Self::new(self.id.0);
    }
}
