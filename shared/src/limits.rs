//! Every number that both sides hold each other to. Sizes are checked before anything is parsed.

/// The protocol spoken here. A session names it when it authenticates; the server refuses one it
/// does not speak, so that an old SDK learns of it in words and not by misreading a frame.
pub const PROTOCOL_VERSION: u32 = 1;

/// Bytes of a user's, group's, session's or login's id.
pub const ID_BYTES: usize = 256;
/// Bytes of a `clientMsgId`.
pub const CLIENT_MSG_ID_BYTES: usize = 128;
/// Largest position in a conversation: the largest integer that a JavaScript number holds exactly
/// (`Number.MAX_SAFE_INTEGER`).
pub const MAX_SEQ: u64 = (1 << 53) - 1;

/// Unicode scalar values in the text of a message or notice.
pub const TEXT_CHARS: usize = 8_000;
/// Unicode scalar values in a notice's title, a user's or a group's name.
pub const TITLE_CHARS: usize = 200;
/// Unicode scalar values of the text that a preview keeps.
pub const PREVIEW_CHARS: usize = 140;
/// Bytes of a link, an icon's or avatar's URL, an attachment's URL.
pub const URL_BYTES: usize = 2_048;
/// Bytes of a notice's category, a custom message's type, an attachment's media type.
pub const LABEL_BYTES: usize = 128;
/// Bytes of `data` as JSON text.
pub const DATA_BYTES: usize = 16 * 1024;
/// Attachments of one message.
pub const ATTACHMENTS: usize = 16;
/// Mentions in one message.
pub const MENTIONS: usize = 64;

/// Bytes of one frame from a client, and of one request body.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Bytes of the first frame, which authenticates: nobody is known yet, so little is read.
pub const FIRST_FRAME_BYTES: usize = 4 * 1024;
/// Milliseconds that a new socket has to authenticate.
pub const AUTHENTICATE_MS: u64 = 10_000;
/// Milliseconds between a client's heartbeats.
pub const HEARTBEAT_MS: u64 = 25_000;
/// Milliseconds without any frame after which the server gives a session up.
pub const SILENCE_MS: u64 = HEARTBEAT_MS * 2 + 10_000;
/// Milliseconds that a tab holds its dot back while another one attends to the conversation.
pub const HOLD_MS: u64 = 1_000;

/// Entries of a page of messages or inbox rows, where the caller gave no limit.
pub const PAGE_DEFAULT: u32 = 50;
/// Entries of a page at most.
pub const PAGE_MAX: u32 = 200;
/// Bytes of messages, as JSON, after which a page of them ends, however many it was asked for.
pub const PAGE_BYTES: usize = 512 * 1024;
/// Conversations that a resume or a fetch of rows may name.
pub const NAMED_CONVERSATIONS: usize = 500;
/// Ranges kept in [`crate::runs::Runs`].
pub const RUNS: usize = 256;
/// Conversations that the mirror in the browser's storage lists one by one.
pub const MIRRORED: usize = 200;
/// Users of one push to many, and of one bulk upsert.
pub const USERS_PER_REQUEST: usize = 1_000;
/// Users whose presence one call may ask for.
pub const PRESENCE_USERS: usize = 200;
/// Bytes that may wait for a slow session before it is closed and told to come back.
pub const QUEUE_BYTES: usize = 1024 * 1024;
