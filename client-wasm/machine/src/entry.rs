//! What is known of one conversation.

use message_service_shared::message::{MessageHead, Millis};
use message_service_shared::row::RowHead;
use message_service_shared::runs::Run;
use message_service_shared::seq::Seq;
use message_service_shared::unread::{
    ConversationHalf, Counted, MemberHalf, Standing, base, is_listed, standing,
};

use crate::reads::PendingRead;
use crate::sorted::Sorted;

/// Facts of messages after a gap that wait for the gap to close.
const WAITING: usize = 64;

/// The newest message of a conversation, in the form it came in.
#[derive(Clone, Debug, PartialEq)]
pub enum Newest<B> {
    /// Shortened, as a row carries it.
    Preview(B),
    /// In full, as a push carries it.
    Message(B),
}

/// One conversation.
#[derive(Clone, Debug)]
pub(crate) struct Entry<B> {
    knowledge: Knowledge,
    /// The row as the server sent it, for the page.
    pub(crate) row: Option<B>,
    pub(crate) newest: Option<(Version, Newest<B>)>,
    pub(crate) last_at: Millis,
    /// When to fetch the row, because something about it is not known.
    pub(crate) fetch_at: Option<u64>,
    /// Another tab says something else of it.
    pub(crate) doubted: bool,
    /// Hidden until then, since somebody is likely to read it before.
    pub(crate) held: Option<Held>,
    /// Facts of messages beyond the newest one that is known without a gap.
    waiting: Sorted<Seq, Fact>,
}

/// A message's position and revision: a preview is replaced only by a higher one.
pub(crate) type Version = (Seq, u32);

/// How long an entry is held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) until: u64,
    /// The same moment for other pages, while another tab or device attends to the conversation;
    /// absent while this tab does, since what it is about to read is nobody else's business.
    pub(crate) show_at: Option<Millis>,
}

#[derive(Clone, Debug)]
enum Knowledge {
    /// Only that it exists.
    Nothing,
    /// What the mirror said: enough to show, not enough to count on.
    Mirrored(Standing),
    /// Both halves.
    Halves { conversation: ConversationHalf, member: MemberHalf, counted: Option<Counted> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fact {
    silent: bool,
    own: bool,
}

/// What a message told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// It was known.
    Nothing,
    /// It came in turn and is counted.
    InTurn,
    /// Something before it is missing, or the halves are.
    Gap,
}

impl<B> Default for Entry<B> {
    fn default() -> Self {
        Self {
            knowledge: Knowledge::Nothing,
            row: None,
            newest: None,
            last_at: 0,
            fetch_at: None,
            doubted: false,
            held: None,
            waiting: Sorted::default(),
        }
    }
}

impl<B> Entry<B> {
    pub(crate) fn mirrored(standing: Standing) -> Self {
        Self { knowledge: Knowledge::Mirrored(standing), ..Self::default() }
    }

    /// Whether both halves are known.
    pub(crate) fn is_known(&self) -> bool {
        matches!(self.knowledge, Knowledge::Halves { .. })
    }

    pub(crate) fn is_mirrored(&self) -> bool {
        matches!(self.knowledge, Knowledge::Mirrored(_))
    }

    pub(crate) fn standing(&self) -> Standing {
        match &self.knowledge {
            Knowledge::Nothing => Standing {
                base: Seq::ZERO,
                last_seq: Seq::ZERO,
                unread: 0,
                marked: false,
                muted: false,
                exact: false,
            },
            Knowledge::Mirrored(standing) => *standing,
            Knowledge::Halves { conversation, member, counted } => {
                standing(conversation, member, *counted)
            }
        }
    }

    pub(crate) fn member(&self) -> Option<&MemberHalf> {
        match &self.knowledge {
            Knowledge::Halves { member, .. } => Some(member),
            Knowledge::Nothing | Knowledge::Mirrored(_) => None,
        }
    }

    pub(crate) fn last_seq(&self) -> Seq {
        self.standing().last_seq
    }

    /// The newest message that is known to exist, from either half.
    pub(crate) fn known_end(&self) -> Seq {
        let own = self.member().and_then(|member| member.own.as_slice().last());
        self.last_seq().max(own.map_or(Seq::ZERO, |run| run.1))
    }

    /// Whether the user's list shows it.
    pub(crate) fn is_listed(&self) -> bool {
        match &self.knowledge {
            Knowledge::Halves { conversation, member, .. } => is_listed(conversation, member),
            Knowledge::Nothing | Knowledge::Mirrored(_) => false,
        }
    }

    /// The first message that counts, if any does.
    pub(crate) fn first_unread(&self) -> Option<Seq> {
        match &self.knowledge {
            Knowledge::Halves { conversation, member, counted } => {
                let standing = standing(conversation, member, *counted);
                (standing.unread > 0).then(|| base(conversation, member).next())
            }
            Knowledge::Nothing | Knowledge::Mirrored(_) => None,
        }
    }

