//! Where a badge went wrong: the causes that `message_service_badge_drift_total` counts.

use message_service_shared::command::Known;
use message_service_shared::row::Row;

use super::Service;

/// Why a client showed something else than the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    /// A message did not reach it.
    MissedMessage,
    /// A read elsewhere did not reach it.
    MissedRead,
    /// It never heard of the conversation.
    MissedConversation,
    /// It knows the same positions and counts otherwise: a recall, a mark or a setting is missing.
    Otherwise,
}

impl Cause {
    const fn label(self) -> &'static str {
        match self {
            Self::MissedMessage => "missed_message",
            Self::MissedRead => "missed_read",
            Self::MissedConversation => "missed_conversation",
            Self::Otherwise => "otherwise",
        }
    }
}

impl Service {
    /// Counts what a client had wrong when it was told that it drifted: what it claimed, against
    /// the rows that heal it.
    pub fn count_drift(&self, claimed: &[Known], healed: &[Row]) {
        for row in healed {
            let known = claimed.iter().find(|known| known.id == row.id);
            if let Some(cause) = cause(known, row) {
                metrics::counter!("message_service_badge_drift_total", "cause" => cause.label())
                    .increment(1);
            }
        }
    }
}

fn cause(known: Option<&Known>, row: &Row) -> Option<Cause> {
    match known {
        None if row.unread > 0 => Some(Cause::MissedConversation),
        Some(known) if known.last_seq < row.conversation.last_seq => Some(Cause::MissedMessage),
        Some(known) if known.read_seq < row.member.read_seq => Some(Cause::MissedRead),
        Some(known) if known.unread != row.unread => Some(Cause::Otherwise),
        None | Some(_) => None,
    }
}
