//! What both sides of message-service must agree on: the words of the protocol, its limits, its
//! error and close codes, and the one function that counts unread messages.
//!
//! Nothing here does I/O, reads a clock or draws a random number. The server compiles this crate
//! natively, the browser SDK compiles it to WebAssembly; because both count with
//! [`unread::standing`], a badge cannot mean two things.
//!
//! | module | what it holds |
//! |---|---|
//! | [`id`], [`seq`] | checked newtypes: users, conversations, messages, positions |
//! | [`runs`], [`unread`], [`digest`] | the unread lattice: halves, merging, counting, auditing |
//! | [`message`], [`row`], [`view`] | messages, inbox entries, what a tab looks at |
//! | [`command`], [`answer`], [`push`], [`frame`] | the frames of a session |
//! | [`error`], [`close`], [`limits`] | what can go wrong, and how much is too much |

pub mod answer;
pub mod close;
pub mod command;
pub mod digest;
pub mod error;
pub mod frame;
pub mod id;
pub mod limits;
pub mod message;
pub mod push;
pub mod row;
pub mod runs;
pub mod seq;
pub mod unread;
pub mod view;
