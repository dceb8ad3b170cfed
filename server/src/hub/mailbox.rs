//! What waits to be written to one session.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use message_service_shared::close::CloseCode;
use message_service_shared::limits::QUEUE_BYTES;
use tokio::sync::Notify;

/// A queue of frames, bounded in bytes. It takes no memory while it is empty, and putting into it
/// never waits.
#[derive(Debug)]
pub struct Mailbox {
    state: Mutex<State>,
    changed: Notify,
    limit: usize,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Bytes>,
    bytes: usize,
    closed: Option<CloseCode>,
}

/// What the writer of a session's socket has to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Write these, in order.
    Frames(Vec<Bytes>),
    /// Write these, close with the code, and end.
    Close(Vec<Bytes>, CloseCode),
}

impl Default for Mailbox {
    fn default() -> Self {
        Self::with_limit(QUEUE_BYTES)
    }
}

impl Mailbox {
    /// A mailbox that is full once so many bytes wait in it.
    pub fn with_limit(limit: usize) -> Self {
        Self { state: Mutex::default(), changed: Notify::new(), limit }
    }

    /// Adds a frame. Where the mailbox is full, all that waits is thrown away and the session closed
    /// with [`CloseCode::TooSlow`]: its client comes back and catches up from the store.
    ///
    /// How large the frame is does not matter. A session that reads as fast as it can must get
    /// whatever it asked for, or it would ask for the same again on return, for ever.
    pub fn put(&self, frame: Bytes) {
        {
            let mut state = self.lock();
            if state.closed.is_some() {
                return;
            }
            if state.bytes >= self.limit {
                *state = State { closed: Some(CloseCode::TooSlow), ..State::default() };
            } else {
                state.bytes += frame.len();
                state.frames.push_back(frame);
            }
        }
        self.changed.notify_one();
    }

    /// Ends the session after what waits already; the first code stays.
    pub fn close(&self, code: CloseCode) {
        self.lock().closed.get_or_insert(code);
        self.changed.notify_one();
    }

    /// Why the session ends, if it does.
    pub fn closed(&self) -> Option<CloseCode> {
        self.lock().closed
    }

    /// Takes everything that waits, without waiting for more.
    pub fn take(&self) -> Option<Outgoing> {
        let mut state = self.lock();
        state.bytes = 0;
        let frames: Vec<Bytes> = std::mem::take(&mut state.frames).into();
        match state.closed {
            Some(code) => Some(Outgoing::Close(frames, code)),
            None if frames.is_empty() => None,
            None => Some(Outgoing::Frames(frames)),
        }
    }

    /// Waits until there is something, and takes it. For one reader.
    pub async fn next(&self) -> Outgoing {
        loop {
            if let Some(outgoing) = self.take() {
                return outgoing;
            }
            self.changed.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_mailbox_closes_and_keeps_nothing() {
        let mailbox = Mailbox::with_limit(10);
        mailbox.put(Bytes::from_static(b"12345"));
        mailbox.put(Bytes::from_static(b"67890"));
        assert_eq!(mailbox.closed(), None, "what fills it is not too much");
        mailbox.put(Bytes::from_static(b"1"));
        mailbox.put(Bytes::from_static(b"2"));
        assert_eq!(mailbox.take(), Some(Outgoing::Close(Vec::new(), CloseCode::TooSlow)));
    }

    #[test]
    fn one_frame_may_be_larger_than_all_that_may_wait() {
        let mailbox = Mailbox::with_limit(10);
        mailbox.put(Bytes::from_static(b"1"));
        mailbox.put(Bytes::from_static(b"a very long answer"));
        assert!(matches!(mailbox.take(), Some(Outgoing::Frames(frames)) if frames.len() == 2));
        assert_eq!(mailbox.closed(), None);
    }

    #[test]
    fn what_waited_is_written_before_a_close() {
        let mailbox = Mailbox::default();
        mailbox.put(Bytes::from_static(b"last words"));
        mailbox.close(CloseCode::Ended);
        mailbox.close(CloseCode::Restart);
        let words = vec![Bytes::from_static(b"last words")];
        assert_eq!(mailbox.take(), Some(Outgoing::Close(words, CloseCode::Ended)));
    }
}
