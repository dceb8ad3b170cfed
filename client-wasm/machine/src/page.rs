//! A page of messages, as a pull is answered.

use message_service_shared::answer::History;
use message_service_shared::message::MessageHead;
use message_service_shared::seq::Seq;
use serde::Deserialize;

use crate::body::Body;

/// The head of [`History`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryHead {
    last_seq: Seq,
    floor: Seq,
}

/// A page of messages whose bodies pass through.
pub(crate) struct Page<B> {
    pub(crate) messages: Vec<(Seq, B)>,
    pub(crate) last_seq: Seq,
    pub(crate) floor: Seq,
}

impl<B: Body> Page<B> {
    pub(crate) fn read(history: &B) -> Option<Self> {
        let head = history.read::<HistoryHead>()?;
        let messages = history.member("messages")?.elements();
        let messages = messages.into_iter().map(|message| {
            let seq = message.read::<MessageHead>()?.seq;
            Some((seq, message))
        });
        let messages = messages.collect::<Option<_>>()?;
        Some(Self { messages, last_seq: head.last_seq, floor: head.floor })
    }

    /// Whether there is something before the page.
    pub(crate) fn goes_on(&self) -> bool {
        self.messages.first().is_some_and(|(first, _)| *first > self.floor.next())
    }

    pub(crate) fn bodies(self) -> Vec<B> {
        self.messages.into_iter().map(|(_, message)| message).collect()
    }
}

// The field names above are those of the types they are heads of.
const _: fn(History) -> (Seq, Seq) = |history| (history.last_seq, history.floor);
