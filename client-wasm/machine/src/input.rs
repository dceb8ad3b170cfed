//! What can happen to a machine.

use message_service_shared::command::Configure;
use message_service_shared::id::{ClientMsgId, ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use message_service_shared::view::Page;

/// The two clocks of a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since any fixed moment; never goes back (`performance.now()`). Every deadline
    /// is by this one.
    pub steady: u64,
    /// Milliseconds since 1970; may jump (`Date.now()`). Only what other pages read is by this one.
    pub wall: Millis,
}

/// How a machine is to behave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Read what was delivered into the open conversation by itself.
    pub auto_read: bool,
    /// Rows of the inbox's first page; 0 where the page shows no list.
    pub inbox_page: u32,
    /// Milliseconds until a call without an answer fails.
    pub request_timeout_ms: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { auto_read: true, inbox_page: 50, request_timeout_ms: 15_000 }
    }
}

/// The hands' own name for a call that somebody waits for.
pub type Ticket = u32;

/// Why there is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenFailure {
    /// There is no user any more.
    Unauthorized,
    /// It could not be had this time.
    Failed,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input<B> {
    /// The page wants to be connected. `stored` is all that the storage holds under the prefix,
    /// keys without it.
    Connect {
        /// Keys and values.
        stored: Vec<(String, String)>,
    },
    /// The page wants to be disconnected.
    Close,
    /// The user signs out: what the browser knows of them goes.
    SignOut,
    /// The token that was asked for.
    Token(Result<String, TokenFailure>),
    /// The socket is open.
    SocketOpened,
    /// The socket is closed, with this code; 1006 where there was none.
    SocketClosed(u16),
    /// A frame came.
    Frame(B),
    /// The network is back, as far as the browser knows.
    Online,
    /// The page's visibility or focus changed.
    Attention {
        /// It can be seen.
        visible: bool,
        /// It has the keyboard.
        focused: bool,
    },
    /// The tab shows another page.
    Page(Page),
    /// Another tab wrote to the storage, or removed (`None`); the key is without the prefix. The
    /// value is the one that is stored now: an event's own may have been overwritten since.
    Stored(String, Option<String>),
    /// Another tab emptied the storage. `stored` is all that it holds now, as in `Connect`: it may
    /// have been written to since.
    StorageCleared {
        /// Keys and values.
        stored: Vec<(String, String)>,
    },
    /// The storage had no room for what was to be stored under this key; it still holds this.
    NotStored(String, Option<String>),
    /// Every listener of this delivery has returned.
    Delivered {
        /// Where.
        conversation: ConversationId,
        /// Up to here.
        seq: Seq,
    },
    /// The page asks for something and waits for the answer.
    Call(Ticket, Request),
    /// The page has shown the user everything up to here.
    Read(ConversationId, Seq),
    /// The page closes its open conversation.
    Leave,
    /// The moment that [`crate::Machine::next_wake`] named has come.
    Wake,
}

/// What a page can ask for. Each may be repeated safely, so one that was cut off is asked again
/// until its time is over.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// Open a conversation in this tab.
    Open(ConversationId),
    /// Earlier messages.
    History {
        /// Where.
        conversation: ConversationId,
        /// Earlier than this.
        before: Seq,
        /// At most so many.
        limit: Option<u32>,
    },
    /// Send a message.
    Send {
        /// Where to.
        conversation: ConversationId,
        /// Its name.
        client_msg_id: ClientMsgId,
        /// Its content as JSON text, which passes through.
        content: String,
    },
    /// Mark unread by hand.
    Mark(ConversationId),
    /// Remove from the list.
    Clear(ConversationId),
    /// Change the settings.
    Configure(Configure),
    /// Take a message back.
    Recall(ConversationId, Seq),
    /// Who of these is online.
    Presence(Vec<UserId>),
    /// The list's next page.
    More,
}
