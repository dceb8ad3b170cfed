//! How often a user was logged out everywhere.
//!
//! A session notes the number when it begins, and ends when it hears of a higher one: by the bus at
//! once, or from the store a little later, whatever the bus has lost. A number and no time, so that
//! nodes whose clocks differ agree on which sessions began before.

use serde::{Deserialize, Serialize};

/// From 0, one more with each.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Logouts(pub u64);
