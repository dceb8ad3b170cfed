//! What the user looks at, and what is read by looking.

use message_service_shared::command::Look;
use message_service_shared::id::ConversationId;
use message_service_shared::seq::Seq;
use message_service_shared::view::View;

use crate::body::Body;
use crate::calls::Pending;
use crate::entry::Entry;
use crate::machine::Machine;
use crate::reads::PendingRead;

impl<B: Body> Machine<B> {
    pub(crate) fn attention(&mut self, visible: bool, focused: bool) {
        let appeared = visible && !self.view.visible;
        let view = View { visible, focused, ..self.view.clone() };
        self.look(view);
        if appeared {
            self.sign_of_life();
        }
    }

    /// The tab looks at something else now. Turning to the open conversation reads what was
    /// delivered into it while the user looked elsewhere.
    pub(crate) fn look(&mut self, view: View) {
        if view == self.view {
            return;
        }
        self.view = view;
        if self.link.is_live() {
            self.send_look();
        }
        self.read_rendered();
    }

    pub(crate) fn send_look(&mut self) {
        let look = Look { views: vec![self.view.clone()] };
        self.send_own(Pending::Look, &look);
    }

    /// The page has shown everything up to here.
    pub(crate) fn read(&mut self, conversation: &ConversationId, seq: Seq) {
        let member = self.book.get(conversation).and_then(Entry::member);
        let is_new =
            member.is_none_or(|member| seq > member.read_seq || member.mark > member.mark_seen);
        if seq == Seq::ZERO || !is_new {
            return;
        }
        let entry = self.book.change(conversation);
        let mark_seen = entry.read(seq);
        self.reads.add(conversation, PendingRead { seq, mark_seen });
    }

    pub(crate) fn delivered(&mut self, conversation: &ConversationId, seq: Seq) {
        let timeline = self.timeline.as_mut();
        let Some(timeline) = timeline.filter(|open| open.conversation == *conversation) else {
            return;
        };
        timeline.rendered = timeline.rendered.max(seq);
        self.read_rendered();
    }

    /// Reads what was rendered, where the user is looking at it.
    pub(crate) fn read_rendered(&mut self) {
        let Some(timeline) = &self.timeline else { return };
        if self.options.auto_read
            && timeline.end().is_some()
            && self.view.attends(&timeline.conversation)
        {
            let (conversation, seq) = (timeline.conversation.clone(), timeline.rendered);
            self.read(&conversation, seq);
        }
    }

    pub(crate) fn leave(&mut self) {
        self.give_up_opening("the conversation was left meanwhile");
        self.timeline = None;
        let view = View { open: None, ..self.view.clone() };
        self.look(view);
    }
}
