//! The brain of the browser SDK: a machine that decides and does nothing.
//!
//! Push what happened in, take what is to be done out:
//!
//! ```text
//! hands ── Input (a frame came, the user opened a conversation, a second passed) ──▶ Machine
//! hands ◀── Effects (send this frame, store this key, tell the page, answer this call) ── Machine
//! ```
//!
//! There is no socket, storage, clock, timer or random source in here; time comes with every input,
//! chance from a seed, and [`Machine::next_wake`] says when to come back without one. So the same
//! code runs in a browser and, many times over, in a simulation that replays from a seed.
//!
//! Message bodies pass through untouched as a [`Body`]; the machine reads only their heads.

mod beat;
mod body;
mod book;
mod calls;
mod dot;
mod effect;
mod entry;
mod input;
mod link;
mod looking;
mod machine;
mod mirror;
mod news;
mod order;
mod page;
mod queries;
mod random;
mod reads;
mod replies;
mod requests;
mod resume;
mod sorted;
mod timeline;

pub use body::Body;
pub use effect::{Effect, Event, Settled, TokenReason};
pub use entry::Newest;
pub use input::{Input, Now, Options, Request, Ticket, TokenFailure};
pub use link::ConnectionState;
pub use machine::Machine;
pub use queries::{ConversationView, Unread};
pub use random::Random;
