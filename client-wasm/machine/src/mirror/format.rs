//! What stands in the storage: the values under the keys, and how they are read and written.

use message_service_shared::id::{ConversationId, Epoch, UserId};
use message_service_shared::limits::MIRRORED;
use message_service_shared::message::Millis;
use message_service_shared::seq::Seq;
use message_service_shared::unread::Standing;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::body::Body;
use crate::book::Book;
use crate::order::greatest_first;
use crate::reads::{PendingRead, Reads};
use crate::sorted::Sorted;

/// The version of the format; another one is thrown away.
const VERSION: u32 = 1;
pub(super) const HEAD: &str = "head";
const MORE: &str = "more";

/// Whose mirror it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    v: u32,
    pub(crate) user: UserId,
    pub(crate) login: String,
    pub(crate) epoch: Epoch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    n: u64,
    last: Seq,
    base: Seq,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    show_at: Option<Millis>,
}

/// A read is a fact, and so any tab may write it, also one that has not heard of a new epoch yet.
/// That is why it says which one it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Unacknowledged {
    seq: Seq,
    #[serde(default)]
    mark: u32,
    epoch: Epoch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct More {
    n: u64,
}

impl Head {
    pub(super) fn new(user: UserId, login: String, epoch: Epoch) -> Self {
        Self { v: VERSION, user, login, epoch }
    }

    pub(super) fn read<B: Body>(value: &str) -> Option<Self> {
        parse::<B, Self>(value).filter(|head| head.v == VERSION)
    }

    pub(super) fn write(&self) -> String {
        text(self)
    }
}

/// What is unread in a conversation, and until when that is held back.
pub(super) fn unread<B: Body>(
    key: &str,
    value: &str,
) -> Option<(ConversationId, Standing, Option<Millis>)> {
    let id = key.strip_prefix("c:")?.parse().ok()?;
    let shown: Shown = parse::<B, _>(value)?;
    let standing = Standing {
        base: shown.base,
        last_seq: shown.last,
        unread: shown.n,
        marked: false,
        muted: false,
        exact: false,
    };
    Some((id, standing, shown.show_at))
}

/// A read, where it belongs to this epoch.
pub(super) fn read<B: Body>(
    key: &str,
    value: &str,
    epoch: Option<&Epoch>,
) -> Option<(ConversationId, PendingRead)> {
    let id = key.strip_prefix("r:")?.parse().ok()?;
    let read: Unacknowledged = parse::<B, _>(value)?;
    (epoch == Some(&read.epoch))
        .then_some((id, PendingRead { seq: read.seq, mark_seen: read.mark }))
}

/// Adds what the storage should hold of reads.
pub(super) fn add_reads(wanted: &mut Sorted<String, String>, reads: &Reads, epoch: &Epoch) {
    for (id, read) in reads.iter() {
        let epoch = epoch.clone();
        let value = Unacknowledged { seq: read.seq, mark: read.mark_seen, epoch };
        wanted.insert(key("r:", id), text(&value));
    }
}

/// Adds what the storage should hold of what is unread.
pub(super) fn add_unread<B>(wanted: &mut Sorted<String, String>, book: &Book<B>, wall: Millis) {
    let unread = book.iter().filter_map(|(id, entry)| {
        let standing = entry.standing();
        let read_here = entry.held.is_some_and(|held| held.show_at.is_none());
        (standing.counted_in_total() > 0 && !read_here).then_some((id, entry, standing))
    });
    let mut unread: Vec<_> = unread.collect();
    if unread.len() > MIRRORED {
        unread = greatest_first(unread, |(_, entry, _)| entry.last_at);
        let rest = unread.split_off(MIRRORED);
        let n = rest.iter().map(|(_, _, standing)| standing.counted_in_total()).sum();
        wanted.insert(MORE.to_owned(), text(&More { n }));
    }
    for (id, entry, standing) in unread {
        let shown = Shown {
            n: standing.counted_in_total(),
            last: standing.last_seq,
            base: standing.base,
            show_at: entry.held.and_then(|held| held.show_at).filter(|show_at| *show_at > wall),
        };
        wanted.insert(key("c:", id), text(&shown));
    }
}

/// Two tabs hold an entry back until slightly different moments; that is no difference to write.
pub(super) fn says_the_same<B: Body>(stored: Option<&String>, wanted: Option<&String>) -> bool {
    match (stored, wanted) {
        (Some(stored), Some(wanted)) if stored != wanted => {
            let plain = |text: &String| {
                parse::<B, Shown>(text).map(|shown| Shown { show_at: None, ..shown })
            };
            matches!((plain(stored), plain(wanted)), (Some(one), Some(other)) if one == other)
        }
        (stored, wanted) => stored == wanted,
    }
}

fn key(prefix: &str, id: &ConversationId) -> String {
    [prefix, id.as_str()].concat()
}

fn parse<B: Body, T: DeserializeOwned>(text: &str) -> Option<T> {
    B::parse(text)?.read()
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
