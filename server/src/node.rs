//! What both edges stand on: one server process, from a request's point of view.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caller::{Resolver, ServiceKeys};
use crate::origin::Origins;
use crate::service::Service;

/// One server process.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) service: Arc<Service>,
    /// Tells users by their tokens.
    pub(crate) resolver: Arc<dyn Resolver>,
    /// Tell the main app.
    pub(crate) service_keys: ServiceKeys,
    /// The pages that may talk to it.
    pub(crate) origins: Origins,
    /// Cancelled when the process is about to end: nobody new comes in.
    pub(crate) draining: CancellationToken,
    /// Every socket there is.
    pub(crate) sockets: TaskTracker,
}
