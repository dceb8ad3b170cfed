//! What a page can ask the machine at any time, without waiting.

use message_service_shared::digest::Digest;
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;

use crate::body::Body;
use crate::entry::{Entry, Newest};
use crate::link::ConnectionState;
use crate::machine::Machine;
use crate::order::greatest_first;

/// What is unread in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unread {
    /// Messages.
    pub total: u64,
    /// Conversations that show something.
    pub conversations: u64,
}

/// A conversation as the page lists it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConversationView<'a, B> {
    /// Which one.
    pub id: &'a ConversationId,
    /// The row as the server sent it: names and pictures.
    pub row: &'a B,
    /// The newest message.
    pub newest: Option<&'a Newest<B>>,
    /// When it was said.
    pub last_at: Millis,
    /// How many are unread, at least 1 while marked by hand.
    pub unread: u64,
    /// Marked unread by hand.
    pub marked: bool,
    /// Left out of the total.
    pub muted: bool,
    /// Shown before the others.
    pub pinned: bool,
}

impl<B: Body> Machine<B> {
    /// Where the connection stands.
    pub fn state(&self) -> ConnectionState {
        self.link.state()
    }

    /// Who is signed in, once a session has begun.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// The user as the server presents them: id, name, picture.
    pub fn profile(&self) -> Option<&B> {
        self.profile.as_ref()
    }

    /// What is unread in all.
    pub fn unread(&self) -> Unread {
        self.dot.unread
    }

    /// Whether the dot shows.
    pub fn dot(&self) -> bool {
        self.dot.visible
    }

    /// The list, pinned conversations first, then the newest.
    pub fn conversations(&self) -> Vec<ConversationView<'_, B>> {
        const PINNED: u64 = 1 << 63;
        let views = self.book.iter().filter_map(|(id, entry)| view(id, entry)).collect();
        greatest_first(views, |view| view.last_at | if view.pinned { PINNED } else { 0 })
    }

    /// One conversation, where it is listed.
    pub fn conversation(&self, id: &ConversationId) -> Option<ConversationView<'_, B>> {
        let (id, entry) = self.book.get_key_value(id)?;
        view(id, entry)
    }

    /// The digest of what is shown, as an audit would send it; `None` while some of it is known
    /// only from the mirror.
    pub fn digest(&self) -> Option<Digest> {
        self.book.digest()
    }

    /// The positions of the open conversation that were delivered last and read last.
    pub fn open_end(&self) -> Option<(&ConversationId, Seq)> {
        let timeline = self.timeline.as_ref()?;
        Some((&timeline.conversation, timeline.end()?))
    }
}

fn view<'a, B>(id: &'a ConversationId, entry: &'a Entry<B>) -> Option<ConversationView<'a, B>> {
    let row = entry.row.as_ref().filter(|_| entry.is_listed())?;
    let standing = entry.standing();
    Some(ConversationView {
        id,
        row,
        newest: entry.newest.as_ref().map(|(_, newest)| newest),
        last_at: entry.last_at,
        unread: standing.shown(),
        marked: standing.marked,
        muted: standing.muted,
        pinned: entry.member().is_some_and(|member| member.settings.pinned),
    })
}
