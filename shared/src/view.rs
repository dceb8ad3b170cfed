//! What a tab looks at.

use serde::{Deserialize, Serialize};

use crate::id::ConversationId;

/// The page a tab shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub enum Page {
    /// Where the dot invites the user to the messages.
    Home,
    /// The messages themselves; the dot has nothing to say here.
    Messages,
    /// Any other page.
    #[default]
    Other,
}

/// What one tab looks at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct View {
    /// The page it shows.
    #[serde(default)]
    pub page: Page,
    /// The conversation that is open in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub open: Option<ConversationId>,
    /// Whether the page can be seen (`document.visibilityState`).
    #[serde(default)]
    pub visible: bool,
    /// Whether it has the keyboard (`document.hasFocus()`).
    #[serde(default)]
    pub focused: bool,
}

impl View {
    /// Whether the user is really looking at the page: seen is not enough, a window may lie open
    /// beside the one that is used.
    pub const fn is_attentive(&self) -> bool {
        self.visible && self.focused
    }

    /// Whether the user is really looking at this conversation.
    pub fn attends(&self, conversation: &ConversationId) -> bool {
        self.is_attentive() && self.open.as_ref() == Some(conversation)
    }

    /// Whether the dot would tell the user nothing new.
    pub fn hides_dot(&self) -> bool {
        self.is_attentive() && self.page == Page::Messages
    }
}
