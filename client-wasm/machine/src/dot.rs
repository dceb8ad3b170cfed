//! The red dot: it speaks on a transition alone, from nothing to something and back.

use message_service_shared::view::View;

use crate::queries::Unread;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Dot {
    pub(crate) visible: bool,
    pub(crate) unread: Unread,
}

/// What there is to tell of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) dot: Option<bool>,
    pub(crate) unread: Option<Unread>,
}

impl Dot {
    /// Looks again. A page that shows the messages hides the dot, and nothing else: the count stays
    /// what it is.
    pub(crate) fn update(&mut self, unread: Unread, view: &View) -> Change {
        let visible = unread.total > 0 && !view.hides_dot();
        let before = std::mem::replace(self, Self { visible, unread });
        Change {
            dot: (before.visible != visible).then_some(visible),
            unread: (before.unread != unread).then_some(unread),
        }
    }
}
