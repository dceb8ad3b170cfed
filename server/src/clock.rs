//! Time and ids, handed in so that a simulation can hand in its own.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use message_service_shared::id::{ClientMsgId, Epoch, MessageId, SessionId};
use message_service_shared::message::Millis;
use uuid::{NoContext, Timestamp, Uuid};

/// Tells the time.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// Milliseconds since 1970 (UTC).
    fn now(&self) -> Millis;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Millis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
    }
}

/// Makes ids that nobody else makes: 128 bits, of which the caller gives the time's part where
/// order matters.
pub trait Ids: fmt::Debug + Send + Sync + 'static {
    /// A new id; those made for a later `at` are greater.
    fn make(&self, at: Millis) -> Uuid;
}

/// UUIDs of version 7 (RFC 9562): a millisecond, then chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct RandomIds;

impl Ids for RandomIds {
    fn make(&self, at: Millis) -> Uuid {
        let time = Duration::from_millis(at);
        Uuid::new_v7(Timestamp::from_unix(NoContext, time.as_secs(), time.subsec_nanos()))
    }
}

/// A message's id.
pub(crate) fn message_id(uuid: Uuid) -> MessageId {
    MessageId::from_uuid(uuid.as_u128())
}

/// A session's id.
pub(crate) fn session_id(uuid: Uuid) -> SessionId {
    SessionId::from_uuid(uuid.as_u128())
}

/// A name for a message whose sender gave none.
pub(crate) fn client_msg_id(uuid: Uuid) -> ClientMsgId {
    ClientMsgId::from_uuid(uuid.as_u128())
}

/// The life of a data set that begins now.
pub(crate) fn epoch(uuid: Uuid) -> Epoch {
    Epoch::from_uuid(uuid.as_u128())
}
