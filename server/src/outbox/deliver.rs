//! An entry becomes one call of the service, and what the service answers a verdict on the entry.

use std::sync::Arc;

use message_service_shared::error::{ApiError, ErrorCode};

use super::backoff;
use super::claim::Verdict;
use super::entry::Wanted;
use crate::service::{Acting, Error, Service, Via};

/// An entry that fails by mistakes of the server's own is tried so often, over a quarter of an hour.
/// One that waits for a store that can't be reached is tried for as long as that takes.
const ATTEMPTS: i64 = 20;
/// So many nodes may leave an entry, one after the other, before it is taken for what ends them.
const LEFT: usize = 5;

/// The verdict on an entry that is not to be tried once more, since everyone who tried is gone.
pub(super) fn of_those_gone(left_by: &[String]) -> Option<Verdict> {
    let nodes = left_by.len();
    let message =
        format!("{nodes} nodes took it and never said what became of it; did they crash?");
    let error = ApiError::new(ErrorCode::Internal, message);
    (nodes >= LEFT).then(|| Verdict::Dead { reason: reason(&error) })
}

/// Delivers, or says why not.
pub(super) async fn deliver(service: &Arc<Service>, wanted: Wanted, attempts: i64) -> Verdict {
    let own = Arc::clone(service);
    // A task of its own: a panic in there is this entry's and no other's.
    let delivering = tokio::spawn(async move {
        match wanted {
            Wanted::Push(request) => own.push(request).await.map(drop),
            Wanted::Send { from, message } => {
                let acting = Acting { user: from, via: Via::MainApp };
                own.send(&acting, message, |_| {}).await.map(drop)
            }
        }
    });
    let error = match delivering.await {
        Ok(Ok(())) => return Verdict::Done,
        Ok(Err(error)) => {
            if let Error::Store(error) = &error {
                tracing::warn!(%error, attempts, "an entry of the outbox waits for the store");
            }
            error.to_api()
        }
        Err(error) => {
            tracing::error!(%error, attempts, "an entry's delivery ended without an outcome");
            let message = "a mistake of the server's own; its log says more";
            ApiError::new(ErrorCode::Internal, message)
        }
    };
    let now = service.clock().now();
    let (_, chance) = service.ids().make(now).as_u64_pair();
    judge(&error, attempts, chance)
}

fn judge(error: &ApiError, attempts: i64, chance: u64) -> Verdict {
    let reason = reason(error);
    let has_hope = error.code == ErrorCode::Unavailable || attempts < ATTEMPTS;
    if error.retryable && has_hope {
        Verdict::Later { reason, wait: backoff::wait(attempts, chance) }
    } else {
        Verdict::Dead { reason }
    }
}

/// An error as an operator reads it.
pub(super) fn reason(error: &ApiError) -> String {
    let code = error.code.as_str();
    match error.field.as_deref().filter(|field| !field.is_empty()) {
        Some(field) => format!("{code}: {field}: {}", error.message),
        None => format!("{code}: {}", error.message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(code: ErrorCode, attempts: i64) -> &'static str {
        match judge(&ApiError::new(code, "because"), attempts, 0) {
            Verdict::Done => "done",
            Verdict::Later { .. } => "later",
            Verdict::Dead { .. } => "dead",
        }
    }

    #[test]
    fn what_is_refused_is_dead_and_what_failed_is_tried_again() {
        assert_eq!(verdict(ErrorCode::UserUnknown, 1), "dead");
        assert_eq!(verdict(ErrorCode::IdempotencyConflict, 1), "dead");
        assert_eq!(verdict(ErrorCode::Unavailable, 1_000_000), "later");
        assert_eq!(verdict(ErrorCode::Internal, ATTEMPTS - 1), "later");
        assert_eq!(verdict(ErrorCode::Internal, ATTEMPTS), "dead");
    }

    #[test]
    fn an_entry_that_five_nodes_have_left_is_dead_and_says_so() {
        let nodes: Vec<String> = (1..=LEFT).map(|node| node.to_string()).collect();
        assert_eq!(of_those_gone(&nodes[1..]), None);
        let Some(Verdict::Dead { reason }) = of_those_gone(&nodes) else { panic!("it is dead") };
        assert!(reason.starts_with("internal: 5 nodes took it"), "{reason}");
    }
}