    /// Takes in a row.
    pub(crate) fn merge_row(&mut self, head: RowHead) {
        match &mut self.knowledge {
            Knowledge::Halves { conversation, member, counted } => {
                conversation.merge(&head.conversation);
                member.merge(&head.member);
                *counted = head.counted;
            }
            Knowledge::Nothing | Knowledge::Mirrored(_) => {
                self.knowledge = Knowledge::Halves {
                    conversation: head.conversation,
                    member: head.member,
                    counted: head.counted,
                };
            }
        }
        self.last_at = self.last_at.max(head.last_at);
        self.doubted = false;
        self.catch_up();
    }

    /// Takes in the member's half; says whether there was one to merge it into.
    pub(crate) fn merge_member(&mut self, half: &MemberHalf, fresh: Option<Counted>) -> bool {
        let Knowledge::Halves { member, counted, .. } = &mut self.knowledge else { return false };
        member.merge(half);
        *counted = fresh.or(*counted);
        true
    }

    /// Takes in a message's fact.
    pub(crate) fn tell(&mut self, head: &MessageHead, own: bool) -> Told {
        let (seq, fact) = (head.seq, Fact { silent: head.is_silent(), own });
        self.last_at = self.last_at.max(head.at);
        if self.waiting.get(&seq).is_some() {
            return Told::Nothing;
        }
        let known = match &self.knowledge {
            Knowledge::Mirrored(standing) if seq <= standing.last_seq => {
                return Told::Nothing;
            }
            Knowledge::Nothing | Knowledge::Mirrored(_) => None,
            Knowledge::Halves { conversation, .. } => Some(conversation.last_seq),
        };
        if known.is_some_and(|last_seq| seq <= last_seq) {
            return Told::Nothing;
        }
        if self.waiting.len() < WAITING {
            self.waiting.insert(seq, fact);
        }
        self.catch_up();
        if known.is_some() && self.last_seq() >= seq { Told::InTurn } else { Told::Gap }
    }

    /// Notes that a message never counts; says whether the rest can still be counted on.
    pub(crate) fn silence(&mut self, seq: Seq) -> bool {
        match &mut self.knowledge {
            Knowledge::Halves { conversation, counted, .. } => {
                conversation.holes.insert(Run::one(seq));
                // It may be one of those that were counted, which nobody here can tell.
                let is_counted = |old: &mut Counted| old.after < seq && seq <= old.up_to;
                counted.take_if(is_counted).is_none() && seq <= conversation.last_seq
            }
            Knowledge::Nothing | Knowledge::Mirrored(_) => false,
        }
    }

    /// Reads; returns the mark that is read along with it.
    pub(crate) fn read(&mut self, seq: Seq) -> u32 {
        match &mut self.knowledge {
            Knowledge::Nothing => 0,
            Knowledge::Mirrored(standing) => {
                if seq >= standing.last_seq {
                    *standing = Standing { unread: 0, marked: false, base: seq, ..*standing };
                }
                0
            }
            Knowledge::Halves { member, .. } => {
                member.read(seq, member.mark);
                member.mark_seen
            }
        }
    }

    /// Takes over a read that the server has not acknowledged, and a row may not know of.
    pub(crate) fn adopt(&mut self, read: PendingRead) {
        if let Knowledge::Halves { member, .. } = &mut self.knowledge {
            member.read(read.seq, read.mark_seen);
        }
    }

    /// Whether something about it has to be fetched.
    pub(crate) fn is_lacking(&self) -> bool {
        self.doubted
            || match &self.knowledge {
                Knowledge::Nothing => true,
                Knowledge::Mirrored(_) => !self.waiting.is_empty(),
                Knowledge::Halves { .. } => {
                    !self.waiting.is_empty()
                        || !self.standing().exact
                        || self.row.is_none()
                        || self.known_end() > self.last_seq()
                }
            }
    }

    /// Replaces the newest message, if this one is newer or a later writing of it.
    pub(crate) fn show_newest(&mut self, version: Version, newest: Newest<B>) {
        if self.newest.as_ref().is_none_or(|(shown, _)| *shown < version) {
            self.newest = Some((version, newest));
        }
    }

    /// Counts the waiting facts that follow without a gap.
    fn catch_up(&mut self) {
        let Knowledge::Halves { conversation, member, .. } = &mut self.knowledge else { return };
        self.waiting.retain(|seq, fact| {
            let next = conversation.last_seq.next();
            if *seq > next {
                return true;
            }
            if *seq == next {
                conversation.last_seq = next;
            }
            if fact.silent {
                conversation.holes.insert(Run::one(*seq));
            }
            if fact.own {
                member.wrote(*seq);
            }
            false
        });
    }
}
