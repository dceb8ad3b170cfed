//! What a machine wants done.

use message_service_shared::error::ApiError;
use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::seq::Seq;

use crate::input::Ticket;
use crate::link::ConnectionState;
use crate::queries::Unread;

/// Something to do. Effects are done in their order.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect<B> {
    /// Ask the page for a token, and bring it as [`crate::Input::Token`].
    GetToken(TokenReason),
    /// Open a socket, and drop the one before without a word.
    OpenSocket,
    /// Close the socket; nothing of it is to be heard any more.
    CloseSocket,
    /// Send a frame.
    Send(String),
    /// Write a key of the mirror, or remove it. A storage that refuses is no error.
    Store(String, Option<String>),
    /// Tell the page's listeners.
    Emit(Event<B>),
    /// Answer a call.
    Settle(Ticket, Result<Settled<B>, ApiError>),
}

/// Why a token is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenReason {
    /// A session begins.
    Connect,
    /// The last one is too old.
    Expired,
    /// The last one was refused.
    Rejected,
}

/// News for the page.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<B> {
    /// The connection changed.
    State {
        /// What it is.
        state: ConnectionState,
        /// What it was.
        previous: ConnectionState,
        /// Milliseconds until the next attempt, while waiting.
        retry_in_ms: Option<u64>,
        /// Why, where there is a reason to tell.
        error: Option<ApiError>,
    },
    /// The dot came or went.
    Dot(bool),
    /// The total changed.
    Unread(Unread),
    /// Entries of the list changed, came or went.
    Conversations(Vec<ConversationId>),
    /// A message arrived, in whichever conversation.
    Message {
        /// The message.
        message: B,
        /// The user wrote it, here or elsewhere.
        own: bool,
        /// The user is looking at its conversation in this tab.
        attended: bool,
    },
    /// Messages for the open conversation's timeline, in order, without a gap. The hands answer
    /// with [`crate::Input::Delivered`] once every listener has returned.
    Delivery {
        /// Where.
        conversation: ConversationId,
        /// The messages.
        messages: Vec<B>,
        /// The last one's position.
        seq: Seq,
    },
    /// A message was written again.
    Revised(B),
    /// All that was known is void.
    Reset(Epoch),
    /// Another user, or nobody, is signed in to this browser.
    SignedOut(Option<UserId>),
}

/// The answer to a [`crate::Request`].
#[derive(Clone, Debug, PartialEq)]
pub enum Settled<B> {
    /// The conversation is open.
    Opened {
        /// Which one.
        conversation: ConversationId,
        /// The newest page.
        messages: Vec<B>,
        /// Where the divider belongs.
        first_unread_seq: Option<Seq>,
        /// Whether there are earlier ones.
        more: bool,
    },
    /// Earlier messages.
    History {
        /// The messages.
        messages: Vec<B>,
        /// Whether there are still earlier ones.
        more: bool,
    },
    /// A message, sent or recalled.
    Message(B),
    /// Who is online.
    Online(B),
    /// Whether the list goes on.
    More(bool),
    /// Done.
    Done,
}
