//! What must hold when it is quiet. Everything is measured against the messages themselves and
//! counted here once more, by brute force, with none of the code under test.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use message_service::store::{Store, StoredRow};
use message_service_shared::id::{ConversationId, UserId};
use message_service_shared::message::Message;
use serde_json::Value;

use crate::world::World;

pub(crate) fn all(world: &mut World) {
    let mut complaints = Vec::new();
    let messages = world.store.all_messages();
    check_messages(world, &messages, &mut complaints);
    let mut shown = BTreeMap::new();
    for user in world.users() {
        let truth = truth_of(world, &user, &messages, &mut complaints);
        check_clients(world, &user, &truth, &mut complaints);
        shown.insert(user, truth);
    }
    let unread: u64 = shown.values().flatten().map(|(_, truth)| truth.shown).sum();
    *world.tally.entry("unread at the end").or_default() += unread;
    world.complaints.append(&mut complaints);
}

/// Words by which the story of these complaints can be found.
pub(crate) fn words_of(complaints: &[String]) -> Vec<String> {
    let words = complaints.iter().take(1).flat_map(|line| line.split_whitespace());
    let names = words.filter(|word| {
        word.starts_with("direct:")
            || word.starts_with("system:")
            || word.starts_with("announcement")
            || word.contains('/')
    });
    let names = names.map(|word| word.trim_end_matches([':', ',', ';']).to_owned());
    let fate =
        ["the node", "the store goes", "the store is back", "the chaos", "restored", "emptied"]
            .map(str::to_owned);
    let mut words: BTreeSet<String> = names.collect();
    if !words.is_empty() {
        words.extend(fate);
    }
    words.into_iter().collect()
}

struct Truth {
    shown: u64,
    in_total: u64,
    last_seq: u64,
}

/// Every conversation is 1, 2, 3, …; every acknowledged message is there, once.
fn check_messages(world: &World, messages: &[Message], complaints: &mut Vec<String>) {
    let mut ends: BTreeMap<&ConversationId, &Message> = BTreeMap::new();
    let mut names = BTreeMap::new();
    for message in messages {
        let id = &message.conversation;
        let before = ends.insert(id, message);
        let expected = before.map_or(1, |before| before.seq.get() + 1);
        if message.seq.get() != expected {
            complaints.push(format!("{id} has {} where {expected} belongs", message.seq));
        }
        if before.is_some_and(|before| before.at > message.at) {
            complaints.push(format!("{id} goes back in time at {}", message.seq));
        }
        let name = (id.clone(), message.sender.clone(), message.client_msg_id.clone());
        if let Some(seq) = names.insert(name, message.seq) {
            complaints.push(format!("{id} has {} twice, at {seq}", message.client_msg_id));
        }
    }
    for ((id, name), sent) in &world.acknowledged {
        let key = (id.clone(), Some(sent.sender.clone()), name.clone());
        if names.get(&key) != Some(&sent.seq) {
            complaints.push(format!(
                "{id} lost {name} ({}), acknowledged as {}, stored as {:?}",
                sent.text,
                sent.seq,
                names.get(&key)
            ));
        }
    }
}

/// Counts for a user, in the messages alone.
fn truth_of(
    world: &World,
    user: &UserId,
    messages: &[Message],
    complaints: &mut Vec<String>,
) -> BTreeMap<ConversationId, Truth> {
    let ids: BTreeSet<ConversationId> =
        messages.iter().map(|message| message.conversation.clone()).collect();
    let ids: Vec<ConversationId> = ids.into_iter().collect();
    let rows = now(world.store.rows(user, &ids)).and_then(Result::ok).unwrap_or_default();
    let mut truths = BTreeMap::new();
    for row in rows {
        let truth = count(user, &row, messages);
        if row.conversation.last_seq.get() != truth.last_seq {
            complaints.push(format!(
                "{} ends at {}, and its row says {}",
                row.id, truth.last_seq, row.conversation.last_seq
            ));
        }
        truths.insert(row.id, truth);
    }
    truths
}

