//! Every conversation that is known, and the total.

use message_service_shared::digest::Digest;
use message_service_shared::id::ConversationId;

use crate::entry::Entry;
use crate::queries::Unread;
use crate::sorted::Sorted;

#[derive(Clone, Debug)]
pub(crate) struct Book<B> {
    entries: Sorted<ConversationId, Box<Entry<B>>>,
    /// Those that changed since the page was last told.
    changed: Vec<ConversationId>,
}

impl<B> Default for Book<B> {
    fn default() -> Self {
        Self { entries: Sorted::default(), changed: Vec::new() }
    }
}

impl<B> Book<B> {
    pub(crate) fn get(&self, id: &ConversationId) -> Option<&Entry<B>> {
        self.entries.get(id).map(|entry| &**entry)
    }

    pub(crate) fn get_key_value(
        &self,
        id: &ConversationId,
    ) -> Option<(&ConversationId, &Entry<B>)> {
        self.entries.get_key_value(id).map(|(id, entry)| (id, &**entry))
    }

    /// The entry, made where there is none, and noted as changed.
    pub(crate) fn change(&mut self, id: &ConversationId) -> &mut Entry<B> {
        self.note(id);
        self.entries.or_insert_with(id, Box::default)
    }

    /// The entry, if there is one, and noted as changed.
    pub(crate) fn change_known(&mut self, id: &ConversationId) -> Option<&mut Entry<B>> {
        if self.entries.get(id).is_some() {
            self.note(id);
        }
        self.touch(id)
    }

    /// The entry, if there is one, for a change that the page does not see.
    pub(crate) fn touch(&mut self, id: &ConversationId) -> Option<&mut Entry<B>> {
        self.entries.get_mut(id).map(|entry| &mut **entry)
    }

    pub(crate) fn insert(&mut self, id: ConversationId, entry: Entry<B>) {
        self.note(&id);
        self.entries.insert(id, Box::new(entry));
    }

    pub(crate) fn remove(&mut self, id: &ConversationId) {
        if self.entries.remove(id).is_some() {
            self.note(id);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ConversationId, &Entry<B>)> {
        self.entries.iter().map(|(id, entry)| (id, &**entry))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&ConversationId, &mut Entry<B>)> {
        self.entries.iter_mut().map(|(id, entry)| (id, &mut **entry))
    }

    pub(crate) fn clear(&mut self) {
        let ids: Vec<ConversationId> = self.entries.keys().cloned().collect();
        for id in &ids {
            self.note(id);
        }
        self.entries.clear();
    }

    pub(crate) fn take_changed(&mut self) -> Vec<ConversationId> {
        std::mem::take(&mut self.changed)
    }

    fn note(&mut self, id: &ConversationId) {
        if !self.changed.contains(id) {
            self.changed.push(id.clone());
        }
    }

    /// The digest of what is shown; `None` while some of it is known only from the mirror.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let mut digest = Digest::default();
        for (id, entry) in self.iter() {
            if entry.is_mirrored() {
                return None;
            }
            digest.add(id, &entry.standing());
        }
        Some(digest)
    }

    /// What the badge shows: entries that are held back add nothing.
    pub(crate) fn unread(&self) -> Unread {
        let shown = self.entries.values().filter(|entry| entry.held.is_none());
        let counts = shown.map(|entry| entry.standing().counted_in_total());
        counts.filter(|count| *count > 0).fold(Unread::default(), |unread, count| Unread {
            total: unread.total + count,
            conversations: unread.conversations + 1,
        })
    }
}
