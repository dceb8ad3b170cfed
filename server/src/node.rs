//! What both edges stand on: one server process, from a request's point of view.

use std::sync::Arc;

use message_service_shared::error::ErrorCode;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::caller::{Resolver, ServiceKeys};
use crate::origin::Origins;
use crate::outbox::Outbox;
use crate::problem::Problem;
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
    /// Where the main app leaves what it wants said, for those who ask what has become of it.
    pub(crate) outbox: Option<Outbox>,
    /// Cancelled when the process is about to end: nobody new comes in.
    pub(crate) draining: CancellationToken,
    /// Whatever a drain waits for: sockets, and requests that write.
    pub(crate) work: TaskTracker,
}

impl Node {
    /// Runs something to its end, even when the request that asked for it goes away meanwhile.
    pub(crate) async fn finish<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Problem> {
        // Tracked, so that a drain waits for it.
        self.work.spawn(work).await.map_err(|error| {
            tracing::error!(%error, "a request's work ended without an outcome");
            let message = "a mistake of the server's own; its log says more";
            Problem::new(ErrorCode::Internal, message)
        })
    }
}