fn count(user: &UserId, row: &StoredRow, messages: &[Message]) -> Truth {
    let here = messages.iter().filter(|message| message.conversation == row.id);
    let member = &row.member;
    let unread = here
        .clone()
        .filter(|message| message.seq > member.read_seq)
        .filter(|message| message.seq > member.start_seq)
        .filter(|message| message.seq > member.cleared)
        .filter(|message| message.sender.as_ref() != Some(user))
        .filter(|message| !message.quiet && message.recalled.is_none())
        .count() as u64;
    let last_seq = here.into_iter().next_back().map_or(0, |message| message.seq.get());
    let marked = member.mark > member.mark_seen && last_seq > member.cleared.get();
    let shown = if marked { unread.max(1) } else { unread };
    Truth { shown, in_total: if member.settings.muted { 0 } else { shown }, last_seq }
}

fn check_clients(
    world: &World,
    user: &UserId,
    truth: &BTreeMap<ConversationId, Truth>,
    complaints: &mut Vec<String>,
) {
    let node = world.sites.iter().find_map(|site| site.node.as_ref());
    let digest = node.and_then(|node| now(node.service.digest(user))).and_then(Result::ok);
    let total: u64 = truth.values().map(|truth| truth.in_total).sum();
    for browser in world.browsers.iter().filter(|browser| browser.user == *user) {
        for tab in &browser.tabs {
            let name = &tab.name;
            let state = tab.machine.state();
            if state != message_service_machine::ConnectionState::Live {
                complaints.push(format!("{name} is {state:?} at the end"));
                continue;
            }
            for (id, truth) in truth {
                let shown = tab.machine.conversation(id).map_or(0, |view| view.unread);
                if shown != truth.shown {
                    complaints
                        .push(format!("{name} shows {shown} for {id} where {} count", truth.shown));
                }
            }
            if tab.machine.unread().total != total {
                let shown = tab.machine.unread().total;
                complaints.push(format!("{name} shows {shown} in all where {total} count"));
            }
            if tab.machine.digest() != digest {
                complaints.push(format!("{name} has another digest than the store"));
            }
            check_timeline(tab, truth, complaints);
        }
        check_mirror(browser, truth, complaints);
    }
}

fn check_timeline(
    tab: &crate::browser::Tab,
    truth: &BTreeMap<ConversationId, Truth>,
    complaints: &mut Vec<String>,
) {
    let Some(shown) = &tab.shown else { return };
    let end = shown.seqs.last().map_or(0, |seq| seq.get());
    let expected = truth.get(&shown.conversation).map_or(0, |truth| truth.last_seq);
    if end != expected {
        complaints.push(format!(
            "{} shows {} up to {end} where it ends at {expected}",
            tab.name, shown.conversation
        ));
    }
}

fn check_mirror(
    browser: &crate::browser::Browser,
    truth: &BTreeMap<ConversationId, Truth>,
    complaints: &mut Vec<String>,
) {
    let names: Vec<&str> = browser.tabs.iter().map(|tab| tab.name.as_str()).collect();
    let names = names.join(" ");
    let mut expected: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (id, truth) in truth.iter().filter(|(_, truth)| truth.in_total > 0) {
        expected.insert(format!("c:{id}"), (truth.in_total, truth.last_seq));
    }
    let mut found = BTreeMap::new();
    for (key, value) in browser.storage.iter().filter(|(key, _)| *key != "head") {
        let value: Value = serde_json::from_str(value).unwrap_or_default();
        if key.starts_with("r:") {
            complaints.push(format!("{names}: the mirror still waits for {key}"));
        } else {
            let number = |name: &str| value[name].as_u64().unwrap_or_default();
            found.insert(key.clone(), (number("n"), number("last")));
        }
    }
    if found != expected {
        complaints.push(format!("{names}: the mirror says {found:?}, and {expected:?} count"));
    }
}

/// In the calm the store never waits.
fn now<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
